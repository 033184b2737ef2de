"""Comparison of references: shared k-mers and ANI, each pair measured once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from helpers.handmade import MemoryReferences, genome

from genome_index.index.calibration import pairwise
from genome_index.index.calibration.pairwise import VERIFIED, Comparer
from genome_index.index.store.pair_table import PairTable, keys_of
from genome_index.index.store.skani import Candidate
from genome_index.records import Evidence, Genome
from genome_index.spec import IndexSpec

SPEC = IndexSpec(sketch_k=3)
SKETCHES = [[1, 2, 3, 4], [1, 2, 3, 9], [1, 2], [50, 60], [2, 3, 70, 80, 90]]


class Skani:
    """ANI of a pair as 80 + the sum of its two rows; what was measured together is noted."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[int]]] = []

    def measure(self, query: Genome, candidates: Sequence[Candidate]) -> list[Evidence]:
        rows = [int(candidate.blob) for candidate in candidates]
        self.calls.append((int(query.id), rows))
        return [
            Evidence(reason="floor")
            if row == 4
            else Evidence(80 + int(query.id) + row, 40 + int(query.id), 50 + row)
            for row in rows
        ]


@pytest.fixture
def skani(monkeypatch: pytest.MonkeyPatch) -> Skani:
    made = Skani()
    monkeypatch.setattr(pairwise, "measure", made.measure)
    return made


def references(limits: list[int] | None = None, missing: int = -1) -> MemoryReferences:
    genomes = [None if row == missing else genome("ACGT", str(row)) for row in range(len(SKETCHES))]
    return MemoryReferences(SPEC, SKETCHES, limits, genomes)


def share(a: int, b: int) -> float:
    """Containment by sets."""
    one, two = set(SKETCHES[a]), set(SKETCHES[b])
    return len(one & two) / min(len(one), len(two))


@pytest.mark.parametrize("threads", [1, 3])
def test_identity_of_pairs_is_that_of_their_sets(threads: int) -> None:
    comparer = Comparer(references(), threads)
    a = np.array([[0], [4]])
    b = np.array([[1, 2, 3, -1], [0, 1, -1, 3]])
    found = comparer.kmer_identity(a, b)
    expected = [
        [max(0.6, share(int(a[i, 0]), int(row)) ** (1 / 3)) if row >= 0 else 0.6 for row in b[i]]
        for i in range(2)
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-6)
    assert len(comparer.containments.keys) == 6


def test_a_pair_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    comparer = Comparer(references())
    first = comparer.kmer_identity(np.array([0]), np.array([1]))
    monkeypatch.setattr(comparer, "_count", None)
    assert comparer.kmer_identity(np.array([1]), np.array([0])) == first


def test_two_densities_are_compared_at_the_coarser() -> None:
    comparer = Comparer(references(limits=[100, 100, 100, 100, 4]))
    found = comparer.kmer_identity(np.array([0]), np.array([4]))
    assert found == pytest.approx([1.0])  # below 4 rows 0 and 4 have 1, 2, 3 and 2, 3


@pytest.mark.parametrize("room", [0, 40, 1 << 20])
def test_blocks_change_nothing(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    b = np.array([[1, 2, 3, 4, -1]])
    expected = Comparer(references()).kmer_identity(np.array([[0]]), b)
    monkeypatch.setattr(pairwise, "HASH_BYTES", room)
    assert Comparer(references()).kmer_identity(np.array([[0]]), b) == pytest.approx(expected)


def test_a_block_ends_when_its_sketches_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    comparer = Comparer(references())
    keys = np.sort(keys_of(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 2])))
    monkeypatch.setattr(pairwise, "HASH_BYTES", 8 * 10)  # rows 0, 1 and 2 have 10 hashes, row 3 two more
    blocks = [block.tolist() for block in comparer._blocks(keys)]
    assert blocks == [keys[:3].tolist(), keys[3:].tolist()]
    monkeypatch.setattr(pairwise, "HASH_BYTES", 8 * 12)
    assert [len(block) for block in comparer._blocks(keys)] == [4]
    monkeypatch.setattr(
        pairwise, "HASH_BYTES", 8 * 7
    )  # each block holds two of four hashes, or one and its last
    assert [len(block) for block in comparer._blocks(keys)] == [1, 2, 1]
    assert list(comparer._blocks(keys[:0])) == []


