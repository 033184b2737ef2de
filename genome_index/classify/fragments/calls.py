"""Contigs and reads as queries of their own: `gindex query --fragments`.

A call of a fragment rests on its sampled words: how many a reference has, how many the next species has, and
how often such a match was right for pieces as long, cut from the index's own genomes. Where no word is shared
nothing is called: the vector of some hundred bp is like many a genome's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from genome_index.classify.decision import Name, names_of
from genome_index.classify.fragments.calibration import Calibrators, calibrators_of, length_class
from genome_index.classify.fragments.hits import Pieces, Table, hits_of, pieces_of
from genome_index.classify.query import QuerySettings, called_labels, each_its_call, lineage_to
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, nothing_held_out
from genome_index.index.calibration.model import Model
from genome_index.index.index import Index
from genome_index.io.quality import warnings_of
from genome_index.io.reader import file_stem, iter_genomes
from genome_index.records import RANKS, Call, Evidence, Failure, Genome, Hit
from genome_index.taxonomy.levels import UNKNOWN

BATCH_FRAGMENTS = 512  # one pass through all sketches serves so many
DEVIATIONS = 2.0  # of the share of words: a few dozen of them say no more exactly what the identity is
NOT_MEASURED = "not measured: for a fragment, shared words speak"
BY_RULE = (
    "the confidence is a rule of thumb: this index keeps no bases to learn from; "
    "`gindex build --keep-sequence` keeps them"
)


def query_fragments(
    index: Index | str | Path, inputs: Iterable[str | Path], settings: QuerySettings | None = None
) -> Iterator[Call]:
    """One Call for each record of some files, in order.

    Raises
    ------
    UsageError
        `exclude_identical` was asked for: a piece of a genome is identical to no reference.
    """
    asked = settings or QuerySettings()
    if asked.exclude_identical:
        raise UsageError("--exclude-identical is for whole genomes; leave it out, or --fragments")
    opened = index if isinstance(index, Index) else Index.open(index)
    return answer_fragments(opened, iter_genomes(inputs, "record"), asked)


def answer_fragments(
    index: Index, fragments: Iterable[Genome | Failure], settings: QuerySettings
) -> Iterator[Call]:
    """One Call for each record, in order; no two have the same name."""

    @cache
    def judge() -> _Judge:  # not before there is something to judge
        table = Table.of(index)
        return _Judge(table, calibrators_of(index, settings.progress, settings.threads), settings)

    return each_its_call(named_apart(fragments), BATCH_FRAGMENTS, lambda usable: judge().calls(usable))


def named_apart(fragments: Iterable[Genome | Failure]) -> Iterator[Genome | Failure]:
    """Names that differ: what bears the name of one before it is called by its file as well, or numbered."""
    taken: set[str] = set()
    for one in fragments:
        name, again = one.id, 1
        while name in taken:
            name = f"{file_stem(one.source)}:{one.id}" + (f"#{again}" if again > 1 else "")
            again += 1
        taken.add(name)
        yield one if name == one.id else replace(one, id=name)


@dataclass(frozen=True)
class _Judge:
    """What fragments are judged by."""

    table: Table
    calibrators: Calibrators
    settings: QuerySettings

    def calls(self, fragments: Sequence[Genome]) -> list[Call]:
        index = self.table.index
        pieces = pieces_of(index, fragments)
        held = nothing_held_out(len(fragments), len(index.model.live))
        hits = hits_of(self.table, pieces, held, self.settings.threads)
        index.prefetch(np.unique(hits.rows[:, : self.settings.k]).tolist())
        names = judged(index.model, self.calibrators, pieces, hits)
        return [self._call(one, pieces, hits, i, names[i]) for i, one in enumerate(fragments)]

    def _call(self, fragment: Genome, pieces: Pieces, hits: Hits, i: int, names: dict[str, Name]) -> Call:
        rank = called_rank(self.table.index, pieces, hits, i, names)
        said = _Said(self.table.index, fragment, pieces, hits, i, names)
        return said.call(rank, self.settings.k, () if self.calibrators else (BY_RULE,))


def judged(model: Model, calibrators: Calibrators, pieces: Pieces, hits: Hits) -> list[dict[str, Name]]:
    """Each fragment's name at every level, with its probability by the calibrators of its length."""
    found: list[dict[str, Name]] = [{} for _ in pieces.length_bp]
    known = sorted(calibrators)
    classes = np.array([length_class(int(bp), known) if known else 0 for bp in pieces.length_bp])
    for one in np.unique(classes).tolist():
        at = classes == one
        some = replace(model, calibrators=calibrators.get(one, {}))
        answers = names_of(some, hits.only(at), nothing_held_out(int(at.sum()), len(model.live)))
        for place, names in zip(np.flatnonzero(at).tolist(), answers, strict=True):
            found[place] = names
    return found


