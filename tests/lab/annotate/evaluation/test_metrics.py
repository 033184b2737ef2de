"""Scores of predicted features, by hand, and the baseline of longest frames."""

from __future__ import annotations

import math

import pytest

from genome_index.errors import UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.evaluation.longest_orf import CODES, longest_frames, starts_and_stops
from genome_index.lab.annotate.evaluation.metrics import Agreement, score
from genome_index.lab.annotate.files.features import Feature, Part
from genome_index.records import Contig


def cds(*spans: tuple[int, int], strand: str = "+", phase: int = 0, kind: str = "CDS") -> Feature:
    parts = tuple(Part(start, end, strand, phase) for start, end in spans)
    return Feature("c", "test", kind, parts, (("ID", ("x",)),))


def test_scores_by_hand() -> None:
    predicted = [cds((0, 9)), cds((20, 50)), cds((100, 130), strand="-", phase=1), cds((300, 330))]
    true = [cds((0, 9)), cds((23, 50)), cds((100, 130), strand="-"), cds((200, 290))]
    scores = score(predicted, true)
    assert scores.bases == {"CDS": Agreement(66, 33, 90)}
    assert scores.features == {"CDS": Agreement(2, 2, 2)}
    assert (scores.features["CDS"].precision, scores.features["CDS"].recall, scores.features["CDS"].f1) == (
        0.5, 0.5, 0.5,
    )  # fmt: skip
    assert (scores.start_error, scores.end_error, scores.paired) == (1.0, 0.0, 3)
    assert (scores.same_borders, scores.phase_errors) == (2, 1)


def test_the_5_prime_end_of_the_other_strand_is_on_the_right() -> None:
    scores = score([cds((10, 90), strand="-")], [cds((10, 100), strand="-")])
    assert (scores.start_error, scores.end_error) == (10.0, 0.0)


def test_a_spliced_gene_is_right_as_a_whole_or_not_at_all() -> None:
    true = [cds((0, 30), (60, 90))]
    assert score([cds((0, 30), (60, 90))], true).genes == Agreement(1, 0, 0)
    assert score([cds((0, 30)), cds((60, 90))], true).genes == Agreement(0, 2, 1)


def test_types_are_scored_apart_and_nothing_is_not_a_number() -> None:
    scores = score([cds((0, 30), kind="gene")], [cds((0, 30))])
    assert scores.features == {"CDS": Agreement(0, 0, 1), "gene": Agreement(0, 1, 0)}
    assert math.isnan(scores.features["CDS"].precision)
    assert math.isnan(score([], []).genes.f1)


def test_the_longest_frames_of_both_strands() -> None:
    gene = b"ATG" + b"GCT" * 40 + b"TAA"
    sequence = b"C" * 10 + gene + b"C" * 20 + reverse_complement(gene) + b"C" * 10
    frames = longest_frames(Contig("c", sequence))
    assert [(feature.start, feature.end, feature.strand) for feature in frames] == [
        (10, 136, "+"), (156, 282, "-"),
    ]  # fmt: skip
    assert longest_frames(Contig("c", sequence), least_bp=200) == []


def test_frames_of_a_genetic_code_end_at_its_stops() -> None:
    """AGA ends a frame of vertebrate mitochondria (2), TGA does not; TTG begins none there."""
    gene = b"ATG" + b"GCC" * 20 + b"TGA" + b"GCC" * 20 + b"AGA"
    contig = Contig("c", b"C" * 9 + gene + b"C" * 9)
    assert [(one.start, one.end) for one in longest_frames(contig, least_bp=60)] == [(9, 75)]
    assert [(one.start, one.end) for one in longest_frames(contig, least_bp=60, code=2)] == [(9, 138)]
    other = Contig("c", b"TTG" + b"GCC" * 20 + b"TAA")
    assert len(longest_frames(other, least_bp=60)) == 1
    assert longest_frames(other, least_bp=60, code=2) == []
    with pytest.raises(UsageError, match="--code 7: there is no such genetic code; choose 1, 2, 3, 4, 5"):
        longest_frames(other, code=7)


def test_stops_are_those_of_ncbi() -> None:
    tables = pytest.importorskip("Bio.Data.CodonTable", reason="Biopython is not installed")
    for code in CODES:
        assert {stop.decode() for stop in starts_and_stops(code)[1]} == set(
            tables.unambiguous_dna_by_id[code].stop_codons
        ), code
