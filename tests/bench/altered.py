"""Real genomes altered as real samples are: pieces, mixtures, runs of N, and DNA that an index does not know.

Every function takes its random generator, so that a seed gives the same questions again. Lengths in bp.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from genome_index.records import Contig, Genome

SMALL_CONTIG_BP = (1_000, 3_000)  # of draft assemblies and metagenomes
N_RUN_BP = (20, 2_000)  # scaffolds have runs of 10 to some thousand
CHAINS = 4_096  # random sequences drawn side by side
BASES = np.frombuffer(b"ACGT", np.uint8)


def genome_of(name: str, contigs: Iterable[bytes]) -> Genome:
    """A genome of contigs that have no names of their own."""
    return Genome(name, tuple(Contig(f"c{at}", one) for at, one in enumerate(contigs, 1)), "-")


def sequences(genome: Genome) -> list[bytes]:
    return [contig.sequence for contig in genome.contigs]


def contiguous(contigs: list[bytes], wanted_bp: int, generator: np.random.Generator) -> list[bytes]:
    """One stretch of all contigs in a row, from a random place; contig ends stay ends."""
    total = sum(map(len, contigs))
    start = int(generator.integers(0, max(1, total - wanted_bp + 1)))
    found, at = [], 0
    for contig in contigs:
        part = contig[max(0, start - at) : max(0, start + wanted_bp - at)]
        found += [part] if part else []
        at += len(contig)
    return found


def small_contigs(contigs: list[bytes], generator: np.random.Generator) -> list[bytes]:
    """All of a genome cut into contigs of SMALL_CONTIG_BP, in random order; of a small genome, into ten or more."""
    longest = min(SMALL_CONTIG_BP[1], max(150, sum(map(len, contigs)) // 10))
    shortest = min(SMALL_CONTIG_BP[0], longest // 2)
    found = []
    for contig in contigs:
        at = 0
        while at < len(contig):
            end = at + int(generator.integers(shortest, longest + 1))
            found.append(contig[at:end])
            at = end
    return [found[place] for place in generator.permutation(len(found))]


def first_bases(contigs: list[bytes], wanted_bp: int) -> list[bytes]:
    """Contigs in order until there are so many bases; the last one is cut."""
    found, missing = [], wanted_bp
    for contig in contigs:
        if missing <= 0:
            break
        found.append(contig[:missing])
        missing -= len(contig)
    return found


def with_runs_of_n(contigs: list[bytes], share: float, generator: np.random.Generator) -> list[bytes]:
    """So much of each contig replaced by N, in runs of N_RUN_BP at random places."""
    found = []
    for contig in contigs:
        letters, wanted = np.frombuffer(contig, np.uint8).copy(), share * len(contig)
        longest = max(N_RUN_BP[0] + 1, min(N_RUN_BP[1], len(contig) // 20))
        while (letters == ord("N")).sum() < wanted:
            starts = generator.integers(0, len(letters), 8)
            for start, length in zip(starts, generator.integers(N_RUN_BP[0], longest, 8), strict=True):
                if (letters == ord("N")).sum() < wanted:
                    letters[start : start + length] = ord("N")
        found.append(letters.tobytes())
    return found


def with_scattered_n(contigs: list[bytes], share: float, generator: np.random.Generator) -> list[bytes]:
    """So many bases, each by itself, replaced by N."""
    found = []
    for contig in contigs:
        letters = np.frombuffer(contig, np.uint8).copy()
        letters[generator.random(len(letters), np.float32) < share] = ord("N")
        found.append(letters.tobytes())
    return found


def random_dna(length_bp: int, generator: np.random.Generator) -> bytes:
    """Random DNA whose dinucleotides are unlike those of any genome: a chain with random transitions."""
    after = generator.dirichlet(np.full(4, 2.0), 4).cumsum(axis=1)
    steps = length_bp // CHAINS + 1
    drawn = np.empty((steps, CHAINS), np.uint8)
    state = generator.integers(0, 4, CHAINS)
    for step in range(steps):
        state = np.minimum((generator.random(CHAINS)[:, None] > after[state]).sum(axis=1), 3)
        drawn[step] = state
    return BASES[drawn.T.ravel()[:length_bp]].tobytes()
