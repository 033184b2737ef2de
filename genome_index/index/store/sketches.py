"""Sketches for verification: sampled 21-mers, and the bases (2 bits each) or the skani sketch of a genome.

The 21-mers (FracMinHash, Irber et al. 2022) measure how much of one genome is in another, down to a few
shared k-mers. A small genome is stored as 2 bits a base, which is smaller than any sketch from which ANI
could be measured; a large one is stored as its skani sketch.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.io.bases import IS_BASE, is_base, known_bases, mark_bases
from genome_index.io.kernels.kernel import kernel, kernel_with
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class SkaniSettings:
    """skani's parameters: one of `compression` k-mers seeds the alignment, one of `marker` screens."""

    compression: int
    marker: int


SMALL = SkaniSettings(compression=30, marker=200)  # skani's --small-genomes
LARGE = SkaniSettings(compression=125, marker=1000)  # skani's default


MUCH_LARGER = 10  # a megabase shares one 21-mer by chance with some of a thousand viruses

# -- FracMinHash ---------------------------------------------------------------------------------------------


def hash_sketch(genome: Genome, spec: IndexSpec) -> Hashes:
    """The genome's distinct sampled k-mer hashes, sorted: (H,).

    K-mers are canonical; those with ambiguous bases and simple repeats are left out. Hashes have 64 bits:
    with 32, one of a short query's few hashes would be in a large reference by chance.
    """
    scaled = spec.small_scaled if genome.length_bp <= spec.small_bp else spec.large_scaled
    limit = np.uint64(2**64 // scaled)
    samples = []
    for contig in genome.contigs:
        room = np.empty(_room(len(contig.sequence), scaled), np.uint64)
        count = sample_kmers(np.frombuffer(contig.sequence, np.uint8), spec.sketch_k, limit, room)
        if count > room.size:  # a long repeat of a k-mer that happens to be sampled
            room = np.empty(count, np.uint64)
            sample_kmers(np.frombuffer(contig.sequence, np.uint8), spec.sketch_k, limit, room)
        samples.append(room[:count])
    hashes = np.sort(np.concatenate(samples))
    return hashes[np.append(True, hashes[1:] != hashes[:-1])] if len(hashes) else hashes


def _room(length_bp: int, scaled: int) -> int:
    """Room for the expected sample size and ten standard deviations."""
    expected = length_bp / scaled
    return int(expected + 10 * expected**0.5) + 16


@kernel
def murmur_finalizer(h: np.uint64) -> np.uint64:
    """The hash of a word: MurmurHash3's 64-bit finaliser, which is one-to-one."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


def _sample_plainly(sequence: Bytes, k: int, limit: np.uint64, out: Hashes) -> int:
    """The same for all k-mers of the sequence at once."""
    windows = sequence.size - k + 1
    if windows < 1:
        return 0
    bases = ((sequence >> np.uint8(1)) & np.uint8(3)).astype(np.uint64)
    forward, backward = np.zeros(windows, np.uint64), np.zeros(windows, np.uint64)
    for at in range(k):
        own = bases[at : at + windows]
        forward = forward << np.uint64(2) | own
        backward |= (own ^ np.uint64(2)) << np.uint64(2 * at)
    others = np.append(0, np.cumsum(~IS_BASE[sequence]))
    hashes = _finalized(np.minimum(forward, backward))
    chosen = (others[k:] == others[:windows]) & (hashes < limit) & ~_repeats(forward, k)
    sampled = hashes[chosen]
    out[: len(sampled)] = sampled[: len(out)]
    return len(sampled)


def _finalized(hashes: Hashes) -> Hashes:
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), (33, 1)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes


def _repeats(kmers: Hashes, k: int) -> npt.NDArray[np.bool_]:
    are_repeats = np.zeros(len(kmers), bool)
    for period in range(1, 4):
        overlap = np.uint64((1 << (2 * (k - period))) - 1)
        are_repeats |= (kmers ^ (kmers >> np.uint64(2 * period))) & overlap == 0
    return are_repeats


@kernel_with(_sample_plainly)
def sample_kmers(sequence: Bytes, k: int, limit: np.uint64, out: Hashes) -> int:
    """Write the hashes below `limit` of the canonical k-mers, k up to 32, to `out`: (L,) -> their number.

    Hashes beyond the end of `out` are only counted. Bits 1 and 2 of the ASCII code of a base are
    A 0, C 1, T 2, G 3.
    """
    one, two, top = np.uint64(1), np.uint64(2), np.uint64(2 * (k - 1))
    mask = (one << (top + one)) + ((one << (top + one)) - one)
    forward, backward = np.uint64(0), np.uint64(0)
    run, count = 0, 0
    for i in range(sequence.size):
        code = sequence[i]
        if is_base(code):
            base = np.uint64((code >> np.uint8(1)) & np.uint8(3))
            forward = ((forward << two) | base) & mask
            backward = (backward >> two) | ((base ^ two) << top)
            run += 1
            if run >= k:
                h = murmur_finalizer(min(forward, backward))
                if h < limit and not _is_repeat(forward, k):
                    if count < out.size:
                        out[count] = h
                    count += 1
        else:
            run = 0
    return count


@kernel
def _is_repeat(kmer: np.uint64, k: int) -> bool:
    """Whether a k-mer repeats one to three bases: poly-A tails and the like do not show relatedness."""
    for period in range(1, 4):
        overlap = (np.uint64(1) << np.uint64(2 * (k - period))) - np.uint64(1)
        if (kmer ^ (kmer >> np.uint64(2 * period))) & overlap == 0:
            return True
    return False


def _containment_plainly(a: Hashes, b: Hashes, limit: np.uint64) -> float:
    own, others = a[: np.searchsorted(a, limit)], b[: np.searchsorted(b, limit)]
    shared = len(np.intersect1d(own, others, assume_unique=True))
    smaller, larger = sorted((len(own), len(others)))
    return 0.0 if shared == 1 and larger > MUCH_LARGER * smaller else shared / max(1, smaller)


@kernel_with(_containment_plainly)
def containment(a: Hashes, b: Hashes, limit: np.uint64) -> float:
    """Share of the smaller sketch that is in the other, 0 to 1: sorted (A,), (B,).

    Hashes from `limit` up are left out, so that sketches of two densities are compared at the lower one. A
    single k-mer shared with a sketch more than MUCH_LARGER times as large is chance and does not count.
    """
    size_a, size_b = int(np.searchsorted(a, limit)), int(np.searchsorted(b, limit))
    shared, i, j = 0, 0, 0
    while i < size_a and j < size_b:  # without branches, which the processor could not predict
        left, right = a[i], b[j]
        shared += int(left == right)
        i += int(left <= right)
        j += int(right <= left)
    smaller, larger = min(size_a, size_b), max(size_a, size_b)
    if shared == 1 and larger > MUCH_LARGER * smaller:
        return 0.0
    return shared / max(1, smaller)


# -- 2 bits a base -------------------------------------------------------------------------------------------


def pack(genome: Genome) -> bytes:
    """A genome as 2 bits a base. Case and contig names are lost; all but A, C, G, T, U are read back as N."""
    joined = np.frombuffer(b"".join(contig.sequence for contig in genome.contigs), np.uint8)
    lengths = np.array([len(contig.sequence) for contig in genome.contigs], "<u4")
    clear = np.ones(joined.size + 2, np.uint8)
    mark_bases(joined, clear[1:-1])
    edges = np.flatnonzero(clear[1:] != clear[:-1]).astype("<u4")
    codes = (joined >> 1) & 3
    codes = np.concatenate((codes, np.zeros(-len(codes) % 4, np.uint8))).reshape(-1, 4)
    packed = codes[:, 0] | codes[:, 1] << 2 | codes[:, 2] << 4 | codes[:, 3] << 6
    head = struct.pack("<II", len(lengths), len(edges))
    return head + lengths.tobytes() + edges.tobytes() + packed.astype(np.uint8).tobytes()


def unpack(blob: bytes) -> list[bytes]:
    """The contigs of a packed genome, upper case."""
    contigs, marks = struct.unpack_from("<II", blob)
    lengths = np.frombuffer(blob, "<u4", contigs, 8)
    edges = np.frombuffer(blob, "<u4", marks, 8 + 4 * contigs)
    packed = np.frombuffer(blob, np.uint8, offset=8 + 4 * (contigs + marks))
    bases = FOUR_BASES[packed].view(np.uint8)[: int(lengths.sum())].copy()
    for start, end in edges.reshape(-1, 2):
        bases[start:end] = ord("N")
    ends = np.cumsum(lengths)
    return [bases[end - length : end].tobytes() for length, end in zip(lengths, ends, strict=True)]


def _four_bases() -> npt.NDArray[np.uint32]:
    codes = np.arange(256)[:, None] >> np.array([0, 2, 4, 6]) & 3
    return np.asarray(np.frombuffer(b"ACTG", np.uint8)[codes].copy().view(np.uint32).reshape(-1))


FOUR_BASES = _four_bases()  # byte of four codes -> four bases as ASCII


# -- skani ---------------------------------------------------------------------------------------------------


def skani_sketches(genomes: Sequence[Genome], names: Sequence[str]) -> list[bytes]:
    """Skani's sketch of each large genome, as pyskani writes it; names must be distinct file names."""
    import pyskani

    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        with pyskani.Database(
            folder, compression=LARGE.compression, marker_compression=LARGE.marker, format="separated"
        ) as database:
            for genome, name in zip(genomes, names, strict=True):
                database.sketch(name, *[known_bases(contig.sequence) for contig in genome.contigs])
        return [(Path(folder) / f"{name}.sketch").read_bytes() for name in names]


def contigs_of(sequences: Sequence[bytes]) -> tuple[Contig, ...]:
    return tuple(Contig(f"contig_{number}", sequence) for number, sequence in enumerate(sequences, 1))
