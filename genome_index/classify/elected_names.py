"""Elected names: the name that the hits of a query elect at each level, with its probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from genome_index.classify.strong_match import strong_genus_confidence, strong_species_confidence
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.index.calibration.features import features_of, relative_to_required, required_ani
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.vote import Vote, elect
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level

# For a level without a calibrator, in indexes too small to learn one.
PRIOR_KMER_IDENTITY = {"species": 0.94, "genus": 0.85}  # other levels are not called
PRIOR_REACHED, PRIOR_MISSED = 0.9, 0.1  # probability of a name whose hits reach that identity, and of others
PRIOR_THRESHOLD = 0.5

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NameBasis:
    """What the probability of an elected name was made from, for an explanation."""

    share: float  # of the votes, 0 to 1
    features: Floats | None  # (F,) as the calibrator reads them; None where a level has no calibrator
    learned: float  # probability by the calibrator, or by shared k-mers where there is none
    strong: float  # least probability of a strong match; 0 where the match is not strong


@dataclass(frozen=True)
class Name:
    """The elected name of one query at one level."""

    code: int  # UNKNOWN if no hit has a name
    probability: float  # that the name is right
    threshold: float  # least probability at which the level is called
    by_prior: bool = False  # whether the probability is that of a strong match before anything is learned
    basis: NameBasis | None = field(default=None, compare=False, repr=False)

    @property
    def required(self) -> float:
        """The least probability at which this name is called: of a strong match no more than the prior's."""
        return min(self.threshold, PRIOR_THRESHOLD) if self.by_prior else self.threshold

    def is_called(self) -> bool:
        return self.code != UNKNOWN and self.probability >= self.required


def names_of(model: Model, hits: Hits, held: HeldOut) -> list[dict[str, Name]]:
    """The elected name at every level, for each of Q queries: level -> Name."""
    columns = {name: _names(model, name, level, hits, held) for name, level in model.levels.items()}
    return [
        _coherent(model, {name: column[query] for name, column in columns.items()}, hits.rows[query])
        for query in range(len(hits.rows))
    ]


def _names(model: Model, level_name: str, level: Level, hits: Hits, held: HeldOut) -> list[Name]:
    """The elected name of each query at one level."""
    calibrator = model.calibrators.get(level_name)
    codes, share = elect(hits, level, calibrator.vote if calibrator else Vote())
    strong = np.zeros(len(codes))
    required = np.zeros(len(codes), np.float32)
    features = None
    if level_name == "species":
        required = required_ani(hits, held.self_rows, codes, level, model.thresholds)
        strong = strong_species_confidence(model, hits, level, codes, required)
    if level_name == "genus":
        strong = strong_genus_confidence(model, hits, level, codes)
    if calibrator is None:
        probability, threshold = _prior_probability(level_name, hits, codes, level), PRIOR_THRESHOLD
    else:
        finer = finer_level(model.levels, level_name)
        own = features_of(hits, level, finer, codes, share, model.neighbours, held)
        features = relative_to_required(own, required)
        probability = calibrator.probability(features)
        threshold = calibrator.threshold
    rows = zip(codes.tolist(), probability.tolist(), strong.tolist(), strict=True)
    bases = _bases(share, features, probability, strong)
    return [_name(*row, threshold, basis) for row, basis in zip(rows, bases, strict=True)]


def _name(code: int, learned: float, floor: float, threshold: float, basis: NameBasis) -> Name:
    """A name with the probability of a strong match, `floor`, where less was learned, or no threshold."""
    if code == UNKNOWN:
        return Name(code, 0.0, threshold, basis=basis)
    if learned < floor or (floor > 0 and threshold >= NEVER):
        return Name(code, floor, threshold, by_prior=True, basis=basis)
    return Name(code, learned, threshold, basis=basis)


def _bases(share: Floats, features: Floats | None, probability: Doubles, strong: Doubles) -> list[NameBasis]:
    """The basis of each name: shares (Q,), features (Q, F), probabilities (Q,), (Q,)."""
    lines = [None] * len(share) if features is None else list(features)
    columns = share.tolist(), lines, probability.tolist(), strong.tolist()
    return [NameBasis(*values) for values in zip(*columns, strict=True)]


def _coherent(model: Model, names: dict[str, Name], rows: npt.NDArray[np.int64]) -> dict[str, Name]:
    """The same names, where a rank is as probable as the rank below it that belongs to it."""
    finer: str | None = None
    for rank in (rank for rank in reversed(RANKS) if rank in names):
        is_surer = finer is not None and _is_surer(names[finer], names[rank])
        if finer is not None and is_surer and _belongs(model, names, finer, rank, rows):
            below = names[finer]
            names[rank] = replace(names[rank], probability=below.probability, by_prior=below.by_prior)
        finer = rank
    return names


def _is_surer(finer: Name, broader: Name) -> bool:
    """Whether a name shows more of the rank above it than was learned there, or its prior calls both.

    What was learned of the finer name does not replace a prior without which the broader is not called.
    """
    if broader.by_prior and not finer.by_prior:
        return False
    return finer.probability > broader.probability or (finer.by_prior and not broader.is_called())


def _belongs(
    model: Model, names: Mapping[str, Name], finer: str, rank: str, rows: npt.NDArray[np.int64]
) -> bool:
    """Whether the hits of the finer name have the name of the rank."""
    real = rows[rows >= 0]
    of_name = real[model.levels[finer].codes[real] == names[finer].code]
    is_known = names[finer].code != UNKNOWN and names[rank].code != UNKNOWN and len(of_name) > 0
    return is_known and bool((model.levels[rank].codes[of_name] == names[rank].code).all())


def _prior_probability(level_name: str, hits: Hits, elected: Codes, level: Level) -> Doubles:
    """Probability of the elected names from shared k-mers alone: (Q,) -> (Q,)."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    best = np.max(hits.kmer_identity, axis=1, where=(codes == elected[:, None]), initial=KMER_FLOOR)
    required = PRIOR_KMER_IDENTITY.get(level_name, np.inf)
    return np.where(best >= required, PRIOR_REACHED, PRIOR_MISSED)
