"""Confidence and thresholds learned from the index itself, by asking it about its own genomes.

Each reference is asked about with itself left out, with its species left out, with its genus left out, and so
on up the ranks. What a name rests on (features) and whether it was right make the samples of a logistic
regression, one a level, weighted by MIXTURE: that is what we expect of queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.vote import Vote
from genome_index.records import RANKS

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MIXTURE: Mapping[str, float] = {"genome": 0.5, "species": 0.3, "genus": 0.2}
"""Share of queries whose own genome, species or genus is what the index lacks."""


def mixture_for(level: str) -> dict[str, float]:
    """The mixture at one level. Above genus, half of the genus's share goes to the level itself left out.

    Without that a level would never be seen to be wrong for want of the right answer.
    """
    shares = dict(MIXTURE)
    if level in RANKS[: RANKS.index("genus")]:
        shares |= {"genus": MIXTURE["genus"] / 2, level: MIXTURE["genus"] / 2}
    return shares


KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of each feature at which its slope may change
KNOTS_FROM = 300  # samples; with fewer, one slope a feature
RIDGE = 1.0  # penalty on each standardised coefficient: that of one sample
WANTED_PRECISION = 0.905  # of calls with the species left out: 0.90 is the promise, the rest is for chance
FALSE_CALLS = 0.03  # of questions with the species left out that may still get one; 0.05 is the promise
LEAST_CALLS = 30  # to learn a threshold from
DEFAULT_THRESHOLD = 0.80
THRESHOLDS = (0.50, 0.95)  # a learned one stays between
THRESHOLD_FOLDS = 3  # in which thresholds are learned apart from the probabilities they are laid on
LEAST_NAMES = 4  # of a level above species, for it to be called: with fewer it is hardly ever seen to fail
NEVER = 1.01


@dataclass(frozen=True)
class Samples:
    """Simulated answers at one level."""

    features: Floats  # (S, F)
    right: npt.NDArray[np.bool_]  # (S,)
    weight: Doubles  # (S,)
    species_out: npt.NDArray[np.bool_]  # (S,) asked with the species left out
    eligible: npt.NDArray[np.bool_]  # (S,) identity allows the call; always, above species
    group: npt.NDArray[np.int64]  # (S,) equal for genomes that are kin: they stay on one side of a fold

    def only(self, which: npt.NDArray[np.bool_]) -> Samples:
        return Samples(*(getattr(self, one.name)[which] for one in fields(self)))


@dataclass(frozen=True)
class Calibrator:
    """Probability that an elected name is right, and the least at which it is called."""

    vote: Vote
    mean: Doubles  # (F,)
    scale: Doubles  # (F,)
    knots: Doubles  # (F, J), standardised; J is 0 in small indexes
    weights: Doubles  # (1 + F * (1 + J),)
    threshold: float
    samples: int

    def probability(self, features: Floats) -> Doubles:
        """(Q, F) -> (Q,), within (0.005, 0.995): nothing here is surer than that."""
        logit = _design(features, self.mean, self.scale, self.knots) @ self.weights
        return np.clip(1 / (1 + np.exp(-logit)), 0.005, 0.995)

    def to_json(self) -> dict[str, Any]:
        numbers = {
            name: np.round(getattr(self, name), 8).tolist() for name in ("mean", "scale", "knots", "weights")
        }
        vote = {
            "word_weight": self.vote.kmer_weight,
            "temperature": self.vote.temperature,
        }  # as format 1 has it
        return {"vote": vote, **numbers, "threshold": self.threshold, "samples": self.samples}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrator:
        arrays = {name: np.array(values[name], np.float64) for name in ("mean", "scale", "knots", "weights")}
        arrays["knots"] = arrays["knots"].reshape(len(FEATURES), -1)
        vote = Vote(values["vote"]["word_weight"], values["vote"]["temperature"])
        return cls(vote, **arrays, threshold=values["threshold"], samples=values["samples"])


def fit_calibrator(samples: Samples, vote: Vote) -> Calibrator:
    """Ridge logistic regression on features and hinges. Few samples give a cautious, not a wild, answer."""
    mean = samples.features.mean(axis=0, dtype=np.float64)
    scale = samples.features.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-6, scale, 1.0)
    knots = _knots((samples.features - mean) / scale)
    design = _design(samples.features, mean, scale, knots)
    weights = _newton(*_with_doubt(design, samples.right.astype(np.float64), samples.weight))
    return Calibrator(vote, mean, scale, knots, weights, DEFAULT_THRESHOLD, len(samples.right))


def with_threshold(fitted: Calibrator, samples: Samples) -> Calibrator:
    """The same calibrator with its threshold learned; from probabilities that kin had no part in."""
    fold = np.unique(samples.group, return_inverse=True)[1] % THRESHOLD_FOLDS
    probability = fitted.probability(samples.features)
    for part in range(THRESHOLD_FOLDS):
        others = samples.only(fold != part)
        if others.right.any():
            apart = fit_calibrator(others, fitted.vote)
            probability[fold == part] = apart.probability(samples.features[fold == part])
    return replace(fitted, threshold=_threshold(probability, samples))


def _knots(standardised: Doubles) -> Doubles:
    if len(standardised) < KNOTS_FROM:
        return np.empty((standardised.shape[1], 0))
    return np.quantile(standardised, KNOTS, axis=0).T


def _design(features: Floats, mean: Doubles, scale: Doubles, knots: Doubles) -> Doubles:
    """A column of ones, each feature standardised, and its hinges: (S, F) -> (S, 1 + F * (1 + J))."""
    standard = np.clip((features - mean) / scale, -8, 8)
    hinges = np.maximum(standard[:, :, None] - knots, 0).reshape(len(standard), knots.size)
    return np.concatenate([np.ones((len(standard), 1)), standard, hinges], axis=1)


def _with_doubt(design: Doubles, right: Doubles, weight: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Half a sample right and half a sample wrong at the mean, Jeffreys' prior: nothing is certain."""
    mean = np.zeros((2, design.shape[1]))
    mean[:, 0] = 1
    return np.concatenate([design, mean]), np.append(right, (0.0, 1.0)), np.append(weight, (0.5, 0.5))


