"""Fragments cut from references at random, as training data: five lengths, each with fragments around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.fragments.hits import ReferenceTable
from genome_index.io.quality import LEAST_BP, complaint
from genome_index.io.sequence import drawn_window
from genome_index.records import Contig, Genome

Rows = npt.NDArray[np.int64]

LENGTHS = (500, 1_000, 3_000, 10_000, 30_000)  # bp
LEAST_GENOMES = 6  # references long enough, with bases; with fewer a length has no calibrators
TRIES = 3  # to cut a fragment that is not mostly N


@dataclass(frozen=True)
class CutFragments:
    """Fragments of references."""

    rows: Rows  # (Q,) of the references they were cut from
    genomes: list[Genome]  # the fragments, Q of them


def length_class(length_bp: int, lengths: Sequence[int] = LENGTHS) -> int:
    """The length whose calibrators a fragment uses: the nearest on a logarithmic scale.

    >>> [length_class(bp) for bp in (500, 700, 720, 5_400, 5_500, 4_000_000)]
    [500, 500, 1000, 3000, 10000, 30000]
    """
    return min(lengths, key=lambda length: abs(np.log(length_bp / length)))


def length_range(length: int) -> tuple[int, int]:
    """The shortest and longest fragment of a length class, in bp.

    >>> [length_range(length) for length in LENGTHS]
    [(500, 707), (708, 1732), (1733, 5477), (5478, 17320), (17321, 51961)]
    """
    at = LENGTHS.index(length)
    low = int((LENGTHS[at - 1] * length) ** 0.5) + 1 if at else LEAST_BP
    high = int((LENGTHS[at + 1] * length) ** 0.5) if at + 1 < len(LENGTHS) else int(length * 3**0.5)
    return low, high


def cut_fragments(table: ReferenceTable, rows: Rows, length: int, count: int, seed: int) -> CutFragments:
    """Cut fragments of one length class from some references, about as many from each.

    Only references that are long enough, and whose bases the index has, are cut. There are fewer than `count`
    fragments if some places are mostly N, and none if fewer than LEAST_GENOMES references can be cut.
    """
    low, high = length_range(length)
    generator = np.random.default_rng((seed, length))
    usable = _usable_rows(table, rows, low)
    if len(usable) < LEAST_GENOMES:
        return CutFragments(np.empty(0, np.int64), [])
    rounds = -(-count // len(usable))
    drawn = np.concatenate([generator.permutation(usable) for _ in range(rounds)])[:count]
    cut: list[tuple[int, Genome]] = []
    for row in np.sort(drawn).tolist():
        length_bp = int(np.exp(generator.uniform(np.log(low), np.log(high))))
        genome = table.index.references.genome(row)
        fragment = None if genome is None else _fragment(genome, low, length_bp, generator)
        if fragment is not None:
            cut.append((row, fragment))
    table.index.references.let_go()
    return CutFragments(np.array([row for row, _ in cut], np.int64), [fragment for _, fragment in cut])


def _usable_rows(table: ReferenceTable, rows: Rows, least_bp: int) -> Rows:
    spec = table.index.spec
    has_bases = (table.length_bp[rows] <= spec.small_bp) | spec.keep_sequence
    return rows[(table.length_bp[rows] >= least_bp) & has_bases]


def _fragment(genome: Genome, least_bp: int, length_bp: int, generator: np.random.Generator) -> Genome | None:
    """A window of one contig, or the whole contig if it is shorter than `length_bp`.

    None if no contig has `least_bp`, or every window drawn fails quality control.
    """
    contigs = [contig.sequence for contig in genome.contigs if len(contig.sequence) >= least_bp]
    if not contigs:
        return None
    lengths = [len(sequence) for sequence in contigs]
    for _ in range(TRIES):
        at, start = drawn_window(lengths, length_bp, generator)
        name = f"{genome.id}:{start}"
        fragment = Genome(name, (Contig(name, contigs[at][start : start + length_bp]),), genome.source)
        if not complaint(fragment):
            return fragment
    return None
