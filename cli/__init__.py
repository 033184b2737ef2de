"""The terminal face, one short file a command: parse, one library call, print; it computes nothing."""

from __future__ import annotations

import typer
from gindex_cli.backup import backup
from gindex_cli.build import add, build, merge, refit
from gindex_cli.compare import compare
from gindex_cli.draw import app as draw
from gindex_cli.edit import relabel, remove, undo
from gindex_cli.embed import embed
from gindex_cli.evaluate import evaluate
from gindex_cli.export import export
from gindex_cli.fetch import fetch
from gindex_cli.fitpool import fit_pool
from gindex_cli.key import app as key
from gindex_cli.lab import app as lab
from gindex_cli.look import check, info, list_genomes
from gindex_cli.query import query
from gindex_cli.report import dereplicate, report
from gindex_cli.serve import serve
from gindex_cli.shared import guarded
from gindex_cli.sql import sql

app = typer.Typer(
    name="gindex",
    help="Which species is this genome, and how sure are we? Genome search by vector, decided by evidence.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a plain traceback shows no values, so no sequence either
)
for command in (
    build,
    query,
    add,
    remove,
    relabel,
    undo,
    merge,
    refit,
    info,
    sql,
    export,
    report,
    dereplicate,
    check,
    evaluate,
    embed,
    compare,
    fetch,
    serve,
    backup,
):
    app.command()(guarded(command))
app.command("list")(guarded(list_genomes))
app.command("fit-pool")(guarded(fit_pool))
app.add_typer(draw)
app.add_typer(key)
app.add_typer(lab)


def main() -> None:
    app()
