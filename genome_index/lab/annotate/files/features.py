"""Features of annotation files: what GFF3, GTF and GenBank have in common. Positions are 0-based, half-open.

A feature on several lines of a file, such as the CDS of a spliced gene, is one feature with several parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from genome_index.records import Contig

Strand = Literal["+", "-", ".", "?"]
STRANDS: tuple[Strand, ...] = get_args(Strand)
Phase = Literal[0, 1, 2]
PHASES: tuple[Phase, ...] = get_args(Phase)
Attributes = tuple[tuple[str, tuple[str, ...]], ...]
"""Names with their values, in the order of the file; a name is there once and has at least one value."""


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a feature. It has a strand of its own: trans-spliced genes lie on both."""

    start: int  # 0-based, inclusive
    end: int  # exclusive; beyond the length of a circular contig where the part crosses its origin
    strand: Strand
    phase: Phase | None = None  # bases from the 5' end of this part to the first base of the next codon
    score: float | None = None
    attributes: Attributes = ()  # those that not all parts of the feature have, such as Target

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"part {self.start} to {self.end}: 0 <= start < end is required")


@dataclass(frozen=True, slots=True)
class Feature:
    """A gene, transcript, exon, CDS and so on, of one contig."""

    contig: str
    source: str  # the program or database; "." if unknown
    type: str  # a term of the Sequence Ontology in GFF3; as in the file, whatever it is
    parts: tuple[Part, ...]  # at least one, in the order of the file; in GenBank from the 5' end on
    attributes: Attributes = ()
    line: int = field(default=0, compare=False)  # 1-based number of its first line

    def __post_init__(self) -> None:
        if not (self.contig and self.source and self.type and self.parts):
            raise ValueError(f"line {self.line}: a feature has a contig, a source, a type and a part")
        if len(self.parts) > 1 and not self.id:
            raise ValueError(f"line {self.line}: a feature of several parts has an ID")

    @property
    def start(self) -> int:
        return min(part.start for part in self.parts)

    @property
    def end(self) -> int:
        return max(part.end for part in self.parts)

    @property
    def strand(self) -> Strand:
        """The strand of all parts; `?` if they lie on several."""
        strands = {part.strand for part in self.parts}
        return self.parts[0].strand if len(strands) == 1 else "?"

    def values(self, name: str) -> tuple[str, ...]:
        """The values of an attribute, of all parts; empty if there is none."""
        pairs = [*self.attributes, *(pair for part in self.parts for pair in part.attributes)]
        return tuple(dict.fromkeys(value for own, values in pairs if own == name for value in values))

    def value(self, name: str) -> str:
        """The first value of an attribute; empty if there is none."""
        return next(iter(self.values(name)), "")

    @property
    def id(self) -> str:
        return self.value("ID")

    @property
    def name(self) -> str:
        return self.value("Name")

    @property
    def parents(self) -> tuple[str, ...]:
        """IDs of the features that this one is a part of; several where transcripts share an exon."""
        return self.values("Parent")

    @property
    def is_circular(self) -> bool:
        """Whether it is the landmark of a circular contig."""
        return self.value("Is_circular").lower() == "true"


@dataclass(frozen=True, slots=True)
class Region:
    """The stretch of a contig that a file annotates (`##sequence-region`)."""

    contig: str
    start: int  # 0-based, inclusive
    end: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line that could not be used as it stands; what else the file has was read."""

    path: str
    line: int  # 1-based
    reason: str  # what is wrong, and the cure

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Annotation:
    """The content of one annotation file."""

    features: tuple[Feature, ...]
    regions: tuple[Region, ...] = ()
    sequences: tuple[Contig, ...] = ()  # those embedded in the file
    complaints: tuple[Complaint, ...] = field(default=(), compare=False)

    @cached_property
    def circular(self) -> frozenset[str]:
        """The circular contigs: those with a landmark that says so."""
        return frozenset(feature.contig for feature in self.features if feature.is_circular)


def attributes_of(pairs: Iterable[tuple[str, Iterable[str]]]) -> Attributes:
    """Attributes from pairs of which several may have one name: their values are joined in order.

    >>> attributes_of([("Note", ["a"]), ("ID", ["g"]), ("Note", ["b", "c"])])
    (('Note', ('a', 'b', 'c')), ('ID', ('g',)))
    """
    joined: dict[str, tuple[str, ...]] = {}
    for name, values in pairs:
        joined[name] = (*joined.get(name, ()), *values)
    return tuple((name, values) for name, values in joined.items() if values)


def with_values(attributes: Attributes, new: Mapping[str, Iterable[str]]) -> Attributes:
    """The attributes, in front of them or in their places new values of some names.

    >>> with_values((("Note", ("a",)), ("ID", ("x",))), {"ID": ["g"]})
    (('ID', ('g',)), ('Note', ('a',)))
    """
    rest = tuple(pair for pair in attributes if pair[0] not in new)
    return (*attributes_of(new.items()), *rest)
