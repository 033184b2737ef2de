"""Calls of fragments, such as contigs and reads, each a query of its own: `gindex query --fragments`.

A call rests on the fragment's sampled k-mers: how many of them a reference shares, how many the next species
shares, and how often such a match is right for fragments of this length cut from the index's own references.
A fragment that shares no k-mer is not called: the vector of some hundred bp resembles those of many genomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.classify.batches import calls_in_order
from genome_index.classify.call_parts import called_labels, hit_at, lineage_to
from genome_index.classify.decision import partners_of
from genome_index.classify.elected_names import Name
from genome_index.classify.fragments import reasons
from genome_index.classify.fragments.calibration import Calibrators, calibrators_of
from genome_index.classify.fragments.decision import called_rank, fragment_names, ranks_from_species
from genome_index.classify.fragments.hits import Fragments, ReferenceTable, fragments_of, hits_of
from genome_index.classify.fragments.reasons import NOT_MEASURED, UNCALIBRATED, SharedPart
from genome_index.classify.reference_warnings import with_interleaved_names
from genome_index.classify.settings import QuerySettings
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, nothing_held_out
from genome_index.index.index import Index
from genome_index.io.inputs import Input, file_stem
from genome_index.io.quality import warnings_of
from genome_index.io.reader import iter_genomes
from genome_index.records import Call, Failure, Genome, Hit, Lineage
from genome_index.taxonomy.levels import UNKNOWN

BATCH_FRAGMENTS = 512  # that go together through one scan of all sketches


def query_fragments(
    index: Index | str | Path, inputs: Iterable[str | Path | Input], settings: QuerySettings | None = None
) -> Iterator[Call]:
    """One Call for each record of some files, in order.

    Raises
    ------
    UsageError
        `exclude_identical` is set: a fragment of a genome is identical to no reference.
    """
    settings = settings or QuerySettings()
    if settings.exclude_identical:
        raise UsageError("--exclude-identical is for whole genomes; leave it out, or --fragments")
    opened = index if isinstance(index, Index) else Index.open(index)
    return answer_fragments(opened, iter_genomes(inputs, "record"), settings)


def answer_fragments(
    index: Index, fragments: Iterable[Genome | Failure], settings: QuerySettings
) -> Iterator[Call]:
    """One Call for each record, in order, under names that differ."""

    @cache
    def classifier() -> FragmentClassifier:  # loads and fits nothing before the first usable record
        table = ReferenceTable.of(index)
        return FragmentClassifier(table, calibrators_of(index, settings.progress, settings.threads), settings)

    unique = with_unique_names(fragments)
    return calls_in_order(unique, BATCH_FRAGMENTS, lambda usable: classifier().calls(usable))


def with_unique_names(fragments: Iterable[Genome | Failure]) -> Iterator[Genome | Failure]:
    """The same records; a name that was used before gets the name of its file, and then a number."""
    taken: set[str] = set()
    for record in fragments:
        name, repeat = record.id, 1
        while name in taken:
            name = f"{file_stem(record.source)}:{record.id}" + (f"#{repeat}" if repeat > 1 else "")
            repeat += 1
        taken.add(name)
        yield record if name == record.id else replace(record, id=name)


@dataclass(frozen=True)
class FragmentClassifier:
    """Classifies fragments against one index."""

    table: ReferenceTable
    calibrators: Calibrators
    settings: QuerySettings

    def calls(self, genomes: Sequence[Genome]) -> list[Call]:
        """The calls of one batch."""
        index = self.table.index
        fragments = fragments_of(index, genomes)
        held = nothing_held_out(len(genomes), len(index.model.live))
        hits = hits_of(self.table, fragments, held, self.settings.threads)
        index.prefetch(np.unique(hits.rows[:, : self.settings.k]).tolist())
        names = fragment_names(index.model, self.calibrators, fragments, hits)
        return [self._call(genome, fragments, hits, i, names[i]) for i, genome in enumerate(genomes)]

    def _call(
        self, genome: Genome, fragments: Fragments, hits: Hits, i: int, names: Mapping[str, Name]
    ) -> Call:
        rank = called_rank(self.table.index, fragments, hits, i, names)
        evidence = FragmentEvidence(self.table.index, hits, i, len(fragments.kmers[i]), names)
        call = evidence.unless_interleaved(evidence.call(genome, rank, self.settings.k))
        call = with_interleaved_names(self.table.index.interleaved, call)
        if rank is not None and not self.calibrators:
            return replace(call, warnings=(UNCALIBRATED, *call.warnings))
        return call


@dataclass(frozen=True)
class FragmentEvidence:
    """The hits and elected names of one fragment; hits are given by their position."""

    index: Index
    hits: Hits
    query: int
    sampled: int  # k-mers of the fragment
    names: Mapping[str, Name]

    def call(self, genome: Genome, rank: str | None, k: int) -> Call:
        """The call at a rank; without a rank novel, or out_of_scope if no hit shares a k-mer."""
        model, real = self.index.model, np.flatnonzero(self.hits.rows[self.query] >= 0).tolist()
        shares_kmers = bool((self.hits.kmer_identity[self.query] > KMER_FLOOR).any())
        closest = self._first_of(rank) if rank else next(iter(real), None)
        runner_up = None if closest is None else self._first_of_other_species(closest)
        name = self.names[rank] if rank else None
        return Call(
            query=genome.id,
            source=genome.source,
            length_bp=genome.length_bp,
            verdict=rank or ("novel" if shares_kmers else "out_of_scope"),
            reason=self._reason(rank, closest, runner_up),
            rank=rank,
            name=model.levels[rank].names[name.code] if rank and name else None,
            lineage=lineage_to(rank, self._hit(closest)),
            confidence=name.probability if name else None,
            closest=self._hit(closest),
            runner_up=self._hit(runner_up),
            next_rank=self._missed_rank(rank) if shares_kmers else None,
            labels=called_labels(model, self.names) if shares_kmers else {},
            hits=tuple(hit_at(self.index, self.hits, self.query, at, NOT_MEASURED) for at in real[:k]),
            warnings=warnings_of(genome),
        )

    def unless_interleaved(self, call: Call) -> Call:
        """The call, or ambiguous if genomes of its species are interleaved with those of another name."""
        partners = partners_of(call.name or "", self.index.interleaved) if call.rank == "species" else []
        if not partners:
            return call
        members = tuple(sorted({call.name or "", *partners}))
        reason = reasons.interleaved(self.sampled, self._shared(self._first_of("species")), members)
        return replace(
            call, verdict="ambiguous", reason=reason, rank=None, name=None, lineage=Lineage(),
            confidence=None, next_rank="species", members=members,
        )  # fmt: skip

    def _reason(self, rank: str | None, closest: int | None, runner_up: int | None) -> str:
        if closest is None or not (self.hits.kmer_identity[self.query] > KMER_FLOOR).any():
            return reasons.nothing_shared(self.sampled)
        shared = self._shared(closest)
        other = None if runner_up is None else self._shared(runner_up)
        if rank is None:
            return reasons.not_called(self.sampled, shared, other)
        name = self.names[rank]
        called = self.index.model.levels[rank].names[name.code]
        return reasons.called(self.sampled, shared, other, rank, called, name.probability)

    def _shared(self, at: int) -> SharedPart:
        entry = self.index.entry(int(self.hits.rows[self.query, at]))
        species = entry.lineage.name("species")
        if self.hits.kmer_identity[self.query, at] <= KMER_FLOOR:  # as float32, in which the floor is stored
            return SharedPart(entry.id, species, 0.0, 0.0)
        identity = float(self.hits.kmer_identity[self.query, at])
        return SharedPart(entry.id, species, identity**self.index.spec.sketch_k, identity)

    def _first_of(self, rank: str) -> int:
        """The first hit of the elected name."""
        return int(np.flatnonzero(self._codes(rank) == self.names[rank].code)[0])

    def _first_of_other_species(self, at: int) -> int | None:
        """The first hit of another species than that of a hit."""
        if "species" not in self.index.model.levels:
            return None
        codes = self._codes("species")
        others = np.flatnonzero((codes != codes[at]) & (codes != UNKNOWN)).tolist()
        return next(iter(others), None)

    def _codes(self, rank: str) -> npt.NDArray[np.int32]:
        rows = self.hits.rows[self.query]
        return np.where(rows >= 0, self.index.model.levels[rank].codes[rows], UNKNOWN)

    def _missed_rank(self, rank: str | None) -> str | None:
        """The most specific rank of the index, if it was not called."""
        finest = next(iter(ranks_from_species(self.index.model)), None)
        return finest if finest != rank else None

    def _hit(self, at: int | None) -> Hit | None:
        return None if at is None else hit_at(self.index, self.hits, self.query, at, NOT_MEASURED)
