"""Hits and evidence -> Call: a name at a rank, or an honest abstention, and the reason in words.

A species is called when its ANI and aligned fraction pass what the species asks for, no other species comes
close, and the calibrated probability is high enough. Where it is not earned the ranks are climbed, each with
its own probability and threshold, and the call says why the one below was not reached.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import NEVER
from genome_index.index.calibration.features import (
    WORD_FLOOR,
    HeldOut,
    Hits,
    Vote,
    elect,
    features_of,
    relative_to_needed,
)
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import PRIORS, Prior, SpeciesThresholds
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level
from genome_index.taxonomy.names import Molecule

PRIOR_WORDS = {"species": 0.94, "genus": 0.85}  # shared-word identity, for indexes too small to calibrate
PRIOR_CONFIDENCE = 0.9
PRIOR_THRESHOLD = 0.5


@dataclass(frozen=True)
class Name:
    """What one level has to say of a query."""

    code: int  # of the elected name, UNKNOWN if no hit has one
    probability: float
    threshold: float


@dataclass(frozen=True)
class Verdict:
    """The decision, in positions among the query's hits; words and names are added where it is reported."""

    verdict: str  # a rank, novel, ambiguous or out_of_scope
    rank: str | None
    name: str | None
    confidence: float | None  # that this name at this rank is right; None for abstentions
    reason: str
    next_rank: str | None  # the most specific rank whose threshold was not met
    closest: int | None  # position of the hit the call rests on
    runner_up: int | None  # position of the best hit of another species
    members: tuple[str, ...] = ()  # species that cannot be told apart, if ambiguous
    warnings: tuple[str, ...] = ()


def names_of(model: Model, hits: Hits, held: HeldOut) -> list[dict[str, Name]]:
    """Each query's elected name and probability at every level: one dict a query."""
    thresholds = model.thresholds
    found: list[dict[str, Name]] = [{} for _ in range(len(hits.rows))]
    for level_name, level in model.levels.items():
        calibrator = model.calibrators.get(level_name)
        elected, share = elect(hits, level, calibrator.vote if calibrator else Vote())
        if calibrator is None:
            probability, threshold = _prior_probability(level_name, hits, elected, level), PRIOR_THRESHOLD
        else:
            features = features_of(
                hits, level, finer_level(model.levels, level_name), elected, share, model.around, held
            )
            if level_name == "species":
                features = relative_to_needed(features, hits, held.self_rows, elected, level, thresholds)
            probability, threshold = calibrator.probability(features), calibrator.threshold
        for names, code, p in zip(found, elected.tolist(), probability.tolist(), strict=True):
            names[level_name] = Name(code, p if code != UNKNOWN else 0.0, threshold)
    return found


def _prior_probability(
    level_name: str, hits: Hits, elected: npt.NDArray[np.int32], level: Level
) -> npt.NDArray[np.float64]:
    """What stands in for calibration in an index too small for it: enough shared words make a name likely."""
    codes = np.where(hits.rows >= 0, level.codes[hits.rows], UNKNOWN)
    words = np.max(hits.words, axis=1, where=(codes == elected[:, None]), initial=WORD_FLOOR)
    return np.where(words >= PRIOR_WORDS.get(level_name, 2.0), PRIOR_CONFIDENCE, 0.1)


def decide(
    model: Model,
    thresholds: SpeciesThresholds,
    hits: Hits,
    query: int,
    names: Mapping[str, Name],
    self_row: int = -1,
) -> Verdict:
    """The verdict for one query of `hits`; `self_row` is its own row if it is a reference asked about."""
    case = _Case(model, thresholds, hits, query, names, self_row)
    if not len(case.real) or case.nothing_comparable():
        return case.out_of_scope()
    if "species" in model.levels and case.best is not None:
        verdict = case.species()
        if verdict is not None:
            return verdict
    return case.climb()


