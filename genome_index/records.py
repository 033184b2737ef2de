"""Frozen records: contigs, genomes, taxa, hits, calls. Positions are 0-based, half-open, in bp."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, overload

RANKS = ("superkingdom", "phylum", "class", "order", "family", "genus", "species", "strain")
"""Taxonomic ranks, broadest first."""

NCBI_RANKS = {"domain": "superkingdom", "acellular root": "superkingdom"} | {rank: rank for rank in RANKS}
"""NCBI's names of these ranks. Since 2025 Bacteria is a domain and Viruses an acellular root."""


class Progress(Protocol):
    """Receiver of progress reports: a line on a terminal, a log, or `quiet`, which drops them."""

    def note(self, sentence: str) -> None: ...  # information for the user, such as a model's licence

    def stage(self, name: str, done: int, total: int) -> None: ...  # steps done; total 1: a single step

    def count(self, inputs: int, base_pairs: int) -> None: ...  # inputs read so far; the total is unknown


class _Quiet:
    def note(self, sentence: str) -> None:
        pass

    def stage(self, name: str, done: int, total: int) -> None:
        pass

    def count(self, inputs: int, base_pairs: int) -> None:
        pass


quiet = _Quiet()
"""The progress receiver that drops all reports."""


def tell(progress: Progress, sentences: Iterable[str]) -> None:
    """Give sentences for the user to a receiver, one after the other."""
    for sentence in sentences:
        progress.note(sentence)


def counted(number: int, noun: str = "genome") -> str:
    """A number with its noun: '1 genome', '7,378 genomes'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Contig:
    """One sequence record of a genome."""

    name: str
    sequence: bytes  # ASCII, upper and lower case as in the file, with N and other IUPAC codes


@dataclass(frozen=True, slots=True)
class Chunk:
    """A window of a contig, without N."""

    contig: int  # its number within the genome
    start: int  # 0-based, inclusive
    end: int  # exclusive; end - start is in bp
    sequence: bytes


@dataclass(frozen=True, slots=True)
class Lineage:
    """A genome's names by rank; an unknown rank is absent.

    >>> Lineage({"genus": "Hyla", "species": "Hyla arborea"}).deepest
    ('species', 'Hyla arborea')
    """

    names: Mapping[str, str] = field(default_factory=dict)  # rank -> name, only ranks of RANKS

    def name(self, rank: str) -> str | None:
        return self.names.get(rank)

    @property
    def deepest(self) -> tuple[str, str] | None:
        """The most specific rank that has a name, with that name."""
        known = [(rank, self.names[rank]) for rank in RANKS if rank in self.names]
        return known[-1] if known else None

    def __str__(self) -> str:
        return "; ".join(self.names[rank] for rank in RANKS if rank in self.names)


@dataclass(frozen=True, slots=True)
class Taxon:
    """The lineage of a genome, and labels that are not ranks (subtype, host ...)."""

    lineage: Lineage = field(default_factory=Lineage)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Genome:
    """A genome as read: one or more contigs, and the taxon in its file (GenBank and EMBL have one)."""

    id: str
    contigs: tuple[Contig, ...]
    source: str  # the path it was read from, or "-" for standard input
    taxon: Taxon = field(default_factory=Taxon)
    notes: tuple[str, ...] = ()  # what the reader changed, as sentences

    @cached_property
    def length_bp(self) -> int:
        return sum(len(contig.sequence) for contig in self.contigs)

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the upper-case contigs, each with a line end: no matter the case and line width."""
        digest = hashlib.sha256()
        for contig in self.contigs:
            digest.update(contig.sequence.upper())
            digest.update(b"\n")
        return digest.hexdigest()


