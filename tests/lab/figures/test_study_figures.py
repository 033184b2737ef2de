"""Figures of a small study: the page, refusal of what is no eukaryote, windows that stay in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genome_index.errors import InputError, UsageError
from genome_index.lab.architectures.shapes import Shape
from genome_index.lab.architectures.table import Task, network_of
from genome_index.lab.corpus.build import build_corpus
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import SplitPlan
from genome_index.lab.figures.lineages import objection_to, require_eukaryotes
from genome_index.lab.figures.networks import network_next, network_of_run
from genome_index.lab.figures.report import FigurePlan, write_figures
from genome_index.lab.figures.windows import generated_counts, kmer_counts, markov_next
from genome_index.lab.losses.reading import next_batch
from genome_index.lab.study.grid import Grid
from genome_index.lab.study.plan import StudyPlan
from genome_index.lab.study.results import Results
from genome_index.lab.study.study import run_study
from genome_index.lab.training.held_out import training_counts

torch.set_num_threads(1)
LENGTH = 60
LINEAGE = "Eukaryota; Metazoa; Chordata"


def corpus_with(demo: Path, folder: Path, lineage: str) -> Path:
    """The demo's synthetic genomes with a lineage for each."""
    lines = (demo / "taxonomy.tsv").read_text().splitlines()
    rows = [f"{lines[0]}\tlineage", *(f"{line}\t{lineage}" for line in lines[1:])]
    folder.mkdir(parents=True)
    (folder / "taxonomy.tsv").write_text("\n".join(rows) + "\n")
    split = SplitPlan(test=0.2, validation=0.2)
    build_corpus([str(demo / "genomes")], folder / "corpus", folder / "taxonomy.tsv", split=split)
    return folder / "corpus"


