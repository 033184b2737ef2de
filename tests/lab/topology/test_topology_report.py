"""The report of topology: the demo, one species, genomes that no model reads, encoders that are missing."""

from __future__ import annotations

import inspect
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gindex_cli.commands.lab.data.topology import topology
from helpers.fasta import Gindex

from genome_index.encoders.profile import RELEASED
from genome_index.errors import EncoderNotFound, StorageError, UsageError
from genome_index.lab.corpus.build import build_corpus
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import SplitPlan
from genome_index.lab.corpus.vectors import spec_of, unit_vectors
from genome_index.lab.topology.measures import Sample, cosine_distances, measure
from genome_index.lab.topology.models import models_of
from genome_index.lab.topology.report import TopologyPlan, report_topology

for name in ("torch", "sklearn", "matplotlib", "ripser"):
    pytest.importorskip(name, reason="the extra neural is not installed")

from genome_index.lab.study.plan import RunPlan
from genome_index.lab.study.results import Results
from genome_index.lab.study.run import RunScores

PLAN = RunPlan(
    "pythia", "nano", "cross-entropy", 0.5, 0, "none", 0, "causal", "shape", "fixed", 64, 4, 10, 1e-3, seed=0
)  # fmt: skip
SCORES = RunScores(32, 2, 1_000, 1.0, 10, 1.0, 1.0, 5, 2.0, 2.0, 2.0, 2.0, 0.5)


def bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def corpus_of(folder: Path, sequences: list[str], species: list[str]) -> Path:
    """A corpus whose genomes are all of the test part."""
    folder.mkdir()
    (folder / "g.fa").write_text("".join(f">g{at}\n{each}\n" for at, each in enumerate(sequences)))
    rows = "".join(f"g{at}\tF\t{name.split()[0]}\t{name}\n" for at, name in enumerate(species))
    (folder / "names.tsv").write_text(f"genome_id\tfamily\tgenus\tspecies\n{rows}")
    build_corpus(
        [str(folder / "g.fa")], folder / "corpus", folder / "names.tsv", "record",
        split=SplitPlan(hold_out=("g",)),
    )  # fmt: skip
    return folder / "corpus"


