"""Hits, their score, and references held out of simulated queries."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import NAN, hits, join_hits

from genome_index.index.calibration.hits import HeldOut, effective_ani, kmer_identity, nothing_held_out, score

TWO = join_hits(
    hits([4, 7], [0.5, 0.25], [0.9, 0.6], [97, 80]), hits([2, -1], [0.1, 0.0], [0.7, 0.6], [85, 0])
)


def test_score_is_cosine_plus_eight_times_the_identity_above_the_floor() -> None:
    assert score(np.float32(0.5), np.float32(0.85)) == pytest.approx(0.5 + 8 * 0.25)
    assert score(np.float32(0.5), np.float32(0.6)) == np.float32(0.5)
    assert TWO.score == pytest.approx(np.array([[0.5 + 2.4, 0.25], [0.1 + 0.8, 0]]), abs=1e-6)
    assert TWO.score.dtype == np.float32


@pytest.mark.parametrize(
    ("ani", "af_query", "af_reference", "expected"),
    [
        (97, 80, 90, 97),
        (97, 50, 10, 97),
        (97, 10, 50, 97),  # the larger of the two counts
        (97, 20, 10, 94),
        (97, 10, 20, 94),
        (97, 0, 0, 92),
        (97, NAN, 45, 96.5),
        (97, 45, NAN, 96.5),
        (97, NAN, NAN, NAN),
        (NAN, 80, 90, NAN),
        (NAN, NAN, NAN, NAN),
    ],
)
def test_effective_ani_is_a_tenth_lower_for_each_point_of_aligned_fraction_below_fifty(
    ani: float, af_query: float, af_reference: float, expected: float
) -> None:
    found = effective_ani(hits([3, -1], ani=ani, af_query=af_query, af_reference=af_reference))
    assert found == pytest.approx(np.array([[expected] * 2]), abs=1e-4, nan_ok=True)
    assert found.dtype == np.float32


def test_kmer_identity_is_the_kth_root_of_containment() -> None:
    found = kmer_identity(np.array([1, 0.5, 0.25, 1e-9, 0], np.float32), 21)
    assert found == pytest.approx([1, 0.5 ** (1 / 21), 0.25 ** (1 / 21), 0.6, 0.6], abs=1e-6)
    assert found.dtype == np.float32
    assert kmer_identity(np.array([0.01], np.float32), 2) == pytest.approx([0.6])


def test_only_takes_queries_and_take_reorders_their_hits() -> None:
    assert TWO.only(np.array([False, True])).rows.tolist() == [[2, -1]]
    assert TWO.only(slice(0, 1)).ani.tolist() == [[97, 80]]
    swapped = TWO.take(np.array([[1, 0], [0, 1]]))
    assert swapped.rows.tolist() == [[7, 4], [2, -1]]
    assert swapped.ani.tolist() == [[80, 97], [85, 0]]
    assert swapped.kmer_identity[0].tolist() == pytest.approx([0.6, 0.9])


def test_held_out_bars_the_own_row_and_all_rows_of_its_code() -> None:
    codes = np.array([0, 0, 1, -1, 1], np.int32)
    held = HeldOut(np.array([1, 3, -1]), codes, np.array([0, -1, -1], np.int32))
    rows = np.arange(5) * np.ones((3, 1), int)
    assert held.bars(rows).tolist() == [
        [True, True, False, False, False],
        [False, False, False, True, False],  # an unknown code bars no other row of unknown code
        [False] * 5,
    ]
    assert held.bars(rows[:, :, None]).tolist() == held.bars(rows)[:, :, None].tolist()


def test_nothing_held_out_bars_nothing() -> None:
    held = nothing_held_out(2, 3)
    assert not held.bars(np.array([[0, 1, 2], [2, 1, 0]])).any()
    assert held.self_rows.tolist() == held.own.tolist() == [-1, -1]
    assert held.codes.tolist() == [-1, -1, -1]
