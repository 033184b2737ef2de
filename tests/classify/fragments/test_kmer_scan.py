"""The scan of shared k-mers, against Python's sets."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import MemoryReferences

from genome_index.classify.fragments import kmer_scan as module
from genome_index.classify.fragments.kmer_scan import LEAST_SHARED, most_shared
from genome_index.index.calibration.hits import HeldOut, nothing_held_out
from genome_index.spec import IndexSpec

TOP = 2**62
SPEC = IndexSpec()


def scan(
    sketches: list[list[int]],
    queries: list[list[int]],
    k: int = 3,
    rows: list[int] | None = None,
    held: HeldOut | None = None,
    limits: tuple[list[int], list[int]] | None = None,
    threads: int = 1,
) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Rows, counts and sizes; limits are those of queries and references."""
    query_limits, reference_limits = limits or ([TOP] * len(queries), [TOP] * len(sketches))
    references = MemoryReferences(SPEC, sketches, reference_limits)
    found = most_shared(
        references,  # type: ignore[arg-type]
        np.array(range(len(sketches)) if rows is None else rows),
        [np.array(sorted(query), np.uint64) for query in queries],
        np.array(query_limits, np.uint64),
        k,
        held or nothing_held_out(len(queries), len(sketches)),
        threads,
    )
    assert references.released == 1
    return found.rows.tolist(), found.count.tolist(), found.size.tolist()


def test_references_are_by_shared_kmers_most_first() -> None:
    sketches = [[1, 2], [1, 2, 3, 9], [1, 2, 3, 4, 5], [1, 8, 9], [70, 80]]
    rows, count, size = scan(sketches, [[1, 2, 3, 4]], k=4)
    assert rows == [[2, 1, 0, -1]]  # of row 3 one k-mer alone is shared
    assert count == [[4, 3, 2, 0]]
    assert size == [[4, 4, 2, 1]]
    assert LEAST_SHARED == 2


def test_of_equal_counts_the_first_stays_first() -> None:
    rows, _, _ = scan([[1, 2], [1, 2], [1, 2, 3], [1, 2]], [[1, 2, 3]], k=3)
    assert rows == [[2, 0, 1]]


def test_only_the_given_rows_are_scanned() -> None:
    rows, _, _ = scan([[1, 2]] * 4, [[1, 2]], rows=[1, 3])
    assert rows == [[1, 3, -1]]


def test_queries_share_kmers_and_each_has_its_own_counts() -> None:
    rows, count, _ = scan([[1, 2, 3], [3, 4, 5]], [[1, 2, 3, 4], [3, 4, 5], [9]], k=2)
    assert rows == [[0, 1], [1, -1], [-1, -1]]
    assert count == [[3, 2], [3, 0], [0, 0]]


def test_what_is_held_out_is_passed_over() -> None:
    codes = np.array([0, 0, 1, -1], np.int32)
    held = HeldOut(np.array([0, 3]), codes, np.array([0, -1], np.int32))
    rows, _, _ = scan([[1, 2]] * 4, [[1, 2], [1, 2]], k=4, held=held)
    assert rows == [[2, 3, -1, -1], [0, 1, 2, -1]]


def test_the_size_is_that_of_the_smaller_sketch_at_the_coarser_density() -> None:
    _, count, size = scan([[1, 2, 50, 60, 70]], [[1, 2, 3, 4, 90]], k=1, limits=([TOP], [40]))
    assert (count, size) == ([[2]], [[2]])  # below 40 the reference has 1 and 2
    _, _, size = scan([[1, 2, 50, 60, 70]], [[1, 2, 3]], k=1, limits=([4], [TOP]))
    assert size == [[2]]
    _, _, size = scan([[1, 2, 3, 50, 60]], [[1, 2, 39]], k=1, limits=([40], [100]))
    assert size == [[3]]


def test_kmers_alike_in_their_lowest_bits_are_told_apart() -> None:
    same_bits = 1 << module.FILTER_BITS
    rows, count, _ = scan([[1, 2, 3 + same_bits], [1 + same_bits, 2 + same_bits]], [[1, 2, 3]], k=2)
    assert (rows, count) == ([[0, -1]], [[2, 0]])


def test_a_batch_without_queries_has_no_hits() -> None:
    assert scan([[1, 2]], []) == ([], [], [])
    assert scan([[1, 2]], [[]])[0] == [[-1, -1, -1]]


@pytest.mark.parametrize(("threads", "block"), [(1, 512), (1, 3), (4, 2)])
def test_the_scan_counts_what_sets_have_in_common(
    threads: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_GENOMES", block)
    rng = np.random.default_rng(6)
    sketches = [np.unique(rng.integers(0, 60, rng.integers(2, 30))).tolist() for _ in range(11)]
    queries = [np.unique(rng.integers(0, 60, rng.integers(0, 20))).tolist() for _ in range(7)]
    rows, count, size = scan(sketches, queries, k=4, threads=threads)
    for i, query in enumerate(queries):
        shared = [len(set(query) & set(sketch)) for sketch in sketches]
        order = sorted((row for row in range(11) if shared[row] >= 2), key=lambda row: (-shared[row], row))[
            :4
        ]
        assert rows[i] == order + [-1] * (4 - len(order))
        assert count[i] == [shared[row] for row in order] + [0] * (4 - len(order))
        assert size[i][: len(order)] == [min(len(query), len(sketches[row])) for row in order]
