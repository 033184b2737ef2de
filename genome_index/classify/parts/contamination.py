"""Contamination: what a query holds besides its closest species, and what no reference explains.

A part of another species makes a call doubtful, and from FAIL_SHARE on the query is a mixture. Sequence that
nothing here explains, such as that of a host, lowers the confidence, and above MOST_UNEXPLAINED the query is
no genome of one species either.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from genome_index.classify.parts import reasons
from genome_index.classify.parts.components import LEAST_SHARE, Components, components_of
from genome_index.classify.parts.oversize import longest_of_name
from genome_index.classify.parts.window_lookup import SPECIES_IDENTITY
from genome_index.index.audit.large_contigs import WARN_SHARE
from genome_index.index.index import Index
from genome_index.index.store.skani import LITTLE_ALIGNED
from genome_index.records import Call, Genome, Hit, Lineage

FAIL_SHARE = 0.20  # of the sequence in other species; from here on a query is no genome of one species
SURE_SHARE = 0.025  # of it in species to which it is as near as genomes of one species are
SAID_UNEXPLAINED = 0.20  # of the sequence; genomes of one species often differ by less
MOST_UNEXPLAINED = 0.40  # above it a call would be about the lesser part of a query, or little more
OWN_OF_EXPLAINED = 0.45  # of what is explained, as near as one species: a part of a far query is of that one
WHOLE_KINDS = ("prokaryote", "virus", "organelle", "other")  # plasmids are made of parts of others
PART_IDENTITY = 0.86  # to a small genome; of whole ones that are so near, more than PART_ALIGNED is aligned
PART_ALIGNED = (
    40.0  # percent, in either direction; 1 of 60 pairs of mitogenomes and 2 of 270 of viruses have less
)
NEAR_IDENTITY = 0.90  # to the closest reference; beyond it, k-mers show whether sequence is explained


def with_components(
    index: Index, genome: Genome, call: Call, closest_row: int, hidden: Collection[int] = ()
) -> Call:
    """The same call with the parts of the query that are of other species or unexplained, or refused.

    `hidden` are references that are left out.
    """
    kind = str(index.model.molecules[closest_row])
    if kind not in WHOLE_KINDS or call.verdict == "out_of_scope":
        return call
    is_near = _is_near(call)
    components = components_of(index, genome, closest_row, not is_near, hidden)
    if components is None:
        return call
    call = _with_foreign(call, components, is_near)
    if is_near:
        return _with_unexplained(call, components)
    call = _unless_part(call, components, kind == "virus")
    longest = longest_of_name(index, genome, call, hidden)
    if longest is None:
        return call
    return _refused(call, reasons.much_longer(genome.length_bp, str(call.name), longest, call.reason))


def _unless_part(call: Call, components: Components, is_virus: bool) -> Call:
    """The call, or refused if its closest reference, far from the whole, is near to a part of it."""
    explained = 1 - components.unexplained
    is_part = components.own_species >= max(SURE_SHARE, OWN_OF_EXPLAINED * explained)
    if call.verdict == "qc_fail" or components.unexplained <= MOST_UNEXPLAINED:
        return call
    own = call.closest.species if call.closest else None
    if is_part:
        reason = reasons.call_of_a_part(own, components.own_species, components.unexplained, call.reason)
    elif is_virus and call.closest and _is_partly_alike(call.closest):
        reason = reasons.alike_in_part(own, components.unexplained, call.reason)
    else:
        return call
    return _refused(replace(call, unexplained=components.unexplained), reason)


def _is_partly_alike(closest: Hit) -> bool:
    """Whether a reference is near to a query where the two align, but that is little of either."""
    evidence = closest.evidence
    if evidence.ani is None:
        return closest.kmer_identity >= PART_IDENTITY and evidence.reason == LITTLE_ALIGNED
    is_near = evidence.ani >= 100 * PART_IDENTITY
    return is_near and max(evidence.af_query or 0, evidence.af_reference or 0) < PART_ALIGNED


def _with_foreign(call: Call, components: Components, is_near: bool) -> Call:
    """The call with a warning about parts of other species, or refused as a mixture."""
    listed = tuple(part for part in components.foreign if part.share >= LEAST_SHARE)
    call = replace(call, components=listed)
    sure = sum(part.share for part in listed if part.identity >= SPECIES_IDENTITY)
    if components.foreign_share < WARN_SHARE and sure < SURE_SHARE:
        return call
    if not _is_mixture(call, components, is_near):
        return replace(call, warnings=(*call.warnings, reasons.foreign_parts(listed)))
    own = call.closest.species if call.closest else None
    return _refused(call, reasons.mixture(own, components.own, listed, FAIL_SHARE, call.reason))


def _is_mixture(call: Call, components: Components, is_near: bool) -> bool:
    """Whether so much is of other species that a query has no name.

    Of a query that is far from its closest reference little is explained: one other family that has
    FAIL_SHARE of that makes its name doubtful. Without a name there is nothing to doubt.
    """
    if is_near:
        return components.foreign_share >= FAIL_SHARE
    largest = max((part.share for part in components.foreign), default=0.0)
    return call.name is not None and largest >= FAIL_SHARE * (1 - components.unexplained)


def _with_unexplained(call: Call, components: Components) -> Call:
    """The call with the share that nothing explains, and a confidence that it lowers, or refused."""
    if call.closest is None or call.verdict in ("piece", "qc_fail"):
        return call
    share = _unexplained_share(call.closest, components)
    call = replace(call, unexplained=share)
    if share < SAID_UNEXPLAINED:
        return call
    if share > MOST_UNEXPLAINED:
        return _refused(call, reasons.mostly_unexplained(share, MOST_UNEXPLAINED, call.reason))
    lowered = None if call.confidence is None else call.confidence * (1 - share**2 / 2)
    return replace(call, confidence=lowered, warnings=(*call.warnings, reasons.unexplained(share)))


def _unexplained_share(closest: Hit, components: Components) -> float:
    """The share by windows; of a farther reference, whose windows differ, no more than is not aligned."""
    evidence = closest.evidence
    if evidence.ani is None or evidence.ani >= 100 * SPECIES_IDENTITY:
        return components.unexplained
    return min(components.unexplained, 1 - (evidence.af_query or 0) / 100)


def _is_near(call: Call) -> bool:
    """Whether the closest reference is so near that windows without its k-mers are not of its species."""
    if call.closest is None:
        return False
    ani = call.closest.evidence.ani
    return (call.closest.kmer_identity if ani is None else ani / 100) >= NEAR_IDENTITY


def _refused(call: Call, reason: str) -> Call:
    return replace(
        call, verdict="qc_fail", rank=None, name=None, confidence=None, reason=reason, lineage=Lineage(),
        labels={},
    )  # fmt: skip
