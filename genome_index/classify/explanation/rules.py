"""Rules of the decision as checks, with the predicates of QueryEvidence and in the order of decision.py."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from genome_index.classify import reasons
from genome_index.classify.decision import partners_of
from genome_index.classify.elected_names import Name
from genome_index.classify.evidence import QueryEvidence
from genome_index.classify.explanation.records import FAILED, PASSED, Check
from genome_index.classify.strong_match import GENUS_MARGIN, genus_ani
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.index.calibration.hits import KMER_FLOOR, Hits
from genome_index.records import RANKS, InterleavedNames
from genome_index.taxonomy.levels import UNKNOWN


def rules(
    evidence: QueryEvidence, hits: Hits, query: int, interleaved: Sequence[InterleavedNames] = ()
) -> Iterator[Check]:
    """The rules that were tried; the last of them settles the verdict.

    Parameters
    ----------
    query
        Its line in `hits`; it has at least one hit.
    interleaved
        Pairs of names of the index that look like one.
    """
    comparable = _comparable(evidence, hits, query)
    yield comparable
    if comparable.settles:
        return
    species = list(_species(evidence, interleaved))
    yield from species
    if not species[-1].settles:
        yield from _higher_ranks(evidence)


def _comparable(evidence: QueryEvidence, hits: Hits, query: int) -> Check:
    highest, least = evidence.highest_similarity(), evidence.model.least_similarity
    if evidence.is_incomparable():
        return Check("comparable", FAILED, reasons.nothing_comparable(highest, least), "out_of_scope")
    sharing = int((hits.kmer_identity[query][evidence.real] > KMER_FLOOR).sum())
    text = (
        f"{sharing} of {len(evidence.real)} candidates share k-mers with the query, and the highest "
        f"similarity is {highest:.2f} ({least:.2f} is required where no k-mer is shared)."
    )
    return Check("comparable", PASSED, text)


def _species(evidence: QueryEvidence, interleaved: Sequence[InterleavedNames]) -> Iterator[Check]:
    """What the species must reach, up to the first that fails."""
    best = evidence.best
    if best is None:
        yield Check("elected species", FAILED, reasons.sentence(evidence.why_no_species()))
        return
    elected = f"The candidates elect {evidence.match(best).species}{_votes(evidence.names['species'])}."
    yield Check("elected species", PASSED, elected)
    for check in _identity(evidence, best):
        yield check
        if check.outcome == FAILED:
            return
    margin = _margin(evidence, best)
    yield margin
    if margin.settles:
        return
    if partners := partners_of(evidence.species_name(best), interleaved):
        text = f"Its genomes in the index are interleaved with those of {' and '.join(sorted(partners))}."
        yield Check("interleaved names", FAILED, text, "ambiguous")
        return
    yield _probability(evidence, "species")


def _identity(evidence: QueryEvidence, best: int) -> Iterator[Check]:
    """ANI and aligned fraction of the best hit of the elected species."""
    match, threshold, af = evidence.match(best), evidence.species_threshold(best), evidence.prior.af
    if math.isnan(match.ani):
        text = reasons.sentence(reasons.without_ani(match, evidence.is_nearest_species(best)))
        yield Check("ANI", FAILED, text)
        return
    reached = match.ani >= threshold
    text = f"ANI {match.ani:.2f} % to {match.species}; this species requires {threshold:.2f} %."
    yield Check("ANI", PASSED if reached else FAILED, text)
    if reached:
        text = (
            f"{match.af_query:.1f} % of the query and {match.af_reference:.1f} % of the reference are "
            f"aligned; {af:.0f} % of one of them is required."
        )
        yield Check("aligned fraction", FAILED if match.af < af else PASSED, text)


def _margin(evidence: QueryEvidence, best: int) -> Check:
    margin, match = evidence.prior.margin, evidence.match(best)
    if rivals := evidence.rivals(best):
        rival = evidence.match(rivals[0])
        text = f"{rival.species} has ANI {rival.ani:.2f} %, within {margin:g} points of {match.ani:.2f} %."
        return Check("margin", FAILED, text, "ambiguous")
    return Check("margin", PASSED, _no_rival(evidence, best))


def _no_rival(evidence: QueryEvidence, best: int) -> str:
    """Why the next species is no rival, as a sentence."""
    margin = f"a lead of {evidence.prior.margin:g} points is required"
    if evidence.runner_up is None:
        return f"No other species is among the candidates; {margin}."
    other, lead = evidence.match(evidence.runner_up), evidence.match(best).ani
    if math.isnan(other.ani):
        return f"The next species, {other.species}, has no ANI ({other.no_ani}); {margin}."
    text = f"The next species, {other.species}, has ANI {other.ani:.2f} %, {lead - other.ani:.2f} points less"
    if lead - other.ani < evidence.prior.margin and other.af < evidence.prior.af:
        return f"{text}, but only {other.af:.0f} % is aligned; {evidence.prior.af:.0f} % makes a rival."
    return f"{text}; {margin}."


def _higher_ranks(evidence: QueryEvidence) -> Iterator[Check]:
    """Ranks above species, most specific first, up to the first that is called."""
    for rank in reversed(RANKS[: RANKS.index("species")]):
        if rank in evidence.model.levels:
            check = _probability(evidence, rank)
            yield check
            if check.settles:
                return
    unnamed = evidence.unnamed_match()
    if unnamed is not None:
        text = reasons.sentence(reasons.unnamed(evidence.match_without_name(unnamed)))
        yield Check("species without a name", FAILED, text, "unnamed")
        return
    yield Check("novel", FAILED, "No rank reaches the probability that it requires.", "novel")


def _probability(evidence: QueryEvidence, rank: str) -> Check:
    """Whether the elected name of a rank is probable enough."""
    name = evidence.names[rank]
    if name.code == UNKNOWN:
        return Check(rank, FAILED, f"No candidate has a name at the rank of {rank}.")
    text = (
        f"The {rank} {evidence.model.levels[rank].names[name.code]} is right with probability "
        f"{name.probability:.3f}; {_required(name)}."
    )
    if rank == "genus" and name.by_prior and name.basis and name.basis.strong:
        text += f" {_strong_genus(evidence)}"
    return Check(rank, PASSED, text, rank) if name.is_called() else Check(rank, FAILED, text)


def _strong_genus(evidence: QueryEvidence) -> str:
    """The rule that gives a genus the prior of a strong match, as a sentence."""
    ani, af = genus_ani(evidence.prior), evidence.prior.af
    return (
        f"A strong match: ANI {ani:g} % and more to a genome of it, {af:g} % of both genomes aligned, and "
        f"every other genus {GENUS_MARGIN:g} points farther. So the confidence is the prior of the kind."
    )


def _required(name: Name) -> str:
    if name.required >= NEVER:
        return "this rank is never called here, for the index has too few of its names"
    return f"{name.required:.3f} is required"


def _votes(name: Name) -> str:
    return f" with {100 * name.basis.share:.0f} % of the votes" if name.basis else ""


def settled(checks: list[Check]) -> str:
    """The verdict that the checks lead to: that of the last one which settles it."""
    return next(check.settles for check in reversed(checks) if check.settles)


def shares_no_kmer(hits: Hits, query: int) -> bool:
    """Whether no hit of a query shares a k-mer with it."""
    return not bool(np.any(hits.kmer_identity[query] > KMER_FLOOR))
