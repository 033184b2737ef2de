"""Elected names: the name that the hits of a query elect at each level, with its probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.features import features_of, relative_to_required
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.vote import Vote, elect
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level

# For a level without a calibrator, in indexes too small to learn one.
PRIOR_KMER_IDENTITY = {"species": 0.94, "genus": 0.85}  # other levels are not called
PRIOR_REACHED, PRIOR_MISSED = 0.9, 0.1  # probability of a name whose hits reach that identity, and of others
PRIOR_THRESHOLD = 0.5

Codes = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Name:
    """The elected name of one query at one level."""

    code: int  # UNKNOWN if no hit has a name
    probability: float  # that the name is right
    threshold: float  # least probability at which the level is called

    def is_called(self) -> bool:
        return self.code != UNKNOWN and self.probability >= self.threshold


def names_of(model: Model, hits: Hits, held: HeldOut) -> list[dict[str, Name]]:
    """The elected name at every level, for each of Q queries: level -> Name."""
    names: list[dict[str, Name]] = [{} for _ in range(len(hits.rows))]
    for level_name, level in model.levels.items():
        codes, probability, threshold = _elected(model, level_name, level, hits, held)
        for by_level, code, p in zip(names, codes.tolist(), probability.tolist(), strict=True):
            by_level[level_name] = Name(code, p if code != UNKNOWN else 0.0, threshold)
    return names


def _elected(
    model: Model, level_name: str, level: Level, hits: Hits, held: HeldOut
) -> tuple[Codes, Doubles, float]:
    """Codes (Q,), their probabilities (Q,), and the threshold of the level."""
    calibrator = model.calibrators.get(level_name)
    codes, share = elect(hits, level, calibrator.vote if calibrator else Vote())
    if calibrator is None:
        return codes, _prior_probability(level_name, hits, codes, level), PRIOR_THRESHOLD
    finer = finer_level(model.levels, level_name)
    features = features_of(hits, level, finer, codes, share, model.neighbours, held)
    if level_name == "species":
        features = relative_to_required(features, hits, held.self_rows, codes, level, model.thresholds)
    return codes, calibrator.probability(features), calibrator.threshold


def _prior_probability(level_name: str, hits: Hits, elected: Codes, level: Level) -> Doubles:
    """Probability of the elected names from shared k-mers alone: (Q,) -> (Q,)."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    best = np.max(hits.kmer_identity, axis=1, where=(codes == elected[:, None]), initial=KMER_FLOOR)
    required = PRIOR_KMER_IDENTITY.get(level_name, np.inf)
    return np.where(best >= required, PRIOR_REACHED, PRIOR_MISSED)
