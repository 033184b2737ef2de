"""Queries: one SELECT on the copy of the catalogue, and errors of DuckDB as sentences."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.records import RANKS
from genome_index.report.sql.formats import Answer, distinct_names
from genome_index.report.sql.sandbox import SETTINGS, copy_of, identifier, pointer, schema_sentence

BATCH_ROWS = 1_000


def ask(index: Index, query: str) -> Answer:
    """The answer to one SELECT over the tables genomes, events, failures and settings of an index.

    Raises
    ------
    UsageError
        Not one SELECT, or DuckDB cannot parse it or refuses it; the message lists tables and columns.
    """
    db = copy_of(index)
    with _sentences():
        _require_one_select(db, query)
        db.execute(query)
        kinds = [str(column[1]) for column in db.description or ()]
        columns = distinct_names([column[0] for column in db.description or ()])
    return Answer(columns, _rows(db, kinds))


def parquet_of(index: Index, query: str) -> bytes:
    """The answer to a SELECT as a Parquet file with the types of DuckDB."""
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        db = copy_of(index, folder)
        with _sentences():
            _require_one_select(db, query)
            db.sql(query).write_parquet(str(Path(folder) / "answer.parquet"))
        return (Path(folder) / "answer.parquet").read_bytes()


def _require_one_select(db: duckdb.DuckDBPyConnection, query: str) -> None:
    kinds = [statement.type.name for statement in db.extract_statements(query)]
    if len(kinds) != 1:
        raise UsageError(f"give one SELECT; this is {len(kinds) or 'none'}")
    if kinds != ["SELECT"]:
        raise UsageError(
            f"{kinds[0]} is not answered, only one SELECT is: nothing was changed. "
            "`gindex add`, `remove` and `relabel` change an index"
        )


@contextmanager
def _sentences() -> Iterator[None]:
    """Raise errors of DuckDB as sentences; Ctrl-C stays a KeyboardInterrupt."""
    try:
        yield
    except RuntimeError as error:
        raise (KeyboardInterrupt if str(error) == "Query interrupted" else error) from error
    except duckdb.OutOfMemoryException as error:
        raise UsageError(f"the query needs more than {SETTINGS['memory_limit']} of memory") from error
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0].rstrip(":")
        if isinstance(error, (duckdb.PermissionException, duckdb.TransactionException)):
            raise UsageError(f"a query only reads this index's tables: {first}") from error
        raise UsageError(f"DuckDB says: {first}; {schema_sentence()}") from error


def _rows(db: duckdb.DuckDBPyConnection, kinds: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows with parsed JSON; the connection is closed after the last."""
    as_json = {at for at, kind in enumerate(kinds) if kind == "JSON"}
    while True:
        with _sentences():
            batch = db.fetchmany(BATCH_ROWS)
        if not batch:
            db.close()
            return
        for row in batch:
            yield tuple(
                json.loads(value) if at in as_json and value is not None else value
                for at, value in enumerate(row)
            )


def listing_query(index: Index) -> str:
    """The SELECT of `gindex list`: one column for each rank and each label."""
    answer = ask(index, "SELECT DISTINCT unnest(json_keys(labels)) AS label FROM genomes ORDER BY label")
    labels = [f"labels->>{pointer(label)} AS {identifier(label or 'label')}" for (label,) in answer.rows]
    ranks = [identifier(rank) for rank in RANKS]
    columns = ["id AS genome_id", "length_bp", "contigs", "molecule", *ranks, *labels, "source AS input"]
    return f"SELECT {', '.join(columns)} FROM genomes ORDER BY row"
