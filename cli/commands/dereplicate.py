"""gindex dereplicate: one representative for each group of similar genomes."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.output import Output, send
from gindex_cli.run import say

from genome_index.records import counted


def dereplicate(
    index: IndexDir = DEFAULT_INDEX,
    ani: Annotated[
        float,
        typer.Option(
            "--ani",
            metavar="PERCENT",
            help="ANI in percent from which on one genome represents another; 100: the same sequence.",
        ),
    ] = 99.0,
    output: Output = None,
) -> None:
    """Choose one representative per group of similar genomes.

    With --ani 100, that is one per sequence. Rotated and reverse-complemented copies are the same, contigs
    may be in any order, and a concatemer (the whole genome several times) is its genome once; one SNP is a
    difference. Of genomes above 500 kb, whose bases an index does not keep, length and sampled k-mers decide.
    """
    from genome_index.collection.dereplicate import as_tsv
    from genome_index.collection.dereplicate import dereplicate as find
    from genome_index.index.index import Index

    members = find(Index.open(index), ani)
    send(as_tsv(members), output)
    representatives = sum(genome.id == genome.representative for genome in members)
    say(f"{counted(representatives, 'representative')} of {counted(len(members))} at ANI {ani:g}")
