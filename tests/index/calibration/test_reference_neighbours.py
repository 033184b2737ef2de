"""Neighbours of references by score, and by measured ANI within and beyond their species."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import MemoryReferences, levels

from genome_index.index.calibration import reference_neighbours as module
from genome_index.index.calibration.hits import score
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.reference_neighbours import measured_species_neighbours, neighbour_table
from genome_index.index.store.pair_table import PairTable, keys_of
from genome_index.spec import IndexSpec

SKETCHES = [[9], [1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 6, 7], [50, 60], [1, 50, 70, 80]]
ROWS = np.array([1, 2, 3, 4, 5])
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0, 0.6, 0.8]], np.float32)


class Stages:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def stage(self, name: str, done: int, total: int) -> None:
        self.seen.append((name, done, total))


def comparer() -> Comparer:
    return Comparer(MemoryReferences(IndexSpec(sketch_k=3), SKETCHES))  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [2, 8_192])
def test_neighbours_are_all_others_by_descending_score(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEIGHBOUR_GENOMES", block)
    stages = Stages()
    found = neighbour_table(comparer(), VECTORS, ROWS, stages)  # type: ignore[arg-type]
    identity = comparer().kmer_identity(ROWS[:, None], np.tile(ROWS, (5, 1)))
    expected = score(VECTORS @ VECTORS.T, identity)
    np.fill_diagonal(expected, -np.inf)
    order = np.argsort(-expected, axis=1, kind="stable")
    assert found.rows[:, :4].tolist() == order[:, :4].tolist()
    assert found.score[:, :4] == pytest.approx(np.take_along_axis(expected, order, 1)[:, :4], abs=1e-6)
    assert found.rows[:, 4].tolist() == [-1] * 5  # of itself there is none
    assert found.score[:, 4].tolist() == [0] * 5
    assert (found.rows.dtype, found.score.dtype) == (np.int32, np.float32)
    assert stages.seen == [("neighbours", start, 5) for start in range(0, 5, block)]


def test_no_more_than_fifty_neighbours_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.CANDIDATES == 50
    monkeypatch.setattr(module, "CANDIDATES", 2)
    assert neighbour_table(comparer(), VECTORS, ROWS).rows.shape == (5, 2)


def test_pairs_among_the_rows_give_the_nearest_by_species() -> None:
    by_level = levels(species=["a", "a", "b"])
    a, b = np.array([2, 4, 2, 2, 7, 1]), np.array([4, 7, 7, 3, 9, 2])
    values = np.array(
        [[97, 1, 2], [88, 3, 4], [86, 5, 6], [99, 7, 8], [99.5, 9, 9], [99.9, 0, 0]], np.float32
    )
    order = np.argsort(keys_of(a, b))
    pairs = PairTable(3, keys_of(a, b)[order], values[order])
    found = measured_species_neighbours(pairs, np.array([2, 4, 7]), by_level)
    assert found.same.tolist()[:2] == [97, 97]
    assert found.same_row.tolist() == [1, 0, -1]
    assert found.other.tolist() == [86, 88, 88]
    assert found.other_row.tolist() == [2, 2, 1]
    nobody = measured_species_neighbours(pairs, np.array([2, 4, 7]), {})
    assert np.isnan([*nobody.same, *nobody.other]).all()
