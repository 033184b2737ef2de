"""Vector files of genomes, each with a JSON of its settings; an interrupted run continues."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from genome_index.encoders import Encoder, open_encoder
from genome_index.encoders.chunk_grid import unread
from genome_index.errors import StorageError, UsageError, need_installed
from genome_index.io.atomic import disk_errors, write_file
from genome_index.io.batches import batches
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec

Floats = npt.NDArray[np.float32]

TOGETHER_GENOMES = 64
TOGETHER_BP = 16_000_000
LONGEST_NAME = 200  # of a file, less its ending; most file systems take 255 bytes
DESCRIPTIVE = ("model",)  # in the JSON, but not compared: the version is a digest of the weights


@dataclass(frozen=True)
class Embedded:
    """The result for one input: its file, or the reason why there is none."""

    id: str
    source: str
    path: Path | None
    reason: str = ""  # of a failure
    share_read: float = 1.0  # of its base pairs; less where windows are sampled
    was_present: bool = False  # written by an earlier run, for the same sequence and settings


def write_embeddings(
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    out: Path,
    kind: str = "npy",
    per_chunk: bool = False,
    progress: Progress = quiet,
) -> Iterator[Embedded]:
    """Write `out/ID.KIND` and `out/ID.json` for each genome; yields one result per input, in order.

    Raises
    ------
    UsageError
        No such format, or chunks of an encoder that has none.
    ModelError, StorageError
    """
    if kind not in WRITERS:
        raise UsageError(f"no format is called {kind!r}; choose one of: {', '.join(WRITERS)}")
    if kind == "pt":
        need_installed("--format pt", "torch", extra="neural")
    encoder = open_encoder(spec)
    if per_chunk and spec.reading is None:
        raise UsageError(f"--per-chunk: the encoder {spec.encoder} has no chunks; leave it out")
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    ids: dict[str, str] = {}
    for batch in batches(genomes, TOGETHER_GENOMES, TOGETHER_BP):
        yield from _write_batch(batch, _Task(spec, encoder, out, kind, per_chunk, progress), ids)


@dataclass(frozen=True)
class _Task:
    spec: IndexSpec
    encoder: Encoder
    out: Path
    kind: str
    per_chunk: bool
    progress: Progress

    def settings(self) -> dict[str, Any]:
        """The settings that decide the content of the file, beside the sequence."""
        return {
            "encoder": self.spec.encoder,
            "encoder_version": self.spec.encoder_version,
            "model": self.spec.model,
            "reading": self.spec.reading.stored() if self.spec.reading else None,
            "per_chunk": self.per_chunk,
            "format": self.kind,
        }

    def path(self, genome_id: str) -> Path:
        name = quote(genome_id, safe=" +,=@()")
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(genome_id.encode()).hexdigest()[:16]}"
        return self.out / f"{name}.{self.kind}"


def _write_batch(batch: Sequence[Genome | Failure], task: _Task, ids: dict[str, str]) -> Iterator[Embedded]:
    refused = {at: reason for at, item in enumerate(batch) if (reason := _refusal(item, ids, task))}
    present = {at for at, item in enumerate(batch) if at not in refused and _is_present(item, task)}
    new = [
        item for at, item in enumerate(batch)
        if isinstance(item, Genome) and at not in refused and at not in present
    ]  # fmt: skip
    made = task.encoder.iter_encode(new, task.progress)
    for at, item in enumerate(batch):
        if at in refused:
            yield Embedded(item.id, item.source, None, refused[at])
        elif isinstance(item, Genome):
            raw = None if at in present else next(made)
            if raw is not None:
                _write(item, raw, task)
            share = float(raw[0, 2]) if raw is not None and task.spec.reading else 1.0
            path = task.path(item.id)
            yield Embedded(item.id, item.source, path, share_read=share, was_present=raw is None)


def _refusal(item: Genome | Failure, ids: dict[str, str], task: _Task) -> str:
    """The reason why an input gets no file, or ""; enters its id and source into `ids`."""
    if isinstance(item, Failure):
        return item.reason
    if item.id in ids:
        return given_before(item.id, ids[item.id])
    ids[item.id] = item.source
    path = task.path(item.id)
    other = next(
        (kind for kind in WRITERS if kind != task.kind and path.with_suffix(f".{kind}").exists()), ""
    )
    if other:
        return (
            f"{path.with_suffix(f'.{other}')} exists, and one JSON cannot describe both; "
            f"give another --out, or --format {other}"
        )
    return complaint(item) or (unread(item) if task.spec.reading else "")


def _is_present(item: Genome | Failure, task: _Task) -> bool:
    """Whether an earlier run has written the same file, undamaged."""
    if isinstance(item, Failure):
        return False
    path = task.path(item.id)
    try:
        values = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        content = path.read_bytes()
    except (FileNotFoundError, ValueError):
        return False
    except OSError as error:
        raise StorageError(str(path), f"cannot read the existing file ({error.strerror or error})") from error
    if not isinstance(values, dict):
        return False
    expected = {**task.settings(), "sequence_sha256": item.sha256}
    return hashlib.sha256(content).hexdigest() == values.get("file_sha256") and all(
        values.get(key) == value for key, value in expected.items() if key not in DESCRIPTIVE
    )


def _write(genome: Genome, raw: npt.NDArray[Any], task: _Task) -> None:
    """Write the vector first, then the JSON with its checksum."""
    path = task.path(genome.id)
    chunks = _chunks_of(raw) if task.spec.reading else None
    values = chunks["vectors"] if chunks and task.per_chunk else task.encoder.features([raw])[0]
    content = WRITERS[task.kind](values, chunks if task.per_chunk else None)
    metadata_values: dict[str, Any] = {
        "id": genome.id,
        "source": genome.source,
        "length_bp": genome.length_bp,
        "contigs": len(genome.contigs),
        "sequence_sha256": genome.sha256,
        **task.settings(),
        "shape": list(values.shape),
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "gindex_version": metadata.version("gindex"),
    }
    if chunks:
        metadata_values |= {
            "chunks": len(chunks["tokens"]),
            "share_read": chunks["share_read"],
            "chunk_contig": chunks["contig"].tolist() if task.per_chunk else None,
            "chunk_strand": chunks["strand"].tolist() if task.per_chunk else None,
            "chunk_tokens": chunks["tokens"].tolist() if task.per_chunk else None,
        }
    write_file(path, content)
    write_file(path.with_suffix(".json"), json.dumps(metadata_values, indent=1, allow_nan=False).encode())


def _chunks_of(raw: npt.NDArray[Any]) -> dict[str, Any]:
    """The columns of a language model's stored rows, by name."""
    from genome_index.encoders.language_model import COLUMNS

    run = raw[:, 1].astype(np.int64)
    return {
        "tokens": raw[:, 0].astype(np.int64),
        "contig": run // 2,
        "strand": run % 2,  # 0 as given, 1 the reverse complement
        "share_read": float(raw[0, 2]) if len(raw) else 0.0,
        "vectors": raw[:, COLUMNS:],
    }


