"""Threshold of a calibrator: the least probability at which its level is called."""

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


def with_threshold(fitted: Calibrator, samples: Samples, is_label: bool = False) -> Calibrator:
    """The same calibrator with its threshold learned, from probabilities in which relatives had no part."""
    fold = np.unique(samples.group, return_inverse=True)[1] % THRESHOLD_FOLDS
    probability = fitted.probability(samples.features)
    for part in range(THRESHOLD_FOLDS):
        others = samples.only(fold != part)
        if others.right.any():
            unrelated = fit_calibrator(others, fitted.vote)
            probability[fold == part] = unrelated.probability(samples.features[fold == part])
    learn = label_threshold if is_label else learned_threshold
    return replace(fitted, threshold=learn(probability, samples))


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
