"""Pieces: queries that are a small part of their closest genome, such as a contig, a phage or a plasmid.

ANI and the larger aligned fraction of a piece are those of a whole genome: a phage that one assembly carries
is in that assembly with 100 %. So a piece is not called as a genome. It is told in which references it lies,
and gets a name only if most genomes of the species hold it, with the confidence of fragments of its length.
"""

from __future__ import annotations

import math
from dataclasses import replace

from genome_index.classify.decision import Verdict
from genome_index.classify.fragments.calibration import calibrators_of
from genome_index.classify.fragments.cutting import length_class
from genome_index.classify.fragments.decision import called_rank, fragment_names
from genome_index.classify.fragments.hits import ReferenceTable, fragments_of, hits_of
from genome_index.classify.measured import match_at
from genome_index.classify.parts import reasons
from genome_index.classify.parts.holders import holders_of
from genome_index.classify.reasons import Match
from genome_index.index.calibration.hits import Hits, nothing_held_out
from genome_index.index.calibration.thresholds import prior_of
from genome_index.index.index import Index
from genome_index.records import RANKS, Genome, Progress

LEAST_ALIGNED = 50.0  # percent of the query in the reference, for it to be a piece of that
NEAR_IDENTITY = 0.90  # by shared k-mers, the same where so little is aligned that there is no ANI


def as_piece(
    index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict, progress: Progress, threads: int
) -> Verdict:
    """The same verdict, or `piece` if the query is a small part of the reference that it rests on."""
    at = verdict.closest
    if at is None or not _is_piece(index, genome, hits, query, at):
        return verdict
    holders = holders_of(index, genome)
    found = replace(
        verdict, verdict="piece", rank=None, name=None, confidence=None, warnings=(),
        members=tuple(sorted(holder.species for holder in holders)),
        reason=reasons.piece(_match(index, hits, query, at), genome.length_bp, holders),
    )  # fmt: skip
    own = index.entry(int(hits.rows[query, at])).lineage.name("species")
    if not any(holder.species == own and holder.is_typical for holder in holders):
        return replace(found, reason=f"{found.reason} {reasons.PIECE_OF_FEW}")
    return _named(index, genome, found, progress, threads)


def _is_piece(index: Index, genome: Genome, hits: Hits, query: int, at: int) -> bool:
    """Whether a query lies in a reference, and is shorter than a genome of its kind may be."""
    row, ani = int(hits.rows[query, at]), float(hits.ani[query, at])
    least_part = prior_of(str(index.model.molecules[row])).least_part
    if 100 * genome.length_bp >= least_part * index.references.length_bp(row):
        return False
    if math.isnan(ani):
        return float(hits.kmer_identity[query, at]) >= NEAR_IDENTITY
    return float(hits.af_query[query, at]) >= LEAST_ALIGNED


def _named(index: Index, genome: Genome, found: Verdict, progress: Progress, threads: int) -> Verdict:
    """The verdict with the name and the confidence that a fragment of this length would get."""
    table = ReferenceTable.of(index)
    fragments = fragments_of(index, [genome])
    hits = hits_of(table, fragments, nothing_held_out(1, len(index.model.live)), threads)
    calibrators = calibrators_of(index, progress, threads, [length_class(genome.length_bp)])
    names = fragment_names(index.model, calibrators, fragments, hits)[0]
    rank = called_rank(index, fragments, hits, 0, names)
    if rank is None or rank not in RANKS:
        return found
    name = index.model.levels[rank].names[names[rank].code]
    reason = f"{found.reason} {reasons.piece_called(rank, name, names[rank].probability, not calibrators)}"
    return replace(found, rank=rank, name=name, confidence=names[rank].probability, reason=reason)


def _match(index: Index, hits: Hits, query: int, at: int) -> Match:
    entry = index.entry(int(hits.rows[query, at]))
    name = entry.lineage.name("species") or entry.id
    return match_at(index.model, hits, query, at, name)
