"""gindex key: who may ask a service."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.serve import DEFAULT_DATA, DataDir
from gindex_cli.shared import guarded, out, say

app = typer.Typer(
    name="key",
    help="Make, list and remove the API keys of a service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("add")
@guarded
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits and . _ @ -")],
    admin: Annotated[
        bool, typer.Option("--admin", help="It may change the index too, where `gindex serve` has --admin.")
    ] = False,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Make a key and print it; it is not shown again."""
    from genome_index.service.api_keys import add_key

    with _keys(data) as connection:
        key = add_key(connection, name, admin)
    out([f"{key}\n"])
    what = "an admin key" if admin else "a key"
    say(f"{what} for {name}, shown this once: send it as `Authorization: Bearer KEY`")


@app.command("list")
@guarded
def list_all(data: DataDir = DEFAULT_DATA) -> None:
    """List the keys: name, what it may do, when it was made."""
    from genome_index.service.api_keys import list_keys

    with _keys(data, there=True) as connection:
        keys = list_keys(connection)
    out(["name\tmay\tcreated\n"])
    out(f"{key.name}\t{'ask and change' if key.admin else 'ask'}\t{key.created}\n" for key in keys)


@app.command("remove")
@guarded
def remove(
    name: Annotated[str, typer.Argument(help="Its name, as `gindex key list` shows it.")],
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Remove a key; a service that runs refuses it from then on."""
    from genome_index.service.api_keys import remove_key

    with _keys(data, there=True) as connection:
        remove_key(connection, name)
    say(f"removed {name}")


@contextmanager
def _keys(data: Path, there: bool = False) -> Iterator[sqlite3.Connection]:
    """The service's database; where it has to be `there`, a folder without one is an error."""
    from genome_index.service.jobs.backup import require_service
    from genome_index.service.jobs.database import connect, storage_errors

    if there:
        require_service(data)
    with closing(connect(data)) as connection, storage_errors(data):
        yield connection
