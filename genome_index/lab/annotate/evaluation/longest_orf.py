"""Baseline: the longest open reading frames, from a start codon to the next stop codon in frame.

Stop codons are those of NCBI's table of a genetic code; start codons are ATG and GTG, and TTG in the codes of
prokaryotes. Rarer starts, such as ATA in mitochondria, are left out, as in Prodigal.
"""

from __future__ import annotations

from collections.abc import Iterator

from genome_index.errors import UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.features import Feature, Part, Strand
from genome_index.lab.genetic_codes import CODON, DIFFERENCES, stop_codons
from genome_index.records import Contig

BACTERIA = 11
PROKARYOTES = (4, 11, 25)  # genetic codes with TTG among the starts
CODES = tuple(code for code in DIFFERENCES if code <= 25)  # Prodigal knows none above
LEAST_BP = 90  # start and stop included, as in Prodigal
MOST_OVERLAP = 60  # bp with a longer frame, as in Prodigal


def longest_frames(
    contig: Contig, least_bp: int = LEAST_BP, most_overlap: int = MOST_OVERLAP, code: int = BACTERIA
) -> list[Feature]:
    """CDS of a contig by place: of frames that overlap, the longer one.

    Raises
    ------
    UsageError
        NCBI has no genetic code of that number.
    """
    codons = starts_and_stops(code)
    length = len(contig.sequence)
    frames: list[tuple[int, int, Strand]] = [
        (start, end, "+") for start, end in _frames(contig.sequence, *codons)
    ]
    for start, end in _frames(reverse_complement(contig.sequence), *codons):
        frames.append((length - end, length - start, "-"))
    frames = [frame for frame in frames if frame[1] - frame[0] >= least_bp]
    chosen: list[tuple[int, int, Strand]] = []
    for start, end, strand in sorted(frames, key=lambda frame: (frame[0] - frame[1], frame)):
        if all(min(end, other[1]) - max(start, other[0]) <= most_overlap for other in chosen):
            chosen.append((start, end, strand))
    return [
        Feature(contig.name, "longest_orf", "CDS", (Part(start, end, strand, 0),))
        for start, end, strand in sorted(chosen)
    ]


def starts_and_stops(code: int) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The codons at which frames of a genetic code begin and end."""
    if code not in CODES:
        raise UsageError(f"--code {code}: there is no such genetic code; choose {', '.join(map(str, CODES))}")
    starts = (b"ATG", b"GTG", b"TTG") if code in PROKARYOTES else (b"ATG", b"GTG")
    return frozenset(starts), stop_codons(code)


def _frames(sequence: bytes, starts: frozenset[bytes], stops: frozenset[bytes]) -> Iterator[tuple[int, int]]:
    """Frames of the forward strand, each with the first of its starts: 0-based start and exclusive end."""
    upper = sequence.upper()
    for frame in range(CODON):
        start = None
        for at in range(frame, len(upper) - CODON + 1, CODON):
            codon = upper[at : at + CODON]
            if codon in stops:
                if start is not None:
                    yield start, at + CODON
                start = None
            elif start is None and codon in starts:
                start = at
