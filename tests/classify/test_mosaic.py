"""Mosaics: windows, the values that they elect, and the call without a label that is mosaic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, genome, levels, model, no_projection

from genome_index.classify.elected_names import Name
from genome_index.classify.mosaic import (
    DEVIATIONS,
    LEAST_PROBABILITY,
    LEAST_SHARE,
    LEAST_WINDOWS,
    MOST_WINDOWS,
    PER_VALUE,
    WINDOW_BP,
    WINDOWS,
    Mosaic,
    best_of_values,
    mosaic_of,
    windows_of,
    without_mosaic_labels,
)
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Call, Contig, Genome
from genome_index.spec import IndexSpec

SPEC = IndexSpec(small_scaled=8)
RNG = np.random.default_rng(5)


def random_bases(length: int) -> str:
    return "".join(RNG.choice(list("ACGT"), length))


# Subtypes x and y have two segments of their own each, and share a third; z has nothing of them.
X1, Y1, X2, Y2, BOTH, ELSE = (random_bases(length) for length in (3_000, 3_000, 2_000, 2_000, 5_000, 9_000))
REFERENCES = [X1 + X2 + BOTH, Y1 + Y2 + BOTH, ELSE, X1 + X2 + BOTH, Y1]
LEVELS = levels(
    species=["S s"] * 5,
    subtype=["x", "y", "z", "x", None],
)
ROWS = np.array([0, 1, 2, 3, 4, -1])


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    genomes = [genome(sequence, str(row)) for row, sequence in enumerate(REFERENCES)]
    references = MemoryReferences(SPEC, [hash_sketch(each, SPEC).tolist() for each in genomes])
    return MemoryIndex(model(LEVELS, projection=no_projection()), references, entries(LEVELS, 10_000))


def of(*contigs: str) -> Genome:
    return Genome("q", tuple(Contig(f"c{at}", bases.encode()) for at, bases in enumerate(contigs)), "-")


def mosaic(index: MemoryIndex, *contigs: str, rows: np.ndarray = ROWS) -> Mosaic | None:
    return mosaic_of(index, of(*contigs), rows, LEVELS["subtype"])  # type: ignore[arg-type]


def test_the_limits() -> None:
    assert (WINDOWS, WINDOW_BP, MOST_WINDOWS, PER_VALUE) == (20, (600, 50_000), 60, 5)
    assert (DEVIATIONS, LEAST_WINDOWS, LEAST_SHARE, LEAST_PROBABILITY) == (2.0, 2, 0.1, 0.3)


def test_a_reassortant_has_the_shares_of_its_segments(index: MemoryIndex) -> None:
    assert mosaic(index, X1, Y2, BOTH) == Mosaic("subtype", (("x", 0.6), ("y", 0.4)))
    assert mosaic(index, Y1, X2, BOTH) == Mosaic("subtype", (("y", 0.6), ("x", 0.4)))


def test_a_recombinant_in_one_contig_is_found_too(index: MemoryIndex) -> None:
    assert mosaic(index, X1 + Y1) == Mosaic("subtype", (("x", 0.5), ("y", 0.5)))


def test_one_value_all_over_is_no_mosaic(index: MemoryIndex) -> None:
    assert mosaic(index, X1, X2, BOTH) is None
    assert mosaic(index, BOTH) is None  # both values fit equally well
    assert mosaic(index, random_bases(5_000)) is None
    assert mosaic(index, X1, Y2, rows=np.array([0, 3, -1])) is None  # no hit has another value
    assert mosaic(index, X1, Y2, rows=np.array([0, 4])) is None  # that of row 4 is unknown


def test_a_value_needs_two_windows_and_a_tenth_of_the_sequence(index: MemoryIndex) -> None:
    assert mosaic(index, X1 + X2, Y1[:600]) is None  # one window
    assert mosaic(index, X1 + X2, Y1[:600], Y1[600:1200]) is not None
    assert mosaic(index, ELSE, X1[:400], X1[400:800]) is None  # 800 of 9,800
    assert mosaic(index, ELSE, X1[:600], X1[600:1200]) is not None


def test_the_best_hits_of_each_value_are_compared() -> None:
    codes = levels(subtype=[*"xxxxxxxyy", None])["subtype"]
    rows = np.array([9, 8, 6, 5, 4, 3, 2, 1, 0, 7, -1])
    assert best_of_values(rows, codes).tolist() == [8, 6, 5, 4, 3, 2, 7]


def test_windows_are_equal_parts_of_contigs() -> None:
    lengths = [each.length_bp for each in windows_of(of("A" * 1_500, "C" * 100))]
    assert lengths == [750, 750, 100]
    assert [each.length_bp for each in windows_of(of("A" * 40_000))] == [2_000] * 20
    assert {each.length_bp for each in windows_of(of("A" * 2_000_000))} == {50_000}
    many = windows_of(of(*["ACGT"] * 200))
    assert [each.id for each in (many[0], many[-1])] == ["c0", "c199"]
    assert len(many) == 60


def test_a_mosaic_label_is_not_called_and_a_warning_says_so(index: MemoryIndex) -> None:
    names = {"species": Name(0, 0.9, 0.5), "subtype": Name(0, 0.9, 0.5)}
    call = Call(
        "q", "-", 1, "species", "", labels={"subtype": ("x", 0.9), "host": ("h", 0.8)}, warnings=("w",)
    )

    def after(genome: Genome, call: Call = call, probability: float = 0.9) -> Call:
        elected = names | {"subtype": replace(names["subtype"], probability=probability)}
        return without_mosaic_labels(index, genome, ROWS, elected, call)  # type: ignore[arg-type]

    found = after(of(X1, Y2))
    assert found.labels == {"host": ("h", 0.8)}
    assert found.warnings == (
        "w",
        "subtype is mosaic: x in 60%, y in 40% of the sequence that tells them apart; it is not called",
    )
    assert replace(found, labels=call.labels, warnings=call.warnings) == call
    assert after(of(X1, X2)) == call
    assert after(of(X1, Y2), probability=0.29) == call  # no property of the sequence
    assert after(of(X1, Y2), probability=0.3) == found
    assert after(of(X1, Y2), replace(call, verdict="out_of_scope")).labels == call.labels
