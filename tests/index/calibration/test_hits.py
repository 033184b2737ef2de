"""Hits, their score, and references held out of simulated queries."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import hits, join_hits

from genome_index.index.calibration.hits import HeldOut, kmer_identity, nothing_held_out, score

TWO = join_hits(
    hits([4, 7], [0.5, 0.25], [0.9, 0.6], [97, 80]), hits([2, -1], [0.1, 0.0], [0.7, 0.6], [85, 0])
)


def test_score_is_cosine_plus_eight_times_the_identity_above_the_floor() -> None:
    assert score(np.float32(0.5), np.float32(0.85)) == pytest.approx(0.5 + 8 * 0.25)
    assert score(np.float32(0.5), np.float32(0.6)) == np.float32(0.5)
    assert TWO.score == pytest.approx(np.array([[0.5 + 2.4, 0.25], [0.1 + 0.8, 0]]), abs=1e-6)
    assert TWO.score.dtype == np.float32


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
