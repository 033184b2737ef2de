"""Who is asked by a probe of an encoder, who may answer, and the pieces that are asked about.

A species, or a label, is asked for with the piece's own genome barred; a genus, and whatever is above it,
with all of its species barred, so that what answers is of another species. What has no species' name may be
of any: there it neither asks nor answers. Only questions count that have a right answer among those who may
answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.io.quality import MOST_UNKNOWN, base_share
from genome_index.io.sequence import drawn_window
from genome_index.records import RANKS, Contig, Genome, counted
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WHOLE = 0  # as a length: nothing is cut
LEAST_BP = 100  # shorter ones hold a few dozen words
TRIES = 3  # to cut a piece that is not mostly N
SPECIES_OUT = RANKS[: RANKS.index("species")]


@dataclass(frozen=True)
class ProbePlan:
    """Which pieces of which genomes are asked about."""

    lengths_bp: tuple[int, ...]  # or WHOLE
    each: int = 1  # pieces of a genome; of whole genomes one
    only: frozenset[str] | None = None  # ids; None: all genomes of the index
    rank: str | None = None  # a rank or label; None: all that group genomes
    seed: int = 0


@dataclass(frozen=True)
class Ground:
    """An index's genomes by position, in the order of its catalogue, and which of them are asked about."""

    ids: tuple[str, ...]  # (N,)
    rows: Rows  # (N,) in the index
    levels: Mapping[str, Level]  # of the N, those that are asked for
    species: Level
    asked: Rows  # positions, (A,)


def lengths_named(text: str) -> tuple[int, ...]:
    """Lengths as one types them; else UsageError.

    >>> lengths_named("1000,3000,whole")
    (1000, 3000, 0)
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word != "whole" and not (word.isdecimal() and int(word) >= LEAST_BP):
            raise UsageError(
                f"--fragments {text}: {word!r} is no length; give numbers of bp, {LEAST_BP} or more, "
                "or whole, separated by commas"
            )
    return tuple(dict.fromkeys(WHOLE if word == "whole" else int(word) for word in words))


def ground_of(index: Index, plan: ProbePlan) -> Ground:
    entries = index.catalog.entries()
    rows = np.array([entry.row for entry in entries], np.int64)
    known = {name: level.only(rows) for name, level in index.model.levels.items()}
    if plan.rank is not None and plan.rank not in known:
        raise UsageError(f"{index.path}: no rank or label {plan.rank!r}; there are: {', '.join(known)}")
    wanted = [plan.rank] if plan.rank else [name for name, level in known.items() if len(level.names) > 1]
    ids = tuple(entry.id for entry in entries)
    asked = np.flatnonzero([plan.only is None or one in plan.only for one in ids])
    if not len(asked):
        raise UsageError(f"{index.path}: none of the {counted(len(plan.only or ()), 'id')} is a genome of it")
    nothing = Level("species", (), np.full(len(rows), UNKNOWN, np.int32))
    return Ground(ids, rows, {name: known[name] for name in wanted}, known.get("species", nothing), asked)


def with_questions(index: Index, ground: Ground, questions: Mapping[str, Flags]) -> Ground:
    """Without genomes that no question can be asked about."""
    some = np.any([flags[ground.asked] for flags in questions.values()], axis=0)
    if not np.any(some):
        raise UsageError(
            f"{index.path}: no genome has a fellow at any rank to be found by, so nothing can be asked"
        )
    return replace(ground, asked=ground.asked[some])


def same_genomes(index: Index, other: Index) -> Rows:
    """The other index's rows of an index's genomes, in its order."""
    theirs = {(entry.id, entry.sha256): entry.row for entry in other.catalog.entries()}
    ours = [(entry.id, entry.sha256) for entry in index.catalog.entries()]
    if odd := sorted(theirs.keys() ^ set(ours)):
        raise UsageError(
            f"--against {other.path}: {odd[0][0]} is not in both, or not the same sequence; "
            f"compare indexes of the same genomes as {index.path} has"
        )
    return np.array([theirs[one] for one in ours], np.int64)


def answerable(ground: Ground, name: str) -> Flags:
    """Whether a genome has a fellow by that name that may answer: (N,)."""
    codes, species = ground.levels[name].codes.astype(np.int64), ground.species.codes
    if name not in SPECIES_OUT:
        counts = np.bincount(codes[codes != UNKNOWN], minlength=1)
        return np.asarray((codes != UNKNOWN) & (counts[codes] > 1))
    known = (codes != UNKNOWN) & (species != UNKNOWN)
    counts = np.bincount(codes[known], minlength=max(1, int(codes.max()) + 1))
    _, inverse, together = np.unique(
        codes * (len(ground.species.names) + 1) + species, return_inverse=True, return_counts=True
    )
    return np.asarray(known & (counts[codes] > together[inverse]))


def require_bases(index: Index, ground: Ground, plan: ProbePlan) -> None:
    if index.spec.keep_sequence or plan.lengths_bp == (WHOLE,):
        return
    large = sum(not index.references.is_small(row) for row in ground.rows[ground.asked].tolist())
    if large:
        raise UsageError(
            f"{index.path}: the bases of {large:,} of {counted(len(ground.asked))} to cut fragments from are "
            "not kept; build it with `gindex build --keep-sequence`, or leave those out with --only"
        )


def cut(genome: Genome, length_bp: int, seed: int, number: int = 0) -> Genome:
    """A stretch of one contig, drawn by length; a contig that is shorter comes whole.

    Where it lies depends on the seed, the genome's id, the length and the piece's number alone.
    """
    name = int.from_bytes(hashlib.sha256(genome.id.encode()).digest()[:8])
    draws = np.random.default_rng([seed, name, length_bp, number])
    lengths = [len(contig.sequence) for contig in genome.contigs]
    for _ in range(TRIES):
        at, start = drawn_window(lengths, length_bp, draws)
        contig = genome.contigs[at]
        stretch = Contig(contig.name, contig.sequence[start : start + length_bp])
        piece = Genome(f"{genome.id}:{start}", (stretch,), genome.source)
        if 1 - base_share(piece) <= MOST_UNKNOWN:
            break
    return piece
