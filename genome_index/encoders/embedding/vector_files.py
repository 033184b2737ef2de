"""Vector files of genomes, each with a JSON of its settings; an interrupted run continues."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from genome_index.encoders import Encoder, encoder_of, open_encoder
from genome_index.encoders.chunk_grid import unread
from genome_index.encoders.embedding.formats import WRITERS, convert_npy
from genome_index.errors import StorageError, UsageError, need_installed
from genome_index.io.atomic import disk_errors, sync, write_file
from genome_index.io.batches import batches
from genome_index.io.checksums import sha256_of
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec

if TYPE_CHECKING:
    from genome_index.encoders.chunk_grid import Grid
    from genome_index.encoders.language_model import Transformer

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
    per: str = "genome",
    progress: Progress = quiet,
    root: Path | None = None,
) -> Iterator[Embedded]:
    """Write `out/ID.KIND` and `out/ID.json` for each genome; yields one result per input, in order.

    Parameters
    ----------
    per
        What has a vector: the genome, a chunk or a token.
    root
        The folder of the index whose settings these are, if of one: it holds its fitted pool.

    Raises
    ------
    UsageError
        No such format, or chunks, tokens or layers of an encoder that has none.
    ModelError, StorageError
    """
    if kind not in WRITERS:
        raise UsageError(f"no format is called {kind!r}; choose one of: {', '.join(WRITERS)}")
    if kind == "pt":
        need_installed("--format pt", "torch", extra="neural")
    encoder = encoder_of(spec, str(root)) if root else open_encoder(spec)
    task = _Task(spec, encoder, out, kind, per, progress)
    if per != "genome" and spec.reading is None:
        raise UsageError(f"--per-{per}: the encoder {spec.encoder} has no {per}s; leave it out")
    if kind == "parquet" and task.is_array:
        raise UsageError("--format parquet: vectors of tokens or of all layers are arrays; give npy or pt")
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    ids: dict[str, str] = {}
    for batch in batches(genomes, TOGETHER_GENOMES, TOGETHER_BP):
        yield from _write_batch(batch, task, ids)


@dataclass(frozen=True)
class _Task:
    spec: IndexSpec
    encoder: Encoder
    out: Path
    kind: str
    per: str
    progress: Progress

    @property
    def is_array(self) -> bool:
        """Whether states are written to the disk as they are computed: of tokens, or of all layers."""
        return self.per == "token" or (self.spec.reading is not None and self.spec.reading.layer == "all")

    def settings(self) -> dict[str, Any]:
        """The settings that decide the content of the file, beside the sequence."""
        return {
            "encoder": self.spec.encoder,
            "encoder_version": self.spec.encoder_version,
            "model": self.spec.model,
            "reading": self.spec.reading.stored() if self.spec.reading else None,
            "per_chunk": self.per == "chunk",
            "format": self.kind,
        } | ({"per_token": True} if self.per == "token" else {})

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
    shares = _written(new, task)
    for at, item in enumerate(batch):
        if at in refused:
            yield Embedded(item.id, item.source, None, refused[at])
        elif isinstance(item, Genome):
            share = 1.0 if at in present else next(shares)
            yield Embedded(item.id, item.source, task.path(item.id), "", share, was_present=at in present)


def _written(genomes: Sequence[Genome], task: _Task) -> Iterator[float]:
    """Write the file of each genome when it is read; yields the share of it that was read."""
    if not task.is_array:
        made = task.encoder.iter_encode(genomes, task.progress)
        for genome, raw in zip(genomes, made, strict=True):
            _write_vectors(genome, raw, task)
            yield float(raw[0, 2]) if task.spec.reading else 1.0
        return
    encoder = cast("Transformer", task.encoder)
    grids = (grid for group in encoder.iter_grids(genomes) for grid in group)
    for number, (genome, grid) in enumerate(zip(genomes, grids, strict=True)):
        task.progress.stage("reading genomes", number, len(genomes))
        _write_states(genome, grid, encoder, task)
        yield grid.share_read


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
        digest = sha256_of(path)
    except (FileNotFoundError, ValueError):
        return False
    except OSError as error:
        raise StorageError(str(path), f"cannot read the existing file ({error.strerror or error})") from error
    if not isinstance(values, dict):
        return False
    expected = {**task.settings(), "sequence_sha256": item.sha256}
    return digest == values.get("file_sha256") and all(
        values.get(key) == value for key, value in expected.items() if key not in DESCRIPTIVE
    )


def _write_vectors(genome: Genome, raw: npt.NDArray[Any], task: _Task) -> None:
    """Write the vector of a genome, or those of its chunks, from its stored rows."""
    chunks = _chunks_of(raw) if task.spec.reading else None
    per_chunk = task.per == "chunk"
    values = chunks["vectors"] if chunks and per_chunk else task.encoder.features([raw])[0]
    content = WRITERS[task.kind](values, chunks if per_chunk else None)
    write_file(task.path(genome.id), content)
    said: dict[str, Any] = {"shape": list(values.shape), "file_sha256": hashlib.sha256(content).hexdigest()}
    if chunks:
        said |= {
            "chunks": len(chunks["tokens"]),
            "share_read": chunks["share_read"],
            "chunk_contig": chunks["contig"].tolist() if per_chunk else None,
            "chunk_strand": chunks["strand"].tolist() if per_chunk else None,
            "chunk_tokens": chunks["tokens"].tolist() if per_chunk else None,
        }
    _write_json(genome, said, task)


def _write_states(genome: Genome, grid: Grid, encoder: Transformer, task: _Task) -> None:
    """Write an array of hidden states, chunk by chunk."""
    from genome_index.encoders.chunk_grid import spans
    from genome_index.encoders.embedding.states import Per, write_states

    path, layers = task.path(genome.id), encoder.loaded.layers
    raw, new = path.with_name(f".{path.name}.raw"), path.with_name(f".{path.name}.new")
    with disk_errors(path):
        shape = write_states(encoder, grid, Per(task.per), raw)
        convert_npy(raw, task.kind, new)
        raw.unlink(missing_ok=True)
        sync(new)
        os.replace(new, path)
        digest = sha256_of(path)
    said: dict[str, Any] = {"shape": list(shape), "file_sha256": digest, "chunks": len(grid.ids)}
    said["share_read"] = grid.share_read
    said |= {"layers": list(layers.numbers)} if layers.apart else {}
    if task.per != "genome":
        places = spans(grid, encoder.loaded.tokenizer)
        said |= {
            "chunk_contig": (grid.run // 2).tolist(),
            "chunk_strand": (grid.run % 2).tolist(),
            "chunk_start": [start for start, _ in places],
            "chunk_end": [end for _, end in places],
            "chunk_tokens": grid.tokens.tolist(),
        }
    _write_json(genome, said, task)


def _write_json(genome: Genome, said: dict[str, Any], task: _Task) -> None:
    """Write the JSON of a file, which is there already, with its checksum."""
    values = {
        "id": genome.id,
        "source": genome.source,
        "length_bp": genome.length_bp,
        "contigs": len(genome.contigs),
        "sequence_sha256": genome.sha256,
        **task.settings(),
        **said,
        "gindex_version": metadata.version("gindex"),
    }
    path = task.path(genome.id).with_suffix(".json")
    write_file(path, json.dumps(values, indent=1, allow_nan=False).encode())


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
