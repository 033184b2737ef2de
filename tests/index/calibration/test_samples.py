"""Samples for calibration: the mixture of regimes, usable queries, weights and relatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import hits, join_hits, levels, no_neighbours, species_neighbours

from genome_index.index.calibration.calibrator import Samples
from genome_index.index.calibration.features import FEATURES, features_of
from genome_index.index.calibration.hits import HeldOut, Hits, nothing_held_out
from genome_index.index.calibration.samples import (
    MIXTURE,
    are_alone,
    join_samples,
    mixture_for,
    relatives,
    samples_of,
)
from genome_index.index.calibration.simulate import SimulatedQueries
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.calibration.vote import Vote, elect
from genome_index.taxonomy.levels import finer_level

LEVELS = levels(
    genus=["A", "A", "A", "B", None],
    species=["A a", "A a", "A b", "B c", None],
    subtype=["x", "y", "x", "y", None],
)
NEAR = no_neighbours(5)
NEIGHBOURS = species_neighbours(
    [97, 97, np.nan, np.nan, np.nan], [90, 90, 92, 92, np.nan], [1, 0, -1, -1, -1]
)
THRESHOLDS = SpeciesThresholds(NEIGHBOURS, LEVELS, np.full(5, "virus"))
TABLE = join_hits(
    hits([1, 2, 3], [0.9, 0.5, 0.1], 0.8, [96, 90, 80], 80, 60),  # of row 0: right at every level
    hits([2, 3, -1], [0.9, 0.5, 0], 0.7, [93, 85, np.nan], 80, 60),  # of row 1: wrong at species alone
    hits([3, 4, -1], [0.9, 0.5, 0], 0.7, [93, 85, np.nan], 80, 60),  # of row 2, alone in its species
    hits([4, -1, -1], [0.9, 0, 0], 0.7, [99, np.nan, np.nan], 80, 60),  # of row 3: no hit has a name
    hits([0, 1, 2], [0.9, 0.5, 0.1], 0.7, [99, 99, 99], 80, 60),  # of row 4, without any name
)


def simulated(regime: str, table: Hits = TABLE) -> SimulatedQueries:
    rows = np.arange(5)
    if regime == "nothing":
        return SimulatedQueries(regime, rows, table, nothing_held_out(5, 5))
    codes = LEVELS[regime].codes if regime in LEVELS else np.full(5, -1, np.int32)
    return SimulatedQueries(regime, rows, table, HeldOut(rows, codes, codes[rows]))


def samples(name: str, regime: str, share: float = 1.0) -> Samples:
    found = samples_of(LEVELS, name, simulated(regime), NEAR, THRESHOLDS, Vote(), share)
    assert found is not None
    return found


def test_the_mixture_gives_half_of_the_genus_to_a_higher_rank_itself() -> None:
    assert MIXTURE == {"nothing": 0.15, "genome": 0.4, "species": 0.25, "genus": 0.2}
    assert sum(MIXTURE.values()) == pytest.approx(1)
    for level in ("species", "genus", "strain"):
        assert mixture_for(level) == MIXTURE
    for level in ("superkingdom", "phylum", "class", "order", "family"):
        assert mixture_for(level) == {
            "nothing": 0.15,
            "genome": 0.4,
            "species": 0.25,
            "genus": 0.1,
            level: 0.1,
        }


def test_of_a_label_its_own_value_is_held_out_and_no_rank() -> None:
    assert mixture_for("subtype") == {"nothing": 0.15, "genome": 0.6, "subtype": 0.25}
    assert mixture_for("host") == {"nothing": 0.15, "genome": 0.6, "host": 0.25}


@pytest.mark.parametrize(
    ("name", "regime", "rows", "right"),
    [
        ("species", "genome", [0, 1], [True, False]),  # row 2 is alone in its species, row 3 too
        ("species", "species", [0, 1, 2], [True, False, False]),
        ("species", "nothing", [0, 1, 2], [True, False, False]),  # with its own genome row 2 is not alone
        ("genus", "genus", [0, 1, 2], [True, True, False]),
        ("genus", "genome", [0, 1, 2], [True, True, False]),
        ("subtype", "genome", [0, 1, 2], [False, False, False]),
        ("subtype", "subtype", [0, 1, 2], [False, False, False]),
    ],
)
def test_queries_with_a_name_and_an_answer_are_samples(
    name: str, regime: str, rows: list[int], right: list[bool]
) -> None:
    found = samples(name, regime)
    assert found.right.tolist() == right
    groups = LEVELS["genus"].codes[rows].tolist() if name != "subtype" else [2, 3, 4]
    assert found.group.tolist() == groups
    assert found.species_out.tolist() == [regime == "species"] * len(rows)
    assert found.name_out.tolist() == [regime == name] * len(rows)
    assert found.weight == pytest.approx([1 / len(rows)] * len(rows))


def test_weights_add_up_to_the_share_of_the_mixture() -> None:
    assert samples("genus", "genome", 0.3).weight == pytest.approx([0.1, 0.1, 0.1])


def test_features_are_those_of_the_elected_names() -> None:
    queries = simulated("species")
    elected, share = elect(TABLE, LEVELS["genus"], Vote())
    expected = features_of(
        TABLE, LEVELS["genus"], finer_level(LEVELS, "genus"), elected, share, NEAR, queries.held
    )
    assert samples("genus", "species").features == pytest.approx(expected[:3])


def test_the_ani_of_a_species_is_relative_to_what_it_requires() -> None:
    column = FEATURES.index("ani")
    found = samples("species", "species")
    required = [THRESHOLDS.required(1, (0,)), THRESHOLDS.required(2, (1,)), THRESHOLDS.required(3, (2,))]
    assert found.features[:, column] == pytest.approx(np.array([96, 93, 93]) - required, abs=1e-4)
    assert found.eligible.tolist() == [required[0] <= 96, required[1] <= 93, required[2] <= 93]
    assert found.eligible.tolist() == [True, False, False]
    assert samples("genus", "species").features[:, column] == pytest.approx([96, 93, 93])
    assert samples("genus", "species").eligible.all()


def test_with_nothing_held_out_a_species_requires_what_it_learned_from_all() -> None:
    column = FEATURES.index("ani")
    required = [THRESHOLDS.required(row) for row in (1, 2, 3)]
    found = samples("species", "nothing").features[:, column]
    assert found == pytest.approx(np.array([96, 93, 93]) - required, abs=1e-4)
    assert THRESHOLDS.required(1) != THRESHOLDS.required(1, (0,))


def test_a_hit_at_the_required_ani_is_eligible() -> None:
    thresholds = SpeciesThresholds(species_neighbours([np.nan] * 5, [np.nan] * 5), {}, np.full(5, "virus"))
    table = replace(TABLE, ani=np.full((5, 3), 95, np.float32))
    found = samples_of(LEVELS, "species", simulated("species", table), NEAR, thresholds, Vote())
    assert found is not None
    assert found.eligible.tolist() == [True] * 3


def test_without_a_usable_query_there_are_no_samples() -> None:
    nobody = simulated("genome", TABLE.take(np.full((5, 3), 2)))  # hits of the last column alone
    some = replace(nobody, rows=nobody.rows[3:], hits=nobody.hits.only(slice(3, 5)))
    some = replace(some, held=HeldOut(some.rows, some.held.codes, some.held.own[3:]))
    assert samples_of(LEVELS, "genus", some, NEAR, THRESHOLDS, Vote()) is None


@pytest.mark.parametrize(
    ("name", "regime", "alone"),
    [
        ("species", "nothing", [False, False, False, False, False]),
        ("species", "genome", [False, False, True, True, False]),
        ("species", "genus", [True, True, True, True, False]),
        ("genus", "genome", [False, False, False, True, False]),
        ("genus", "species", [False, False, False, True, False]),
        ("genus", "genus", [True, True, True, True, False]),
        ("subtype", "genus", [True, False, True, False, False]),  # rows 1 and 3, of two genera, have y
    ],
)
def test_a_query_is_alone_if_all_of_its_name_are_held_out(name: str, regime: str, alone: list[bool]) -> None:
    assert are_alone(LEVELS[name], simulated(regime)).tolist() == alone


def test_queries_whose_own_name_is_held_out_are_no_others() -> None:
    assert samples("genus", "genus").name_out.all()
    assert not samples("genus", "genus").is_alone.any()
    assert samples("species", "genus").is_alone.all()


def test_relatives_share_a_genus_and_others_are_alone() -> None:
    assert relatives(LEVELS, np.array([3, 0, 4, 2])).tolist() == [1, 0, -5, 0]
    assert relatives({}, np.array([3, 0])).tolist() == [-4, -1]


def test_relatives_at_a_rank_above_genus_share_its_name() -> None:
    both = levels(family=["F", "F", None, "G"], genus=["A", "B", "C", "D"])
    rows = np.arange(4)
    assert relatives(both, rows, "family").tolist() == [0, 0, -3, 1]
    assert relatives(both, rows, "genus").tolist() == [0, 1, 2, 3]
    assert relatives(both, rows, "species").tolist() == [0, 1, 2, 3]
    assert relatives(both, rows, "phylum").tolist() == [-1, -2, -3, -4]  # nobody has a name there


def test_relatives_by_a_label_share_its_value_and_the_species() -> None:
    assert relatives(LEVELS, np.arange(5), "subtype").tolist() == [2, 3, 4, 7, -5]
    both = levels(species=["A a", "A a", "B c", "B c", None], subtype=["x", "x", "x", "y", "y"])
    assert relatives(both, np.arange(5), "subtype").tolist() == [2, 2, 4, 5, 1]
    assert relatives(levels(subtype=["x", "y", None]), np.arange(3), "subtype").tolist() == [0, 1, -3]


def test_joined_samples_weigh_one_on_average() -> None:
    first, second = samples("genus", "genome", 0.5), samples("species", "genome", 0.3)
    found = join_samples([first, second])
    assert found is not None
    assert found.weight.sum() == pytest.approx(5)
    assert found.weight == pytest.approx(np.concatenate([first.weight, second.weight]) * 5 / 0.8)
    assert found.right.tolist() == [*first.right.tolist(), *second.right.tolist()]
    assert found.features.shape == (5, len(FEATURES))
    assert found.group.tolist() == [*first.group.tolist(), *second.group.tolist()]
    first, second = samples("genus", "genus"), samples("species", "species")
    found = join_samples([first, second, samples("genus", "species")])
    assert found is not None
    assert found.species_out.tolist() == [False] * 3 + [True] * 6
    assert found.name_out.tolist() == [True] * 6 + [False] * 3
    assert join_samples([]) is None
