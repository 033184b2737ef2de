"""Reasons and warnings about parts of a query, as sentences made from plain values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genome_index.classify.parts.fragment_name import FragmentName
from genome_index.classify.parts.holders import Holders
from genome_index.classify.reasons import Match, identity
from genome_index.records import Component

MOST_HOLDERS = 3  # species that hold a piece, listed by name
PIECE_OF_FEW = (
    "Most genomes of this species lack it, or too few are known: it may be a plasmid, a phage or a "
    "contaminant there, so no name is called."
)
PIECE_OF_SEVERAL = "Most genomes of several species have it, so no name is called."


def foreign_parts(parts: Sequence[Component]) -> str:
    """Parts of the sequence that are of other species than the closest reference."""
    return f"part of the sequence is nearest to another species: {_listed(parts)}"


def mixture(own: str | None, share: float, parts: Sequence[Component], limit: float, reason: str) -> str:
    """Why a mixture is refused; `reason` is that of the call without its foreign parts.

    `share` of the sequence is of the closest species, `own`.
    """
    return (
        f"This looks like a mixture: {share:.0%} {own or 'like the closest genome'}, {_listed(parts)}; at "
        f"most {limit:.0%} of other species is accepted. {reason}"
    )


def _listed(parts: Sequence[Component]) -> str:
    return ", ".join(f"{part.share:.0%} {part.name} (identity {part.identity:.1%})" for part in parts)


def unexplained(share: float) -> str:
    return (
        f"{share:.0%} of the query is in no reference of this index, such as sequence of a host or of a "
        "species that the index lacks; the confidence is lowered by it"
    )


def mostly_unexplained(share: float, limit: float, reason: str) -> str:
    """Why a query is refused of which nothing here explains the most; `reason` is that of its call."""
    return (
        f"{share:.0%} of the query is in no reference of this index, such as sequence of a host; at most "
        f"{limit:.0%} is accepted for a call of the whole. Without that part: {reason}"
    )


def call_of_a_part(species: str | None, share: float, unexplained: float, reason: str) -> str:
    """Why a call is refused that rests on a part of the query; `reason` is that of the call."""
    return (
        f"{share:.0%} of the query is as near to {species or 'the closest genome'} as genomes of one species "
        f"are, but {unexplained:.0%} is in no reference of this index: this looks like a mixture. {reason}"
    )


def alike_in_part(species: str | None, unexplained: float, reason: str) -> str:
    """Why a call is refused that rests on the little that is aligned; `reason` is that of the call."""
    return (
        f"Little of the query is aligned to {species or 'the closest genome'}, though what is aligned is "
        f"near, and {unexplained:.0%} is in no reference of this index: this looks like a mixture. {reason}"
    )


def much_longer(length_bp: int, name: str, longest_bp: int, reason: str) -> str:
    """Why a far query is refused that is longer than any genome of its name; `reason` is that of the call."""
    return (
        f"The query is {length_bp / longest_bp:.1f} times as long as the longest genome of {name} here "
        f"({longest_bp:,} bp), and little of it is in any reference: it holds much else, such as sequence "
        f"of a host. {reason}"
    )


def piece(best: Match, length_bp: int, holders: Sequence[Holders]) -> str:
    """Why a query is no genome but a piece, and in which references it lies."""
    if math.isnan(best.ani):
        evidence = f"it shares its k-mers with {best.species}, but has no ANI ({best.no_ani})"
    else:
        evidence = identity(best)
    listed = "; ".join(_held(holder) for holder in holders[:MOST_HOLDERS])
    more = f"; and {len(holders) - MOST_HOLDERS} more species" if len(holders) > MOST_HOLDERS else ""
    where = f" It lies in {listed}{more}." if holders else ""
    return f"The {length_bp:,} bp are a piece of a genome: {evidence}.{where}"


def _held(holder: Holders) -> str:
    if holder.genomes == 1:
        return f"the one genome of {holder.species}"
    return f"{holder.holding} of the {holder.genomes} genomes of {holder.species}"


def piece_called(name: FragmentName) -> str:
    """How sure the name of a piece is."""
    learned = "by a rule of thumb" if name.by_rule else "for fragments of this length"
    return f"The {name.rank} {name.name} is right with probability {name.probability:.2f}, {learned}."


def too_short(length_bp: int) -> str:
    return f"The {length_bp:,} bp are too few for a genome of this kind, so they are judged as a fragment."
