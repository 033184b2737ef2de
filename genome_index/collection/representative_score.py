"""Score of genomes as representatives of the genomes near them: complete and clean first, not the longest.

A longer genome is not a better one: a concatemer has the genome twice, a contaminated draft has another
genome besides. The score adds up what stands against a genome, each part as a share of it:

- the share of bases that are N or another ambiguity code
- a tenth for each factor of ten in the number of contigs
- the difference of its length from the median length of the genomes near it, in natural logarithms
- the difference of its length from that of its distinct k-mers, likewise; a concatemer has 0.69
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genome_index.index.index import Index
from genome_index.index.store.composition import decode_course
from genome_index.records import Entry

Doubles = npt.NDArray[np.float64]

CONTIGS_WEIGHT = 0.1
LEAST_REPEATED = 0.1  # below it, the difference is of natural repeats and of the k-mers' sampling
READ_GENOMES = 1_024  # whose segments are mapped at a time


def representative_scores(index: Index, entries: Sequence[Entry], near: Sequence[Sequence[int]]) -> Doubles:
    """What stands against each genome as a representative, 0 for nothing; the least is the best: (L,).

    Parameters
    ----------
    entries : sequence
        The genomes.
    near : sequence
        For each genome, the positions of those that are near enough to be represented by it.
    """
    lengths = np.array([entry.length_bp for entry in entries], np.float64)
    contigs = np.array([entry.contigs for entry in entries], np.float64)
    alone = CONTIGS_WEIGHT * np.log10(np.maximum(contigs, 1)) + _own_defects(index, entries, near)
    return np.asarray(alone + _length_differences(lengths, near))


def _length_differences(lengths: Doubles, near: Sequence[Sequence[int]]) -> Doubles:
    """How far each length is from the median of the others near it, in natural logarithms: (L,) -> (L,)."""
    medians = [np.median(lengths[list(others)]) if others else lengths[at] for at, others in enumerate(near)]
    return np.asarray(np.abs(np.log(lengths / np.array(medians))))


def _own_defects(index: Index, entries: Sequence[Entry], near: Sequence[Sequence[int]]) -> Doubles:
    """Share of ambiguous bases and repeated sequence of each genome that has others near it: (L,)."""
    defects = np.zeros(len(entries))
    concerned = [at for at, others in enumerate(near) if others]
    for number, at in enumerate(concerned):
        defects[at] = _defects(index, entries[at])
        if number % READ_GENOMES == READ_GENOMES - 1:
            index.references.let_go()
    return defects


def _defects(index: Index, entry: Entry) -> float:
    known = int(decode_course(index.references.course(entry.row)).sum())
    distinct = len(index.references.hashes(entry.row)) * 2.0**64 / index.references.limit(entry.row)
    repeated = np.log(known / distinct) if known > 0 and distinct > 0 else 0.0
    ambiguous = max(0.0, 1 - known / entry.length_bp)
    return float(ambiguous + (repeated if repeated > LEAST_REPEATED else 0.0))