def _newton(design: Doubles, right: Doubles, weight: Doubles) -> Doubles:
    """Penalised maximum likelihood by Newton's method, steps halved; the intercept is hardly penalised."""
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 1e-3
    weights = np.zeros(design.shape[1])
    loss = _loss(design, right, weight, weights, penalty)
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (weight * (probability - right)) + penalty * weights
        curvature = (design * (weight * probability * (1 - probability))[:, None]).T @ design + np.diag(
            penalty
        )
        step = np.linalg.solve(curvature, gradient)
        for _ in range(20):
            tried = _loss(design, right, weight, weights - step, penalty)
            if tried <= loss:
                break
            step = step / 2
        weights = weights - step
        if loss - tried < 1e-7 * max(1.0, abs(loss)):
            break
        loss = tried
    return weights


def _loss(design: Doubles, right: Doubles, weight: Doubles, weights: Doubles, penalty: Doubles) -> float:
    logit = np.clip(design @ weights, -30, 30)
    return float(
        (weight * (np.logaddexp(0, logit) - right * logit)).sum() + 0.5 * (penalty * weights**2).sum()
    )


def _threshold(probability: Doubles, samples: Samples) -> float:
    """The least probability from which on calls may be trusted with the species left out.

    Where the name can still be right (genus and above): from where WANTED_PRECISION of the calls are right.
    Where it cannot (species): from where no more than FALSE_CALLS of the questions are answered.
    """
    asked = samples.species_out
    if not asked.any():
        return DEFAULT_THRESHOLD
    if not samples.right[asked].any():
        tempting = np.sort(probability[asked & samples.eligible])[::-1]
        allowed = int(FALSE_CALLS * asked.sum())
        return float(np.clip(tempting[allowed] + 1e-6 if allowed < len(tempting) else 0, *THRESHOLDS))
    order = np.argsort(-probability[asked], kind="stable")
    right, sure = samples.right[asked][order], probability[asked][order]
    calls = np.arange(1, len(right) + 1)
    good = np.flatnonzero(
        (np.cumsum(right) / calls >= WANTED_PRECISION) & (calls >= min(LEAST_CALLS, len(right) // 2))
    )
    return float(np.clip(sure[good[-1]], *THRESHOLDS)) if len(good) else THRESHOLDS[1]
