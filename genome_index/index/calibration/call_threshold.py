"""Limits of a calibrator: the least probability at which its level is called, and the highest it gives.

A query that is itself in the index is right almost always, and its evidence resembles that of a near twin
under another name, as of species that share a mitogenome. What such queries add to the highest probabilities
is true of them alone, and they need it least: a match of identical sequence has a confidence of its own
(classify/strong_match.py). So no species is surer than the surest of queries whose own genome is not there.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import (
    DEFAULT_THRESHOLD,
    Calibrator,
    Samples,
    fit_calibrator,
)

Doubles = npt.NDArray[np.float64]

REQUIRED_PRECISION = 0.915  # of calls with the species held out; the promise is 0.90
FALSE_CALLS = 0.05  # of queries with their own name held out may still get one; a margin is kept below
LEAST_ALONE = (
    100  # queries that have no other of their name, to learn from beside those whose name is held out
)
LEAST_CALLS = 30  # to learn a threshold from, or half of the right answers where that is less
THRESHOLDS = (0.50, 0.95)  # a learned threshold stays between
THRESHOLD_FOLDS = 3  # probabilities for learning a threshold come from calibrators fitted on the other folds
NEVER = 1.01  # a threshold that no probability reaches
SURE = 0.9  # probabilities from here on are held to their share of right names
LEAST_SURE = 10.0  # such samples, in effect: with fewer, one wrong name would decide
PRIOR_SAMPLES = 1.0  # that are right as often as stated


def with_threshold(
    fitted: Calibrator, samples: Samples, is_label: bool = False, has_ceiling: bool = False
) -> Calibrator:
    """The same calibrator with its threshold learned, from probabilities in which relatives had no part.

    With `has_ceiling`, its highest probability is learned from them too.
    """
    learn = label_threshold if is_label else learned_threshold
    probability = unrelated_probability(fitted, samples)
    limited = replace(fitted, threshold=learn(probability, samples))
    return with_ceiling(limited, samples, probability) if has_ceiling else limited


def unrelated_probability(fitted: Calibrator, samples: Samples) -> Doubles:
    """Probabilities of the samples by calibrators that learned from other relatives: (S,)."""
    fold = np.unique(samples.group, return_inverse=True)[1] % THRESHOLD_FOLDS
    probability = fitted.probability(samples.features)
    for part in range(THRESHOLD_FOLDS):
        others = samples.only(fold != part)
        if others.right.any():
            unrelated = fit_calibrator(others, fitted.vote)
            probability[fold == part] = unrelated.probability(samples.features[fold == part])
    return probability


def with_ceiling(fitted: Calibrator, samples: Samples, probability: Doubles) -> Calibrator:
    """The same calibrator with its highest probability, from cross-fitted probabilities of samples (S,).

    A level with fewer than LEAST_SURE sure samples keeps it. It is at least the threshold, so that the level
    can be called.
    """
    sure = samples.own_out & samples.eligible & (probability >= SURE)
    weight = samples.weight[sure]
    number = weight.sum() ** 2 / (weight**2).sum() if sure.any() else 0.0  # Kish's effective sample size
    if number < LEAST_SURE:
        return fitted
    right = float(np.average(samples.right[sure], weights=weight))
    stated = float(np.average(probability[sure], weights=weight))
    ceiling = (right * number + stated * PRIOR_SAMPLES) / (number + PRIOR_SAMPLES)
    return replace(fitted, highest=min(fitted.highest, max(ceiling, fitted.threshold)))


def learned_threshold(probability: Doubles, samples: Samples) -> float:
    """The least probability at which calls can be trusted where the index lacks the query's taxon.

    Of queries with their own name at this level held out, fewer than FALSE_CALLS are called, and of those
    that have no other of their name anyway, as families of one genus have. Of the calls of queries with
    their species held out, at genus and above, REQUIRED_PRECISION are right.
    """
    out, species_out = samples.name_out, samples.species_out
    if not (out.any() or species_out.any()):
        return DEFAULT_THRESHOLD
    groups = [out, samples.is_alone] if samples.is_alone.sum() >= LEAST_ALONE else [out]
    thresholds = [
        _threshold_of_false_calls(probability[of], samples.eligible[of]) for of in groups if of.any()
    ]
    threshold = max(thresholds, default=0.0)
    if samples.right[species_out].any():
        precise = _threshold_of_precision(probability[species_out], samples.right[species_out])
        threshold = max(threshold, precise)
    return threshold


def label_threshold(probability: Doubles, samples: Samples) -> float:
    """The least probability at which REQUIRED_PRECISION of the calls of a label are right, in its mixture.

    A label's values are a closed list more often than names of species are, and neighbouring ones are not
    kept apart by a gap in ANI. Held to FALSE_CALLS, subtypes of viruses were called for 36 % of the genomes
    whose subtype is there, at 99 % right; held to precision, for 86 % at 94 % (tests/bench/RESULTS.md).
    """
    if not samples.name_out.any():
        return DEFAULT_THRESHOLD
    return _threshold_of_precision(probability, samples.right, samples.weight)


def _threshold_of_false_calls(probability: Doubles, eligible: npt.NDArray[np.bool_]) -> float:
    """The least threshold that so few of the queries reach that FALSE_CALLS is likely to hold for others.

    Probabilities (S,), and whether they may be called (S,). Of as many others, half would have more false
    calls than these; so a standard deviation of their number is left as a margin.
    """
    descending = np.sort(probability[eligible])[::-1]
    expected = FALSE_CALLS * len(probability)
    allowed = int(max(expected - math.sqrt(expected * (1 - FALSE_CALLS)), 0))
    threshold = descending[allowed] + 1e-6 if allowed < len(descending) else 0
    return float(np.clip(threshold, *THRESHOLDS))


def _threshold_of_precision(
    probability: Doubles, right: npt.NDArray[np.bool_], weight: Doubles | None = None
) -> float:
    """The least threshold at which REQUIRED_PRECISION of the calls are right: (S,), (S,), (S,) or equal."""
    order = np.argsort(-probability, kind="stable")
    calls = np.arange(1, len(right) + 1)
    weights = np.ones(len(right)) if weight is None else weight[order]
    is_precise = np.cumsum(weights * right[order]) / np.cumsum(weights) >= REQUIRED_PRECISION
    is_enough = calls >= min(LEAST_CALLS, int(right.sum()) // 2)
    last = np.flatnonzero(is_precise & is_enough)[-1:]
    return float(np.clip(probability[order][last[0]], *THRESHOLDS)) if len(last) else THRESHOLDS[1]
