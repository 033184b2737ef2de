"""New genomes into segments: encoded and sketched in batches, so that a killed run loses one batch at most.

A segment is named by its content and is in the index before any snapshot refers to it. A genome that an
unfinished run has already written is taken from its segment, which is all that resuming needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genome_index.encoders import Encoder, encoder_of
from genome_index.encoders.chunk_grid import unread
from genome_index.index.store.blobs import blobs_of
from genome_index.index.store.segments import Segment, is_whole, write_segment
from genome_index.io.batches import batches
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec

SEGMENT_GENOMES = 256
SEGMENT_BP = 64_000_000
SLOW_GENOMES, SLOW_BP = 64, 16_000_000  # for a language model, which takes hours: a kill loses less


@dataclass(frozen=True, slots=True)
class StoredGenome:
    """A genome in a segment, with the names and labels in its own file."""

    id: str
    segment: str
    segment_row: int
    length_bp: int
    contigs: int
    sha256: str
    source: str
    names: dict[str, str]
    labels: dict[str, str]


@dataclass
class IngestResult:
    """What became of the inputs."""

    stored: list[StoredGenome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    resumed: int = 0  # of `stored`, taken from an unfinished run
    unchanged: list[str] = field(default_factory=list)  # ids whose very sequence the index has already
    base_pairs: int = 0
    notes: list[str] = field(default_factory=list)  # of genomes that the reader changed, as sentences

    @property
    def inputs(self) -> int:
        """Number of inputs read, failures included."""
        return len(self.stored) + len(self.failures) + len(self.unchanged)


def ingest(
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    root: Path,
    digests: Mapping[str, str],
    threads: int,
    progress: Progress = quiet,
) -> IngestResult:
    """Write genomes into segments under `root`.

    Parameters
    ----------
    digests : mapping
        Ids of the index's genomes -> sha256 of their sequences. An identical genome is left out; another
        sequence under an id of the index is a failure, and so is an id that two inputs have.
    """
    encoder = encoder_of(spec, str(root))  # its errors come before anything is read or written
    inputs = _Inputs(spec, digests, _unfinished(root, spec), progress)
    most, most_bp = (SEGMENT_GENOMES, SEGMENT_BP) if encoder.parallel else (SLOW_GENOMES, SLOW_BP)
    for batch in batches(inputs.new_genomes(genomes), most, most_bp):
        inputs.result.stored += _write(batch, spec, encoder, root, threads, progress)
        del batch  # its genomes would stay in memory while those of the next batch are read
    progress.count(inputs.result.inputs, inputs.result.base_pairs)
    return inputs.result


class _Inputs:
    """Inputs sorted into new genomes, which are to be encoded, and all others."""

    def __init__(
        self, spec: IndexSpec, digests: Mapping[str, str],
        unfinished: Mapping[tuple[str, str], StoredGenome], progress: Progress,
    ) -> None:  # fmt: skip
        self.result = IngestResult()
        self._spec, self._digests, self._unfinished, self._progress = spec, digests, unfinished, progress
        self._sources: dict[str, str] = {}  # id -> the input it came from

    def new_genomes(self, genomes: Iterable[Genome | Failure]) -> Iterator[Genome]:
        """The genomes to encode; the result says what became of the others."""
        for genome in genomes:
            if isinstance(genome, Failure):
                self.result.failures.append(genome)
            elif refusal := self._refusal(genome):
                self.result.failures.append(Failure(genome.id, genome.source, refusal))
            elif self._is_new(genome):
                yield genome
            self._progress.count(self.result.inputs, self.result.base_pairs)

    def _refusal(self, genome: Genome) -> str:
        """Why a genome cannot be taken, as a sentence; empty if it can."""
        if reason := complaint(genome):
            return reason
        if genome.id in self._sources:
            return given_before(genome.id, self._sources[genome.id]) + self._other_ids(genome)
        if self._digests.get(genome.id, genome.sha256) != genome.sha256:
            return (
                f"the id {genome.id!r} is in the index with another sequence; "
                f"remove it first (`gindex remove {genome.id}`) or rename the new one"
            )
        return unread(genome) if self._spec.reading else ""  # else it would be a row of zeros

    def _other_ids(self, genome: Genome) -> str:
        """How two files get two ids; empty for records of one file."""
        return "" if self._sources[genome.id] == genome.source else ", or use --id-from path"

    def _is_new(self, genome: Genome) -> bool:
        """Whether a genome is to be encoded: neither in the index nor in a segment of an unfinished run."""
        self._sources[genome.id] = genome.source
        if genome.id in self._digests:
            self.result.unchanged.append(genome.id)
            return False
        self.result.base_pairs += genome.length_bp
        self.result.notes += [f"{genome.id}: {note}" for note in genome.notes]
        stored = self._unfinished.get((genome.id, genome.sha256))
        if stored is not None:
            self.result.stored.append(stored)
            self.result.resumed += 1
        return stored is None


def _unfinished(root: Path, spec: IndexSpec) -> dict[tuple[str, str], StoredGenome]:
    """Genomes in segments that an unfinished run with the same settings has written: by id and sha256."""
    stored = {}
    for folder in sorted((root / "segments").glob(f"{spec.fingerprint()}-*")):
        name = folder.name
        if not (is_whole(root / "staging" / name) and is_whole(folder)):
            continue  # damaged, or committed: its staged bases are gone, and the index has its genomes
        rows = Segment(folder).manifest["genomes"]
        if name != segment_name(spec, rows):
            continue  # written with or without the bases of large genomes, other than `spec` requires
        for row, values in enumerate(rows):
            stored[values["id"], values["sha256"]] = StoredGenome(segment=name, segment_row=row, **values)
    return stored


def segment_name(spec: IndexSpec, genomes: Sequence[Mapping[str, Any]]) -> str:
    """A segment's name, which its content decides: settings, genomes, and whether large ones have bases."""
    marks = [f"bases of large genomes: {spec.keep_sequence}"]
    marks += [f"{row['id']}\0{row['sha256']}" for row in genomes]
    return f"{spec.fingerprint()}-{hashlib.sha256(chr(10).join(marks).encode()).hexdigest()[:16]}"


def _write(
    genomes: Sequence[Genome], spec: IndexSpec, encoder: Encoder, root: Path, threads: int,
    progress: Progress,
) -> Iterator[StoredGenome]:  # fmt: skip
    """Encode and sketch a batch and write it as one segment; all its bases go into the staging folder."""
    rows = [_row(genome) for genome in genomes]
    name = segment_name(spec, rows)
    blobs = blobs_of(genomes, spec, encoder, threads, progress)
    bases = blobs["bases"]
    if not spec.keep_sequence:
        blobs["bases"] = [
            packed if genome.length_bp <= spec.small_bp else b""
            for packed, genome in zip(bases, genomes, strict=True)
        ]
    write_segment(root / "staging" / name, [], {"bases": bases})
    write_segment(root / "segments" / name, rows, blobs)
    for number, values in enumerate(rows):
        yield StoredGenome(segment=name, segment_row=number, **values)


def _row(genome: Genome) -> dict[str, Any]:
    return {
        "id": genome.id,
        "length_bp": genome.length_bp,
        "contigs": len(genome.contigs),
        "sha256": genome.sha256,
        "source": genome.source,
        "names": dict(genome.taxon.lineage.names),
        "labels": dict(genome.taxon.labels),
    }
