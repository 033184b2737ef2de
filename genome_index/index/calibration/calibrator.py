"""Calibrator: the probability that an elected name is right, from features of its hits.

It is a logistic regression on simulated queries: references queried with their own genome, species or genus
held out (simulate.py, samples.py). Each level has its own calibrator, with a threshold below which the level
is not called (call_threshold.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.logistic import fit_logistic
from genome_index.index.calibration.vote import Vote

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of each feature at which its slope may change
KNOTS_FROM = 300  # samples; with fewer, one slope for each feature
WIDEST_DEVIATION = 8.0  # standard deviations; a feature farther from its mean counts as this far
CERTAINTY = (0.005, 0.995)  # probabilities stay between: nothing here is surer than that
DEFAULT_THRESHOLD = 0.80


@dataclass(frozen=True)
class Samples:
    """Answers to simulated queries at one level."""

    features: Floats  # (S, F)
    right: npt.NDArray[np.bool_]  # (S,)
    weight: Doubles  # (S,)
    species_out: npt.NDArray[np.bool_]  # (S,) whether the query's species was held out
    eligible: npt.NDArray[np.bool_]  # (S,) whether ANI allows the call; always true above species
    group: npt.NDArray[np.int64]  # (S,) equal for relatives, which stay on one side of a fold

    def only(self, which: npt.NDArray[np.bool_]) -> Samples:
        return Samples(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Calibrator:
    """A fitted regression, and the least probability at which its level is called."""

    vote: Vote
    mean: Doubles  # (F,)
    scale: Doubles  # (F,)
    knots: Doubles  # (F, J), standardized; J is 0 in small indexes
    weights: Doubles  # (1 + F * (1 + J),)
    threshold: float
    samples: int

    def probability(self, features: Floats) -> Doubles:
        """The probability that each elected name is right: (Q, F) -> (Q,), within CERTAINTY."""
        logit = _design(features, self.mean, self.scale, self.knots) @ self.weights
        return np.clip(1 / (1 + np.exp(-logit)), *CERTAINTY)

    def to_json(self) -> dict[str, Any]:
        """The calibrator as calibration.json has it; its keys are those of format 1."""
        numbers = {
            name: np.round(getattr(self, name), 8).tolist() for name in ("mean", "scale", "knots", "weights")
        }
        vote = {"word_weight": self.vote.kmer_weight, "temperature": self.vote.temperature}
        return {"vote": vote, **numbers, "threshold": self.threshold, "samples": self.samples}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrator:
        arrays = {name: np.array(values[name], np.float64) for name in ("mean", "scale", "knots", "weights")}
        arrays["knots"] = arrays["knots"].reshape(len(FEATURES), -1)
        vote = Vote(values["vote"]["word_weight"], values["vote"]["temperature"])
        return cls(vote, **arrays, threshold=values["threshold"], samples=values["samples"])


def fit_calibrator(samples: Samples, vote: Vote) -> Calibrator:
    """Fit a regression on features and their hinges; its threshold is DEFAULT_THRESHOLD.

    Few samples give a cautious answer, not an extreme one: the ridge penalty outweighs them.
    """
    mean = samples.features.mean(axis=0, dtype=np.float64)
    scale = samples.features.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-6, scale, 1.0)
    knots = _knots((samples.features - mean) / scale)
    design = _design(samples.features, mean, scale, knots)
    weights = fit_logistic(design, samples.right.astype(np.float64), samples.weight)
    return Calibrator(vote, mean, scale, knots, weights, DEFAULT_THRESHOLD, len(samples.right))


def _knots(standardized: Doubles) -> Doubles:
    if len(standardized) < KNOTS_FROM:
        return np.empty((standardized.shape[1], 0))
    return np.quantile(standardized, KNOTS, axis=0).T


def _design(features: Floats, mean: Doubles, scale: Doubles, knots: Doubles) -> Doubles:
    """A column of ones, each feature standardized, and its hinges: (S, F) -> (S, 1 + F * (1 + J))."""
    standard = np.clip((features - mean) / scale, -WIDEST_DEVIATION, WIDEST_DEVIATION)
    hinges = np.maximum(standard[:, :, None] - knots, 0).reshape(len(standard), knots.size)
    return np.concatenate([np.ones((len(standard), 1)), standard, hinges], axis=1)
