"""Sections of an explanation for people: rules, candidates, requirement, probabilities, features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genome_index.classify.explanation.records import Candidate, Election, Explanation, Feature, Requirement
from genome_index.classify.strong_match import FAR_ABOVE, GENUS_BELOW_SPECIES, GENUS_MARGIN
from genome_index.index.calibration.calibrator import CERTAINTY
from genome_index.index.calibration.call_threshold import NEVER, THRESHOLDS
from genome_index.index.calibration.features import LEAST_ANI as MISSING_ANI
from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT
from genome_index.index.calibration.pairwise import VERIFIED
from genome_index.index.calibration.thresholds import LEAST_ANI, PRIOR_WEIGHT
from genome_index.index.store import skani
from genome_index.index.store.skani import LITTLE_ALIGNED
from genome_index.records import rounded_ani

Rows = Sequence[tuple[str, ...]]

BELOW_RANGE, NO_KMER, NOT_MEASURED = "< 82", "-", "n.m."  # in place of an ANI
CANDIDATES_ABOUT = (
    f"By score: similarity (cosine of the vectors) plus {KMER_WEIGHT:g} times the k-mer identity above "
    f"{KMER_FLOOR:g}. Shared: k-mers in common, of the smaller of the two sketches. AF: aligned fraction of "
    f"the query and of the reference. ANI {BELOW_RANGE}: below the range, about 82 %; {NO_KMER}: no shared "
    f"k-mer; {NOT_MEASURED}: not measured, neither among the best {VERIFIED} by score nor the best of one of "
    "the next species and genera."
)
LIMITS = {"gap of the species": "limit: gap of the species", "range of the kind": "limit: range of the kind"}


@dataclass(frozen=True)
class Heading:
    """The heading of a column, and whether its cells are numbers, which stand to the right."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, sentences on how to read the table, and the table."""

    title: str
    about: str
    columns: tuple[Heading, ...]
    rows: Rows


def sections(explanation: Explanation) -> Iterator[Section]:
    """The sections that there is something to show for, in the order of the text."""
    yield _rules(explanation)
    if explanation.candidates:
        yield _candidates(explanation)
    if explanation.requirement is not None:
        yield _requirement(explanation.requirement)
    if explanation.elections:
        yield _probabilities(explanation.elections)
    yield from (_features(one) for one in _decisive(explanation) if one.features)


def _rules(explanation: Explanation) -> Section:
    rows = [(check.outcome, check.name, check.text) for check in explanation.checks]
    return Section(
        "Rules, in the order in which they were applied", "", _columns("outcome", "rule", "finding"), rows
    )


def _candidates(explanation: Explanation) -> Section:
    shown = explanation.shown()
    title = f"Candidates: {len(shown)} of {len(explanation.candidates)}"
    columns = (
        *_columns("candidate", "role", "road", "species"),
        *(Heading(name, True) for name in ("score", "cosine", "shared %", "k-mer %", "ANI %", "AF %")),
    )
    return Section(title, CANDIDATES_ABOUT, columns, [_candidate(one) for one in shown])


def _candidate(one: Candidate) -> tuple[str, ...]:
    hit, evidence = one.hit, one.hit.evidence
    has_kmer = one.shared_kmers > 0
    return (
        hit.id, one.role or "-", "+".join(one.roads), hit.species or "-", f"{one.score:.2f}",
        f"{hit.similarity:.3f}", f"{100 * one.shared_kmers:.2f}" if has_kmer else "-",
        f"{100 * hit.kmer_identity:.1f}" if has_kmer else "-",
        _ani(one),
        "-" if evidence.ani is None else f"{evidence.af_query:.1f} / {evidence.af_reference:.1f}",
    )  # fmt: skip


def _ani(one: Candidate) -> str:
    """The ANI, or why there is none."""
    evidence = one.hit.evidence
    if evidence.ani is not None:
        return f"{rounded_ani(evidence.ani):.2f}"
    if evidence.reason == LITTLE_ALIGNED:
        return "too little aligned"
    if evidence.reason == skani.BELOW_RANGE:
        return BELOW_RANGE
    return NOT_MEASURED if one.shared_kmers else NO_KMER


