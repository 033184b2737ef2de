"""Agreement with names against loops, and where it is not defined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genome_index.lab.topology.agreement import cluster_agreement, name_silhouette, nearest_names
from genome_index.taxonomy.levels import Level

pytest.importorskip("sklearn", reason="the extra neural is not installed")

ROWS = np.random.default_rng(5).normal(size=(14, 3))
DISTANCES = cdist(ROWS, ROWS)
GENUS = Level("genus", ("A", "B", "C"), np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, -1, 0], np.int32))
SPECIES = Level("species", tuple("abcdefg"), np.array([0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, -1], np.int32))


def level(codes: list[int]) -> Level:
    return Level("genus", tuple(map(str, sorted({*codes} - {-1}))), np.array(codes, np.int32))


def test_silhouettes_are_those_of_loops() -> None:
    named = [at for at in range(14) if GENUS.codes[at] >= 0]
    widths = []
    for at in named:
        means = {
            code: np.mean([DISTANCES[at, b] for b in named if b != at and GENUS.codes[b] == code])
            for code in range(3)
        }
        own = means.pop(int(GENUS.codes[at]))
        other = min(means.values())
        widths.append((other - own) / max(own, other))
    assert name_silhouette(DISTANCES, GENUS) == pytest.approx(np.mean(widths))


def test_nearest_names_are_those_of_loops_and_of_other_species() -> None:
    found = nearest_names(DISTANCES, GENUS, SPECIES)
    for at in range(14):
        others = [
            b for b in range(14)
            if GENUS.codes[b] >= 0 and SPECIES.codes[b] >= 0 and SPECIES.codes[b] != SPECIES.codes[at]
        ]  # fmt: skip
        answers = [b for b in others if GENUS.codes[b] == GENUS.codes[at]]
        if GENUS.codes[at] < 0 or SPECIES.codes[at] < 0 or not answers:
            assert math.isnan(found[at])
        else:
            nearest = min(others, key=lambda b: DISTANCES[at, b])
            assert found[at] == (GENUS.codes[nearest] == GENUS.codes[at])
    assert np.isnan(found).tolist() == [False] * 9 + [True] * 5
    assert 0 < np.nanmean(found) < 1


def test_at_species_any_other_genome_answers_but_not_itself() -> None:
    found = nearest_names(DISTANCES, SPECIES, SPECIES)
    for at in range(14):
        others = [b for b in range(14) if SPECIES.codes[b] >= 0 and b != at]
        nearest = min(others, key=lambda b: DISTANCES[at, b])
        if np.count_nonzero(SPECIES.codes == SPECIES.codes[at]) > 1 and SPECIES.codes[at] >= 0:
            assert found[at] == (SPECIES.codes[nearest] == SPECIES.codes[at])
        else:
            assert math.isnan(found[at])
    assert 0 < np.nanmean(found) < 1


def test_of_several_nearest_each_has_its_share() -> None:
    genus, species = level([0, 0, 1, 1]), Level("species", tuple("abcd"), np.arange(4, dtype=np.int32))
    found = nearest_names(1 - np.eye(4), genus, species)
    assert found.tolist() == pytest.approx([1 / 3] * 4)


def test_clusters_of_blocks_are_their_names() -> None:
    codes = level([0, 0, 0, 1, 1, 1, 2, 2, -1])
    blocks = 1.0 - 0.9 * (codes.codes[:, None] == codes.codes[None, :])
    np.fill_diagonal(blocks, 0)
    assert cluster_agreement(blocks, codes) == pytest.approx(1)
    mixed = level([0, 1, 2, 0, 1, 2, 0, 1, -1])
    assert cluster_agreement(blocks, mixed) < 0.2


@pytest.mark.parametrize("codes", [[0] * 14, list(range(14)), [-1] * 14], ids=["one", "each its own", "none"])
def test_names_that_divide_nothing_have_no_agreement(codes: list[int]) -> None:
    assert math.isnan(name_silhouette(DISTANCES, level(codes)))
    assert math.isnan(cluster_agreement(DISTANCES, level(codes)))
    assert np.isnan(nearest_names(DISTANCES, level(codes), SPECIES)).all() or codes == [0] * 14