def _npy(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _pt(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    """A file of one tensor, for `torch.load(path, weights_only=True)`."""
    import torch

    buffer = io.BytesIO()
    torch.save(torch.from_numpy(np.ascontiguousarray(values)), buffer)
    return buffer.getvalue()


def _parquet(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    """One row per vector: chunk, contig, strand and tokens (null without chunks), and the vector."""
    import tempfile

    import duckdb

    rows = np.atleast_2d(values)
    vectors = np.empty(len(rows), object)
    vectors[:] = list(rows)
    blank = np.ma.MaskedArray(np.zeros(len(rows), np.int64), mask=True)
    given = {name: chunks[name] if chunks else blank for name in ("contig", "strand", "tokens")}
    columns = ", ".join(f"{name}::integer as {name}" for name in ("chunk", *given))
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder, duckdb.connect() as database:
        database.register("given", {"chunk": np.arange(len(rows)), **given, "vector": vectors})
        path = Path(folder) / "vectors.parquet"
        database.execute(
            f"copy (select {columns}, vector::float[] as vector from given) to '{path}' (format parquet)"
        )
        return path.read_bytes()


WRITERS: Mapping[str, Callable[[Floats, Mapping[str, Any] | None], bytes]] = {
    "pt": _pt,
    "npy": _npy,
    "parquet": _parquet,
}
