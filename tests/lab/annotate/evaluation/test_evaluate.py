"""Evaluation of a model: windows of other lengths, pyrodigal beside it, and what tables and JSON say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.annotations import real_annotations
from helpers.fasta import Gindex
from helpers.marked_genomes import CONTIG, write_marked_genomes
from helpers.pyrodigal import write_stand_in

for needed in ("torch", "safetensors", "tokenizers"):
    pytest.importorskip(needed, reason="the extra neural is not installed")

from genome_index.io.reader import iter_genomes
from genome_index.lab.annotate.corpus.bake import BakePlan, bake
from genome_index.lab.annotate.corpus.examples import Examples
from genome_index.lab.annotate.corpus.windows import WindowPlan
from genome_index.lab.annotate.evaluation import tables
from genome_index.lab.annotate.evaluation.contigs import contigs_of
from genome_index.lab.annotate.evaluation.evaluate import (
    LONGEST_ORF,
    MODEL,
    PYRODIGAL,
    EvaluationPlan,
    evaluate,
)
from genome_index.lab.annotate.evaluation.metrics import Agreement, score
from genome_index.lab.annotate.evaluation.pyrodigal_genes import pyrodigal_genes
from genome_index.lab.annotate.files.gff3_writer import write_gff3
from genome_index.lab.annotate.model import generation
from genome_index.lab.annotate.model.initialise import Choices, make_model, plan_model
from genome_index.lab.annotate.model.upcycle import StartPlan
from genome_index.lab.annotate.prediction.annotate import Annotator, annotate, open_annotator
from genome_index.lab.annotate.silver.labels import Finder, silver_labels
from genome_index.lab.corpus.split import SplitPlan

WINDOW = 60


@pytest.fixture(autouse=True)
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model writes until the limit of lines, so a low one saves time."""
    monkeypatch.setattr(generation, "LEAST_LINES", 2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genomes, all of the train part."""
    folder = tmp_path_factory.mktemp("marked")
    genomes = write_marked_genomes(folder / "genomes", 3)
    plan = BakePlan(WindowPlan(WINDOW, WINDOW // 2, 4), SplitPlan(test=0, validation=0))
    fasta, gff = (sorted(map(str, genomes.glob(f"*.{ending}"))) for ending in ("fa", "gff"))
    bake(fasta, gff, folder / "corpus", plan)
    return folder / "corpus"


def annotator_of(folder: Path, coordinates: str = "pointers") -> Annotator:
    choices = Choices(size="tiny", experts=2, top_k=1, coordinates=coordinates)
    make_model(plan_model(None, choices), StartPlan(), folder)
    return open_annotator(folder)


@pytest.mark.long
def test_windows_of_other_lengths_are_cut_anew(corpus: Path, tmp_path: Path) -> None:
    annotator = annotator_of(tmp_path / "model")
    result = evaluate(annotator, corpus, EvaluationPlan("train", (90,)))
    on_one_strand = evaluate(annotator, corpus, EvaluationPlan("train", both_strands=False))
    contigs = list(contigs_of(Examples(corpus).of_part("train")))
    true = [feature for each in contigs for feature in each.true]
    predicted = list(annotate([each.contig for each in contigs], annotator, annotator.plan(90)))
    assert [(each.window_bp, each.stride_bp) for each in result.readings] == [(60, 30), (90, 45)]
    assert repr(result.readings[1].scores) == repr(score(predicted, true))  # NaN among them
    assert result.readings[0].scores is result.scores[MODEL]
    # starts 0, 30, ... of 1,200 bp, and 0, 45, ..., on both strands
    assert [each.writing.windows for each in result.readings] == [3 * 39 * 2, 3 * 26 * 2]
    assert [each.writing.windows for each in on_one_strand.readings] == [3 * 39]
    assert (result.contigs, result.base_pairs) == (3, 3 * CONTIG)
    assert result.readings[0].writing.windows_at_limit == 3 * 39 * 2
    loads = result.readings[0].writing.layer_loads()
    assert [(load.part, load.layer) for load in loads] == [("decoder", 1), ("encoder", 1), ("encoder", 3)]
    assert [row[0] for row in tables.window_rows(result)] == ["60", "90"]
    assert [row[:2] for row in tables.expert_rows(result)] == [
        ("decoder 1", "2"), ("encoder 1", "2"), ("encoder 3", "2"),
    ]  # fmt: skip
    figures = tables.as_json(result)
    assert [each["window_bp"] for each in figures["windows"]] == [60, 90]
    assert figures["writing"] == figures["windows"][0]["writing"]
    assert figures["experts"][0]["choices"] == list(loads[0].choices)
    assert figures["pyrodigal"] is None


@pytest.mark.long
def test_pyrodigal_is_a_baseline_that_learns_from_each_genome(corpus: Path, tmp_path: Path) -> None:
    finder = Finder(write_stand_in(tmp_path), code=4)  # it finds 1..9 + and 4..12 - of each genome
    result = evaluate(annotator_of(tmp_path / "model"), corpus, EvaluationPlan("train", pyrodigal=finder))
    assert result.scores.keys() == {MODEL, LONGEST_ORF, PYRODIGAL}
    true = result.readings[0].scores.features["CDS"]
    assert result.scores[PYRODIGAL].genes == Agreement(0, 6, true.both + true.true_alone)
    assert result.pyrodigal is not None
    *_, sentence = tables.sentences(result)
    assert sentence.startswith(
        "pyrodigal_v9.9 learned from each of 3 genomes (genetic code 4), and took models of many species "
        "for 0 too short to learn from; "
    )
    figures = tables.as_json(result)
    assert figures["annotated_by"].keys() == {MODEL, LONGEST_ORF, PYRODIGAL}
    own = {name: value for name, value in figures["pyrodigal"].items() if name != "kb_per_second"}
    assert own == {
        "source": "pyrodigal_v9.9", "genetic_code": 4, "learned": 3, "by_models": 0, "failed": [],
    }  # fmt: skip


@pytest.mark.long
def test_the_command_has_a_table_for_windows_and_one_for_experts(
    corpus: Path, tmp_path: Path, gindex: Gindex
) -> None:
    annotator_of(tmp_path / "model")
    words = ("lab", "annotate", "evaluate", tmp_path / "model", corpus, "--part", "train")
    done = gindex(*words, "--window", 90, "--pyrodigal", write_stand_in(tmp_path), "--code", 4)
    assert done.exit_code == 0, done.output
    scores, windows, experts = (table.splitlines() for table in done.stdout.split("\n\n"))
    assert scores[0].split("  ")[0] == "annotated by"
    assert {line.split("  ")[0] for line in scores[1:]} == {MODEL, LONGEST_ORF, PYRODIGAL}
    assert windows[0].split() == [*" ".join(tables.OF_WINDOWS).split()]
    assert [line.split()[0] for line in windows[1:]] == ["60", "90"]
    assert [line.split()[:3] for line in experts[1:]] == [
        ["decoder", "1", "2"], ["encoder", "1", "2"], ["encoder", "3", "2"],
    ]  # fmt: skip
    *_, speed, forbidden, pyrodigal = done.stderr.splitlines()
    assert speed.startswith("3,600 bp of 3 contigs, ")
    assert "in 234 of 234 windows; 234 reached the limit of lines" in forbidden
    assert pyrodigal.startswith("pyrodigal_v9.9 learned from each of 3 genomes (genetic code 4), ")
    done = gindex(*words, "--pyrodigal", tmp_path / "nothing")
    assert done.exit_code != 0
    assert "--pyrodigal" in done.stderr
    assert "cannot be run (No such file or directory); give a Python" in " ".join(done.stderr.split())


@pytest.mark.parametrize(("record", "learned"), [("NC_005816.gb", 0), ("NC_000932.gb", 1)])
def test_pyrodigal_finds_what_it_labelled(tmp_path: Path, record: str, learned: int) -> None:
    """The plasmid is too short to learn from; both are found again to the base."""
    python = os.environ.get("GINDEX_PYRODIGAL", sys.executable)
    if subprocess.run([python, "-c", "import pyrodigal"], check=False, capture_output=True).returncode:
        pytest.skip("pyrodigal is not installed: set GINDEX_PYRODIGAL to an interpreter that has it")
    path = next((path for path in real_annotations() if path.name == record), None)
    if path is None:
        pytest.skip(f"{record} is not among the real files")
    write_gff3(silver_labels(iter_genomes([str(path)]), Finder(python)).annotation, tmp_path / "genes.gff3")
    plan = BakePlan(WindowPlan(1_200, 600, 60), SplitPlan(test=0, validation=0))
    bake([str(path)], [str(tmp_path / "genes.gff3")], tmp_path / "corpus", plan)
    contigs = list(contigs_of(Examples(tmp_path / "corpus").of_part("train")))
    genes = pyrodigal_genes(contigs, Finder(python))
    assert (genes.labels.learned, genes.labels.by_models) == (learned, 1 - learned)
    found = score(genes.labels.annotation.features, [one for each in contigs for one in each.true])
    assert found.genes.f1 == 1.0
    assert found.genes.both == {"NC_005816.gb": 9, "NC_000932.gb": 122}[record]
    assert found.phase_errors == 0
