"""gindex fetch: genomes and their taxonomy from NCBI, ready for gindex build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

if TYPE_CHECKING:
    from genome_index.io.ncbi.fetch import FetchRow

DEFAULT_LIMIT, DEFAULT_OUT = 10, Path("genomes")  # those of FetchRequest, which `--help` need not load


def fetch(
    accessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="ACCESSION", help="NC_, NZ_, GenBank or assembly (GCF_, GCA_)."),
    ] = None,
    taxon: Annotated[str | None, typer.Option(help="Complete genomes of this taxon, RefSeq first.")] = None,
    limit: Annotated[int, typer.Option(help="With --taxon: at most this many genomes.")] = DEFAULT_LIMIT,
    out: Annotated[Path, typer.Option(help="Folder for the genomes and taxonomy.tsv.")] = DEFAULT_OUT,
    email: Annotated[
        str | None, typer.Option(help="Your address, which NCBI asks for; else NCBI_EMAIL is taken.")
    ] = None,
) -> None:
    """Fetch genomes and their taxonomy from NCBI.

    Genomes that are there already are not fetched again. NCBI_API_KEY, if set, makes it faster.
    """
    from genome_index.errors import UsageError
    from genome_index.io.ncbi.entrez import EntrezSettings
    from genome_index.io.ncbi.fetch import FetchRequest, Status, fetch_genomes

    try:
        settings = EntrezSettings.from_environment(email)
        request = FetchRequest(tuple(accessions or ()), taxon, limit, out, settings)
        summary = fetch_genomes(request, on_done=_print_row)
    except UsageError as error:
        typer.echo(f"gindex: {error}", err=True)
        raise typer.Exit(2) from error
    fetched, there, failed = (summary.count(status) for status in get_args(Status))
    typer.echo(f"{fetched} fetched, {there} already there, {failed} failed", err=True)
    if fetched or there:
        typer.echo(f"next: gindex build {out} --taxonomy {out / 'taxonomy.tsv'}", err=True)
    if settings.email is None:
        typer.echo("NCBI asks callers for an address: give --email, or set NCBI_EMAIL", err=True)
    raise typer.Exit(1 if failed else 0)


def _print_row(row: FetchRow) -> None:
    size = f"{row.length_bp:,} bp" if row.length_bp else ""
    typer.echo("\t".join([row.status, row.accession, str(row.path or ""), size, row.reason or row.organism]))
