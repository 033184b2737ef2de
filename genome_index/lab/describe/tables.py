"""Pairs of sequence and text as Parquet, in batches: a batch at a time is in memory, on either side.

Rows wait in files of a batch each until all records are read, because only then their parts are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from genome_index.errors import InputError
from genome_index.io.atomic import disk_errors, sync
from genome_index.lab.corpus.split import PARTS, Part, Split

BATCH_BYTES = 64 << 20  # of sequence and text in memory before a file is written
ROWS_READ = 64  # fetched at a time
DATA = "data"  # folder of the Parquet files


@dataclass(frozen=True)
class Pair:
    """One row: a sequence, its texts, and where they come from."""

    id: str  # accession with version
    text: str  # by a template
    raw_text: str  # the record's words, and the abstracts it cites
    sequence: str
    organism: str
    common_name: str
    lineage: list[str] = field(metadata={"type": "VARCHAR[]"})  # broadest first
    molecule: str
    organelle: str
    topology: str  # circular or linear
    length_bp: int = field(metadata={"type": "BIGINT"})
    strain: str
    host: str
    country: str
    isolation_source: str
    collection_date: str
    features: list[str] = field(metadata={"type": "VARCHAR[]"})  # '13 CDS', '22 tRNA' ...
    genes: list[str] = field(metadata={"type": "VARCHAR[]"})
    products: list[str] = field(metadata={"type": "VARCHAR[]"})
    titles: list[str] = field(metadata={"type": "VARCHAR[]"})
    pubmed: list[str] = field(metadata={"type": "VARCHAR[]"})  # ids of the papers; empty text: none
    abstracts: list[str] = field(metadata={"type": "VARCHAR[]"})
    licence: str  # of the sequence and the record
    abstract_licences: list[str] = field(metadata={"type": "VARCHAR[]"})
    source: str  # file
    record_date: str
    sha256: str  # of the bases, the same for either strand


TYPES: Mapping[str, str] = {one.name: one.metadata.get("type", "VARCHAR") for one in fields(Pair)}
"""The columns of the Parquet files and their types; `part` and `cluster` follow."""
_SELECTED = ", ".join(
    f"from_json({name}, '[\"VARCHAR\"]') AS {name}" if kind.endswith("[]") else name
    for name, kind in TYPES.items()
)


class PairWriter:
    """Writer of pairs into the files of a work folder."""

    def __init__(self, folder: Path, batch_bytes: int = BATCH_BYTES) -> None:
        self._folder, self._batch_bytes = folder, batch_bytes
        self._batch: list[Pair] = []
        self._bytes = 0
        self.files: list[Path] = []

    def add(self, pair: Pair) -> None:
        self._batch.append(pair)
        self._bytes += len(pair.sequence) + len(pair.text) + len(pair.raw_text)
        if self._bytes >= self._batch_bytes:
            self.flush()

    def flush(self) -> None:
        """Write the batch."""
        if not self._batch:
            return
        path = self._folder / f"batch-{len(self.files):05}.parquet"
        columns = {name: _column(name, self._batch) for name in TYPES}
        with disk_errors(path), _database() as database:
            database.register("batch", columns)
            database.execute(f"COPY (SELECT {_SELECTED} FROM batch) TO '{_quoted(path)}' (FORMAT parquet)")
        self.files.append(path)
        self._batch, self._bytes = [], 0

    def finish(self, split: Split) -> None:
        """Write the final files, each batch by part, and remove those of the batches."""
        self.flush()
        with disk_errors(self._folder):
            (self._folder / DATA).mkdir()
        counts = dict.fromkeys(PARTS, 0)
        for path in self.files:
            for part in PARTS:
                out = self._folder / DATA / f"{part}-{counts[part]:05}.parquet"
                counts[part] += _copy_part(path, out, split, part)
            path.unlink()


def _column(name: str, batch: Sequence[Pair]) -> Any:  # noqa: ANN401  # numpy's, of text or numbers
    values = [getattr(pair, name) for pair in batch]
    if TYPES[name] == "BIGINT":
        return np.array(values, np.int64)
    return np.array([json.dumps(one) if isinstance(one, list) else one for one in values], object)


def _copy_part(path: Path, out: Path, split: Split, part: Part) -> bool:
    """Copy the rows of a part to a file of their own; whether there are any."""
    ids = split.of_part(part)
    with disk_errors(out), _database() as database:
        clusters = np.array([split.clusters[one] for one in ids], np.int64)
        database.register("own", {"id": np.array(ids, object), "cluster": clusters})
        rows = f"FROM read_parquet('{_quoted(path)}') JOIN own USING (id)"
        [(count,)] = database.execute(f"SELECT count(*) {rows}").fetchall() if ids else [(0,)]
        if count:
            select = f"SELECT {', '.join(TYPES)}, '{part}' AS part, cluster {rows}"
            database.execute(f"COPY ({select}) TO '{_quoted(out)}' (FORMAT parquet, COMPRESSION zstd)")
            sync(out)
    return bool(count)


def iter_pairs(folder: Path, part: Part | None = None) -> Iterator[Pair]:
    """The pairs in a folder of `gindex lab describe`, of one part or all, a few rows in memory at a time.

    Raises
    ------
    InputError
        The folder has no such pairs, or a file is damaged.
    """
    pattern = f"{part or '*'}-*.parquet"
    paths = sorted((folder / DATA).glob(pattern))
    if not paths:
        raise InputError(str(folder), f"no pairs ({DATA}/{pattern}); make them with `gindex lab describe`")
    for path in paths:
        try:
            with _database() as database:
                answer = database.execute(f"SELECT {', '.join(TYPES)} FROM read_parquet('{_quoted(path)}')")
                while rows := answer.fetchmany(ROWS_READ):
                    yield from (Pair(*row) for row in rows)
        except duckdb.Error as error:
            reason = (
                f"cannot be read ({str(error).splitlines()[0]}); make it with `gindex lab describe` again"
            )
            raise InputError(str(path), reason) from error


def _database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("SET threads = 1")  # the same call gives the same bytes
    return database


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
