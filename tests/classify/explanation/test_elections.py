"""Elections of an explanation: where each probability and each threshold comes from, and the features."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import levels, model

from genome_index.classify.elected_names import Name, NameBasis
from genome_index.classify.explanation.elections import elections
from genome_index.classify.explanation.feature_texts import PERCENT_OF_ONE, TEXTS
from genome_index.classify.explanation.records import Election, Feature
from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.vote import Vote

LEVELS = levels(genus=["A", "A"], species=["A a", "A b"], subtype=["x", None])


def calibrator(weights: dict[str, float], threshold: float = 0.8, intercept: float = 0.0) -> Calibrator:
    """Each feature adds its weight on the way from -10 to 10."""
    knots = np.tile([-10.0, 10.0], (len(FEATURES), 1))
    table = [weights.get(name, 0.0) for name in FEATURES]
    return Calibrator(Vote(), knots, np.array([intercept, *table]), threshold, 100)


def features(**values: float) -> np.ndarray:
    return np.array([values.get(name.replace(" ", "_").replace("-", "_"), 0.0) for name in FEATURES])


def basis(learned: float, strong: float = 0.0, **values: float) -> NameBasis:
    return NameBasis(0.75, features(**values), learned, strong)


def found(names: dict[str, Name], **calibrators: Calibrator) -> dict[str, Election]:
    given = {level: names.get(level, Name(-1, 0.0, 0.8)) for level in LEVELS}
    return {one.level: one for one in elections(model(LEVELS, calibrators=calibrators), given)}


def test_the_most_specific_rank_comes_first_and_labels_last() -> None:
    assert list(found({})) == ["species", "genus", "subtype"]


def test_a_level_without_a_name_has_nothing() -> None:
    assert found({})["species"] == Election(
        "species", None, 0.0, 0.0, "nothing", "no candidate has a name", 0.8, "prior",
        "prior: too few genomes", False,
    )  # fmt: skip


def test_a_learned_probability_has_its_features_in_readable_units() -> None:
    values = {"ani": 3.0, "share": 0.75, "hits_of_the_name": math.log1p(4), "k_mer_identity": 0.5}
    fitted = calibrator({"ani": 2.0, "share": 4.0}, 0.7, -1)
    one = found({"species": Name(0, 0.9, 0.7, basis=basis(0.9, **values))}, species=fitted)["species"]
    assert (one.name, one.votes, one.learned, one.is_called) == ("A a", 0.75, 0.9, True)
    assert (one.probability_from, one.probability_text) == ("calibrator", "100 simulated queries")
    assert (one.required_from, one.required_text) == ("simulated queries", "learned")
    assert [feature.name for feature in one.features] == list(FEATURES)
    assert one.log_odds == pytest.approx(-1 + 2 * 13 / 20 + 4 * 10.75 / 20)
    by_name = {feature.name: feature for feature in one.features}
    assert by_name["share"].value == 75
    assert by_name["hits of the name"].value == 4
    assert by_name["k-mer identity"].value == 50
    assert by_name["ani"] == Feature(
        "ani", "ANI above the required", "points", 3.0, -10, 10, pytest.approx(1.3),
        "no ANI: counts as 70 %",
    )  # fmt: skip


def test_a_value_outside_of_what_was_learned_is_named() -> None:
    assert [Feature("n", "t", "", value, 1, 2, 0.0).outside for value in (0.9, 1, 1.5, 2, 2.1)] == [
        "below", "", "", "", "above",
    ]  # fmt: skip
    assert Feature("n", "t", "", 2.000001, 1, 2, 0.0).outside == ""  # the last bits of 32


@pytest.mark.parametrize(
    ("name", "word", "text"),
    [
        (Name(0, 0.95, 0.8, True, basis(0.62, 0.95)), "strong match", "strong match; 0.62 else"),
        (Name(0, 0.98, 0.8, True, basis(0.9, 0.98)), "identical genome", "identical genome; 0.90 else"),
    ],
)
def test_a_strong_match_raises_a_probability(name: Name, word: str, text: str) -> None:
    one = found({"species": name}, species=calibrator({}, 0.8))["species"]
    assert (one.probability_from, one.probability_text) == (word, text)
    assert (one.required, one.required_from, one.required_text) == (0.5, "prior", "prior: strong match")


def test_a_rank_may_be_as_probable_as_the_finer_one() -> None:
    one = found({"genus": Name(0, 0.97, 0.8, basis=basis(0.41))}, genus=calibrator({}, 0.8))["genus"]
    assert (one.probability_from, one.probability_text) == ("finer rank", "that of the species; 0.41 else")


@pytest.mark.parametrize(
    ("level", "learned", "text"),
    [
        ("species", 0.9, "prior: k-mers from 94 %"),
        ("genus", 0.1, "prior: k-mers below 85 %"),
        ("subtype", 0.1, "prior"),
    ],
)
def test_an_index_that_learned_nothing_has_priors(level: str, learned: float, text: str) -> None:
    one = found({level: Name(0, learned, 0.5, basis=NameBasis(0.5, None, learned, 0.0))})[level]
    assert (one.probability_from, one.probability_text) == ("shared k-mers", text)
    assert (one.required_from, one.required_text) == ("prior", "prior: too few genomes")
    assert (one.learned, one.intercept, one.log_odds, one.features) == (None, None, None, ())


def test_an_outdated_calibration_is_the_reason_for_priors() -> None:
    made = replace(model(LEVELS), is_outdated=True)
    names = {level: Name(0, 0.9, 0.5, basis=NameBasis(0.5, None, 0.9, 0.0)) for level in LEVELS}
    assert {one.required_text for one in elections(made, names)} == {"prior: calibration outdated"}


@pytest.mark.parametrize(
    ("threshold", "word", "text"),
    [
        (NEVER, "too few", "never: too few names"),
        (0.8, "default", "default: nothing to learn from"),
        (0.5, "simulated queries", "learned: at its lowest"),
        (0.95, "simulated queries", "learned: at its highest"),
        (0.6, "simulated queries", "learned"),
    ],
)
def test_a_threshold_says_where_it_comes_from(threshold: float, word: str, text: str) -> None:
    names = {"genus": Name(0, 0.9, threshold, basis=basis(0.9))}
    one = found(names, genus=calibrator({}, threshold))["genus"]
    assert (one.required, one.required_from, one.required_text) == (threshold, word, text)
    assert one.is_called == (threshold <= 0.9)


def test_every_feature_has_a_text_of_its_own() -> None:
    assert set(TEXTS) == set(FEATURES)
    assert len({text for text, _ in TEXTS.values()}) == len(FEATURES)
    assert set(PERCENT_OF_ONE) <= set(FEATURES)
