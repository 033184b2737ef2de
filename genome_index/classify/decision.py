"""Decision: hits and their evidence -> a verdict, which is a name at a rank or an honest abstention.

A species is called when its ANI and aligned fraction reach the thresholds of that species, no other species
is within the margin, and the calibrated probability is high enough. Else the ranks above it are tried, each
with its own probability and threshold, and the reason says what the species lacked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from genome_index.classify import reasons
from genome_index.classify.reasons import Match
from genome_index.index.calibration.features import features_of, relative_to_required
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import PRIORS, Prior, SpeciesThresholds
from genome_index.index.calibration.vote import Vote, elect
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level
from genome_index.taxonomy.names import Molecule

# Identity from shared k-mers that stands in for calibration in indexes too small to learn one.
PRIOR_KMER_IDENTITY = {"species": 0.94, "genus": 0.85}
PRIOR_CONFIDENCE, PRIOR_DOUBT = 0.9, 0.1  # probability of a name that reaches it, and of one that does not
PRIOR_THRESHOLD = 0.5

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Name:
    """The elected name of a query at one level."""

    code: int  # UNKNOWN if no hit has one
    probability: float
    threshold: float

    @property
    def is_called(self) -> bool:
        return self.code != UNKNOWN and self.probability >= self.threshold


@dataclass(frozen=True)
class Verdict:
    """The decision in positions among the query's hits; the report adds their names and numbers."""

    verdict: str  # a rank, novel, ambiguous or out_of_scope
    reason: str
    rank: str | None = None
    name: str | None = None
    confidence: float | None = None  # probability that this name is right; None for abstentions
    next_rank: str | None = None  # the most specific rank whose threshold was not reached
    closest: int | None = None  # position of the hit that the call rests on
    runner_up: int | None = None  # position of the best hit of another species
    members: tuple[str, ...] = ()  # species that cannot be told apart, if ambiguous
    warnings: tuple[str, ...] = ()


# -- names: what the hits elect at each level ----------------------------------------------------------------


def names_of(model: Model, hits: Hits, held: HeldOut) -> list[dict[str, Name]]:
    """The elected name and its probability at every level: one dict for each of Q queries."""
    found: list[dict[str, Name]] = [{} for _ in range(len(hits.rows))]
    for level_name, level in model.levels.items():
        elected, probability, threshold = _elected(model, level_name, level, hits, held)
        for names, code, p in zip(found, elected.tolist(), probability.tolist(), strict=True):
            names[level_name] = Name(code, p if code != UNKNOWN else 0.0, threshold)
    return found


def _elected(
    model: Model, level_name: str, level: Level, hits: Hits, held: HeldOut
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], float]:
    """Codes (Q,), their probabilities (Q,), and the probability from which on the level is called."""
    calibrator = model.calibrators.get(level_name)
    elected, share = elect(hits, level, calibrator.vote if calibrator else Vote())
    if calibrator is None:
        return elected, _prior_probability(level_name, hits, elected, level), PRIOR_THRESHOLD
    finer = finer_level(model.levels, level_name)
    features = features_of(hits, level, finer, elected, share, model.neighbours, held)
    if level_name == "species":
        features = relative_to_required(features, hits, held.self_rows, elected, level, model.thresholds)
    return elected, calibrator.probability(features), calibrator.threshold