class _Case:
    """One query's hits, and the questions a call asks of them."""

    def __init__(
        self,
        model: Model,
        thresholds: SpeciesThresholds,
        hits: Hits,
        query: int,
        names: Mapping[str, Name],
        self_row: int,
    ) -> None:
        self.model, self.thresholds, self.names, self.self_row = model, thresholds, names, self_row
        self.real = np.flatnonzero(hits.rows[query] >= 0)
        self.rows, self.similarity, self.words = (
            table[query] for table in (hits.rows, hits.similarity, hits.words)
        )
        self.ani, self.af_query, self.af_reference = (
            table[query] for table in (hits.ani, hits.af_query, hits.af_reference)
        )
        species = model.levels.get("species")
        self.species_codes = (
            np.where(self.rows >= 0, species.codes[self.rows], UNKNOWN)
            if species
            else np.full(len(self.rows), UNKNOWN)
        )
        self.best = self._nearest_of(self.names["species"].code) if species else None
        self.runner_up = self._other_species()

    def nothing_comparable(self) -> bool:
        near = self.similarity[self.real].max() >= self.model.least_similarity
        return not near and bool((self.words[self.real] <= WORD_FLOOR).all())

    def species(self) -> Verdict | None:
        """A species, an ambiguous one, or None with the reason kept for the climb."""
        assert self.best is not None
        self.missed = self._missed()
        if self.missed:
            return None
        rivals = self._rivals()
        if rivals:
            return self._ambiguous(rivals)
        chosen = self.names["species"]
        if chosen.probability < chosen.threshold:
            self.missed = (
                f"{self._ani_of(self.best)} would do for {self._species_name(self.best)}, "
                "but among this index's own genomes such a match is right "
                f"with probability {chosen.probability:.2f}, and {_asked(chosen.threshold)}"
            )
            return None
        needed = self.thresholds.needed(int(self.rows[self.best]), (self.self_row,))
        reason = (
            f"{self._ani_of(self.best)}; the species asks for {needed:.1f} %, and {self._runner_up_words()}."
        )
        return self._verdict("species", self._species_name(self.best), chosen.probability, reason, None)

    def _ambiguous(self, rivals: list[int]) -> Verdict:
        assert self.best is not None
        members = tuple(sorted({self._species_name(at) for at in (self.best, *rivals)}))
        reason = (
            f"Cannot tell {' and '.join(members)} apart: {self._ani_of(self.best)}; "
            f"{self._species_name(rivals[0])} comes within {self.prior.margin:g} points of it."
        )
        found = self._verdict("ambiguous", None, None, reason, "species")
        return replace(found, rank=None, members=members)

    def _verdict(
        self, verdict: str, name: str | None, confidence: float | None, reason: str, next_rank: str | None
    ) -> Verdict:
        """A verdict that rests on the nearest species."""
        return Verdict(
            verdict,
            verdict,
            name,
            confidence,
            reason,
            next_rank,
            self.best,
            self.runner_up,
            (),
            self._warnings(),
        )

    def climb(self) -> Verdict:
        """The most specific rank above species that is sure enough, or novel."""
        ranks = [rank for rank in reversed(RANKS[:-2]) if rank in self.model.levels]
        why = getattr(self, "missed", "") or "no hit bears a species name to rely on"
        for position, rank in enumerate(ranks):
            name = self.names[rank]
            if name.code != UNKNOWN and name.probability >= name.threshold:
                at = self._nearest_at(rank, name.code)
                called = self.model.levels[rank].names[name.code]
                reason = (
                    f"{_sentence(why)} The {rank} {called} is right with probability {name.probability:.2f}."
                )
                below = "species" if not position else ranks[position - 1]
                return Verdict(
                    rank,
                    rank,
                    called,
                    name.probability,
                    reason,
                    below,
                    at,
                    self.runner_up,
                    (),
                    self._warnings(),
                )
        return self._novel(why, ranks)

    def out_of_scope(self) -> Verdict:
        if not len(self.real):
            return Verdict(
                "out_of_scope", None, None, None, "The index has no genome to compare with.", None, None, None
            )
        near = (
            f"the nearest has similarity {self.similarity[self.real].max():.2f}, "
            f"below the {self.model.least_similarity:.2f} that its own genomes reach across genera, "
            "and shares no word with the query"
        )
        return Verdict(
            "out_of_scope",
            None,
            None,
            None,
            f"Nothing in the index is comparable: {near}.",
            None,
            int(self.real[0]),
            None,
        )

    def _novel(self, why: str, ranks: list[str]) -> Verdict:
        unsure = ""
        if ranks and self.names[ranks[0]].code != UNKNOWN:
            name = self.names[ranks[0]]
            unsure = (
                f" Even its {ranks[0]} is unsure: {self.model.levels[ranks[0]].names[name.code]} "
                f"with probability {name.probability:.2f}{_of_asked(name.threshold)}."
            )
        closest = self.best if self.best is not None else int(self.real[0])
        deepest = "species" if "species" in self.model.levels else (ranks[0] if ranks else None)
        return Verdict(
            "novel",
            None,
            None,
            None,
            _sentence(why) + unsure,
            deepest,
            closest,
            self.runner_up,
            (),
            self._warnings(),
        )

    def _missed(self) -> str:
        """Why the nearest species does not pass on identity, or nothing if it does."""
        assert self.best is not None
        name, ani = self._species_name(self.best), self.ani[self.best]
        if np.isnan(ani):
            first = self.species_codes[self.real[0]] == self.species_codes[self.best]
            kind = "nearest" if first else "likeliest"  # by all hits together: they elect it
            return f"The {kind} species is {name}, but too far for an ANI (below about 82 %)"
        needed = self.thresholds.needed(int(self.rows[self.best]), (self.self_row,))
        if ani < needed:
            return f"{self._ani_of(self.best)}, and the species asks for {needed:.1f} %"
        if self._af(self.best) < self.prior.af:
            asked = f"{self.prior.af:.0f} % of the smaller genome has to be aligned"
            return f"{self._ani_of(self.best)}, and {asked}"
        return ""

    def _rivals(self) -> list[int]:
        """Hits of other species that also pass, within the margin, nearest first."""
        assert self.best is not None
        own = self.species_codes[self.best]
        found = [
            int(at)
            for at in self.real
            if self.species_codes[at] not in (own, UNKNOWN)
            and self.ani[at] > self.ani[self.best] - self.prior.margin
            and self._af(int(at)) >= self.prior.af
        ]
        return sorted(found, key=lambda at: -self.ani[at])

    @property
    def prior(self) -> Prior:
        at = self.best if self.best is not None else int(self.real[0])
        return PRIORS[cast(Molecule, str(self.model.molecules[self.rows[at]]))]

    def _nearest_of(self, code: int) -> int | None:
        """The hit of a species with the highest ANI, else the highest score."""
        bearers = np.flatnonzero(self.species_codes == code) if code != UNKNOWN else np.empty(0, np.int64)
        if not len(bearers):
            return None
        ani = np.nan_to_num(self.ani[bearers])
        return int(bearers[ani.argmax()])

    def _nearest_at(self, rank: str, code: int) -> int:
        codes = np.where(self.rows >= 0, self.model.levels[rank].codes[self.rows], UNKNOWN)
        return int(np.flatnonzero(codes == code)[0])

    def _other_species(self) -> int | None:
        own = self.names["species"].code if "species" in self.names else UNKNOWN
        codes = self.species_codes[self.real]
        others = self.real[(codes != own) & (codes != UNKNOWN)]
        return int(others[np.nan_to_num(self.ani[others]).argmax()]) if len(others) else None

    def _af(self, at: int) -> float:
        """The larger direction: that of the smaller or less complete genome."""
        larger = float(np.fmax(self.af_query[at], self.af_reference[at]))
        return 0.0 if math.isnan(larger) else larger

    def _species_name(self, at: int) -> str:
        return self.model.levels["species"].names[int(self.species_codes[at])]

    def _ani_of(self, at: int) -> str:
        return f"ANI {self.ani[at]:.1f} % over {self._af(at):.0f} % to {self._species_name(at)}"

    def _runner_up_words(self) -> str:
        if self.runner_up is None:
            return "no other species is near"
        if np.isnan(self.ani[self.runner_up]):
            return f"the next species, {self._species_name(self.runner_up)}, is too far for an ANI"
        return f"the next species, {self._species_name(self.runner_up)}, has {self.ani[self.runner_up]:.1f} %"

    def _warnings(self) -> tuple[str, ...]:
        if self.best is None or np.isnan(self.ani[self.best]):
            return ()
        lesser = min(self.af_query[self.best], self.af_reference[self.best])
        if self._af(self.best) >= self.prior.af > lesser:
            part = "query" if self.af_query[self.best] > self.af_reference[self.best] else "reference"
            return (
                f"only {lesser:.0f} % of the other genome is aligned: the {part} looks incomplete, "
                "or the other carries much more",
            )
        return ()


def _asked(threshold: float) -> str:
    return f"{threshold:.2f} is asked for" if threshold < NEVER else "it has too few to learn what to ask for"


def _of_asked(threshold: float) -> str:
    if threshold < NEVER:
        return f" of the {threshold:.2f} asked for"
    return ", and this index has too few genomes to learn how much to ask for"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."
