"""Genomes -> one vector file each, and a JSON that says how it was made. An interrupted run goes on."""

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
APART = ("model",)  # said of a file, but no part of what it holds: the version is a digest of the weights


@dataclass(frozen=True)
class Embedded:
    """What came of one input: its file, or why there is none."""

    id: str
    source: str
    path: Path | None
    reason: str = ""  # of a failure
    share_read: float = 1.0  # of its base pairs; less where windows are sampled
    was_present: bool = False  # made by an earlier run, of the same sequence in the same way


def write_embeddings(
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    out: Path,
    kind: str = "npy",
    per_chunk: bool = False,
    progress: Progress = quiet,
) -> Iterator[Embedded]:
    """Write `out/ID.KIND` and `out/ID.json` for each genome; one answer an input, in order.

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
        """All that decides what the file holds, beside the sequence."""
        return {
            "encoder": self.spec.encoder,
            "encoder_version": self.spec.encoder_version,
            "model": self.spec.model,
            "reading": asdict(self.spec.reading) if self.spec.reading else None,
            "per_chunk": self.per_chunk,
            "format": self.kind,
        }

    def path(self, genome_id: str) -> Path:
        name = quote(genome_id, safe=" +,=@()")
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(genome_id.encode()).hexdigest()[:16]}"
        return self.out / f"{name}.{self.kind}"


def _write_batch(batch: Sequence[Genome | Failure], task: _Task, ids: dict[str, str]) -> Iterator[Embedded]:
    refused = {at: why for at, one in enumerate(batch) if (why := _refusal(one, ids, task))}
    there = {at for at, one in enumerate(batch) if at not in refused and _is_there(one, task)}
    new = [
        one for at, one in enumerate(batch)
        if isinstance(one, Genome) and at not in refused and at not in there
    ]  # fmt: skip
    made = task.encoder.iter_encode(new, task.progress)
    for at, one in enumerate(batch):
        if at in refused:
            yield Embedded(one.id, one.source, None, refused[at])
        elif isinstance(one, Genome):
            raw = None if at in there else next(made)
            if raw is not None:
                _write(one, raw, task)
            share = float(raw[0, 2]) if raw is not None and task.spec.reading else 1.0
            path = task.path(one.id)
            yield Embedded(one.id, one.source, path, share_read=share, was_present=raw is None)


def _refusal(one: Genome | Failure, ids: dict[str, str], task: _Task) -> str:
    """Why an input gets no file, or nothing; takes note of its id, and of where it came from."""
    if isinstance(one, Failure):
        return one.reason
    if one.id in ids:
        return given_before(one.id, ids[one.id])
    ids[one.id] = one.source
    path = task.path(one.id)
    other = next(
        (kind for kind in WRITERS if kind != task.kind and path.with_suffix(f".{kind}").exists()), ""
    )
    if other:
        return (
            f"{path.with_suffix(f'.{other}')} is there, and the JSON beside it says how that was made; "
            f"give another --out, or --format {other}"
        )
    return complaint(one) or (unread(one) if task.spec.reading else "")


def _is_there(one: Genome | Failure, task: _Task) -> bool:
    """Whether an earlier run has made this very file, whole."""
    if isinstance(one, Failure):
        return False
    path = task.path(one.id)
    try:
        said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        content = path.read_bytes()
    except (FileNotFoundError, ValueError):
        return False
    except OSError as error:
        raise StorageError(str(path), f"cannot read what is there ({error.strerror or error})") from error
    if not isinstance(said, dict):
        return False
    wanted = {**task.settings(), "sequence_sha256": one.sha256}
    return hashlib.sha256(content).hexdigest() == said.get("file_sha256") and all(
        said.get(key) == value for key, value in wanted.items() if key not in APART
    )


def _write(genome: Genome, raw: npt.NDArray[Any], task: _Task) -> None:
    """The vector first, then what says that it is whole."""
    path = task.path(genome.id)
    chunks = _chunks_of(raw) if task.spec.reading else None
    values = chunks["vectors"] if chunks and task.per_chunk else task.encoder.features([raw])[0]
    content = WRITERS[task.kind](values, chunks if task.per_chunk else None)
    said: dict[str, Any] = {
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
        said |= {
            "chunks": len(chunks["tokens"]),
            "share_read": chunks["share_read"],
            "chunk_contig": chunks["contig"].tolist() if task.per_chunk else None,
            "chunk_strand": chunks["strand"].tolist() if task.per_chunk else None,
            "chunk_tokens": chunks["tokens"].tolist() if task.per_chunk else None,
        }
    write_file(path, content)
    write_file(path.with_suffix(".json"), json.dumps(said, indent=1, allow_nan=False).encode())


def _chunks_of(raw: npt.NDArray[Any]) -> dict[str, Any]:
    """The columns of a language model's rows by name."""
    from genome_index.encoders.language_model import COLUMNS

    run = raw[:, 1].astype(np.int64)
    return {
        "tokens": raw[:, 0].astype(np.int64),
        "contig": run // 2,
        "strand": run % 2,  # 0 as it came, 1 its reverse complement
        "share_read": float(raw[0, 2]) if len(raw) else 0.0,
        "vectors": raw[:, COLUMNS:],
    }


def _npy(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _pt(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    """What `torch.load(path, weights_only=True)` reads: one tensor."""
    import torch

    buffer = io.BytesIO()
    torch.save(torch.from_numpy(np.ascontiguousarray(values)), buffer)
    return buffer.getvalue()


def _parquet(values: Floats, chunks: Mapping[str, Any] | None) -> bytes:
    """One row a vector: chunk, contig, strand, tokens where there are chunks, and the vector."""
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
