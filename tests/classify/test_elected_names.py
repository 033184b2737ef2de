"""Elected names: calibrated probability, thresholds, and the rule for indexes too small to calibrate."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import (
    NAN,
    calibrator,
    hits,
    join_hits,
    levels,
    model,
    no_neighbours,
    species_neighbours,
)

from genome_index.classify.elected_names import PRIOR_THRESHOLD, Name, names_of
from genome_index.index.calibration.features import FEATURES, features_of, relative_to_required, required_ani
from genome_index.index.calibration.hits import HeldOut, nothing_held_out
from genome_index.index.calibration.vote import elect
from genome_index.taxonomy.levels import finer_level

LEVELS = levels(
    family=["F", "F", "F", "F"],
    genus=["A", "A", "B", None],
    species=["A a", "A b", "B c", None],
    subtype=["x", "y", "x", None],
)
NOTHING = nothing_held_out(1, 4)


@pytest.mark.parametrize(
    ("level", "identity", "probability"),
    [
        ("species", 0.94, 0.9),
        ("species", 0.9399, 0.1),
        ("genus", 0.85, 0.9),
        ("genus", 0.8499, 0.1),
        ("family", 0.84, 0.1),
        ("family", 0.94, 0.9),  # as probable as the species that belongs to it
        ("subtype", 1.0, 0.1),
    ],
)
def test_without_calibration_shared_kmers_alone_decide(
    level: str, identity: float, probability: float
) -> None:
    [found] = names_of(model(LEVELS), hits([0, 2], [0.9, 0.5], [identity, 0.99]), NOTHING)
    assert found[level].threshold == PRIOR_THRESHOLD == 0.5
    if level in ("species", "genus"):  # at the others both hits may have the name
        [alone] = names_of(model(LEVELS), hits([0], 0.9, identity), NOTHING)
        assert alone[level] == Name(0, probability, 0.5)
    assert names_of(model(LEVELS), hits([0], 0.9, identity), NOTHING)[0][level].probability == probability


def test_the_best_hit_of_the_name_counts_not_that_of_another() -> None:
    [found] = names_of(model(LEVELS), hits([2, 0, 1], [0.1, 0.9, 0.8], [0.6, 0.7, 0.86]), NOTHING)
    assert found["genus"] == Name(0, 0.9, 0.5)
    [found] = names_of(model(LEVELS), hits([0, 2], [0.95, 0.1], [0.65, 0.6]), NOTHING)
    assert found["genus"] == Name(0, 0.1, 0.5)


def test_a_missing_hit_has_no_kmers() -> None:
    [found] = names_of(model(LEVELS), hits([0, -1], [0.9, 0.0], [0.7, 0.99]), NOTHING)
    assert found["species"] == Name(0, 0.1, 0.5)


def test_without_a_name_there_is_no_probability() -> None:
    calibrated = model(LEVELS, calibrators={"genus": calibrator({}, 0.7, intercept=3)})
    [found] = names_of(calibrated, hits([3], 0.9, 0.99), NOTHING)
    assert found["genus"] == Name(-1, 0.0, 0.7)
    assert found["species"] == Name(-1, 0.0, 0.5)


@pytest.mark.parametrize("name", ["genus", "subtype"])
def test_a_calibrated_level_has_the_probability_of_its_features(name: str) -> None:
    weights = {"margin": 1.5, "share": -0.5, "ani": 0.01}
    fitted = calibrator(weights, threshold=0.66)
    calibrated = model(LEVELS, calibrators={name: fitted})
    query = join_hits(
        hits([0, 2], [0.9, 0.5], [0.9, 0.7], [94, NAN]), hits([2, 1], [0.9, 0.8], [0.9, 0.8], [96, 93])
    )
    held = HeldOut(np.array([3, -1]), LEVELS["genus"].codes, np.array([-1, -1], np.int32))
    codes, share = elect(query, LEVELS[name], fitted.vote)
    features = features_of(
        query, LEVELS[name], finer_level(LEVELS, name), codes, share, no_neighbours(4), held
    )
    expected = fitted.probability(features)
    found = names_of(calibrated, query, held)
    for i in range(2):
        assert found[i][name] == Name(int(codes[i]), pytest.approx(expected[i]), 0.66)  # type: ignore[arg-type]


def test_the_ani_of_a_species_is_relative_to_what_it_requires() -> None:
    fitted = calibrator({"ani": 1.0}, threshold=0.66)
    neighbours = species_neighbours([98, 98, 98, NAN], [94, 94, 94, NAN])
    calibrated = model(LEVELS, calibrators={"species": fitted}, species_neighbours=neighbours)
    query = hits([0, 2], [0.9, 0.5], [0.9, 0.7], [96, NAN], 90, 90)
    [found] = names_of(calibrated, query, NOTHING)
    above = 96 - calibrated.thresholds.required(0)
    assert 0 < above < 2
    assert found["species"].probability == pytest.approx(1 / (1 + np.exp(-above)), abs=1e-5)
    held = HeldOut(np.array([1]), LEVELS["species"].codes, np.array([-1], np.int32))
    [found] = names_of(calibrated, query, held)
    codes, share = elect(query, LEVELS["species"], fitted.vote)
    features = features_of(query, LEVELS["species"], None, codes, share, no_neighbours(4), held)
    required = required_ani(query, np.array([1]), codes, LEVELS["species"], calibrated.thresholds)
    features = relative_to_required(features, required)
    assert found["species"].probability == pytest.approx(fitted.probability(features)[0])
    assert features[0, FEATURES.index("ani")] != pytest.approx(above, abs=1e-4)


def test_the_vote_is_that_of_the_calibrator() -> None:
    query = hits([0, 2], [0.5, 0.4], [0.6, 0.66])
    by_kmers = calibrator({})
    by_similarity = type(by_kmers)(**{**vars(by_kmers), "vote": type(by_kmers.vote)(0.0, 0.05)})
    assert names_of(model(LEVELS, calibrators={"genus": by_kmers}), query, NOTHING)[0]["genus"].code == 1
    assert names_of(model(LEVELS, calibrators={"genus": by_similarity}), query, NOTHING)[0]["genus"].code == 0


def test_every_query_has_every_level() -> None:
    found = names_of(model(LEVELS), join_hits(hits([0]), hits([2]), hits([-1])), nothing_held_out(3, 4))
    assert [list(names) for names in found] == [list(LEVELS)] * 3
    assert [names["genus"].code for names in found] == [0, 1, -1]