def called_rank(index: Index, pieces: Pieces, hits: Hits, i: int, names: dict[str, Name]) -> str | None:
    """The most specific rank that is sure enough; None where there is none, or no word is shared."""
    if not (hits.kmer_identity[i] > KMER_FLOOR).any():
        return None
    known: list[str] = [rank for rank in reversed(RANKS[:-1]) if rank in index.model.levels]
    for rank in known:
        name = names[rank]
        sure = name.code != UNKNOWN and name.probability >= name.threshold
        if sure and (rank != "species" or near_enough(index, pieces, hits, i, name.code)):
            return rank
    return None


def near_enough(index: Index, pieces: Pieces, hits: Hits, i: int, species: int) -> bool:
    """Whether the identity that words speak for may be what the species asks for, within their chance.

    An index of few species teaches that whatever is alike is the same; a new species shows that it is not.
    """
    rows = hits.rows[i]
    bearers = np.flatnonzero((rows >= 0) & (index.model.levels["species"].codes[rows] == species))
    best = bearers[hits.kmer_identity[i, bearers].argmax()]
    if hits.kmer_identity[i, best] <= KMER_FLOOR:
        return False
    k, sampled = index.spec.sketch_k, max(1, len(pieces.words[i]))
    share = float(hits.kmer_identity[i, best]) ** k
    most = min(1.0, share + DEVIATIONS * (share * (1 - share) / sampled) ** 0.5)
    return bool(100 * most ** (1 / k) >= index.model.thresholds.required(int(rows[best])))


