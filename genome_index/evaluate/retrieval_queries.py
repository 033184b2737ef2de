"""Queries of a retrieval evaluation: the genomes and fragments.

A query counts only if one of the genomes that may answer it, by species_out.py, has its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.io.quality import MOST_AMBIGUOUS, base_share
from genome_index.io.sequence import drawn_window
from genome_index.records import Contig, Genome, counted
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WHOLE = 0  # the length of a genome that is not cut
LEAST_BP = 100  # shorter fragments hold a few dozen k-mers
TRIES = 3  # draws of a fragment that is not mostly N


@dataclass(frozen=True)
class RetrievalPlan:
    """Which fragments of which genomes are queries."""

    lengths_bp: tuple[int, ...]  # or WHOLE
    each: int = 1  # fragments of a genome; a whole genome is one query
    only: frozenset[str] | None = None  # ids; None: all genomes of the index
    rank: str | None = None  # a rank or label; None: all with two names or more
    seed: int = 0


@dataclass(frozen=True)
class GenomeTable:
    """The genomes of an index by position, in the order of its catalogue, and which of them are queries."""

    ids: tuple[str, ...]  # (N,)
    rows: Rows  # (N,) in the index
    levels: Mapping[str, Level]  # the evaluated ranks and labels, over the N genomes
    species: Level
    queries: Rows  # positions, (A,)


def parse_lengths(text: str) -> tuple[int, ...]:
    """Fragment lengths from the text of --lengths; UsageError for any other text.

    >>> parse_lengths("1000,3000,whole")
    (1000, 3000, 0)
    """
    lengths = [length.strip() for length in text.split(",")]
    for length in lengths:
        if length != "whole" and not (length.isdecimal() and int(length) >= LEAST_BP):
            raise UsageError(
                f"--lengths {text}: {length!r} is no length; give numbers of bp, {LEAST_BP} or more, "
                "or whole, separated by commas"
            )
    return tuple(dict.fromkeys(WHOLE if length == "whole" else int(length) for length in lengths))


def genome_table(index: Index, plan: RetrievalPlan) -> GenomeTable:
    """The genomes of an index for a plan.

    Raises
    ------
    UsageError
        The rank is unknown, or the plan names no genome of the index.
    """
    entries = index.catalog.entries()
    rows = np.array([entry.row for entry in entries], np.int64)
    known = {name: level.only(rows) for name, level in index.model.levels.items()}
    if plan.rank is not None and plan.rank not in known:
        raise UsageError(f"{index.path}: no rank or label {plan.rank!r}; there are: {', '.join(known)}")
    names = [plan.rank] if plan.rank else [name for name, level in known.items() if len(level.names) > 1]
    ids = tuple(entry.id for entry in entries)
    queries = np.flatnonzero([plan.only is None or id_ in plan.only for id_ in ids])
    if not len(queries):
        raise UsageError(f"{index.path}: none of the {counted(len(plan.only or ()), 'id')} is in the index")
    unnamed = Level("species", (), np.full(len(rows), UNKNOWN, np.int32))
    levels = {name: known[name] for name in names}
    return GenomeTable(ids, rows, levels, known.get("species", unnamed), queries)


def with_answers(index: Index, table: GenomeTable, answerable: Mapping[str, Flags]) -> GenomeTable:
    """The table without the queries that have no right answer at any rank; UsageError if none is left."""
    some = np.any([flags[table.queries] for flags in answerable.values()], axis=0)
    if not np.any(some):
        raise UsageError(
            f"{index.path}: no genome shares a name with another one that may answer, so there is no query"
        )
    return replace(table, queries=table.queries[some])


def matching_rows(index: Index, other: Index) -> Rows:
    """The other index's rows of an index's genomes, in its order; UsageError if the genomes differ."""
    other_rows = {(entry.id, entry.sha256): entry.row for entry in other.catalog.entries()}
    genomes = [(entry.id, entry.sha256) for entry in index.catalog.entries()]
    if differing := sorted(other_rows.keys() ^ set(genomes)):
        raise UsageError(
            f"--against {other.path}: {differing[0][0]} is not in both indexes with the same sequence; "
            f"compare indexes of the same genomes as {index.path} has"
        )
    return np.array([other_rows[genome] for genome in genomes], np.int64)


def require_bases(index: Index, table: GenomeTable, plan: RetrievalPlan) -> None:
    """Raise UsageError where fragments are to be cut from genomes whose bases the index does not store."""
    if index.spec.keep_sequence or plan.lengths_bp == (WHOLE,):
        return
    large = sum(not index.references.is_small(row) for row in table.rows[table.queries].tolist())
    if large:
        raise UsageError(
            f"{index.path}: the index does not store the bases of {large:,} of "
            f"{counted(len(table.queries))} to cut fragments from; build it with `gindex build "
            "--keep-sequence`, or leave those out with --only"
        )


def cut_fragment(genome: Genome, length_bp: int, seed: int, number: int = 0) -> Genome:
    """A fragment of one contig, drawn in proportion to contig length; a shorter contig is taken whole.

    Its position depends only on the seed, the genome's id, the length and the fragment's number.
    """
    name = int.from_bytes(hashlib.sha256(genome.id.encode()).digest()[:8])
    draws = np.random.default_rng([seed, name, length_bp, number])
    lengths = [len(contig.sequence) for contig in genome.contigs]
    for _ in range(TRIES):
        at, start = drawn_window(lengths, length_bp, draws)
        contig = genome.contigs[at]
        stretch = Contig(contig.name, contig.sequence[start : start + length_bp])
        fragment = Genome(f"{genome.id}:{start}", (stretch,), genome.source)
        if 1 - base_share(fragment) <= MOST_AMBIGUOUS:
            break
    return fragment