def _requirement(one: Requirement) -> Section:
    about = (
        f"Also required of kind {one.kind}: {one.af:g} % of the smaller genome aligned, and a lead of "
        f"{one.margin:g} points of ANI over every other species; these two are never learned. Source of the "
        f"prior: {one.source}. Each line below the prior moves the required ANI from that of the line above, "
        f"which counts as {PRIOR_WEIGHT:g} genomes, towards the middle between the ANI to other species and "
        "that within species; where other species are as near as the own one, towards the ANI to other "
        f"species ({LEAST_ANI:g} % stands for one below the range)."
    )
    columns = (
        *_columns("from", "name"),
        *(Heading(name, True) for name in ("genomes", "other species %", "same species %", "required ANI %")),
    )
    rows = [
        (
            LIMITS.get(step.source, step.source), step.name, str(step.genomes or "-"), _number(step.low, 2),
            _number(step.high, 2), f"{step.ani:.2f}",
        )
        for step in one.steps
    ]  # fmt: skip
    return Section(f"ANI that {one.species} requires: {one.ani:.2f} %", about, columns, rows)


def _probabilities(elections: Sequence[Election]) -> Section:
    about = (
        "Votes: the share of the candidates' votes for the elected name. Called: the probability that the "
        "name is right reaches the required one; a species also needs ANI, aligned fraction and margin. "
        "Simulated queries: references of this index, queried while themselves, their species or a rank "
        "above it were held out; they teach probabilities and, within "
        f"{THRESHOLDS[0]:.2f} and {THRESHOLDS[1]:.2f}, the required ones. Strong match: ANI "
        f"{100 * FAR_ABOVE:g} % of the way from the required to 100 % or higher, both genomes aligned well "
        "enough, no other species within the margin. Strong match of a genus: ANI at most "
        f"{GENUS_BELOW_SPECIES:g} points below the prior of a species, both genomes aligned well enough, no "
        f"other genus within {GENUS_MARGIN:g} points. A rank is at least as probable as the finer rank that "
        "belongs to it."
    )
    columns = (
        *_columns("level", "elected name"), Heading("votes %", True), Heading("probability", True),
        Heading("required", True), *_columns("called", "probability from", "required from"),
    )  # fmt: skip
    return Section("Probability of each level", about, columns, [_election(one) for one in elections])


def _election(one: Election) -> tuple[str, ...]:
    required = "never" if one.required >= NEVER else f"{one.required:.3f}"
    return (
        one.level, one.name or "-", f"{100 * one.votes:.0f}", f"{one.probability:.3f}", required,
        "yes" if one.is_called else "no", one.probability_text, one.required_text,
    )  # fmt: skip


def _decisive(explanation: Explanation) -> Sequence[Election]:
    """The elections that decided: the species, the first rank tried above it, and the called rank."""
    tried = [check.name for check in explanation.checks]
    ranks = [one for one in explanation.elections if one.level != "species" and one.level in tried]
    species = [one for one in explanation.elections if one.level == "species"]
    called = [one for one in ranks[1:] if one.level == explanation.call.rank]
    return [*species, *ranks[:1], *called]


def _features(one: Election) -> Section:
    log_odds = one.log_odds or 0.0
    high = CERTAINTY[1] if one.highest is None else one.highest
    about = (
        f"Each feature adds to the log-odds that the name is right; log-odds of {log_odds:.2f} are a "
        f"probability of {one.learned:.3f} (kept within {CERTAINTY[0]:g} and {high:.3f}). "
        "Learned range: 1st to 99th percentile of the simulated queries; beyond it a value adds no more and "
        f"no less. A missing ANI counts as {MISSING_ANI:g} %, also that of the next name."
    )
    columns = (
        *_columns("feature"), Heading("value", True), *_columns("unit"), Heading("learned range", True),
        Heading("adds", True), *_columns("note"),
    )  # fmt: skip
    rows = [("intercept", "", "", "", f"{one.intercept:+.2f}", ""), *map(_feature, one.features)]
    return Section(
        f"Features of the {one.level} {one.name}",
        about,
        columns,
        [*rows, ("sum", "", "", "", f"{log_odds:+.2f}", "")],
    )


def _feature(one: Feature) -> tuple[str, ...]:
    digits = {"%": 1, "points": 2, "score": 3}.get(one.unit, 0)
    note = one.note or (f"{one.outside} the learned range" if one.outside else "")
    span = f"{one.low:.{digits}f} to {one.high:.{digits}f}"
    return one.text, f"{one.value:.{digits}f}", one.unit, span, f"{one.log_odds:+.2f}", note


def _columns(*titles: str) -> tuple[Heading, ...]:
    return tuple(Heading(title) for title in titles)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
