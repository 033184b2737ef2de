"""Thresholds of species: priors, shrinkage from kind to species, limits, and genomes left out."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import NAN, level, levels, species_neighbours

from genome_index.index.calibration.thresholds import (
    LARGE_TAXON,
    PRIOR_WEIGHT,
    PRIORS,
    RANGE,
    WIDEST,
    Prior,
    SpeciesNeighbours,
    SpeciesThresholds,
    nearest_by_species,
    prior_of,
)
from genome_index.taxonomy.levels import Level


def thresholds(
    neighbours: SpeciesNeighbours, by_level: dict[str, Level] | None = None, molecule: str = "virus"
) -> SpeciesThresholds:
    genomes = len(neighbours.same)
    return SpeciesThresholds(neighbours, by_level or {}, np.full(genomes, molecule))


def shrunk(prior: float, *midpoints: tuple[float, int]) -> float:
    """The same by hand, level by level."""
    for midpoint, genomes in midpoints:
        prior = (4 * prior + genomes * midpoint) / (4 + genomes)
    return prior


# -- priors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("prokaryote", Prior(95, 50, 0.2, 0.95)),
        ("virus", Prior(95, 85, 0.2, 0.95)),
        ("organelle", Prior(99, 80, 0.5, 0.6)),
        ("plasmid", Prior(95, 50, 0.5, 0.5)),
        ("other", Prior(95, 50, 0.2, 0.9)),
    ],
)
def test_without_genomes_to_learn_from_the_prior_counts(kind: str, expected: Prior) -> None:
    assert prior_of(kind) == expected
    assert thresholds(species_neighbours([NAN], [NAN]), molecule=kind).required(0) == expected.ani


def test_every_kind_has_a_prior_within_its_limits() -> None:
    assert set(PRIORS) == {"prokaryote", "virus", "organelle", "plasmid", "other"}
    assert (RANGE, WIDEST) == ({"prokaryote": (94.0, 97.0), "organelle": (98.5, 99.8)}, (82.0, 99.8))
    assert PRIOR_WEIGHT == 4.0


# -- midpoints -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("same", "other", "midpoint"),
    [
        ([98, 98], [90, 90], 94.0),
        ([98, 98], [NAN, NAN], 89.0),  # no other species measured: it counts as 80 %
        ([90, 90], [96, 96], 96.0),  # others are nearer than members: they must be kept out
        ([96, 96], [96, 96], 96.0),
    ],
)
def test_the_midpoint_is_half_way_between_members_and_the_next_species(
    same: list[float], other: list[float], midpoint: float
) -> None:
    found = thresholds(species_neighbours(same, other)).required(0)
    assert found == pytest.approx(shrunk(95, (midpoint, 2)))


def test_the_midpoint_rests_on_the_fifth_percentile_of_members_and_the_ninety_fifth_of_others() -> None:
    same, other = [95.0, *[99.0] * 20], [*[85.0] * 20, 91.0]
    middle = (np.quantile(same, 0.05) + np.quantile(other, 0.95)) / 2
    found = thresholds(species_neighbours(same, other)).required(3)
    assert found == pytest.approx(shrunk(95, (middle, 21)))
    same, other = list(np.linspace(94, 99, 21)), list(np.linspace(84, 91, 21))
    middle = (94.25 + 90.65) / 2
    assert thresholds(species_neighbours(same, other)).required(3) == pytest.approx(
        shrunk(95, (middle, 21)), abs=1e-4
    )


def test_a_single_member_shows_no_distance_between_members() -> None:
    assert thresholds(species_neighbours([98, NAN], [90, 90])).required(0) == 95.0
    assert thresholds(species_neighbours([98, NAN, 98], [90, 90, 90])).required(0) == pytest.approx(
        shrunk(95, (94, 2))
    )


# -- shrinkage -----------------------------------------------------------------------------------------------

NESTED = levels(
    family=["F"] * 6 + ["G"] * 2,
    genus=["A"] * 4 + ["B"] * 2 + ["C"] * 2,
    species=["A a"] * 2 + ["A b"] * 2 + ["B a"] * 2 + ["C a", None],
)
SAME, OTHER = [99, 99, 97, 97, 98, 98, 96, 96], [90, 90, 91, 91, 92, 92, 93, 93]


def middle(rows: list[int]) -> tuple[float, int]:
    within, beyond = (
        np.quantile([table[row] for row in rows], q) for table, q in ((SAME, 0.05), (OTHER, 0.95))
    )
    return float(within + beyond) / 2, len(rows)


@pytest.mark.parametrize(
    ("row", "chain"),
    [
        (0, [range(8), range(6), range(4), [0, 1]]),
        (3, [range(8), range(6), range(4), [2, 3]]),
        (4, [range(8), range(6), [4, 5], [4, 5]]),
        (7, [range(8), [6, 7], [6, 7]]),  # without a species it goes by its genus
    ],
)
def test_a_species_is_shrunk_to_its_genus_that_to_its_family_that_to_its_kind(
    row: int, chain: list[range | list[int]]
) -> None:
    found = thresholds(species_neighbours(SAME, OTHER), NESTED)
    assert found.required(row) == pytest.approx(shrunk(95, *(middle(list(rows)) for rows in chain)), abs=1e-4)


def test_genomes_of_another_kind_have_no_part() -> None:
    kinds = np.array(["virus"] * 2 + ["plasmid"] * 2)
    found = SpeciesThresholds(species_neighbours([99, 99, 92, 92], [90] * 4), {}, kinds)
    assert found.required(0) == pytest.approx(shrunk(95, (94.5, 2)))
    assert found.required(2) == pytest.approx(shrunk(95, (91, 2)))


def test_a_rank_that_the_index_lacks_is_passed_over() -> None:
    by_level = {"species": NESTED["species"]}
    found = thresholds(species_neighbours(SAME, OTHER), by_level)
    assert found.required(0) == pytest.approx(shrunk(95, middle(list(range(8))), middle([0, 1])), abs=1e-4)


@pytest.mark.parametrize(
    ("molecule", "same", "other", "expected"),
    [
        ("prokaryote", 94, 80, 94.0),
        ("prokaryote", 99.9, 99.8, 97.0),
        ("organelle", 99, 90, 98.5),
        ("organelle", 99.99, 99.95, 99.8),
        ("virus", 82, 80, 82.0),
        ("virus", 99.99, 99.99, 99.8),
    ],
)
def test_a_learned_threshold_stays_within_the_limits_of_its_kind(
    molecule: str, same: float, other: float, expected: float
) -> None:
    neighbours = species_neighbours([same] * 150, [other] * 150)
    assert thresholds(neighbours, molecule=molecule).required(0) == expected


# -- genomes left out ----------------------------------------------------------------------------------------


def test_a_genome_left_out_counts_neither_as_member_nor_as_neighbour() -> None:
    same, other = [99, 99, 97, 96], [94, 93, 92, 91]
    neighbours = species_neighbours(same, other, same_row=[1, 0, 3, 2], other_row=[2, 2, 1, 1])
    found = thresholds(neighbours)
    everything = shrunk(95, ((np.quantile(same, 0.05) + np.quantile(other, 0.95)) / 2, 4))
    assert found.required(3) == pytest.approx(everything, abs=1e-4)
    # Without row 0, row 1 has no member left that was measured; all others keep theirs.
    expected = shrunk(95, ((np.quantile([97, 96], 0.05) + np.quantile([93, 92, 91], 0.95)) / 2, 2))
    assert found.required(3, (0,)) == pytest.approx(expected, abs=1e-4)
    # Without row 2, the neighbours of rows 0 and 1 in another species are unknown.
    expected = shrunk(95, ((np.quantile([99, 99], 0.05) + np.quantile([91], 0.95)) / 2, 2))
    assert found.required(3, (2,)) == pytest.approx(expected, abs=1e-4)
    assert found.required(3) == pytest.approx(everything, abs=1e-4)  # nothing left out was cached
    assert found.required(3, (-1,)) == pytest.approx(everything, abs=1e-4)


def test_too_few_are_left_without_a_genome() -> None:
    neighbours = species_neighbours([99, 99], [90, 90], same_row=[1, 0])
    assert thresholds(neighbours).required(0, (0,)) == 95.0


def test_of_a_large_taxon_one_genome_is_not_left_out() -> None:
    def required(genomes: int, without: tuple[int, ...]) -> float:
        neighbours = species_neighbours([99.0] * genomes, [*[90.0] * (genomes - 20), *[97.0] * 20])
        return thresholds(neighbours).required(0, without)

    assert LARGE_TAXON == 200
    gone = tuple(range(180, 200))
    assert required(201, gone) == required(201, ())
    assert required(200, gone) < required(200, ()) - 1


def test_a_taxon_is_pooled_once() -> None:
    neighbours = species_neighbours([98, 98], [90, 90])
    found = thresholds(neighbours)
    first = found.required(0)
    neighbours.same[:] = 60
    assert found.required(1) == first


# -- neighbours by species -----------------------------------------------------------------------------------


def test_nearest_by_species_is_the_best_of_each_side() -> None:
    species = level("species", ["a", "a", "a", "b", None])
    rows_a = np.array([0, 0, 1, 0, 1, 3, 2])
    rows_b = np.array([1, 2, 2, 3, 3, 4, 3])
    ani = np.array([97, 98, 96, 85, 88, 99, NAN], np.float32)
    found = nearest_by_species(species, rows_a, rows_b, ani)
    assert found.same.tolist()[:3] == [98, 97, 98]
    assert found.same_row.tolist() == [2, 0, 0, -1, -1]
    assert np.isnan(found.same[3:]).all()
    assert found.other.tolist()[:4] == [85, 88, 80, 88]  # an ANI below the range counts as 80 %
    assert found.other_row.tolist() == [3, 3, 3, 1, -1]
    assert np.isnan(found.other[4])  # a genome without a species has no neighbours and is none
    assert (found.same.dtype, found.same_row.dtype) == (np.float32, np.int64)


def test_without_pairs_nobody_has_a_neighbour() -> None:
    nothing = np.empty(0, np.int64)
    found = nearest_by_species(level("species", ["a", "b"]), nothing, nothing, np.empty(0, np.float32))
    assert np.isnan(found.same).all()
    assert np.isnan(found.other).all()
    assert found.same_row.tolist() == found.other_row.tolist() == [-1, -1]
