"""Same sequence: genomes that differ in strand, in where a circle is cut, or in the order of contigs only.

An ANI is an estimate from some k-mers, and a single SNP may lie in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from genome_index.index.store.references import References
from genome_index.io.kernels.kernel import kernel
from genome_index.io.sequence import reverse_complement
from genome_index.records import Genome

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Anis = npt.NDArray[np.floating]

NEARLY_THE_SAME = 99.9  # percent; what has less is not looked at
NOT_THE_SAME = 99.99  # percent, at least: calls take a genome with a SNP for the same one all the same

_OTHERS = bytes(set(range(256)) - set(b"ACGTUacgtu"))
_AS_STORED = bytes.maketrans(b"acgtuU" + _OTHERS, b"ACGTTT" + b"N" * len(_OTHERS))


def sequence_key(contigs: Sequence[bytes]) -> bytes:
    """A digest that genomes of the same sequence share.

    A single contig is read as a circle, once around: rotated copies and exact concatemers have its key.
    Several contigs have theirs in any order, each on either strand.

    >>> sequence_key([b"AACGC"]) == sequence_key([b"CGCAA"]) == sequence_key([b"GCGTTGCGTT"])
    True
    >>> sequence_key([b"AACGC"]) == sequence_key([b"AACGA"])
    False
    """
    as_stored = [contig.translate(_AS_STORED) for contig in contigs]
    stored = sorted(min(contig, reverse_complement(contig)) for contig in as_stored)
    if len(set(stored)) == 1:
        once = stored[0][: (stored[0] * 2).find(stored[0], 1)]
        stored = [min(map(_rotated, (once, reverse_complement(once))))]
    return sha256(b"\n".join(stored)).digest()


def _rotated(circle: bytes) -> bytes:
    """The rotation of a circle that is the first in alphabetical order."""
    start = least_rotation(np.frombuffer(circle, np.uint8))
    return circle[start:] + circle[:start]


@kernel
def least_rotation(circle: Bytes) -> int:
    """Where the rotation of a circle starts that is the first in alphabetical order: (L,) -> 0 to L - 1."""
    size = circle.size
    first, second, equal = 0, 1, 0
    while first < size and second < size and equal < size:
        a, b = circle[(first + equal) % size], circle[(second + equal) % size]
        if a == b:
            equal += 1
            continue
        if a > b:
            first += equal + 1
        else:
            second += equal + 1
        second += int(first == second)
        equal = 0
    return min(first, second)


def key_of_row(references: References, row: int) -> bytes:
    """The key of a reference; of a large one, whose bases are not stored, by length and sampled k-mers."""
    genome = references.genome(row) if references.is_small(row) else None
    if genome is None:
        return key_of_kmers(references.length_bp(row), references.hashes(row))
    return sequence_key([contig.sequence for contig in genome.contigs])


def key_of_kmers(length_bp: int, hashes: npt.NDArray[np.uint64]) -> bytes:
    """The key of a large genome."""
    return sha256(length_bp.to_bytes(8, "little") + hashes.tobytes()).digest()


def one_base_less(length_bp: int) -> float:
    """The ANI in percent of two genomes that differ in one base."""
    return 100 * (1 - 1 / length_bp)


def corrected_ani(
    references: References, genome: Genome, hashes: npt.NDArray[np.uint64], rows: Rows, ani: Anis
) -> Anis:
    """The ANI in percent of a query and references: 100 for one of its length if both are the same sequence.

    It is less for any other reference of that length, and may be 100 for one of another: that of a piece is
    of what is aligned. skani's own estimate for two copies of a genome may be a little below 100.
    Rows (K,) and estimates (K,) -> (K,).
    """
    own_key = cache(lambda is_small: _key(genome, hashes, is_small))  # the same for every reference
    corrected = ani.copy()
    for at in np.flatnonzero(ani >= NEARLY_THE_SAME).tolist():
        row = int(rows[at])
        if references.length_bp(row) != genome.length_bp:
            continue
        is_copy = references.sha256(row) == genome.sha256
        is_same = is_copy or own_key(references.is_small(row)) == key_of_row(references, row)
        least = max(one_base_less(genome.length_bp), NOT_THE_SAME)
        corrected[at] = 100 if is_same else min(ani[at], least)
    return corrected


def _key(genome: Genome, hashes: npt.NDArray[np.uint64], is_small: bool) -> bytes:
    """The key of a query, of the sort that a small or a large reference has."""
    if is_small:
        return sequence_key([contig.sequence for contig in genome.contigs])
    return key_of_kmers(genome.length_bp, hashes)
