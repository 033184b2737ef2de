"""Calibrator: the probability that an elected name is right, from features of its hits.

It is an additive logistic regression on simulated queries: references queried with nothing, or with their own
genome, species or genus, held out (simulate.py, samples.py). Each feature adds a piecewise linear function,
which never falls where the feature is evidence (features.py): more evidence never lowers a confidence. Below
the least and above the greatest value that the samples show, the function is flat. Each level has its own
calibrator, with a threshold below which the level is not called (call_threshold.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.features import EVIDENCE, FEATURES
from genome_index.index.calibration.logistic import fit_logistic
from genome_index.index.calibration.vote import Vote

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

KNOTS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)  # quantiles of each feature at which its slope may change
FEW_KNOTS = (0.01, 0.5, 0.99)  # the same where samples are few
KNOTS_FROM = 300  # samples; fewer have FEW_KNOTS
NARROWEST = 1e-6  # distance of two knots; equal ones make a step
CERTAINTY = (0.005, 0.995)  # probabilities stay between: nothing here is surer than that
DEFAULT_THRESHOLD = 0.80


@dataclass(frozen=True)
class Samples:
    """Answers to simulated queries at one level."""

    features: Floats  # (S, F)
    right: npt.NDArray[np.bool_]  # (S,)
    weight: Doubles  # (S,)
    species_out: npt.NDArray[np.bool_]  # (S,) whether the query's species was held out
    name_out: npt.NDArray[np.bool_]  # (S,) whether the query's name at this level was held out
    is_alone: npt.NDArray[np.bool_]  # (S,) whether no other had that name, though it was not held out
    eligible: npt.NDArray[np.bool_]  # (S,) whether ANI allows the call; always true above species
    group: npt.NDArray[np.int64]  # (S,) equal for relatives, which stay on one side of a fold
    own_out: npt.NDArray[np.bool_]  # (S,) whether the query's own genome was held out

    def only(self, which: npt.NDArray[np.bool_]) -> Samples:
        return Samples(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Calibrator:
    """A fitted regression, and the least probability at which its level is called."""

    vote: Vote
    knots: Doubles  # (F, J + 1) of each feature, ascending
    weights: Doubles  # (1 + F * J,): the intercept, and what each feature adds from knot to knot
    threshold: float
    samples: int
    highest: float = CERTAINTY[1]  # probability that it gives (call_threshold.py)

    def probability(self, features: Floats) -> Doubles:
        """The probability that each elected name is right: (Q, F) -> (Q,), CERTAINTY[0] to `highest`."""
        logit = _design(features, self.knots) @ self.weights
        return np.clip(1 / (1 + np.exp(-logit)), CERTAINTY[0], self.highest)

    @property
    def intercept(self) -> float:
        """The log-odds of a name all of whose features are at or below their least learned value."""
        return float(self.weights[0])

    def contributions(self, features: Floats) -> Doubles:
        """What each feature adds to the log-odds: (Q, F) -> (Q, F)."""
        parts = _design(features, self.knots)[:, 1:] * self.weights[1:]
        by_feature: Doubles = parts.reshape(len(features), len(self.knots), -1).sum(axis=2)
        return by_feature

    def to_json(self) -> dict[str, Any]:
        """The calibrator as calibration.json has it."""
        numbers = {name: np.round(getattr(self, name), 8).tolist() for name in ("knots", "weights")}
        vote = {"word_weight": self.vote.kmer_weight, "temperature": self.vote.temperature}
        limits = {"threshold": self.threshold, "highest": self.highest}
        return {"vote": vote, **numbers, **limits, "samples": self.samples}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrator:
        arrays = {name: np.array(values[name], np.float64) for name in ("knots", "weights")}
        vote = Vote(values["vote"]["word_weight"], values["vote"]["temperature"])
        highest = values.get("highest", CERTAINTY[1])  # an older index has none
        return cls(vote, **arrays, threshold=values["threshold"], samples=values["samples"], highest=highest)


def fit_calibrator(samples: Samples, vote: Vote) -> Calibrator:
    """Fit a regression; its threshold is DEFAULT_THRESHOLD.

    Few samples give a cautious answer, not an extreme one: the ridge penalty outweighs them.
    """
    quantiles = KNOTS if len(samples.right) >= KNOTS_FROM else FEW_KNOTS
    knots = np.quantile(samples.features.astype(np.float64), quantiles, axis=0).T
    design = _design(samples.features, knots)
    is_evidence = np.repeat([name in EVIDENCE for name in FEATURES], knots.shape[1] - 1)
    weights = fit_logistic(
        design, samples.right.astype(np.float64), samples.weight, np.append(False, is_evidence)
    )
    return Calibrator(vote, knots, weights, DEFAULT_THRESHOLD, len(samples.right))


def _design(features: Floats, knots: Doubles) -> Doubles:
    """A column of ones, and how far each feature is on the way from each knot to the next, from 0 to 1.

    (S, F), (F, J + 1) -> (S, 1 + F * J).
    """
    widths = np.maximum(np.diff(knots, axis=1), NARROWEST)
    ways = np.clip((features[:, :, None] - knots[:, :-1]) / widths, 0, 1)
    return np.concatenate([np.ones((len(features), 1)), ways.reshape(len(features), widths.size)], axis=1)
