"""The command line of gindex: parse, one call of the library, print; it computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from gindex_cli.commands.add import add
from gindex_cli.commands.annotate import annotate
from gindex_cli.commands.backup import backup
from gindex_cli.commands.build import build
from gindex_cli.commands.check import check
from gindex_cli.commands.compare import compare
from gindex_cli.commands.dereplicate import dereplicate
from gindex_cli.commands.draw import app as draw
from gindex_cli.commands.embed import embed
from gindex_cli.commands.evaluate import evaluate
from gindex_cli.commands.evaluate_encoder import evaluate_encoder
from gindex_cli.commands.explain import explain
from gindex_cli.commands.export import export
from gindex_cli.commands.fetch import fetch
from gindex_cli.commands.find import find
from gindex_cli.commands.fit_pool import fit_pool
from gindex_cli.commands.info import info
from gindex_cli.commands.key import app as key
from gindex_cli.commands.lab import app as lab
from gindex_cli.commands.list import list_genomes
from gindex_cli.commands.merge import merge
from gindex_cli.commands.query import query
from gindex_cli.commands.refit import refit
from gindex_cli.commands.relabel import relabel
from gindex_cli.commands.remove import remove
from gindex_cli.commands.report import report
from gindex_cli.commands.serve import serve
from gindex_cli.commands.sql import sql
from gindex_cli.commands.undo import undo
from gindex_cli.examples import epilog
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded

SECTIONS: Mapping[str, Mapping[str, Callable[..., Any] | typer.Typer]] = {
    "Collection": {
        "fetch": fetch,
        "build": build,
        "add": add,
        "remove": remove,
        "relabel": relabel,
        "merge": merge,
        "refit": refit,
        "undo": undo,
    },
    "Query and service": {
        "query": query,
        "explain": explain,
        "find": find,
        "serve": serve,
        "backup": backup,
        "key": key,
    },
    "Inspection": {"info": info, "list": list_genomes, "sql": sql, "check": check, "export": export},
    "Reports and evaluation": {
        "report": report,
        "dereplicate": dereplicate,
        "evaluate": evaluate,
        "evaluate-encoder": evaluate_encoder,
        "draw": draw,
    },
    "Models and lab": {
        "embed": embed,
        "annotate": annotate,
        "compare": compare,
        "fit-pool": fit_pool,
        "lab": lab,
    },
}
"""The sections of `gindex --help` with their commands; groups stand last, as typer lists them."""

app = typer.Typer(
    name="gindex",
    cls=Group,
    add_completion=True,
    rich_markup_mode=None,  # plain help: no boxes, no colour codes in a pipe, and rich is not loaded
    pretty_exceptions_enable=False,  # a plain traceback shows no values, so no sequence either
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gindex {version('gindex')}")
        raise typer.Exit


@app.callback(epilog=epilog(""))
def gindex(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Which species is this genome, and how sure are we? Genome search by vector, decided by evidence."""


for section, commands in SECTIONS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=section)
        else:
            app.command(name, cls=Command, rich_help_panel=section, epilog=epilog(name))(guarded(command))


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="gindex")
