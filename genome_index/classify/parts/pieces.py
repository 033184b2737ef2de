"""Pieces: queries that are a small part of their closest genome, such as a contig, a phage or a plasmid.

ANI and the larger aligned fraction of a piece are those of a whole genome: a phage that one assembly carries
is in that assembly with 100 %. So a piece is not called as a genome. It is told in which references it lies,
and gets a name only if most genomes of the species hold it, with the confidence of fragments of its length.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from genome_index.classify.decision import Verdict
from genome_index.classify.measured import match_at
from genome_index.classify.parts import reasons
from genome_index.classify.parts.fragment_name import fragment_name
from genome_index.classify.parts.holders import holders_of
from genome_index.classify.reasons import Match
from genome_index.classify.settings import QuerySettings
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.thresholds import prior_of
from genome_index.index.index import Index
from genome_index.records import Genome

LEAST_ALIGNED = 50.0  # percent of the query in the reference, for it to be a piece of that
NEAR_IDENTITY = 0.90  # by shared k-mers, the same where so little is aligned that there is no ANI


def as_piece(
    index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict, settings: QuerySettings,
    hidden: Collection[int] = (),
) -> Verdict:  # fmt: skip
    """The same verdict, unless the query is too short to be called as a genome.

    It is `piece` if the query lies in the reference that the verdict rests on. If it is farther, its rank is
    what a fragment of this length would get, or the verdict is novel. `hidden` are references left out.
    """
    at = verdict.closest
    if at is None or not _is_short(index, genome, int(hits.rows[query, at])):
        return verdict
    if not _lies_in(hits, query, at):
        return verdict if verdict.rank is None else _as_fragment(index, genome, verdict, settings)
    holders = holders_of(index, genome, hidden)
    reason = reasons.piece(_match(index, hits, query, at), genome.length_bp, holders)
    piece = Verdict("piece", reason, closest=at, members=tuple(sorted(one.species for one in holders)))
    own = index.entry(int(hits.rows[query, at])).lineage.name("species")
    typical = [one.species for one in holders if one.is_typical]
    if own not in typical:
        return replace(piece, reason=f"{reason} {reasons.PIECE_OF_FEW}")
    if len(typical) > 1:
        return replace(piece, reason=f"{reason} {reasons.PIECE_OF_SEVERAL}")
    return _named(index, genome, piece, settings)


def _is_short(index: Index, genome: Genome, row: int) -> bool:
    """Whether a query is shorter than a genome of the reference's kind may be, beside that reference."""
    least_part = prior_of(str(index.model.molecules[row])).least_part
    return 100 * genome.length_bp < least_part * index.references.length_bp(row)


def _lies_in(hits: Hits, query: int, at: int) -> bool:
    if math.isnan(hits.ani[query, at]):
        return float(hits.kmer_identity[query, at]) >= NEAR_IDENTITY
    return float(hits.af_query[query, at]) >= LEAST_ALIGNED


def _named(index: Index, genome: Genome, piece: Verdict, settings: QuerySettings) -> Verdict:
    """The piece with the name and the confidence that a fragment of its length gets, if it gets one."""
    name = fragment_name(index, genome, settings)
    if name is None:
        return piece
    reason = f"{piece.reason} {reasons.piece_called(name)}"
    return replace(piece, rank=name.rank, name=name.name, confidence=name.probability, reason=reason)


def _as_fragment(index: Index, genome: Genome, verdict: Verdict, settings: QuerySettings) -> Verdict:
    """A rank with the name and confidence that a fragment of this length gets; novel if it gets none."""
    name = fragment_name(index, genome, settings)
    short = reasons.too_short(genome.length_bp)
    if name is None or name.rank == "species":
        return replace(
            verdict, verdict="novel", rank=None, name=None, confidence=None, next_rank="species", reason=short
        )
    reason = f"{short} {reasons.piece_called(name)}"
    return replace(
        verdict, verdict=name.rank, rank=name.rank, name=name.name, confidence=name.probability, reason=reason
    )


def _match(index: Index, hits: Hits, query: int, at: int) -> Match:
    entry = index.entry(int(hits.rows[query, at]))
    name = entry.lineage.name("species") or entry.id
    return match_at(index.model, hits, query, at, name)