@dataclass(frozen=True)
class Failure:
    """An input from which no genome could be read, and why."""

    id: str
    source: str
    reason: str

    @property
    def length_bp(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One genome of an index, as its catalogue has it."""

    row: int  # of its vector
    id: str
    segment: str  # name of the segment with its data, and the row in it
    segment_row: int
    length_bp: int
    contigs: int
    molecule: str  # prokaryote, virus, organelle, plasmid or other
    sha256: str  # see Genome.sha256
    source: str
    taxon: Taxon

    @property
    def lineage(self) -> Lineage:
        return self.taxon.lineage


@dataclass(frozen=True)
class Event:
    """One change in the history of an index."""

    number: int
    moment: str  # UTC, ISO 8601
    action: str
    detail: str


@dataclass(frozen=True)
class Suspect:
    """A genome that should be examined, and why; the fields are the columns of the table of suspects."""

    row: int
    id: str
    kind: str  # label, mixture, contigs, length, GC, or letters (ambiguous bases)
    says: str  # its label, or the usual value
    looks_like: str  # the name or value that it has by its sequence
    evidence: str  # a sentence
    witness: str | None = None  # id of the genome that it resembles, or has a part of
    share: float | None = None  # of the genome, in a part of another genus


@dataclass(frozen=True)
class InterleavedNames:
    """Two names whose genomes are as near to each other as to their own, as a row of their table."""

    rank: str  # species or genus
    name: str
    other: str
    genomes: int  # of the first name
    others: int  # of the other one
    ani: float  # percent, of genomes of one name to the nearest of the other one, in the median

    @property
    def sentence(self) -> str:
        """The finding in words; few genomes may as well have a wrong label.

        >>> InterleavedNames("species", "A a", "A b", 5, 5, 99.9).sentence
        'A a and A b are interleaved: 5 and 5 genomes, ANI 99.9 % between them: two names of one species?'
        """
        doubt = f"two names of one {self.rank}" + (", or a wrong label" if self._is_small else "")
        return (
            f"{self.name} and {self.other} are interleaved: {self.genomes:,} and {counted(self.others)}, "
            f"ANI {self.ani:.1f} % between them: {doubt}?"
        )

    @property
    def _is_small(self) -> bool:
        return min(self.genomes, self.others) == 1

    def partner_of(self, name: str) -> str | None:
        """The name from which a genome called `name` cannot be told; None if it can.

        One genome among several of another name may have a wrong label, which does not make theirs doubtful.
        """
        for own, own_size, other, size in (
            (self.name, self.genomes, self.other, self.others),
            (self.other, self.others, self.name, self.genomes),
        ):
            if own == name and (size > 1 or own_size == 1):
                return other
        return None


@dataclass(frozen=True, slots=True)
class Evidence:
    """ANI and aligned fractions of a query and a reference, or the reason why there is no ANI."""

    ani: float | None = None  # percent
    af_query: float | None = None  # percent of the query that is aligned
    af_reference: float | None = None  # percent of the reference that is aligned
    reason: str | None = None  # why `ani` is missing


@dataclass(frozen=True, slots=True)
class Hit:
    """One reference near a query."""

    id: str
    lineage: Lineage
    labels: Mapping[str, str]
    similarity: float  # cosine, 1.0 = same direction
    kmer_identity: float  # identity, 0 to 1, estimated from shared 21-mers; 0.6 stands for none
    evidence: Evidence

    @property
    def species(self) -> str | None:
        return self.lineage.name("species")

    def to_dict(self) -> dict[str, Any]:
        """The hit as JSON has it: numbers rounded to their precision, null where there is none."""
        evidence = self.evidence
        return {
            "id": self.id,
            "species": self.species,
            "similarity": round(self.similarity, 4),
            "kmer_identity": round(self.kmer_identity, 4),
            "ani": rounded_ani(evidence.ani),
            "af_query": rounded(evidence.af_query, 1),
            "af_reference": rounded(evidence.af_reference, 1),
            "ani_reason": evidence.reason,
            "lineage": dict(self.lineage.names),
            "labels": dict(self.labels),
        }


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a query's sequence that is of another species than the rest."""

    name: str
    rank: str  # species, or genus where the nearest genomes have no species name
    share: float  # of the sequence, 0 to 1
    identity: float  # to the nearest genome of the name, 0 to 1, estimated from shared k-mers

    def to_dict(self) -> dict[str, Any]:
        numbers = {"share": round(self.share, 3), "identity": round(self.identity, 4)}
        return {"name": self.name, "rank": self.rank, **numbers}


@dataclass(frozen=True)
class Call:
    """The result for one query. Every input has one."""

    query: str
    source: str
    length_bp: int
    verdict: str  # species ... superkingdom, piece, unnamed, novel, ambiguous, out_of_scope, qc_fail, failed
    reason: str
    rank: str | None = None
    name: str | None = None
    lineage: Lineage = field(default_factory=Lineage)  # down to the called rank
    confidence: float | None = None  # probability that `name` at `rank` is right
    closest: Hit | None = None
    runner_up: Hit | None = None  # of another species
    next_rank: str | None = None  # the most specific rank whose threshold was not met
    members: tuple[str, ...] = ()  # names that cannot be told apart; of a piece, the species that hold it
    labels: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # label -> name and its probability
    hits: tuple[Hit, ...] = ()
    warnings: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()  # parts of the sequence that are of other species
    unexplained: float | None = None  # share of the sequence that is in no reference; None if not known

    def to_dict(self) -> dict[str, Any]:
        """The call as JSON has it (report/schemas/call.schema.json), without version and provenance.

        >>> call = Call("sample", "sample.fa", 0, "failed", "headers but no sequence")
        >>> {key: value for key, value in call.to_dict().items() if key in ("query", "verdict", "reason")}
        {'query': 'sample', 'verdict': 'failed', 'reason': 'headers but no sequence'}
        """
        return {
            "query": self.query,
            "source": self.source,
            "length_bp": self.length_bp,
            "verdict": self.verdict,
            "rank": self.rank,
            "name": self.name,
            "lineage": dict(self.lineage.names),
            "confidence": rounded(self.confidence, 3),
            "reason": self.reason,
            "closest": self.closest.to_dict() if self.closest else None,
            "runner_up": self.runner_up.to_dict() if self.runner_up else None,
            "next_rank": self.next_rank,
            "members": list(self.members),
            "labels": {
                label: {"name": name, "confidence": round(probability, 3)}
                for label, (name, probability) in self.labels.items()
            },
            "hits": [hit.to_dict() for hit in self.hits],
            "warnings": list(self.warnings),
            "components": [component.to_dict() for component in self.components],
            "unexplained": rounded(self.unexplained, 3),
        }


def rounded(value: float | None, digits: int) -> float | None:
    """A number that may be missing, with so many digits after the point."""
    return None if value is None else round(value, digits)


@overload
def rounded_ani(value: float, digits: int = 2) -> float: ...
@overload
def rounded_ani(value: float | None, digits: int = 2) -> float | None: ...
def rounded_ani(value: float | None, digits: int = 2) -> float | None:
    """An ANI in percent with so many digits after the point; never rounded up to 100.

    >>> rounded_ani(99.995), rounded_ani(99.994), rounded_ani(100.0), rounded_ani(99.98, 1)
    (99.99, 99.99, 100.0, 99.9)
    """
    if value is None or value >= 100:
        return value
    return min(round(value, digits), round(100 - 0.1**digits, digits))
