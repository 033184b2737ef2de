"""ANI and aligned fractions by skani, in percent and in both directions.

Peculiarities of pyskani 0.2.0 that stay within this module: it gives fractions, not percent; a name with a
slash cannot be queried (names here are our own); `save` swaps its two formats (it is not used: the folder
format is written while sketching, and a small folder of the candidates is read back); a pair below the range
gives no result (here it is evidence with a reason); an N is read as A (here ambiguous bases are left out, so
that they neither lower the ANI nor count in an aligned fraction: tests/bench/RESULTS.md).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from genome_index.index.store.sketches import LARGE, SMALL, SkaniSettings, unpack
from genome_index.io.bases import known_bases
from genome_index.records import Evidence, Genome

if TYPE_CHECKING:
    import pyskani

SCREEN = 0.70  # skani's marker screen; its default of 0.80 drops pairs that it could still measure
BELOW_RANGE = "below the range of ANI (about 82 % for whole genomes): no sufficiently similar stretches"
LITTLE_ALIGNED = "less than 15 % of either genome is aligned, too little for an ANI"  # skani's --min-af


@dataclass(frozen=True)
class Candidate:
    """A reference to compare with: packed bases if it is small, else skani's sketch and the sketch's name."""

    blob: bytes
    skani_name: str  # "" for packed bases


def measure(query: Genome, candidates: Sequence[Candidate]) -> list[Evidence]:
    """ANI and aligned fractions of a genome against some references, in their order.

    The aligned fractions are of the known bases: A, C, G, T and U.
    """
    small = [number for number, candidate in enumerate(candidates) if not candidate.skani_name]
    large = [number for number, candidate in enumerate(candidates) if candidate.skani_name]
    evidence: dict[int, Evidence] = {}
    if small:
        evidence |= _against_packed(query, {number: candidates[number].blob for number in small})
    if large:
        evidence |= _against_sketches(query, {number: candidates[number] for number in large})
    return [evidence.get(number, Evidence(reason=BELOW_RANGE)) for number in range(len(candidates))]


def _against_packed(query: Genome, blobs: dict[int, bytes]) -> dict[int, Evidence]:
    import pyskani

    database = pyskani.Database(compression=SMALL.compression, marker_compression=SMALL.marker)
    for number, blob in blobs.items():
        database.sketch(str(number), *map(known_bases, unpack(blob)))
    return {int(name): evidence for name, evidence in _query(database, query).items()}


def _against_sketches(query: Genome, candidates: dict[int, Candidate]) -> dict[int, Evidence]:
    """Write the candidates' sketches into a small folder as pyskani has it, and query that."""
    import pyskani

    prefix = _parameters(LARGE)
    blobs = {candidate.skani_name: candidate.blob for candidate in candidates.values()}
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        for name, blob in blobs.items():
            (Path(folder) / f"{name}.sketch").write_bytes(blob)
        markers = [prefix, struct.pack("<Q", len(blobs)), *(blob[len(prefix) :] for blob in blobs.values())]
        (Path(folder) / "markers.bin").write_bytes(b"".join(markers))
        evidence = _query(pyskani.Database.open(folder), query)
    return {
        number: evidence[candidate.skani_name]
        for number, candidate in candidates.items()
        if candidate.skani_name in evidence
    }


def _query(database: pyskani.Database, query: Genome) -> dict[str, Evidence]:
    contigs = [known_bases(contig.sequence) for contig in query.contigs]
    hits = database.query("query", *contigs, cutoff=SCREEN)
    return {
        hit.reference_name: Evidence(
            100 * hit.identity, 100 * hit.query_fraction, 100 * hit.reference_fraction
        )
        for hit in hits
    }


@cache
def _parameters(settings: SkaniSettings) -> bytes:
    """The bytes at the start of every file of a database with these settings.

    They are the markers file of an empty database without its number of markers.
    """
    import pyskani

    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        with pyskani.Database(
            folder, compression=settings.compression, marker_compression=settings.marker, format="separated"
        ):
            pass
        return (Path(folder) / "markers.bin").read_bytes()[:-8]
