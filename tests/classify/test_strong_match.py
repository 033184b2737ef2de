"""Strong matches of a genus: which evidence has the prior of the kind, and what that does to the call."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from helpers.handmade import NAN, FixedThresholds, calibrator, hits, levels, model

from genome_index.classify.decision import decide
from genome_index.classify.elected_names import Name, names_of
from genome_index.classify.evidence import QueryEvidence
from genome_index.classify.explanation.rules import rules
from genome_index.classify.reasons import BY_PRIOR
from genome_index.classify.strong_match import genus_ani, strong_genus_confidence
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.index.calibration.hits import nothing_held_out
from genome_index.index.calibration.thresholds import prior_of

# Rows 0 and 1: Alpha; 2: Beta; 3: without a genus.
LEVELS = levels(
    family=["Alphaceae", "Alphaceae", "Betaceae", None],
    genus=["Alpha", "Alpha", "Beta", None],
    species=["Alpha una", "Alpha dua", "Beta una", None],
)
ALPHA = LEVELS["genus"].names.index("Alpha")
NOTHING = nothing_held_out(1, 4)
THRESHOLDS = FixedThresholds([95.0] * 4)


def confidence(
    rows: list[int],
    ani: list[float],
    af_query: list[float] | float = 90,
    af_reference: list[float] | float = 90,
    kind: str = "prokaryote",
) -> float:
    query = hits(rows, 0.9, 0.9, ani, af_query, af_reference)
    elected = np.array([ALPHA], np.int32)
    [found] = strong_genus_confidence(model(LEVELS, kind), query, LEVELS["genus"], elected)
    return float(found)


@pytest.mark.parametrize(
    ("kind", "least", "prior"),
    [
        ("prokaryote", 90, 0.95),
        ("virus", 90, 0.95),
        ("organelle", 94, 0.6),
        ("other", 90, 0.9),
    ],
)
def test_the_ani_that_a_genus_needs_lies_five_points_below_that_of_a_species(
    kind: str, least: float, prior: float
) -> None:
    assert genus_ani(prior_of(kind)) == least
    assert confidence([0], [least], kind=kind) == prior
    assert confidence([0], [least - 0.1], kind=kind) == 0


def test_plasmids_cross_genera() -> None:
    assert confidence([0], [99.9], kind="plasmid") == 0


@pytest.mark.parametrize(
    ("of_query", "of_reference", "expected"),
    [(50, 50, 0.95), (49.9, 90, 0), (90, 49.9, 0), (NAN, NAN, 0)],
)
def test_both_genomes_must_be_aligned(of_query: float, of_reference: float, expected: float) -> None:
    assert confidence([0], [94.9], of_query, of_reference) == expected


@pytest.mark.parametrize(
    ("rows", "ani", "af_query", "expected"),
    [
        ([0, 2], [94.9, 89.9], [90, 90], 0.95),
        ([0, 2], [94.9, 90.0], [90, 90], 0),  # another genus within five points
        ([0, 2], [94.9, 99.0], [90, 90], 0),
        ([0, 1], [94.9, 94.0], [90, 90], 0.95),  # another species of the same genus is no rival
        ([0, 3], [94.9, 94.0], [90, 90], 0.95),  # nor is a genome without a genus
        ([0, 2], [94.9, NAN], [90, NAN], 0.95),  # too far for an ANI
        ([1, 0], [80.0, 94.9], [90, 90], 0.95),  # the closest of the genus counts
        ([0, -1], [94.9, NAN], [90, NAN], 0.95),
    ],
)
def test_no_other_genus_may_be_near(
    rows: list[int], ani: list[float], af_query: list[float], expected: float
) -> None:
    assert confidence(rows, ani, af_query, af_query) == expected


def test_a_short_shared_part_of_another_genus_is_no_rival() -> None:
    assert confidence([0, 2], [94.9, 99.0], [90, 10], [90, 10]) == 0.95


def called(threshold: float, intercept: float, ani: float = 94.9) -> Mapping[str, Name]:
    """Names where the calibrators of genus and family give logistic(intercept)."""
    fitted = {rank: calibrator({}, threshold, intercept) for rank in ("genus", "family")}
    query = hits([0, 2], 0.9, [0.9, 0.61], [ani, NAN], [90, NAN], [90, NAN])
    [found] = names_of(model(LEVELS, calibrators=fitted), query, NOTHING)
    return found


@pytest.mark.parametrize(
    ("threshold", "intercept", "probability", "by_prior"),
    [
        (NEVER, 0.0, 0.95, True),  # an index of too few genera to learn a threshold
        (NEVER, 4.0, 0.95, True),  # a probability above the prior, which is never called
        (0.8, 0.0, 0.95, True),
        (0.8, 4.0, 1 / (1 + np.exp(-4.0)), False),  # as learned
    ],
)
def test_a_strong_genus_is_called_with_its_prior_and_the_family_too(
    threshold: float, intercept: float, probability: float, by_prior: bool
) -> None:
    found = called(threshold, intercept)
    for rank in ("genus", "family"):
        assert found[rank].is_called()
        assert found[rank].probability == pytest.approx(probability)
        assert found[rank].by_prior is by_prior


def test_what_was_learned_of_a_species_does_not_replace_the_prior_of_its_genus() -> None:
    fitted = {"genus": calibrator({}, NEVER), "species": calibrator({}, 0.5, 4.0)}
    query = hits([0, 2], 0.9, [0.9, 0.61], [94.9, NAN], [90, NAN], [90, NAN])
    [found] = names_of(model(LEVELS, calibrators=fitted), query, NOTHING)
    assert found["species"].probability > 0.95
    assert found["genus"] == Name(ALPHA, 0.95, NEVER, by_prior=True)


def test_a_weak_match_is_called_no_more_often() -> None:
    found = called(NEVER, 4.0, ani=89.9)
    assert not found["genus"].is_called()
    assert not found["genus"].by_prior


def test_the_reason_and_the_rules_say_that_it_is_the_prior() -> None:
    fitted = {"genus": calibrator({}, NEVER), "species": calibrator({}, NEVER)}
    index = model(LEVELS, calibrators=fitted)
    query = hits([0, 2], 0.9, [0.9, 0.61], [94.9, NAN], [90, NAN], [88, NAN])
    [found] = names_of(index, query, NOTHING)
    verdict = decide(index, THRESHOLDS, query, 0, found)
    assert (verdict.verdict, verdict.name, verdict.confidence) == ("genus", "Alpha", 0.95)
    assert verdict.reason == (
        "ANI 94.9 % to Alpha una (aligned: 90 % of the query, 88 % of the reference), below the species "
        f"threshold of 95.0 %. The genus Alpha is right with probability 0.95; {BY_PRIOR}."
    )
    [check] = [
        one
        for one in rules(QueryEvidence(index, THRESHOLDS, query, 0, found, -1), query, 0)
        if one.name == "genus"
    ]
    assert check.text == (
        "The genus Alpha is right with probability 0.950; 0.500 is required. A strong match: ANI 90 % and "
        "more to a genome of it, 50 % of both genomes aligned, and every other genus 5 points farther. So "
        "the confidence is the prior of the kind."
    )
