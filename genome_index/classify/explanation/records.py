"""Records of an explanation: candidates, the requirement of the species, elected names, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.index.calibration.thresholds import Step
from genome_index.records import Call, Hit

PASSED, FAILED, WARNING, NOT_LOOKED_AT = "passed", "failed", "warning", "not looked at"  # outcomes of a check
ROUNDING = 1e-5  # of features, which are stored with 32 bits
SHOWN = 10  # candidates that a person is shown; JSON has all


@dataclass(frozen=True)
class Candidate:
    """A reference that was compared with the query."""

    hit: Hit
    roads: tuple[str, ...]  # ways by which it was found: vector (nearest), k-mers (shares most)
    score: float  # cosine plus 8 times the k-mer identity above its floor; candidates are in this order
    shared_kmers: float  # share of the k-mers of the smaller sketch, 0 to 1
    role: str = ""  # basis (the call rests on it), best of species (the elected one), runner-up, or empty


@dataclass(frozen=True)
class Requirement:
    """What a genome must reach to be called the species that was elected, and where that comes from."""

    species: str
    kind: str  # of molecule: prokaryote, virus, organelle, plasmid or other
    steps: tuple[Step, ...]  # the way to the required ANI; the last one has it
    af: float  # percent of the smaller genome; the prior of the kind
    margin: float  # points of ANI over every other species; the prior of the kind
    source: str  # of the prior

    @property
    def ani(self) -> float:
        """The required ANI in percent."""
        return self.steps[-1].ani


@dataclass(frozen=True)
class Feature:
    """A feature of an elected name, and what it adds to the log-odds that the name is right."""

    name: str  # as in index/calibration/features.py
    text: str
    unit: str  # %, points, score, or empty for a number without a unit
    value: float
    low: float  # 1st percentile of the simulated queries; beyond the two a value adds no more and no less
    high: float  # 99th percentile
    log_odds: float
    note: str = ""  # what stands for a value that could not be measured

    @property
    def outside(self) -> str:
        """Whether the value is below or above what was learned; empty if it is within."""
        if self.value < self.low - ROUNDING:
            return "below"
        return "above" if self.value > self.high + ROUNDING else ""


@dataclass(frozen=True)
class Election:
    """The elected name of one level, its probability and the threshold, with their sources."""

    level: str
    name: str | None  # None if no candidate has a name at this level
    votes: float  # share of the votes, 0 to 1
    probability: float
    probability_from: str  # calibrator, shared k-mers, strong match, identical genome, finer rank, nothing
    probability_text: str  # the same as a clause
    required: float  # least probability at which the level is called; above 1: never
    required_from: str  # simulated queries, default, prior, too few
    required_text: str
    is_called: bool  # whether the probability reaches it
    learned: float | None = None  # probability by the calibrator alone; None without one
    highest: float | None = None  # probability that the calibrator gives
    intercept: float | None = None  # log-odds of the calibrator before any feature adds to it
    features: tuple[Feature, ...] = ()

    @property
    def log_odds(self) -> float | None:
        """The log-odds of the calibrator; it keeps the probability within 0.005 and `highest`."""
        if self.intercept is None:
            return None
        return self.intercept + sum(feature.log_odds for feature in self.features)


@dataclass(frozen=True)
class Check:
    """A rule that was applied, in the order of its application."""

    name: str
    outcome: str  # passed, failed or warning
    text: str  # a sentence
    settles: str = ""  # the verdict that follows at once; empty if the next rule is tried


@dataclass(frozen=True)
class Explanation:
    """A call, and the whole way to its verdict."""

    call: Call
    candidates: tuple[Candidate, ...] = ()  # best score first
    requirement: Requirement | None = None  # of the elected species; None if there is none
    elections: tuple[Election, ...] = ()  # most specific rank first, then labels
    checks: tuple[Check, ...] = ()

    def shown(self) -> Sequence[Candidate]:
        """The first candidates, and those after them on which the call rests."""
        rest = [candidate for candidate in self.candidates[SHOWN:] if candidate.role]
        return [*self.candidates[:SHOWN], *rest]
