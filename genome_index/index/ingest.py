"""Genomes -> segments: encode and sketch what comes in, a batch at a time, so that killed work is not lost.

Segments are named by their content and lie in the index before any snapshot speaks of them. A genome that an
unfinished run has already put into one is taken from there: that is all there is to resuming.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genome_index.encoders import Encoder, encoder_of
from genome_index.encoders.chunk_grid import unread
from genome_index.index.store.composition import encode_course, encode_windows
from genome_index.index.store.pair_table import in_threads
from genome_index.index.store.references import encode_raw
from genome_index.index.store.segments import Segment, is_whole, write_segment
from genome_index.index.store.sketches import hash_sketch, pack, skani_sketches
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec

SEGMENT_GENOMES = 256
SEGMENT_BP = 64_000_000
SLOW_GENOMES, SLOW_BP = 64, 16_000_000  # of a language model, which reads them for hours: a kill costs less
KINDS = ("raw", "hashes", "bases", "skani", "windows", "course")
"""What a segment keeps of each genome; `bases` or `skani` is empty, depending on the genome's size."""

ENCODE_GENOMES = 8  # rows of counts held at a time by one thread: they stay in its cache


@dataclass(frozen=True, slots=True)
class Kept:
    """A genome in a segment, and what its file said of it."""

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
class Intake:
    """What came of some inputs."""

    kept: list[Kept] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    resumed: int = 0  # of `kept`, taken over from an unfinished run
    passed: list[str] = field(default_factory=list)  # ids that are in the index already, just as they are
    base_pairs: int = 0

    @property
    def inputs(self) -> int:
        """How many inputs have been read, those that failed included."""
        return len(self.kept) + len(self.failures) + len(self.passed)

    @property
    def unchanged(self) -> int:
        return len(self.passed)


def ingest(
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    root: Path,
    taken: Mapping[str, str],
    threads: int,
    progress: Progress = quiet,
) -> Intake:
    """Put genomes into segments under `root`.

    `taken` are the ids of the index with their sequence's digest: the very same genome is passed over,
    another one of that id is a failure, and so is a second use of an id.
    """
    encoder = encoder_of(spec, str(root))  # before anything is read or written
    intake = Intake()
    finished = _finished(root, spec)
    batch: list[tuple[Genome, str]] = []
    sources: dict[str, str] = {}
    for genome in genomes:
        if isinstance(genome, Failure):
            intake.failures.append(genome)
        else:
            _sort(genome, spec, finished, taken, sources, intake, batch)
        if _full(batch, encoder):
            intake.kept += _write(batch, spec, encoder, root, threads, progress)
            batch = []
        progress.count(intake.inputs, intake.base_pairs)
    if batch:
        intake.kept += _write(batch, spec, encoder, root, threads, progress)
    progress.count(intake.inputs, intake.base_pairs)
    return intake


def _sort(
    genome: Genome, spec: IndexSpec, finished: Mapping[tuple[str, str], Kept], taken: Mapping[str, str],
    sources: dict[str, str], intake: Intake, batch: list[tuple[Genome, str]],
) -> None:  # fmt: skip
    """Where one genome goes: taken over, passed over, refused, or into the batch."""
    digest = genome.sha256
    refusal = complaint(genome) or _refusal(genome, digest, taken, sources)
    if not refusal and spec.reading:  # it would be a row of zeros, like any other that cannot be read
        refusal = unread(genome)
    if refusal:
        intake.failures.append(Failure(genome.id, genome.source, refusal))
        return
    sources[genome.id] = genome.source
    if taken.get(genome.id) == digest:
        intake.passed.append(genome.id)
        return
    intake.base_pairs += genome.length_bp
    if (genome.id, digest) in finished:
        intake.kept.append(finished[genome.id, digest])
        intake.resumed += 1
    else:
        batch.append((genome, digest))


def _refusal(genome: Genome, digest: str, taken: Mapping[str, str], sources: Mapping[str, str]) -> str:
    if genome.id in sources:
        return given_before(genome.id, sources[genome.id])
    if taken.get(genome.id, digest) != digest:
        return (
            f"the id {genome.id!r} is in the index with another sequence; "
            f"remove it first (`gindex remove {genome.id}`) or rename the new one"
        )
    return ""


