"""Baseline: the longest open reading frames, from a start codon to the next stop codon in frame.

Start and stop codons are those of bacteria (NCBI's genetic code 11): ATG, GTG and TTG; TAA, TAG and TGA.
"""

from __future__ import annotations

from collections.abc import Iterator

from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.features import Feature, Part, Strand
from genome_index.records import Contig

STARTS, STOPS = (b"ATG", b"GTG", b"TTG"), (b"TAA", b"TAG", b"TGA")
LEAST_BP = 90  # start and stop included, as in Prodigal
MOST_OVERLAP = 60  # bp with a longer frame, as in Prodigal
CODON = 3


def longest_frames(
    contig: Contig, least_bp: int = LEAST_BP, most_overlap: int = MOST_OVERLAP
) -> list[Feature]:
    """CDS of a contig by place: of frames that overlap, the longer one."""
    length = len(contig.sequence)
    frames: list[tuple[int, int, Strand]] = [(start, end, "+") for start, end in _frames(contig.sequence)]
    for start, end in _frames(reverse_complement(contig.sequence)):
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


def _frames(sequence: bytes) -> Iterator[tuple[int, int]]:
    """Frames of the forward strand, each with the first of its starts: 0-based start and exclusive end."""
    upper = sequence.upper()
    for frame in range(CODON):
        start = None
        for at in range(frame, len(upper) - CODON + 1, CODON):
            codon = upper[at : at + CODON]
            if codon in STOPS:
                if start is not None:
                    yield start, at + CODON
                start = None
            elif start is None and codon in STARTS:
                start = at
