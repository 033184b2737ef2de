"""Sandbox of queries: a locked copy of the catalogue in memory.

A connection with an attached file may write beside it (its write-ahead log is an allowed path), even when
read-only and without external access, and `WITH x AS (COPY ... TO ...) SELECT` is a SELECT to the parser.
Therefore the file is attached read-only, copied, and detached before the query runs. The settings follow
https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

from __future__ import annotations

from dataclasses import asdict

import duckdb

from genome_index.index.index import Index
from genome_index.index.store.catalog import INTERLEAVED, SUSPECTS
from genome_index.index.store.catalog_file import attach_catalog
from genome_index.records import RANKS
from genome_index.report.sql.formats import cell_of


def literal(value: str) -> str:
    """A text in single quotes.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def pointer(key: str) -> str:
    """A key of a JSON object as a JSON pointer: RFC 6901."""
    return literal("/" + key.replace("~", "~0").replace("/", "~1"))


SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # otherwise names of Python variables would be tables
    "temp_directory": "",  # nothing is written to disk; a query that needs more memory fails
    "memory_limit": "2GB",
    "threads": "1",  # threads do not pay for some thousand rows
}
GENOME_COLUMNS = ("row", "id", "length_bp", "contigs", "molecule", "sha256", "source", *RANKS)
TABLES = {
    "genomes": ", ".join(identifier(name) for name in GENOME_COLUMNS) + ", labels::JSON AS labels",
    "suspects": "row, id, kind, says, looks_like, evidence, witness, share",
    "events": "number, moment, action, detail",
    "failures": "id, source, reason",
    "interleaved_names": "rank, name, other, genomes, others, ani",
}


def copy_of(index: Index, folder: str = "") -> duckdb.DuckDBPyConnection:
    """The tables in memory, locked: read-only, and no file is accessible except in `folder`."""
    db = duckdb.connect(":memory:", config=SETTINGS)
    attach_catalog(db, index.catalog.path, "stored")
    for name, columns in TABLES.items():
        if name == "suspects" and index.catalog.suspects() is None:
            db.execute(SUSPECTS)  # an index of an earlier version
            continue
        if name == "interleaved_names" and index.catalog.interleaved_names() is None:
            db.execute(INTERLEAVED)
            continue
        order = "number" if name == "events" else "rowid"
        db.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM stored.{name} ORDER BY {order}")
    db.execute("DETACH stored")
    db.execute("CREATE TABLE settings (name VARCHAR, value VARCHAR)")
    db.executemany("INSERT INTO settings VALUES (?, ?)", _settings_of(index))
    if folder:
        db.execute(f"SET allowed_directories = [{literal(folder)}]")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
    db.execute("BEGIN TRANSACTION READ ONLY")
    return db


def _settings_of(index: Index) -> list[tuple[str, str]]:
    snapshot = index.snapshot
    settings = {
        "snapshot": snapshot.number, "created": snapshot.created, "action": snapshot.action,
        "fingerprint": snapshot.fingerprint, "taxonomy": snapshot.taxonomy, "genomes": snapshot.genomes,
        "fitted": snapshot.fitted, "changed": snapshot.changed, **asdict(snapshot.spec),
        **{f"version of {name}": version for name, version in snapshot.versions.items()},
    }  # fmt: skip
    return [(name, cell_of(value)) for name, value in settings.items()]


def schema_sentence() -> str:
    """The tables and their columns, for an error message."""
    genomes = ", ".join((*GENOME_COLUMNS, "labels"))
    others = ", ".join(f"{name} ({TABLES[name]})" for name in TABLES if name != "genomes")
    return f"the tables are genomes ({genomes}), {others} and settings (name, value)"
