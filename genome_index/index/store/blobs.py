"""The blobs of a genome in a segment: encoder output, sketches, bases and composition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from genome_index.encoders import Encoder
from genome_index.index.parallel import in_threads
from genome_index.index.store.composition import encode_course, encode_windows
from genome_index.index.store.references import encode_raw, encode_skani
from genome_index.index.store.sketches import hash_sketch, pack, skani_sketches
from genome_index.records import Genome, Progress, quiet
from genome_index.spec import IndexSpec

KINDS = ("raw", "hashes", "bases", "skani", "windows", "course")
"""Blobs of each genome in a segment; `bases` or `skani` is empty, depending on the genome's size."""

ENCODE_GENOMES = 8  # genomes that a thread encodes together: their counts stay in its cache


def blobs_of(
    genomes: Sequence[Genome], spec: IndexSpec, encoder: Encoder, threads: int, progress: Progress = quiet
) -> dict[str, list[bytes]]:
    """The blobs of some genomes: kind -> one blob for each genome."""
    starts = range(0, len(genomes), ENCODE_GENOMES)
    encoded = None if encoder.parallel else encoder.encode(genomes, progress)

    def sketch_group(number: int) -> list[dict[str, bytes]]:
        group = slice(starts[number], starts[number] + ENCODE_GENOMES)
        rows = encoder.encode(genomes[group]) if encoded is None else encoded[group]
        return [_blobs(genome, row, spec) for row, genome in zip(rows, genomes[group], strict=True)]

    blobs = [each for group in in_threads(sketch_group, len(starts), threads) for each in group]
    return {kind: [each[kind] for each in blobs] for kind in KINDS}


def _blobs(genome: Genome, row: npt.NDArray[Any], spec: IndexSpec) -> dict[str, bytes]:
    return {
        "raw": encode_raw(row),
        "hashes": hash_sketch(genome, spec).tobytes(),
        "bases": pack(genome),
        "skani": encode_skani(_skani_sketch(genome, spec)),
        "windows": encode_windows(genome),
        "course": encode_course(genome),
    }


def _skani_sketch(genome: Genome, spec: IndexSpec) -> bytes:
    """Skani's sketch of a large genome; empty for a small one."""
    return skani_sketches([genome], [genome.sha256[:24]])[0] if genome.length_bp > spec.small_bp else b""