def _full(batch: Sequence[tuple[Genome, str]], encoder: Encoder) -> bool:
    most, most_bp = (SEGMENT_GENOMES, SEGMENT_BP) if encoder.parallel else (SLOW_GENOMES, SLOW_BP)
    return len(batch) >= most or sum(genome.length_bp for genome, _ in batch) >= most_bp


def _finished(root: Path, spec: IndexSpec) -> dict[tuple[str, str], Kept]:
    """Genomes that lie in segments of the same settings, whether a snapshot speaks of them or not."""
    found = {}
    for folder in sorted((root / "segments").glob(f"{spec.fingerprint()}-*")):
        name = folder.name
        if not (is_whole(root / "staging" / name) and is_whole(folder)):
            continue  # damaged, or committed work: its bases are gone, and its ids are taken
        rows = Segment(folder).manifest["genomes"]
        if name != segment_name(spec, rows):
            continue  # of the same numbers, but kept for another spec: with bases, or without them
        for row, values in enumerate(rows):
            found[values["id"], values["sha256"]] = Kept(segment=name, segment_row=row, **values)
    return found


def segment_name(spec: IndexSpec, genomes: Sequence[Mapping[str, Any]]) -> str:
    """Named by its content: these genomes, encoded so, and with the bases of large ones or without."""
    marks = [f"bases of large genomes: {spec.keep_sequence}"]
    marks += [f"{row['id']}\0{row['sha256']}" for row in genomes]
    return f"{spec.fingerprint()}-{hashlib.sha256(chr(10).join(marks).encode()).hexdigest()[:16]}"


def _write(
    batch: Sequence[tuple[Genome, str]], spec: IndexSpec, encoder: Encoder, root: Path, threads: int,
    progress: Progress,
) -> Iterator[Kept]:  # fmt: skip
    """Encode and sketch a batch and write it as one segment, its bases beside it in the staging folder."""
    rows = [_row(genome, digest) for genome, digest in batch]
    name = segment_name(spec, rows)
    genomes, digests = [genome for genome, _ in batch], [digest for _, digest in batch]
    blobs = sketch_all(genomes, digests, spec, encoder, threads, progress)
    bases = blobs["bases"]
    if not spec.keep_sequence:
        blobs["bases"] = [
            packed if genome.length_bp <= spec.small_bp else b""
            for packed, (genome, _) in zip(bases, batch, strict=True)
        ]
    write_segment(root / "staging" / name, [], {"bases": bases})
    write_segment(root / "segments" / name, rows, blobs)
    for number, values in enumerate(rows):
        yield Kept(segment=name, segment_row=number, **values)


def _row(genome: Genome, digest: str) -> dict[str, Any]:
    return {
        "id": genome.id,
        "length_bp": genome.length_bp,
        "contigs": len(genome.contigs),
        "sha256": digest,
        "source": genome.source,
        "names": dict(genome.taxon.lineage.names),
        "labels": dict(genome.taxon.labels),
    }


def sketch_all(
    genomes: Sequence[Genome], digests: Sequence[str], spec: IndexSpec, encoder: Encoder, threads: int,
    progress: Progress = quiet,
) -> dict[str, list[bytes]]:  # fmt: skip
    """Everything that is kept of some genomes: kind -> one blob a genome."""
    starts = range(0, len(genomes), ENCODE_GENOMES)
    encoded = None if encoder.parallel else encoder.encode(genomes, progress)

    def work(number: int) -> list[dict[str, bytes]]:
        group = slice(starts[number], starts[number] + ENCODE_GENOMES)
        rows = encoder.encode(genomes[group]) if encoded is None else encoded[group]
        return [
            {
                "raw": encode_raw(row),
                "hashes": hash_sketch(genome, spec).tobytes(),
                "bases": pack(genome),
                "skani": _skani(genome, digest, spec),
                "windows": encode_windows(genome),
                "course": encode_course(genome),
            }
            for row, genome, digest in zip(rows, genomes[group], digests[group], strict=True)
        ]

    done = [kept for group in in_threads(work, len(starts), threads) for kept in group]
    return {kind: [kept[kind] for kept in done] for kind in KINDS}


def _skani(genome: Genome, digest: str, spec: IndexSpec) -> bytes:
    """Skani's sketch of a large genome, nothing for a small one."""
    return skani_sketches([genome], [digest[:24]])[0] if genome.length_bp > spec.small_bp else b""
