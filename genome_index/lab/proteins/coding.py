"""Proteins of annotated genomes: the CDS of an annotation, translated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.features import Feature, Part
from genome_index.lab.genetic_codes import CODON, STOP, translate
from genome_index.records import Contig

CDS = "CDS"


def coding_proteins(contigs: Iterable[Contig], features: Iterable[Feature], code: int) -> Iterator[bytes]:
    """The proteins of features of type CDS, in their order; a stop codon ends a protein.

    The start codon is translated as any other. Two kinds of genes are more than one protein or less: where
    the phase of a part contradicts the bases before it, the part begins a protein of its own; a CDS without a
    whole codon before its first stop has none.
    """
    sequences = {contig.name: contig.sequence for contig in contigs}
    for feature in features:
        if feature.type == CDS:
            for bases in reading_frames(sequences[feature.contig], feature.parts):
                protein, _, _ = translate(bases, code).partition(STOP)
                if protein:
                    yield protein


def reading_frames(sequence: bytes, parts: Iterable[Part]) -> Iterator[bytes]:
    """The bases of a CDS from the first base of a codon on, its parts joined from the 5' end on.

    A CDS that is cut at its 5' end begins within a codon: its phase says how many bases are left of that. A
    part without a phase goes on with the codon before it.

    >>> list(reading_frames(b"GATGAACCC", [Part(0, 6, "+", 1), Part(7, 9, "+", 1)]))
    [b'ATGAACC']
    >>> list(reading_frames(b"GATGAACCC", [Part(0, 6, "+", 1), Part(7, 9, "+", 0)]))
    [b'ATGAA', b'CC']
    """
    frame = b""
    for number, part in enumerate(_from_5_prime(list(parts))):
        bases = _bases(sequence, part)
        left = -len(frame) % CODON  # bases that the last codon lacks
        if number == 0 or part.phase not in (None, left):
            if frame:
                yield frame
            frame = bases[part.phase or 0 :]
        else:
            frame += bases
    if frame:
        yield frame


def _from_5_prime(parts: list[Part]) -> list[Part]:
    """Parts in the order of translation; those on both strands (trans-splicing) stay in the given order."""
    strands = {part.strand for part in parts}
    if len(strands) > 1:
        return parts
    return sorted(parts, key=lambda part: part.start, reverse=strands == {"-"})


def _bases(sequence: bytes, part: Part) -> bytes:
    """The bases of a part on its own strand; a part of unknown strand is read forward."""
    bases = sequence[part.start : part.end] + sequence[: max(0, part.end - len(sequence))]
    return reverse_complement(bases) if part.strand == "-" else bases