def test_hits_are_by_descending_score_with_missing_ones_last(skani: Skani) -> None:
    similarity = np.array([[0.9, 0.2, 0.1, 0.95]], np.float32)
    found = Comparer(references()).hits(np.array([0]), similarity, np.array([[3, 1, 2, -1]]))
    assert found.rows.tolist() == [[2, 1, 3, -1]]  # containment 1, 0.75 and 0
    assert found.similarity.tolist() == [pytest.approx([0.1, 0.2, 0.9, 0.95])]
    assert found.kmer_identity[0].tolist() == pytest.approx([1, 0.75 ** (1 / 3), 0.6, 0.6])


def test_ani_of_hits_that_share_a_kmer_in_both_directions(skani: Skani) -> None:
    found = Comparer(references()).hits(np.array([1]), np.zeros((1, 4), np.float32), np.array([[0, 2, 3, 4]]))
    assert found.rows.tolist() == [[2, 0, 4, 3]]
    ani = dict(zip(found.rows[0].tolist(), found.ani[0].tolist(), strict=True))
    af = {
        row: pair
        for row, *pair in zip(
            found.rows[0].tolist(), found.af_query[0].tolist(), found.af_reference[0].tolist(), strict=True
        )
    }
    assert (ani[0], ani[2]) == (81, 83)
    assert np.isnan([ani[3], ani[4]]).all()  # no k-mer is shared with row 3; row 4 is below the range
    assert af[2] == [41, 52]  # row 1 is the lesser and was the query
    assert af[0] == [51, 40]  # row 0 is the lesser: it was the query, and its fraction is the reference's
    assert sorted(skani.calls) == [(0, [1]), (1, [2, 4])]


def test_a_pair_is_measured_once_also_below_the_range(skani: Skani) -> None:
    comparer = Comparer(references())
    for _ in range(2):
        comparer.hits(np.array([1]), np.zeros((1, 2), np.float32), np.array([[0, 4]]))
    assert sorted(skani.calls) == [(0, [1]), (1, [4])]


def test_a_genome_without_bases_is_not_measured(skani: Skani) -> None:
    comparer = Comparer(references(missing=0))
    found = comparer.hits(np.array([1]), np.zeros((1, 2), np.float32), np.array([[0, 2]]))
    assert np.isnan(found.ani[0, found.rows[0] == 0]).all()
    assert found.ani[0, found.rows[0] == 2].tolist() == [83]
    assert comparer.ani.keys.tolist() == keys_of(np.array([1]), np.array([2])).tolist()
    nothing = Comparer(references(missing=0))
    nothing.hits(np.array([0]), np.zeros((1, 1), np.float32), np.array([[1]]))
    assert nothing.ani.keys.tolist() == []


def test_only_the_first_ten_hits_are_measured(skani: Skani) -> None:
    assert VERIFIED == 10
    sketches = [[1, 2, 3]] * 13
    genomes = [genome("ACGT", str(row)) for row in range(13)]
    comparer = Comparer(MemoryReferences(SPEC, sketches, None, genomes))
    similarity = np.linspace(0.9, 0.1, 12, dtype=np.float32)[None]
    found = comparer.hits(np.array([12]), similarity, np.arange(12)[None])
    assert (~np.isnan(found.ani[0])).tolist() == [row < 10 for row in range(12)]


def test_what_was_measured_before_is_taken_over(skani: Skani) -> None:
    pairs = PairTable(3, keys_of(np.array([0]), np.array([1])), np.array([[99, 11, 22]], np.float32))
    found = Comparer(references(), ani=pairs).hits(
        np.array([0]), np.zeros((1, 1), np.float32), np.array([[1]])
    )
    assert (found.ani[0, 0], found.af_query[0, 0], found.af_reference[0, 0]) == (99, 11, 22)
    assert skani.calls == []
