"""Comparison of a genome's proteins with those of references, by shared k-mers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from genome_index.errors import InputError
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.lab.proteins.gene_finding import ProteinsOf
from genome_index.lab.proteins.kmers import KmerSettings, ProteinSketch, shared_by_chance, sketch_proteins
from genome_index.records import Failure, Genome, Progress, Taxon, counted, quiet

LEAST_SHARED = 10
"""Shared k-mers from which on an identity is estimated: the standard error of n counted k-mers is 1/sqrt(n),
a third of 10, which is 5 % of an identity at k = 7."""
LEAST_OVER_CHANCE = 2.0
"""How many times as many k-mers as random proteins would share."""


@dataclass(frozen=True)
class Member:
    """A genome whose proteins are compared."""

    id: str
    source: str
    sha256: str  # of its sequence
    taxon: Taxon
    sketch: ProteinSketch


@dataclass(frozen=True)
class Hit:
    """One reference beside a query."""

    query: Member
    reference: Member
    shared: int  # k-mers of the query that the reference has
    by_chance: float  # that random proteins of these sizes and compositions would share
    k: int

    @property
    def containment(self) -> float:
        """Share of the query's k-mers that the reference has, 0 to 1."""
        return self.shared / max(1, len(self.query.sketch.hashes))

    @property
    def jaccard(self) -> float:
        """Shared k-mers by those that either has, 0 to 1."""
        sizes = len(self.query.sketch.hashes) + len(self.reference.sketch.hashes)
        return self.shared / max(1, sizes - self.shared)

    @property
    def why_no_estimate(self) -> str:
        """Why the k-mers are too few for an identity, as a sentence; empty if they are enough."""
        if self.shared < LEAST_SHARED:
            return f"{self.shared} shared k-mers are fewer than {LEAST_SHARED}"
        if self.shared < LEAST_OVER_CHANCE * self.by_chance:
            chance = f"{self.by_chance:,.0f}, as many as random proteins share"
            return f"{self.shared:,} shared k-mers are not {LEAST_OVER_CHANCE:g} times {chance}"
        return ""

    @property
    def aai(self) -> float | None:
        """Amino acid identity in percent: containment ** (1 / k); None where the k-mers are too few.

        A k-mer is unchanged if its k residues are, each with a probability of 1 - p (Rahman Hera et al. 2023,
        Genome Research 33:1061, as sourmash has it for proteins).
        """
        return None if self.why_no_estimate else 100 * float(self.containment ** (1 / self.k))


@dataclass(frozen=True)
class Answer:
    """The hits of one query, nearest first; or why it has none."""

    query: Member | Failure
    hits: tuple[Hit, ...] = ()
    reason: str = ""


def members(
    genomes: Iterable[Genome | Failure], proteins_of: ProteinsOf, settings: KmerSettings,
    progress: Progress = quiet,
) -> Iterator[Member | Failure]:  # fmt: skip
    """Genomes with the sketches of their proteins, one for each input, in order."""
    bases = 0
    for done, genome in enumerate(genomes, 1):
        yield genome if isinstance(genome, Failure) else _member(genome, proteins_of, settings)
        bases += genome.length_bp
        progress.count(done, bases)


def _member(genome: Genome, proteins_of: ProteinsOf, settings: KmerSettings) -> Member | Failure:
    try:
        proteins = proteins_of(genome)
    except InputError as error:
        return Failure(genome.id, genome.source, error.reason)
    sketch = sketch_proteins(proteins, settings)
    return Member(genome.id, genome.source, genome.sha256, genome.taxon, sketch)


@dataclass(frozen=True)
class ProteinReferences:
    """References whose proteins queries are compared with."""

    members: Sequence[Member]
    settings: KmerSettings = field(default_factory=KmerSettings)

    @cached_property
    def _kmers(self) -> KmerIndex:
        limit = np.uint64(2**64 // self.settings.scaled - 1)
        number = len(self.members)
        sketches = [member.sketch.hashes for member in self.members]
        return KmerIndex.of_sketches(sketches, np.arange(number), np.full(number, limit), limit)

    def answer(self, query: Member | Failure, most: int, exclude_identical: bool = False) -> Answer:
        """The `most` references that share most k-mers with a query; of equal numbers the smaller first."""
        if isinstance(query, Failure):
            return Answer(query, reason=query.reason)
        if not len(query.sketch.hashes):
            return Answer(query, reason=f"no protein with {self.settings.k} residues was found")
        counts = self._kmers.counts(query.sketch.hashes)
        rows = [int(row) for row in np.flatnonzero(counts)]
        if exclude_identical:
            rows = [row for row in rows if self.members[row].sha256 != query.sha256]
        rows.sort(key=lambda row: (-counts[row], len(self.members[row].sketch.hashes)))
        hits = tuple(self._hit(query, row, int(counts[row])) for row in rows[:most])
        none = f"no k-mer is shared with any of {counted(len(self.members), 'reference')}"
        return Answer(query, hits, "" if hits else none)

    def _hit(self, query: Member, row: int, shared: int) -> Hit:
        reference = self.members[row]
        by_chance = shared_by_chance(query.sketch, reference.sketch, self.settings)
        return Hit(query, reference, shared, by_chance, self.settings.k)