@dataclass(frozen=True)
class _Said:
    """One fragment's evidence in words."""

    index: Index
    fragment: Genome
    pieces: Pieces
    hits: Hits
    i: int
    names: dict[str, Name]

    def call(self, rank: str | None, k: int, warnings: tuple[str, ...]) -> Call:
        real = np.flatnonzero(self.hits.rows[self.i] >= 0)
        shares = bool((self.hits.kmer_identity[self.i] > KMER_FLOOR).any())
        at = self._bearer(rank) if rank else (int(real[0]) if len(real) else None)
        other = self._other(at)
        closest = self._hit(at) if at is not None else None
        name = self.index.model.levels[rank].names[self.names[rank].code] if rank else None
        return Call(
            query=self.fragment.id,
            source=self.fragment.source,
            length_bp=self.fragment.length_bp,
            verdict=rank or ("novel" if shares else "out_of_scope"),
            reason=self._reason(rank, name, at, other) if shares else self._nothing(),
            rank=rank,
            name=name,
            lineage=lineage_to(rank, closest),
            confidence=self.names[rank].probability if rank else None,
            closest=closest,
            runner_up=self._hit(other) if other is not None else None,
            next_rank=self._next(rank) if shares else None,
            labels=called_labels(self.index, self.names) if shares else {},
            hits=tuple(self._hit(int(one)) for one in real[:k]),
            warnings=(*(warnings if rank else ()), *warnings_of(self.fragment)),
        )

    def _reason(self, rank: str | None, name: str | None, at: int | None, other: int | None) -> str:
        sampled = len(self.pieces.words[self.i])
        found = f"Of {sampled:,} sampled words, {self._share_of(at)}" if at is not None else ""
        rival = (
            f"; the next species, {self._species(other)}, shares {self._alike(other)}"
            if other is not None
            else ""
        )
        if rank is not None:
            right = f"the {rank} {name} is right with probability {self.names[rank].probability:.2f}"
            return f"{found}{rival}. For fragments of this length {right}."
        return f"{found}{rival}. For a fragment of this length that makes no name sure enough."

    def _nothing(self) -> str:
        sampled = len(self.pieces.words[self.i])
        return f"Of {sampled:,} sampled words no reference shares two: nothing in the index is comparable."

    def _share_of(self, at: int) -> str:
        entry = self.index.entry(int(self.hits.rows[self.i, at]))
        return (
            f"{self._alike(at)} is shared with {entry.id} ({entry.lineage.name('species') or 'no species'})"
        )

    def _alike(self, at: int) -> str:
        """What is shared, as the share of words and the identity that it stands for."""
        words = float(self.hits.kmer_identity[self.i, at])
        if words <= KMER_FLOOR:
            return "none"
        share = words**self.index.spec.sketch_k
        return f"{share:.{0 if share >= 0.1 else 1}%} (identity {words:.1%})"

    def _bearer(self, rank: str) -> int:
        level = self.index.model.levels[rank]
        codes = np.where(self.hits.rows[self.i] >= 0, level.codes[self.hits.rows[self.i]], UNKNOWN)
        return int(np.flatnonzero(codes == self.names[rank].code)[0])

    def _other(self, at: int | None) -> int | None:
        """The first hit of another species than that at a place."""
        species = self.index.model.levels.get("species")
        if species is None or at is None:
            return None
        codes = np.where(self.hits.rows[self.i] >= 0, species.codes[self.hits.rows[self.i]], UNKNOWN)
        others = np.flatnonzero((codes != codes[at]) & (codes != UNKNOWN))
        return int(others[0]) if len(others) else None

    def _species(self, at: int) -> str:
        return str(self.index.entry(int(self.hits.rows[self.i, at])).lineage.name("species"))

    def _next(self, rank: str | None) -> str | None:
        """The most specific rank that was not reached."""
        known = [one for one in reversed(RANKS[:-1]) if one in self.index.model.levels]
        return known[0] if known and rank != known[0] else None

    def _hit(self, at: int) -> Hit:
        entry = self.index.entry(int(self.hits.rows[self.i, at]))
        words, similarity = (
            float(one[self.i, at]) for one in (self.hits.kmer_identity, self.hits.similarity)
        )
        evidence = Evidence(reason=NOT_MEASURED)
        return Hit(entry.id, entry.lineage, entry.taxon.labels, similarity, words, evidence)


# -- what a file is made of ----------------------------------------------------------------------------------

MOST_LINES = 20  # of a file's make-up; what is left is added up


@dataclass
class Makeup:
    """Which share of a file's bases goes to which name, counted as calls pass."""

    fragments: int = 0
    bases: int = 0
    by_name: Counter[str] = field(default_factory=Counter)  # bp
    verdicts: Counter[str] = field(default_factory=Counter)  # fragments

    def add(self, call: Call) -> None:
        self.fragments += 1
        self.bases += call.length_bp
        self.by_name[_named(call)] += call.length_bp
        self.verdicts[call.verdict] += 1

    def shares(self) -> list[tuple[str, int, float]]:
        """Name, bp and share of the bases, most first; all beyond MOST_LINES as one."""
        ordered = self.by_name.most_common()
        kept, rest = ordered[:MOST_LINES], ordered[MOST_LINES:]
        if rest:
            kept.append((f"{len(rest):,} others", sum(bases for _, bases in rest)))
        return [(name, bases, bases / max(1, self.bases)) for name, bases in kept]


def _named(call: Call) -> str:
    """As a make-up calls it: the species, or the rank reached, or why there is none."""
    if call.name is None:
        return f"({call.verdict.replace('_', ' ')})"
    return call.name if call.rank == "species" else f"{call.name} ({call.rank})"
