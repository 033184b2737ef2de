"""gindex fetch: genomes and their taxonomy from NCBI, ready for `gindex build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from gindex_cli.choices import FetchFormat
from gindex_cli.run import FAILED_INPUTS, say

if TYPE_CHECKING:
    from genome_index.io.ncbi.fetch import FetchRow

DEFAULT_LIMIT, DEFAULT_OUT = 10, Path("genomes")  # those of FetchRequest, which `--help` need not load


def fetch(
    accessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="ACCESSION", help="NCBI accessions: NC_, NZ_, GenBank, GCF_ or GCA_."),
    ] = None,
    taxon: Annotated[
        str | None, typer.Option(metavar="NAME", help="Taxon to fetch genomes of, RefSeq first.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", help="Maximum number of genomes with --taxon.")
    ] = DEFAULT_LIMIT,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the genomes and taxonomy.tsv.")
    ] = DEFAULT_OUT,
    format: Annotated[
        FetchFormat,
        typer.Option("--format", help="genbank: records as they are, with the abstracts they cite."),
    ] = FetchFormat.FASTA,
    email: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Your address for NCBI; by default that of NCBI_EMAIL."),
    ] = None,
) -> None:
    """Download genomes and their taxonomy from NCBI.

    Genomes in the folder are not downloaded again. NCBI_API_KEY, if set, makes it faster.
    """
    from genome_index.io.ncbi.fetch import FetchRequest, Status, fetch_genomes
    from genome_index.io.ncbi.genome_folder import PAPERS
    from genome_index.io.ncbi.requests import EntrezSettings

    settings = EntrezSettings.from_environment(email)
    request = FetchRequest(tuple(accessions or ()), taxon, limit, out, format.value, settings)
    summary = fetch_genomes(request, on_done=_print_row)
    fetched, present, failed = (summary.count(status) for status in get_args(Status))
    say(f"{fetched} fetched, {present} already present, {failed} failed")
    if fetched or present:
        say(f"next: gindex build {out} --taxonomy {out / 'taxonomy.tsv'}")
    if (fetched or present) and format is FetchFormat.GENBANK:
        papers = f" --abstracts {out / PAPERS}" if (out / PAPERS).exists() else ""
        say(f"descriptions: gindex lab describe {out}{papers}")
    if settings.email is None:
        say("NCBI requires an e-mail address: give --email, or set NCBI_EMAIL")
    if failed:
        raise typer.Exit(FAILED_INPUTS)


def _print_row(row: FetchRow) -> None:
    from genome_index.io import tsv

    size = f"{row.length_bp:,} bp" if row.length_bp else ""
    cells = (row.status, row.accession, row.path, size, row.reason or row.organism)
    typer.echo(tsv.row(cells), nl=False)
