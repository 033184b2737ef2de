"""Explanations of the demo and of real genomes: each leads to its call, and its numbers add up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from helpers import simulated

from genome_index import Explanation, Index, QuerySettings, build_index, explain_query, query_index
from genome_index.classify.explanation.records import SHOWN
from genome_index.classify.explanation.rules import settled
from genome_index.classify.measured import NOT_MEASURED, NOT_SHARED
from genome_index.index.store.skani import BELOW_RANGE
from genome_index.io.reader import iter_genomes
from genome_index.records import Call, Contig, Failure, Genome, Taxon
from genome_index.report.explanation.document import explanation_json

DEMO_QUERIES = ("sample.fasta", "novel.fasta", "stranger.fasta")


def assert_explains(explanation: Explanation, call: Call, index: Index) -> None:
    """The explanation has the same call, and each of its parts leads to it."""
    assert explanation.call.to_dict() == call.to_dict()
    assert settled(list(explanation.checks)) == call.verdict
    warned = [check.text for check in explanation.checks if check.outcome == "warning"]
    assert len(warned) == len(call.warnings)
    roles = {candidate.role: candidate.hit for candidate in explanation.candidates}
    if call.closest is not None:
        assert roles["basis"].id == call.closest.id
        assert roles["basis"].evidence.ani == call.closest.evidence.ani
    for election in explanation.elections:
        if election.level == call.rank:
            assert (election.name, election.probability) == (call.name, call.confidence)
        if election.log_odds is not None and election.learned is not None:
            logistic = 1 / (1 + math.exp(-election.log_odds))
            assert election.learned == pytest.approx(min(max(logistic, 0.005), 0.995), abs=1e-9)
        assert election.is_called == (election.name is not None and election.probability >= election.required)
    if explanation.requirement is not None:
        rows = {entry.id: entry.row for entry in index.catalog.entries()}
        best = roles.get("best of species") or roles["basis"]
        assert explanation.requirement.ani == index.model.thresholds.required(rows[best.id], (-1,))
        assert explanation.requirement.species == best.species


def made(demo: Path) -> list[Genome | Failure]:
    """Queries of every kind that the demo has reason for."""
    [one, other] = [next(iter(iter_genomes([demo / "genomes" / f"DEMO_{at:04}.fa.gz"]))) for at in (1, 15)]
    assert isinstance(one, Genome)
    assert isinstance(other, Genome)
    foreign = b"".join(contig.sequence for contig in other.contigs)
    mixture = (*one.contigs, Contig("foreign", foreign[: len(foreign) // 2]))
    return [
        one,
        Genome("mixture", mixture, "made"),
        Genome("a little foreign", (*one.contigs, Contig("foreign", foreign[: len(foreign) // 8])), "made"),
        Genome("short", (Contig("c", b"ACGT"),), "made"),
        Genome("repeat", (Contig("c", b"ACGTACCA" * 200),), "made"),
        Failure("broken", "broken.fa", "broken.fa: it has no sequence"),
    ]


@pytest.mark.parametrize("exclude_identical", [False, True])
def test_explanations_of_the_demo_lead_to_its_calls(
    demo: Path, demo_index: Path, exclude_identical: bool
) -> None:
    index = Index.open(demo_index)
    settings = QuerySettings(exclude_identical=exclude_identical)
    references = islice(iter_genomes([demo / "genomes"]), 12)
    read = iter_genomes([demo / name for name in DEMO_QUERIES])
    genomes = [*read, *made(demo), *references]
    calls = list(query_index(index, genomes, settings=settings))
    explanations = list(explain_query(index, genomes, settings=settings))
    assert {"species", "genus", "novel", "qc_fail", "failed"} <= {call.verdict for call in calls}
    assert any("This looks like a mixture" in call.reason for call in calls)
    for explanation, call in zip(explanations, calls, strict=True):
        assert_explains(explanation, call, index)


def test_an_ambiguous_and_an_empty_index_are_explained(
    demo: Path, six_genomes: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "DEMO_copy.fa.gz"
    copy.write_bytes(six_genomes[0].read_bytes())
    taxonomy = tmp_path / "taxonomy.tsv"
    text = (demo / "taxonomy.tsv").read_text()
    own = next(line for line in text.splitlines() if line.startswith("DEMO_0001\t"))
    twin = own.replace("DEMO_0001", "DEMO_copy").replace("Demobacter fictus", "Demobacter gemellus")
    taxonomy.write_text(f"{text}{twin}\n")
    index = build_index([*six_genomes, copy], tmp_path / "index", taxonomy).index
    for call, explanation in zip(
        query_index(index, six_genomes), explain_query(index, six_genomes), strict=True
    ):
        assert_explains(explanation, call, index)
    [first] = explain_query(index, six_genomes[:1])
    assert first.call.verdict == "ambiguous"
    [margin] = [check for check in first.checks if check.name == "margin"]
    assert margin.settles == "ambiguous"
    assert margin.text.endswith("has ANI 100.00 %, within 0.2 points of 100.00 %.")


def test_random_sequence_is_explained(demo_index: Path, write_fasta) -> None:  # noqa: ANN001
    import random

    path = write_fasta("random.fa", {"random": "".join(random.Random(3).choices("ACGT", k=6_000))})
    [explanation] = explain_query(demo_index, [path])
    assert explanation.call.verdict == "out_of_scope"
    assert_explains(explanation, explanation.call, Index.open(demo_index))
    assert {candidate.hit.evidence.reason for candidate in explanation.candidates} == {NOT_SHARED}
    assert {candidate.shared_kmers for candidate in explanation.candidates} == {0}


def test_a_candidate_says_why_it_has_no_ani(demo: Path, demo_index: Path) -> None:
    [explanation] = explain_query(demo_index, demo / "sample.fasta")
    reasons = [candidate.hit.evidence.reason for candidate in explanation.candidates]
    assert len(reasons) == 50
    assert set(reasons) == {None, BELOW_RANGE, NOT_MEASURED}
    assert reasons[:8] == [None] * 8  # those of the genus
    scores = [candidate.score for candidate in explanation.candidates]
    assert scores == sorted(scores, reverse=True)
    assert ("vector", "k-mers") in {candidate.roads for candidate in explanation.candidates[:8]}
    assert all(candidate.roads for candidate in explanation.candidates)
    assert len(explanation.shown()) == SHOWN


@pytest.mark.parametrize("kind", ["plasmid", "virus"])
def test_parts_of_plasmids_are_not_looked_at(tmp_path: Path, kind: str) -> None:
    genomes = [
        replace(
            simulated.genome(f"p{at}", simulated.random_dna(at, 8_000)), taxon=Taxon(labels={"kind": kind})
        )
        for at in range(6)
    ]
    index = build_index(genomes, tmp_path / "index").index
    [explanation] = explain_query(index, genomes[:1])
    [parts] = [check for check in explanation.checks if check.name == "parts"]
    if kind == "plasmid":
        expected = ("not looked at", "Not looked at: plasmids are made of parts of others.")
    else:
        expected = (
            "passed",
            "Less than 5 % of the sequence is nearest to another species, and less than 20 % is in no "
            "reference.",
        )
    assert (parts.outcome, parts.text) == expected
    [row] = [check for check in explanation_json(explanation, {})["checks"] if check["rule"] == "parts"]
    assert (row["outcome"], row["finding"]) == expected


def test_an_index_explains_from_python(demo: Path, demo_index: Path) -> None:
    index = Index.open(demo_index)
    [explanation] = index.explain(demo / "sample.fasta")
    [call] = index.query(demo / "sample.fasta")
    assert_explains(explanation, call, index)


def explained(index: Index, genomes: Sequence[Path]) -> None:
    settings = QuerySettings(exclude_identical=True, threads=2)
    calls = list(query_index(index, genomes, settings=settings))
    for explanation, call in zip(explain_query(index, genomes, settings=settings), calls, strict=True):
        assert_explains(explanation, call, index)
    assert {"species", "genus"} <= {call.verdict for call in calls}


@pytest.mark.long
def test_explanations_of_real_bacteria_lead_to_their_calls(shared_genomes: Path, tmp_path: Path) -> None:
    folder = shared_genomes / "bacteria"
    index = build_index([folder], tmp_path / "index", shared_genomes / "bacteria.tsv").index
    explained(index, sorted(folder.iterdir())[::3])
