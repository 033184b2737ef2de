"""gindex key: the API keys of a service."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.group import Command, Group
from gindex_cli.options import DEFAULT_SERVICE, DataDir
from gindex_cli.run import guarded, out, say

app = typer.Typer(name="key", cls=Group, help="Manage the API keys of a service.", rich_markup_mode=None)


@app.command("add", cls=Command)
@guarded
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the key: letters, digits and . _ @ -")],
    admin: Annotated[
        bool, typer.Option("--admin", help="Let the key change the index, if `gindex serve` has --admin.")
    ] = False,
    data: DataDir = DEFAULT_SERVICE,
) -> None:
    """Make a key and print it once."""
    from genome_index.service.api_keys import add_key

    with _keys(data) as connection:
        key = add_key(connection, name, admin)
    out([f"{key}\n"])
    what = "an admin key" if admin else "a key"
    say(f"{what} for {name}, shown this once: send it as `Authorization: Bearer KEY`")


@app.command("list", cls=Command)
@guarded
def list_all(data: DataDir = DEFAULT_SERVICE) -> None:
    """List the keys: name, permissions, time of creation."""
    from genome_index.io import tsv
    from genome_index.service.api_keys import list_keys

    with _keys(data, existing=True) as connection:
        keys = list_keys(connection)
    out([tsv.row(("name", "may", "created"))])
    out(tsv.rows((key.name, "ask and change" if key.admin else "ask", key.created) for key in keys))


@app.command("remove", cls=Command)
@guarded
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the key, as `gindex key list` shows it.")
    ],
    data: DataDir = DEFAULT_SERVICE,
) -> None:
    """Remove a key; a running service refuses it at once."""
    from genome_index.service.api_keys import remove_key

    with _keys(data, existing=True) as connection:
        remove_key(connection, name)
    say(f"removed {name}")


@contextmanager
def _keys(data: Path, existing: bool = False) -> Iterator[sqlite3.Connection]:
    """The service's database; with `existing`, a folder without one is an error."""
    from genome_index.service.jobs.backup import require_service
    from genome_index.service.jobs.database import connect, storage_errors

    if existing:
        require_service(data)
    with closing(connect(data)) as connection, storage_errors(data):
        yield connection
