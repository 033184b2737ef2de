"""File formats of vectors: torch's, numpy's, Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


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


def convert_npy(path: Path, kind: str, out: Path) -> None:
    """Write an array on disk, which may be larger than memory, in another format; `npy` is renamed."""
    if kind == "npy":
        path.replace(out)
        return
    import torch

    torch.save(torch.from_numpy(np.load(path, mmap_mode="r+")), out)