@pytest.fixture(scope="module")
def corpus(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus_with(demo, tmp_path_factory.mktemp("figures") / "eukaryotes", LINEAGE)


@pytest.fixture(scope="module")
def study(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    grid = Grid(size=("pico",), loss=("cross-entropy", "headless"))
    plan = StudyPlan(corpus, length=LENGTH, batch=4, steps=10, seeds=(0, 1), grid=grid)
    folder = tmp_path_factory.mktemp("study") / "out"
    run_study(plan, folder)
    return folder


# -- what may be generated -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lineage", "reason"),
    [
        ("", "has no lineage"),
        ("Viruses; Riboviria", "has a lineage that begins with 'Viruses'"),
        ("Bacteria; Pseudomonadota", "has a lineage that begins with 'Bacteria'"),
        ("Eukaryota; Some phage", "has the name 'Some phage'"),
        ("Eukaryota; Poxviridae", "has the name 'Poxviridae'"),
    ],
)
def test_windows_are_generated_for_eukaryotes_alone(lineage: str, reason: str, corpus: Path) -> None:
    genome = Shards.open(corpus).genome(0)
    assert objection_to(genome) == ""
    assert objection_to(replace(genome, labels={"lineage": lineage})) == reason


def test_a_mitochondrion_needs_no_lineage(corpus: Path) -> None:
    genome = Shards.open(corpus).genome(0)
    assert objection_to(replace(genome, labels={"kind": "mitochondrion"})) == ""
    assert objection_to(replace(genome, labels={"kind": "virus"})) == "has no lineage"
    viral = replace(genome, labels={"kind": "mitochondrion", "lineage": "Viruses"})
    assert objection_to(viral) == "has a lineage that begins with 'Viruses'"


def test_a_corpus_of_viruses_is_refused(demo: Path, study: Path, tmp_path: Path) -> None:
    viruses = corpus_with(demo, tmp_path / "viruses", "Viruses; Riboviria")
    sentence = "has a lineage that begins with 'Viruses', and windows are generated only from models of eukar"
    with pytest.raises(UsageError, match=sentence):
        require_eukaryotes(Shards.open(viruses))
    with pytest.raises(UsageError, match=sentence):
        write_figures(study, viruses, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_another_study_is_refused(demo: Path, study: Path, tmp_path: Path) -> None:
    other = corpus_with(demo, tmp_path / "other", LINEAGE)
    table = other / "genomes.jsonl"
    assert json.loads(table.read_text().splitlines()[0])["labels"]["lineage"] == LINEAGE
    build_corpus([str(demo / "genomes")], tmp_path / "apart", other.parent / "taxonomy.tsv",
                 split=SplitPlan(test=0.5, validation=0.2))  # fmt: skip
    with pytest.raises(UsageError, match="was trained on another corpus, or by another gindex; give the cor"):
        write_figures(study, tmp_path / "apart", tmp_path / "out", FigurePlan(("overlay", "map")))
    assert not (tmp_path / "out").exists()


# -- windows -------------------------------------------------------------------------------------------------


def test_a_network_is_asked_as_it_was_trained() -> None:
    """The next base after each prefix has the probabilities of one reading of the whole."""
    network = network_of("pythia", Shape(16, 2, 1, 32), Task(length=LENGTH))
    codes = np.random.default_rng(0).integers(0, 4, (3, 20)).astype(np.uint8)
    batch = next_batch(torch.from_numpy(codes.astype(np.int64) + 4))
    with torch.no_grad():
        whole = network(batch.inputs).logits[..., 4:8].double().softmax(-1).numpy()
    next_base = network_next(network)
    for at in (0, 1, 7, 19):
        np.testing.assert_allclose(next_base(codes[:, :at]), whole[:, at], atol=1e-5)


def test_drawn_bases_have_the_shares_that_were_asked_for() -> None:
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    counts = generated_counts(lambda prefixes: np.tile(shares, (len(prefixes), 1)), 100, 200, seed=0)
    bases = counts.sum(0).reshape(4, -1).sum(1)
    np.testing.assert_allclose(bases / bases.sum(), shares, atol=0.02)
    again = generated_counts(lambda prefixes: np.tile(shares, (len(prefixes), 1)), 100, 200, seed=0)
    assert (counts == again).all()


def test_a_certain_model_gives_its_sequence() -> None:
    cycle = np.eye(4)

    def next_base(prefixes: Codes) -> np.ndarray:
        return cycle[np.full(len(prefixes), prefixes.shape[1] % 4)]

    counts = generated_counts(next_base, 2, 16, seed=1)
    assert (counts == kmer_counts(np.tile(np.arange(4, dtype=np.uint8), (2, 4)))).all()


def test_a_markov_model_has_the_shares_of_its_counts(corpus: Path) -> None:
    counts = training_counts(Shards.open(corpus), 3)
    prefixes = np.array([[0, 1, 2, 3, 1]], np.uint8)
    seen = counts.levels[3][int("231", 4)]
    expected = [(each + 0.5) / (seen.sum() + 2) for each in seen]
    np.testing.assert_allclose(markov_next(counts, 3)(prefixes)[0], expected)
    first = counts.levels[0][0]
    np.testing.assert_allclose(markov_next(counts, 3)(prefixes[:, :0])[0], (first + 0.5) / (first.sum() + 2))


# -- the page ------------------------------------------------------------------------------------------------


def test_two_figures_and_their_page(study: Path, corpus: Path, tmp_path: Path) -> None:
    text = write_figures(study, corpus, tmp_path / "out", FigurePlan(("overlay", "convergence")))
    assert (tmp_path / "out" / "figures.md").read_text() == f"{text}\n"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "figures.md", "overlay.png", "convergence.png"
    }  # fmt: skip
    assert "The spread of their walks (yau) " in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| pico")]
    assert [row[2] for row in rows] == ["cross-entropy", "headless"]


@pytest.mark.long
def test_the_map_has_a_row_for_each_cloud_and_no_bases(study: Path, corpus: Path, tmp_path: Path) -> None:
    text = write_figures(study, corpus, tmp_path / "out", FigurePlan(("map",), windows=20))
    rows = [line.strip("| ").split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows[2:] == [
        "natural, other of test", "natural, training", "Markov, order 0", "Markov, order 3",
        "Markov, order 6", "Markov, order 12", "cross-entropy", "headless",
    ]  # fmt: skip
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"figures.md", "map.png"}


def test_what_cannot_be_drawn(study: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no study.duckdb; run `gindex lab study run STUDY.toml"):
        write_figures(tmp_path, corpus, tmp_path / "out")
    with pytest.raises(UsageError, match="--species Homo sapiens: no genome of .* has that name"):
        write_figures(study, corpus, tmp_path / "out", FigurePlan(("overlay",), species="Homo sapiens"))
    with pytest.raises(UsageError, match="no walk is called 'hop'"):
        write_figures(study, corpus, tmp_path / "out", FigurePlan(("overlay",), walk="hop"))


def test_a_gpu_that_is_not_there(study: Path, corpus: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="--device cuda: torch finds no GPU here; give --device cpu"):
        write_figures(study, corpus, tmp_path / "out", FigurePlan(device="cuda"))


def test_weights_that_are_not_there(study: Path, corpus: Path, tmp_path: Path) -> None:
    row = Results(study).rows("SELECT * FROM runs WHERE kind = 'run' LIMIT 1")[0]
    with pytest.raises(
        InputError, match="no weights of its run can be read .* train it again, in another --out"
    ):
        network_of_run(row, tmp_path, "cpu")
    network = network_of_run(row, study, "cpu")
    assert not any(part.requires_grad for part in network.parameters())


def test_the_same_run_gives_the_same_windows(study: Path) -> None:
    """Its network with its best weights, drawn from with one seed."""
    row = Results(study).rows("SELECT * FROM runs WHERE kind = 'run' AND loss = 'cross-entropy'")[0]
    first, again = (
        generated_counts(network_next(network_of_run(row, study, "cpu")), 5, 40, seed=3) for _ in range(2)
    )
    assert (first == again).all()
    assert (first.sum(1) == 37).all()
