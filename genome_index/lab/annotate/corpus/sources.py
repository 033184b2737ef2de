"""Annotation files and the genomes that they annotate, by the names of contigs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genome_index.io.inputs import file_stem
from genome_index.lab.annotate.corpus.windows import Piece, Placed, placed
from genome_index.lab.annotate.files.features import Annotation, Complaint
from genome_index.lab.annotate.files.hierarchy import Hierarchy
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.records import Contig, Genome

SUFFIXES = (".gff", ".gff3", ".gtf")  # beside those of sequence files
SHOWN = 3  # names in a sentence


@dataclass
class Source:
    """One annotation file, and which of its contigs were found in which genome."""

    name: str  # of the file
    stem: str
    annotation: Annotation
    hierarchy: Hierarchy
    numbers: dict[str, list[int]]  # contig -> its features
    found: dict[str, str] = field(default_factory=dict)  # contig -> genome
    regions: dict[str, int] = field(default_factory=dict)  # contig -> its length by ##sequence-region

    @classmethod
    def read(cls, path: str) -> Source:
        annotation = read_annotation(path)
        numbers: dict[str, list[int]] = {region.contig: [] for region in annotation.regions}
        for at, feature in enumerate(annotation.features):
            numbers.setdefault(feature.contig, []).append(at)
        ends = {region.contig: region.end for region in annotation.regions}
        hierarchy = Hierarchy(annotation.features)
        return cls(Path(path).name, annotation_stem(path), annotation, hierarchy, numbers, regions=ends)


def annotation_stem(path: str) -> str:
    """A file's name without its suffixes.

    >>> annotation_stem("a/GCF_1.2.gff3.gz"), annotation_stem("b/x.gb")
    ('GCF_1.2', 'x')
    """
    stem = file_stem(path)
    return next((stem.removesuffix(suffix) for suffix in SUFFIXES if stem.lower().endswith(suffix)), stem)


class Sources:
    """The annotation files of a corpus."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.all = [Source.read(path) for path in paths]
        self._by_contig: dict[str, list[int]] = {}
        for number, source in enumerate(self.all):
            for contig in source.numbers:
                self._by_contig.setdefault(contig, []).append(number)
        # Genes of several files on one contig have numbers of their own.
        counts = [len(source.annotation.features) for source in self.all]
        self._first = [sum(counts[:number]) for number in range(len(counts))]

    def of(self, genome: Genome) -> list[int]:
        """The files with a contig of a genome: those called as its file, if there are such, else all."""
        named = {number for contig in genome.contigs for number in self._by_contig.get(contig.name, ())}
        own = {number for number in named if self.all[number].stem == annotation_stem(genome.source)}
        return sorted(own or named)

    def claim(self, genome: Genome, numbers: Sequence[int]) -> str:
        """Give the contigs of a genome to it; the reason why not, or an empty text."""
        for number in numbers:
            source = self.all[number]
            for contig in genome.contigs:
                if contig.name in source.numbers and contig.name in source.found:
                    other = source.found[contig.name]
                    return (
                        f"{source.name} annotates contig {contig.name!r}, which {other} has too; call the "
                        "annotation of each genome as its FASTA, or rename the contigs"
                    )
        for number in numbers:
            source = self.all[number]
            source.found.update({one.name: genome.id for one in genome.contigs if one.name in source.numbers})
        return "" if numbers else self._unnamed(genome)

    def _unnamed(self, genome: Genome) -> str:
        own = ", ".join(repr(contig.name) for contig in genome.contigs[:SHOWN])
        other = ", ".join(map(repr, list(self._by_contig)[:SHOWN])) or "none"
        return f"no annotation names its contigs, such as {own}; they name {other}: make the names the same"

    def placed(self, contig: Contig, numbers: Sequence[int]) -> Placed | None:
        """The features on a contig, of some files; None if none of them names it."""
        own = [number for number in numbers if contig.name in self.all[number].numbers]
        circular = any(contig.name in self.all[number].annotation.circular for number in own)
        length, result = len(contig.sequence), Placed([], Counter(), circular)
        for number in own:
            source = self.all[number]
            part = placed(source.hierarchy, source.numbers[contig.name], length, circular)
            result.left_out.update(part.left_out)
            result.pieces.extend(_renumbered(piece, self._first[number]) for piece in part.pieces)
        result.pieces.sort(key=lambda piece: piece.start)
        return result if own else None

    def notes(self, contig: Contig, numbers: Sequence[int]) -> Iterator[str]:
        """A sentence for each file that has another length of the contig."""
        for number in numbers:
            end = self.all[number].regions.get(contig.name, 0)
            if end > len(contig.sequence):
                yield (
                    f"{self.all[number].name} annotates {contig.name} up to {end:,}, but it has "
                    f"{len(contig.sequence):,} bp; are both of one assembly?"
                )

    def complaints(self) -> Iterator[Complaint]:
        """Those of all files, each by the name of its file."""
        for source in self.all:
            yield from (replace(one, path=source.name) for one in source.annotation.complaints)

    def not_found(self) -> Iterator[tuple[str, str, int]]:
        """Contigs that no genome has: file, contig, number of its features."""
        for source in self.all:
            for contig, numbers in source.numbers.items():
                if contig not in source.found:
                    yield source.name, contig, len(numbers)


def _renumbered(piece: Piece, first: int) -> Piece:
    return replace(piece, line=replace(piece.line, gene=piece.line.gene + first))