def cells(text: str, title: str, label: str) -> list[str]:
    section = text.split(f"## {title}")[1].split("## ")[0]
    line = next(line for line in section.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_report_has_the_measures_of_every_encoder(demo_corpus: Path, tmp_path: Path) -> None:
    plan = TopologyPlan((str(RELEASED),), seed=1)
    text = report_topology(demo_corpus, tmp_path / "out", plan)
    assert (tmp_path / "out" / "topology.md").read_text() == f"{text}\n"
    assert (tmp_path / "out" / "topology.png").read_bytes().startswith(b"\x89PNG")
    shards = Shards.open(demo_corpus)
    genomes = list(genomes_of(shards, shards.numbers("test").tolist()))
    assert f"{len(genomes)} of {len(genomes)} genomes of the test part, by chance with seed 1" in text
    own = measure(Sample.of(genomes, 1), cosine_distances(unit_vectors(genomes, spec_of("profile"))))
    for label in ("profile", str(RELEASED)):
        kept = cells(text, "Neighbours", label)[4]
        assert kept.split(" (")[0] == f"{100 * np.nanmean(own.most_kept):.1f}"
        assert cells(text, "Distances", label)[1] == f"{own.kmers.value:.3f} ({own.kmers.p:.3f})"
    assert [cells(text, "Neighbours", "shared k-mers")[at][:5] for at in (1, 4)] == ["1.000", "100.0"]
    assert cells(text, "As the vectors come", "spectrum")[0] == "spectrum"
    assert "| profile |" not in text.split("## As the vectors come")[1]  # an index takes them as they come


def test_one_species_has_neighbours_but_no_names_to_agree_with(tmp_path: Path) -> None:
    draws, first = np.random.default_rng(0), list(bases(6_000, 0))
    strains = []
    for _ in range(14):
        for at in draws.integers(0, 6_000, 60):
            first[at] = "ACGT"[draws.integers(4)]
        strains.append("".join(first))
    corpus = corpus_of(tmp_path / "one", strains, ["Hyla arborea"] * 14)
    text = report_topology(corpus, tmp_path / "out", TopologyPlan())
    assert "No genome has another species of its genus beside it." in text
    assert cells(text, "Names", "spectrum")[1:] == ["-"] * 7
    assert float(cells(text, "Neighbours", "spectrum")[1]) > 0.9  # each differs from the one before it
    assert float(cells(text, "Distances", "spectrum")[1].split()[0]) > 0.8


def test_what_no_model_reads_is_left_out_and_said(tmp_path: Path) -> None:
    sequences = [*(bases(2_000, seed) for seed in range(11)), "NACGTACGTTCATGCA" * 100]
    corpus = corpus_of(tmp_path / "n", sequences, [f"Hyla s{at}" for at in range(12)])
    text = report_topology(corpus, tmp_path / "out", TopologyPlan())
    assert "11 of 12 genomes of the test part" in text
    assert "1 more are left out, the first: it has nothing that a language model reads" in text
    assert "100.0 % of all pairs share none and tie" in text
    assert cells(text, "Neighbours", "spectrum")[1:] == ["-"] * 5  # nobody's neighbours are known


def test_too_few_genomes_are_refused(demo_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"9 genomes of its test part can be compared, at least 10 are"):
        report_topology(demo_corpus, tmp_path / "out", TopologyPlan(genomes=9))
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_told_before_the_encoders_read(
    demo_corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(StorageError, match=r"out: cannot write here \(File exists\)"):
        report_topology(demo_corpus, tmp_path / "out", TopologyPlan())


def test_the_command_has_the_plan_s_defaults(gindex: Gindex, demo_corpus: Path, tmp_path: Path) -> None:
    result = gindex("lab", "data", "topology", demo_corpus, "--out", tmp_path / "out", "--genomes", 12)
    expected = report_topology(demo_corpus, tmp_path / "again", TopologyPlan(genomes=12))
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")
    own = inspect.signature(topology).parameters
    plan = TopologyPlan()
    assert [own[name].default for name in ("genomes", "windows", "seed")] == [
        plan.genomes, plan.windows, plan.seed
    ]  # fmt: skip
    refused = gindex("lab", "data", "topology", demo_corpus, "--seed", -1)
    assert (refused.exit_code, "--seed is '-1'" in refused.stderr) == (2, True)


def test_a_wrong_encoder_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFound, match="no encoder is called 'spectrm'"):
        report_topology(tmp_path / "no corpus", tmp_path / "out", TopologyPlan(("spectrm",)))


def test_networks_of_a_study_have_its_labels_and_a_missing_one_a_reason(
    demo_corpus: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    results = Results(study)
    results.add("aa", PLAN, SCORES)
    results.add("bb", replace(PLAN, seed=1), SCORES)
    results.add("cc", replace(PLAN, kind="sweep"), SCORES)
    results.add("dd", replace(PLAN, seed=2), ValueError("it diverged"))
    shutil.copytree(RELEASED, study / "runs" / "aa" / "model")
    labels = [model.label for model in models_of((), study)]
    assert labels == ["spectrum", "profile", *(f"pythia nano, cross-entropy, seed {at}" for at in (0, 1))]
    text = report_topology(demo_corpus, tmp_path / "out", TopologyPlan(study=study))
    assert cells(text, "Names", labels[2])[1:] == cells(text, "Names", "profile")[1:]
    failed = next(line for line in text.splitlines() if line.startswith(f"| {labels[3]} |"))
    assert str(study / "runs" / "bb" / "model") in failed
    assert "Of 1 further encoder, " in text


def test_what_else_differs_between_runs_is_told(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.add("aa", replace(PLAN, temperature=1.0), SCORES)
    results.add("bb", PLAN, SCORES)
    results.add("cc", replace(PLAN, curriculum="lengths"), SCORES)
    assert [model.label for model in models_of((), tmp_path)[2:]] == [
        f"pythia nano, cross-entropy, temperature {drawn}, curriculum {order}, seed 0"
        for drawn, order in (("0.5", "lengths"), ("0.5", "none"), ("1", "none"))
    ]
    assert [Path(model.encoder).parent.name for model in models_of((), tmp_path)[2:]] == ["cc", "bb", "aa"]


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"there is no study\.duckdb; give the folder that `gindex lab study"
    ):
        models_of((), tmp_path)
    Results(tmp_path)
    with pytest.raises(UsageError, match="no run of it has ended"):
        models_of((), tmp_path)
