"""SQL over an index's catalogue: asked of a copy in memory, so no query changes or reads anything else.

A connection that has a file attached may still write beside it (its write-ahead log is an allowed path), even
read-only and without external access; and `WITH x AS (COPY ... TO ...) SELECT` is a SELECT to the parser. So
the file is attached read-only, copied, and let go of before the query is seen. What then bars the rest:
https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from genome_index.errors import UsageError
from genome_index.index import Index
from genome_index.records import RANKS

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # or the names of Python variables would be tables
    "temp_directory": "",  # nothing is spilled to disk: a query that needs more memory is refused
    "memory_limit": "2GB",
    "threads": "1",  # some thousand rows: threads cost more than they save
}
GENOME_COLUMNS = ("row", "id", "length_bp", "contigs", "molecule", "sha256", "source", *RANKS)
TABLES = {
    "genomes": ", ".join(f'"{name}"' for name in GENOME_COLUMNS) + ", labels::JSON AS labels",
    "events": "number, moment, action, detail",
    "failures": "id, source, reason",
}
BATCH_ROWS = 1_000


@dataclass(frozen=True)
class Answer:
    """What a query gave: rows are computed as they are asked for, and can be walked through once."""

    columns: tuple[str, ...]  # each name once
    rows: Iterator[tuple[Any, ...]]


def ask(index: Index, query: str) -> Answer:
    """Ask one SELECT about the tables genomes, events, failures and settings of an index.

    Raises
    ------
    UsageError
        It is no SELECT, or DuckDB does not understand or allow it; the sentence names tables and columns.
    """
    db = _copy_of(index)
    with _sentences():
        _require_one_select(db, query)
        db.execute(query)
        kinds = [str(column[1]) for column in db.description or ()]
        columns = distinct_names([column[0] for column in db.description or ()])
    return Answer(columns, _rows(db, kinds))


def parquet_of(index: Index, query: str) -> bytes:
    """The answer of a SELECT as a Parquet file with DuckDB's own types."""
    with tempfile.TemporaryDirectory(prefix="gindex-") as folder:
        db = _copy_of(index, folder)
        with _sentences():
            _require_one_select(db, query)
            db.sql(query).write_parquet(str(Path(folder) / "answer.parquet"))
        return (Path(folder) / "answer.parquet").read_bytes()


def listing_query(index: Index) -> str:
    """The SELECT of what `gindex list` lists: one column a rank, one a label."""
    found = ask(index, "SELECT DISTINCT unnest(json_keys(labels)) AS label FROM genomes ORDER BY label")
    labels = [f"labels->>{_pointer(label)} AS {_quoted(label or 'label')}" for (label,) in found.rows]
    ranks = [_quoted(rank) for rank in RANKS]
    columns = ["id AS genome_id", "length_bp", "contigs", "molecule", *ranks, *labels, "source AS input"]
    return f"SELECT {', '.join(columns)} FROM genomes ORDER BY row"


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, as DuckDB does it in a file.

    >>> distinct_names(["id", "n", "id", "id"])
    ('id', 'n', 'id_1', 'id_2')
    """
    taken: list[str] = []
    for name in names:
        number = 0
        while (found := f"{name}_{number}" if number else name) in taken:
            number += 1
        taken.append(found)
    return tuple(taken)


def schema_sentence() -> str:
    genomes = ", ".join((*GENOME_COLUMNS, "labels"))
    others = ", ".join(f"{name} ({TABLES[name]})" for name in ("events", "failures"))
    return f"the tables are genomes ({genomes}), {others} and settings (name, value)"


def _copy_of(index: Index, folder: str = "") -> duckdb.DuckDBPyConnection:
    """The tables in memory, locked: nothing to write to, and no file in reach but what is in `folder`."""
    db = duckdb.connect(":memory:", config=SETTINGS)
    db.execute(f"ATTACH {_text(str(index.catalog.path))} AS held (READ_ONLY)")
    for name, columns in TABLES.items():
        order = "number" if name == "events" else "rowid"
        db.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM held.{name} ORDER BY {order}")
    db.execute("DETACH held")
    db.execute("CREATE TABLE settings (name VARCHAR, value VARCHAR)")
    db.executemany("INSERT INTO settings VALUES (?, ?)", _settings_of(index))
    if folder:
        db.execute(f"SET allowed_directories = [{_text(folder)}]")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
    db.execute("BEGIN TRANSACTION READ ONLY")
    return db


def _settings_of(index: Index) -> list[tuple[str, str]]:
    snapshot = index.snapshot
    said = {
        "snapshot": snapshot.number, "created": snapshot.created, "action": snapshot.action,
        "fingerprint": snapshot.fingerprint, "taxonomy": snapshot.taxonomy, "genomes": snapshot.genomes,
        "fitted": snapshot.fitted, "changed": snapshot.changed, **asdict(snapshot.spec),
        **{f"version of {name}": version for name, version in snapshot.versions.items()},
    }  # fmt: skip
    return [(name, cell_of(value)) for name, value in said.items()]


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
    """DuckDB's errors as sentences; what is pressed to end a query stays what it is."""
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
    """Row by row, JSON parsed; the connection stays open for as long as there are rows."""
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


def as_tsv(answer: Answer) -> Iterator[str]:
    yield "\t".join(cell_of(name) for name in answer.columns) + "\n"
    for row in answer.rows:
        yield "\t".join(cell_of(value) for value in row) + "\n"


def as_jsonl(answer: Answer) -> Iterator[str]:
    for row in answer.rows:
        yield json.dumps(dict(zip(answer.columns, map(_plain, row), strict=True)), ensure_ascii=False) + "\n"


def as_json(answer: Answer) -> Iterator[str]:
    before = "[\n"
    for line in as_jsonl(answer):
        yield before + line.rstrip("\n")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FORMATS = {"tsv": as_tsv, "json": as_json, "jsonl": as_jsonl}


def cell_of(value: Any) -> str:  # noqa: ANN401  # whatever DuckDB has a type for
    """One cell of text: nothing for NULL, JSON for what has parts; no tab, no line end."""
    value = _plain(value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.splitlines()).replace("\t", " ")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value as JSON has it: no NaN, no dates, no bytes."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pointer(label: str) -> str:
    """A key of a JSON object as a JSON pointer: RFC 6901."""
    return _text("/" + label.replace("~", "~0").replace("/", "~1"))
