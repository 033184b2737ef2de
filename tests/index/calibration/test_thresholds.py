"""Thresholds of species: priors, shrinkage from kind to species, limits, and genomes left out."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import NAN, level, levels, species_neighbours
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.calibration.thresholds import (
    LARGE_TAXON,
    PRIOR_WEIGHT,
    PRIORS,
    RANGE,
    WIDEST,
    Gap,
    Prior,
    SpeciesNeighbours,
    SpeciesThresholds,
    Step,
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
        ("prokaryote", Prior(95, 50, 0.2, 0.95, 50)),
        ("virus", Prior(95, 85, 0.2, 0.95, 50)),
        ("organelle", Prior(99, 80, 0.5, 0.6, 50)),
        ("plasmid", Prior(95, 50, 0.5, 0.5, 30)),
        ("other", Prior(95, 50, 0.2, 0.9, 50)),
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


# -- the gap of a species ------------------------------------------------------------------------------------


def test_a_gap_is_shrunk_by_its_middle_or_by_what_is_beyond() -> None:
    assert Gap(98, 90, 4).shrink(95) == pytest.approx((4 * 95 + 4 * 94) / 8)
    assert Gap(90, 96, 4).shrink(95) == pytest.approx((4 * 95 + 4 * 96) / 8)
    assert Gap(0, 0, 0).shrink(95) == 95


def in_a_genus(same: float, other: float, members: int, genus: tuple[float, float]) -> tuple[float, float]:
    """The threshold of a species, and that without its gap, in a large genus of near or distant species."""
    relatives = 200
    names = ["A a"] * members + [f"A {i // 2}" for i in range(relatives)]
    neighbours = species_neighbours(
        [same] * members + [genus[0]] * relatives, [other] * members + [genus[1]] * relatives
    )
    size = members + relatives
    by_level = {"genus": level("genus", ["A"] * size), "species": level("species", names)}
    relatives_middle = ((genus[0] + genus[1]) / 2, size)
    middle = ((same + other) / 2 if same > other else other, members)
    shrunk_alone = shrunk(95, relatives_middle, relatives_middle, middle)
    return thresholds(neighbours, by_level).required(0), shrunk_alone


@pytest.mark.parametrize(
    ("same", "other", "members", "genus", "expected"),
    [
        (97.8, 88, 5, (99.75, 99.25), None),  # 95.9 is between them
        (97.8, 97, 2, (99.75, 99.25), 97.8),  # the genus alone would keep members out
        (99.5, 97, 2, (91, 89), 97),  # the genus alone would let the next species in
        (96, 97, 2, (99.75, 99.25), None),  # no gap: the genus counts
        (97, 97, 2, (99.75, 99.25), None),
    ],
)
def test_the_threshold_of_a_species_with_a_gap_lies_within_it(
    same: float, other: float, members: int, genus: tuple[float, float], expected: float | None
) -> None:
    found, alone = in_a_genus(same, other, members, genus)
    if expected is None:
        assert found == pytest.approx(alone, abs=1e-4)
    else:
        assert found == pytest.approx(expected, abs=1e-4)
        assert not other <= alone <= same


def test_five_members_with_a_wide_gap_are_within_their_threshold() -> None:
    found, _ = in_a_genus(97.8, 88, 5, (99.75, 99.25))
    assert 88 < found <= 97.8


def test_the_limits_of_the_kind_count_more_than_the_gap() -> None:
    neighbours = species_neighbours([97.8] * 5, [88] * 5)
    by_level = {"species": level("species", ["a"] * 5)}
    assert thresholds(neighbours, by_level, "organelle").required(0) == 98.5
    neighbours = species_neighbours([99.5] * 5, [98] * 5)
    assert thresholds(neighbours, by_level, "prokaryote").required(0) == 97.0


def test_only_a_species_is_kept_within_its_gap() -> None:
    neighbours = species_neighbours([99.5] * 2, [98.5] * 2)
    by_level = {"genus": level("genus", ["A", "A"])}
    assert thresholds(neighbours, by_level).required(0) == pytest.approx(shrunk(95, (99, 2), (99, 2)))
    by_level |= {"species": level("species", ["a", "a"])}
    assert thresholds(neighbours, by_level).required(0) == 98.5


def test_a_gap_that_a_genome_left_out_shows_does_not_count() -> None:
    neighbours = species_neighbours([99.5] * 2, [98.5] * 2, same_row=[1, 0])
    by_level = {"species": level("species", ["a", "a"])}
    assert thresholds(neighbours, by_level).required(0) == 98.5
    assert thresholds(neighbours, by_level).required(0, (1,)) == 95


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


# -- steps ---------------------------------------------------------------------------------------------------


def test_steps_go_from_the_prior_to_the_species() -> None:
    """Rows 0 and 1 are one species; genus and family have two more genomes."""
    by_level = levels(family=["F"] * 4, genus=["G"] * 4, species=["G a", "G a", "G b", "G b"])
    neighbours = species_neighbours([98, 98, 96, 96], [90, 90, 92, 92])
    found = thresholds(neighbours, by_level, "prokaryote").steps(0)
    whole = (4 * 95 + 4 * 94) / 8  # kind, family and genus have the same four genomes with the middle 94
    family = (4 * whole + 4 * 94) / 8
    genus = (4 * family + 4 * 94) / 8
    species = (4 * genus + 2 * 94) / 6
    assert found == [
        Step("prior", "prokaryote", 0, None, None, 95),
        Step("kind", "prokaryote", 4, 92.0, 96.0, pytest.approx(whole)),
        Step("family", "F", 4, 92.0, 96.0, pytest.approx(family)),
        Step("genus", "G", 4, 92.0, 96.0, pytest.approx(genus)),
        Step("species", "G a", 2, 90.0, 98.0, pytest.approx(species)),
    ]


def test_a_limit_is_a_step_where_it_is_reached() -> None:
    by_level = levels(genus=["G"] * 2, species=["G a"] * 2)
    neighbours = species_neighbours([99.9, 99.9], [99.0, 99.0])
    [*_, gap, limit] = thresholds(neighbours, by_level, "prokaryote").steps(0)
    assert gap == Step("gap of the species", "G a", 0, 99.0, pytest.approx(99.9), 99.0)
    assert limit == Step("range of the kind", "prokaryote", 0, 94.0, 97.0, 97.0)


@given(st.lists(st.tuples(st.floats(60, 100), st.floats(60, 100)), min_size=2, max_size=8), st.data())
@settings(deadline=None)
def test_the_last_step_has_the_required_ani(pairs: list[tuple[float, float]], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=len(pairs), max_size=len(pairs)))
    kind = data.draw(st.sampled_from(sorted(PRIORS)))
    same, other = zip(*pairs, strict=True)
    found = thresholds(species_neighbours(same, other), levels(genus=names, species=names), kind)
    steps = found.steps(0, (1,))
    assert steps[-1].ani == found.required(0, (1,))
    assert steps[0].source == "prior"
    assert (steps[0].ani, steps[0].name) == (prior_of(kind).ani, kind)
    low, high = RANGE.get(kind, WIDEST)
    assert low <= steps[-1].ani <= high


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
