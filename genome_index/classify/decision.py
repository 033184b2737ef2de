"""Decision: hits and their evidence -> a verdict, which is a name at a rank or an honest abstention.

A species is called if its ANI and aligned fraction reach the thresholds of that species, no other species is
within the margin, and the calibrated probability reaches its threshold. Otherwise the ranks above are tried,
each with its own probability and threshold, and the reason says what the species lacked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genome_index.classify import reasons
from genome_index.classify.elected_names import Name
from genome_index.classify.evidence import QueryEvidence
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.records import RANKS, InterleavedNames
from genome_index.taxonomy.levels import UNKNOWN


@dataclass(frozen=True)
class Verdict:
    """A decision; hits are given by their position among the hits of the query."""

    verdict: str  # a rank, piece, unnamed, novel, ambiguous or out_of_scope
    reason: str
    rank: str | None = None
    name: str | None = None
    confidence: float | None = None  # probability that this name is right; None for abstentions
    next_rank: str | None = None  # the most specific rank whose threshold was not reached
    closest: int | None = None  # the hit that the call rests on
    runner_up: int | None = None  # the best hit of another species
    members: tuple[str, ...] = ()  # species that cannot be distinguished, or that hold a piece
    warnings: tuple[str, ...] = ()


def decide(
    model: Model,
    thresholds: SpeciesThresholds,
    hits: Hits,
    query: int,
    names: Mapping[str, Name],
    self_row: int = -1,
    interleaved: Sequence[InterleavedNames] = (),
) -> Verdict:
    """The verdict for one query.

    Parameters
    ----------
    query
        Its line in `hits`.
    names
        Its elected names by level.
    self_row
        Its own row, if it is a reference; thresholds are learned without it.
    interleaved
        Pairs of names of the index that look like one: a species of such a pair is ambiguous.
    """
    if not (hits.rows[query] >= 0).any():
        return Verdict("out_of_scope", reasons.EMPTY_INDEX)
    evidence = QueryEvidence(model, thresholds, hits, query, names, self_row)
    if evidence.is_incomparable():
        reason = reasons.nothing_comparable(evidence.highest_similarity(), model.least_similarity)
        return Verdict("out_of_scope", reason, closest=evidence.first)
    if evidence.best is None:
        return _higher_rank(evidence, evidence.why_no_species())
    return _species(evidence, evidence.best, interleaved)


def _species(evidence: QueryEvidence, best: int, interleaved: Sequence[InterleavedNames]) -> Verdict:
    """The species of the best hit, or ambiguous, or a rank above species."""
    if lacking := _lacking(evidence, best):
        return _higher_rank(evidence, lacking)
    name, match, runner_up = evidence.names["species"], evidence.match(best), evidence.runner_up
    if rivals := [evidence.species_name(at) for at in evidence.rivals(best)]:
        members = tuple(sorted({match.species, *rivals}))
        reason = reasons.indistinguishable(members, match, rivals[0], evidence.prior.margin)
        return _ambiguous(evidence, best, members, reason)
    if partners := partners_of(match.species, interleaved):  # however far the lead
        members = tuple(sorted({match.species, *partners}))
        return _ambiguous(evidence, best, members, reasons.interleaved(members, match))
    if not name.is_called():
        return _higher_rank(evidence, reasons.too_improbable(match, name.probability, name.threshold))
    other = None if runner_up is None else evidence.match(runner_up)
    reason = reasons.species_called(match, evidence.species_threshold(best), other, name.by_prior)
    return Verdict(
        "species", reason, "species", match.species, name.probability,
        closest=best, runner_up=runner_up, warnings=evidence.warnings(),
    )  # fmt: skip


def _lacking(evidence: QueryEvidence, best: int) -> str:
    """What the match lacks in ANI or aligned fraction, as a clause; empty if it lacks nothing."""
    match = evidence.match(best)
    if math.isnan(match.ani):
        return reasons.without_ani(match, evidence.is_nearest_species(best))
    threshold = evidence.species_threshold(best)
    if match.ani < threshold:
        told = evidence.nearest_below(best)
        return reasons.below_threshold(evidence.match(told), evidence.species_threshold(told))
    if match.af < evidence.prior.af:
        return reasons.too_little_aligned(match, evidence.prior.af)
    return ""


def _ambiguous(evidence: QueryEvidence, best: int, members: tuple[str, ...], reason: str) -> Verdict:
    return Verdict(
        "ambiguous", reason, next_rank="species", closest=best, runner_up=evidence.runner_up,
        members=members, warnings=evidence.warnings(),
    )  # fmt: skip


def partners_of(species: str, interleaved: Sequence[InterleavedNames]) -> list[str]:
    """The other names of the pairs of interleaved species from which a genome of this one cannot be told."""
    partners = (pair.partner_of(species) for pair in interleaved if pair.rank == "species")
    return [partner for partner in partners if partner is not None]


def _higher_rank(evidence: QueryEvidence, lacking: str) -> Verdict:
    """The most specific rank above species that is probable enough, or unnamed or novel."""
    unnamed = evidence.unnamed_match()
    if unnamed is not None:
        lacking = reasons.unnamed(evidence.match_without_name(unnamed))
    ranks = [rank for rank in reversed(RANKS[: RANKS.index("species")]) if rank in evidence.model.levels]
    for finer, rank in zip(["species", *ranks], ranks, strict=False):
        if evidence.names[rank].is_called():
            return _rank(evidence, lacking, rank, finer)
    if unnamed is not None:
        return Verdict("unnamed", reasons.sentence(lacking), next_rank="species", closest=unnamed)
    return _novel(evidence, lacking, ranks)


def _rank(evidence: QueryEvidence, lacking: str, rank: str, finer: str) -> Verdict:
    """A rank above species; `finer` is the rank below it that was not reached."""
    name = evidence.names[rank]
    called = evidence.model.levels[rank].names[name.code]
    reason = reasons.rank_called(lacking, rank, called, name.probability, name.by_prior)
    return Verdict(
        rank, reason, rank, called, name.probability,
        finer, evidence.nearest_of(rank, name.code), evidence.runner_up, warnings=evidence.warnings(),
    )  # fmt: skip


def _novel(evidence: QueryEvidence, lacking: str, ranks: list[str]) -> Verdict:
    """No name at any rank; `ranks` are those above species in the index, most specific first."""
    levels, reason = evidence.model.levels, reasons.sentence(lacking)
    if ranks and (name := evidence.names[ranks[0]]).code != UNKNOWN:
        likeliest = levels[ranks[0]].names[name.code]
        reason += f" {reasons.rank_uncertain(ranks[0], likeliest, name.probability, name.threshold)}"
    missed = "species" if "species" in levels else next(iter(ranks), None)
    closest = evidence.first if evidence.best is None else evidence.best
    return Verdict(
        "novel", reason, next_rank=missed, closest=closest, runner_up=evidence.runner_up,
        warnings=evidence.warnings(),
    )  # fmt: skip
