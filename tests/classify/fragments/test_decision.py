"""Which rank a fragment is called at, from hits and names made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import (
    MemoryIndex,
    MemoryReferences,
    calibrator,
    entries,
    hits,
    join_hits,
    levels,
    model,
    species_neighbours,
)

from genome_index.classify.elected_names import Name
from genome_index.classify.fragments.decision import (
    DEVIATIONS,
    called_rank,
    fragment_names,
    may_reach_threshold,
    ranks_from_species,
)
from genome_index.classify.fragments.hits import Fragments
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import Level

LEVELS = levels(
    family=["F"] * 4, genus=["A", "A", "A", "B"], species=["a", "a", "b", "c"], strain=["1", "2", "3", "4"],
    subtype=["x", "y", "x", "y"],
)  # fmt: skip
SURE, UNSURE = 0.9, 0.5


def index(by_level: dict[str, Level] | None = None) -> MemoryIndex:
    by_level = by_level or LEVELS
    neighbours = species_neighbours([98] * 4, [80] * 4)
    made = model(by_level, "virus", species_neighbours=neighbours)
    return MemoryIndex(made, MemoryReferences(IndexSpec(), [[]] * 4), entries(by_level))


def fragments(*sampled: int) -> Fragments:
    size = len(sampled)
    return Fragments(
        np.full(size, 1_000),
        np.zeros((size, 4), np.float32),
        [np.arange(count, dtype=np.uint64) for count in sampled],
        np.full(size, 2**60, np.uint64),
    )


def names(**probability: float) -> dict[str, Name]:
    """A name at every rank of the index, called from 0.8 on."""
    return {rank: Name(0, probability.get(rank, 0.0), 0.8) for rank in LEVELS}


def rank(
    table: Hits, given: dict[str, Name], sampled: int = 100, made: MemoryIndex | None = None
) -> str | None:
    return called_rank(made or index(), fragments(sampled), table, 0, given)  # type: ignore[arg-type]


NEAR = hits([0, 2, 3], 0.5, [0.99, 0.9, 0.6])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"species": SURE, "genus": SURE, "family": SURE}, "species"),
        ({"species": UNSURE, "genus": SURE, "family": SURE}, "genus"),
        ({"species": UNSURE, "genus": UNSURE, "family": SURE}, "family"),
        ({"species": 0.8}, "species"),
        ({"species": 0.799}, None),
        ({"strain": SURE, "subtype": SURE}, None),
    ],
)
def test_the_most_specific_sure_rank_is_called(given: dict[str, float], expected: str | None) -> None:
    assert rank(NEAR, names(**given)) == expected


def test_a_name_that_nobody_has_is_not_called() -> None:
    assert rank(NEAR, {**names(genus=SURE), "genus": Name(-1, 0.99, 0.8)}) is None


def test_without_a_shared_kmer_nothing_is_called() -> None:
    assert rank(hits([0, 2], 0.99, 0.6), names(species=SURE, genus=SURE)) is None
    later = hits([0, 2], 0.99, [0.6, 0.7])
    assert rank(later, names(species=SURE, genus=SURE)) == "genus"  # no hit of the species shares one


def test_a_species_too_far_from_its_threshold_gives_way_to_the_genus() -> None:
    far = hits([0, 2], 0.5, [0.8, 0.7])
    assert rank(far, names(species=SURE, genus=SURE)) == "genus"
    assert rank(far, names(species=SURE)) is None


def test_ranks_are_those_of_the_index_species_first() -> None:
    assert ranks_from_species(index().model) == ["species", "genus", "family"]
    by_level = {name: LEVELS[name] for name in ("family", "subtype")}
    assert ranks_from_species(index(by_level).model) == ["family"]
    assert rank(NEAR, names(family=SURE), made=index(by_level)) == "family"


@pytest.mark.parametrize("sampled", [1, 20, 400])
@pytest.mark.parametrize("identity", [0.82, 0.86, 0.87, 0.88, 0.885, 0.89, 0.9, 0.95])
def test_a_species_may_reach_its_threshold_within_two_standard_errors(sampled: int, identity: float) -> None:
    made = index()
    required = made.model.thresholds.required(0)
    assert 88 < required < 95
    share = float(np.float32(identity)) ** 21
    highest = min(1.0, share + DEVIATIONS * (share * (1 - share) / sampled) ** 0.5)
    table = join_hits(hits([3, 3]), hits([2, 0], 0.5, [0.97, identity]))
    found = may_reach_threshold(made, fragments(9, sampled), table, 1, 0)  # type: ignore[arg-type]
    assert found is bool(100 * highest ** (1 / 21) >= required)
    assert DEVIATIONS == 2.0


def test_both_sides_of_the_threshold_occur() -> None:
    made = index()
    reach = [
        may_reach_threshold(made, fragments(sampled), hits([0], 0.5, identity), 0, 0)  # type: ignore[arg-type]
        for sampled in (20, 400)
        for identity in (0.82, 0.87, 0.9, 0.95)
    ]
    assert len(set(reach)) == 2


def test_the_best_hit_of_the_species_counts() -> None:
    made = index()
    table = hits([2, 0, 1, -1], 0.5, [0.6, 0.7, 0.99, 0.99])
    assert may_reach_threshold(made, fragments(100), table, 0, 0)  # type: ignore[arg-type]
    assert not may_reach_threshold(made, fragments(100), table, 0, 1)  # type: ignore[arg-type]  # the floor
    assert not may_reach_threshold(made, fragments(0), hits([0], 0.5, 0.7), 0, 0)  # type: ignore[arg-type]


# -- names ---------------------------------------------------------------------------------------------------


def made_model() -> Model:
    return model(LEVELS, calibrators={"genus": calibrator({}, 0.11)})


def of_lengths(*lengths: int) -> Fragments:
    size = len(lengths)
    return Fragments(
        np.array(lengths),
        np.zeros((size, 4), np.float32),
        [np.empty(0, np.uint64)] * size,
        np.zeros(size, np.uint64),
    )


def test_each_fragment_has_the_calibrators_of_its_length() -> None:
    calibrators = {
        500: {"genus": calibrator({}, 0.5, intercept=0.5)},
        3_000: {"genus": calibrator({}, 0.6, intercept=1)},
        30_000: {"species": calibrator({}, 0.7, intercept=2)},
    }
    far = 0.9  # k-mer identity below that of a species, which would make its genus as probable
    near_a, near_b = hits([0, 3], 0.9, far), hits([3, 0], [0.9, 0.1], far)
    table = join_hits(near_a, near_b, near_a, near_a)
    found = fragment_names(made_model(), calibrators, of_lengths(3_100, 510, 40_000, 5_000), table)
    logistic = [1 / (1 + np.exp(-logit)) for logit in (0.5, 1, 2)]
    assert found[0]["genus"] == Name(0, pytest.approx(logistic[1]), 0.6)  # type: ignore[arg-type]
    assert found[1]["genus"] == Name(1, pytest.approx(logistic[0]), 0.5)  # type: ignore[arg-type]
    assert found[2]["species"] == Name(0, pytest.approx(logistic[2]), 0.7)  # type: ignore[arg-type]
    assert found[2]["genus"].threshold == 0.5  # no calibrator at this length: the rule without calibration
    assert found[3]["genus"].threshold == 0.6
    [between] = fragment_names(made_model(), calibrators, of_lengths(1_100), hits([0], 0.9, far))
    assert between["genus"].probability == pytest.approx(logistic[0])  # 500 bp is the nearest that there is


def test_without_calibrators_the_rule_of_shared_kmers_holds() -> None:
    found = fragment_names(made_model(), {}, of_lengths(600, 9_000), join_hits(hits([0]), hits([3])))
    assert [each["genus"] for each in found] == [Name(0, 0.9, 0.5), Name(1, 0.9, 0.5)]