def _prior_probability(
    level_name: str, hits: Hits, elected: npt.NDArray[np.int32], level: Level
) -> npt.NDArray[np.float64]:
    """Probability of the elected names without calibration: by shared k-mers alone, (Q,)."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    best = np.max(hits.kmer_identity, axis=1, where=(codes == elected[:, None]), initial=KMER_FLOOR)
    return np.where(best >= PRIOR_KMER_IDENTITY.get(level_name, 2.0), PRIOR_CONFIDENCE, PRIOR_DOUBT)


# -- verdict -------------------------------------------------------------------------------------------------


def decide(
    model: Model,
    thresholds: SpeciesThresholds,
    hits: Hits,
    query: int,
    names: Mapping[str, Name],
    self_row: int = -1,
) -> Verdict:
    """The verdict for one query of `hits`; `self_row` is its own row if it is a reference asked about."""
    evidence = _Evidence(model, thresholds, hits, query, names, self_row)
    if not len(evidence.real):
        return Verdict("out_of_scope", reasons.EMPTY_INDEX)
    if evidence.is_incomparable():
        reached = float(evidence.similarity[evidence.real].max())
        reason = reasons.nothing_comparable(reached, model.least_similarity)
        return Verdict("out_of_scope", reason, closest=int(evidence.real[0]))
    if evidence.best is None:
        return _higher_rank(evidence, reasons.NO_SPECIES_NAME)
    return _species(evidence, evidence.best)


def _species(evidence: _Evidence, best: int) -> Verdict:
    """A species, ambiguous, or what is left above the species."""
    match, threshold = evidence.match(best), evidence.species_threshold(best)
    if lacking := _lacking(evidence, best, match, threshold):
        return _higher_rank(evidence, lacking)
    if rivals := evidence.rivals(best):
        return _ambiguous(evidence, best, rivals)
    name = evidence.names["species"]
    if not name.is_called:
        why = reasons.too_improbable(match, name.probability, name.threshold)
        return _higher_rank(evidence, why)
    runner_up = evidence.runner_up
    other = None if runner_up is None else evidence.match(runner_up)
    return Verdict(
        "species", reasons.species_called(match, threshold, other), "species", match.species,
        name.probability, None, best, runner_up, warnings=evidence.warnings(),
    )  # fmt: skip


def _lacking(evidence: _Evidence, best: int, match: Match, threshold: float) -> str:
    """What the nearest species lacks in identity, as a clause; nothing if it lacks nothing."""
    if math.isnan(match.ani):
        first = int(evidence.real[0])
        nearest = evidence.species_codes[first] == evidence.species_codes[best]
        return reasons.too_far_for_ani(match.species, bool(nearest))
    if match.ani < threshold:
        return reasons.below_threshold(match, threshold)
    if match.af < evidence.prior.af:
        return reasons.too_little_aligned(match, evidence.prior.af)
    return ""


def _ambiguous(evidence: _Evidence, best: int, rivals: list[int]) -> Verdict:
    members = tuple(sorted({evidence.species_name(at) for at in (best, *rivals)}))
    rival = evidence.species_name(rivals[0])
    reason = reasons.indistinguishable(members, evidence.match(best), rival, evidence.prior.margin)
    return Verdict(
        "ambiguous", reason, next_rank="species", closest=best, runner_up=evidence.runner_up,
        members=members, warnings=evidence.warnings(),
    )  # fmt: skip


def _higher_rank(evidence: _Evidence, lacking: str) -> Verdict:
    """The most specific rank above species that is sure enough, or novel."""
    ranks = [rank for rank in reversed(RANKS[:-2]) if rank in evidence.model.levels]
    for position, rank in enumerate(ranks):
        name = evidence.names[rank]
        if name.is_called:
            called = evidence.model.levels[rank].names[name.code]
            reason = reasons.rank_called(lacking, rank, called, name.probability)
            below = ranks[position - 1] if position else "species"
            return Verdict(
                rank, reason, rank, called, name.probability, below, evidence.nearest_at(rank, name.code),
                evidence.runner_up, warnings=evidence.warnings(),
            )  # fmt: skip
    return _novel(evidence, lacking, ranks)


def _novel(evidence: _Evidence, lacking: str, ranks: list[str]) -> Verdict:
    reason, levels = reasons.sentence(lacking), evidence.model.levels
    if ranks and (name := evidence.names[ranks[0]]).code != UNKNOWN:
        likeliest = levels[ranks[0]].names[name.code]
        reason += f" {reasons.rank_uncertain(ranks[0], likeliest, name.probability, name.threshold)}"
    missed = "species" if "species" in levels else next(iter(ranks), None)
    closest = evidence.best if evidence.best is not None else int(evidence.real[0])
    return Verdict(
        "novel", reason, next_rank=missed, closest=closest, runner_up=evidence.runner_up,
        warnings=evidence.warnings(),
    )  # fmt: skip


class _Evidence:
    """The hits of one query: K columns, best score first."""

    def __init__(
        self,
        model: Model,
        thresholds: SpeciesThresholds,
        hits: Hits,
        query: int,
        names: Mapping[str, Name],
        self_row: int,
    ) -> None:
        self.model, self.names = model, names
        self._thresholds, self._self_row = thresholds, self_row
        self.rows, self.similarity, self._kmer_identity = (
            table[query] for table in (hits.rows, hits.similarity, hits.kmer_identity)
        )
        self._ani, self._af_query, self._af_reference = (
            table[query] for table in (hits.ani, hits.af_query, hits.af_reference)
        )
        self.real = np.flatnonzero(self.rows >= 0)  # positions; there may be fewer than K references
        self.species_codes = self._codes("species")

    def is_incomparable(self) -> bool:
        """Whether no hit is as near as genomes of other genera are to each other, and none shares a k-mer."""
        near = self.similarity[self.real].max() >= self.model.least_similarity
        return not near and bool((self._kmer_identity[self.real] <= KMER_FLOOR).all())

    @cached_property
    def best(self) -> int | None:
        """The hit of the elected species with the highest ANI, else the first of it."""
        code = self.names["species"].code if "species" in self.names else UNKNOWN
        return self._highest_ani(np.flatnonzero(self.species_codes == code)) if code != UNKNOWN else None

    @cached_property
    def runner_up(self) -> int | None:
        """The same of all other species together."""
        own = self.names["species"].code if "species" in self.names else UNKNOWN
        codes = self.species_codes[self.real]
        return self._highest_ani(self.real[(codes != own) & (codes != UNKNOWN)])

    def rivals(self, best: int) -> list[int]:
        """Hits of other species that pass as well, within the margin, highest ANI first."""
        own = self.species_codes[best]
        found = [
            int(at)
            for at in self.real
            if self.species_codes[at] not in (own, UNKNOWN)
            and self._ani[at] > self._ani[best] - self.prior.margin
            and self._af(int(at)) >= self.prior.af
        ]
        return sorted(found, key=lambda at: -self._ani[at])

    def nearest_at(self, rank: str, code: int) -> int:
        """The first hit of a name."""
        return int(np.flatnonzero(self._codes(rank) == code)[0])

    @property
    def prior(self) -> Prior:
        at = self.best if self.best is not None else int(self.real[0])
        return PRIORS[cast(Molecule, str(self.model.molecules[self.rows[at]]))]

    def species_threshold(self, at: int) -> float:
        """ANI in percent that the species of a hit requires."""
        return self._thresholds.required(int(self.rows[at]), (self._self_row,))

    def species_name(self, at: int) -> str:
        return self.model.levels["species"].names[int(self.species_codes[at])]

    def match(self, at: int) -> Match:
        return Match(self.species_name(at), float(self._ani[at]), self._af(at))

    def warnings(self) -> tuple[str, ...]:
        """A warning where much of the larger genome is not aligned."""
        if self.best is None or np.isnan(self._ani[self.best]):
            return ()
        of_query, of_reference = self._af_query[self.best], self._af_reference[self.best]
        if not self._af(self.best) >= self.prior.af > min(of_query, of_reference):
            return ()
        incomplete = "query" if of_query > of_reference else "reference"
        return (reasons.little_aligned_warning(float(min(of_query, of_reference)), incomplete),)

    def _codes(self, rank: str) -> npt.NDArray[np.int32]:
        """The hits' codes at a rank: (K,), UNKNOWN where there is no name or no hit."""
        if rank not in self.model.levels:
            return np.full(len(self.rows), UNKNOWN, np.int32)
        return np.where(self.rows >= 0, self.model.levels[rank].codes[self.rows], UNKNOWN)

    def _highest_ani(self, positions: Rows) -> int | None:
        """Of equal ones, and of those without an ANI, the first."""
        return int(positions[np.nan_to_num(self._ani[positions]).argmax()]) if len(positions) else None

    def _af(self, at: int) -> float:
        """Percent in the larger direction: that of the smaller or less complete genome."""
        larger = float(np.fmax(self._af_query[at], self._af_reference[at]))
        return 0.0 if math.isnan(larger) else larger
