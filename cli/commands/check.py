"""gindex check: the files of an index against their checksums."""

from __future__ import annotations

import typer
from gindex_cli.options import DEFAULT_INDEX, IndexDir
from gindex_cli.run import WRONG_USE, say

from genome_index.records import counted


def check(index: IndexDir = DEFAULT_INDEX) -> None:
    """Verify every file of an index against its checksum.

    The exit code is 2 if a file is damaged. Changes that are recommended, such as a refit, are printed too.
    """
    from genome_index.index.index import Index

    opened = Index.open(index)
    damaged, recommended = opened.damage(), opened.due()
    for line in damaged:
        say(line, error=True)
    for line in recommended:
        say(line)
    if damaged:
        say("Go back with `gindex undo`, or build the index again.", error=True)
        raise typer.Exit(WRONG_USE)
    say(f"{index}: {counted(opened.snapshot.genomes)}, every file matches its checksum")
