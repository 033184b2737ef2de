"""gindex backup: a copy of a service's folder while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.run import say

from genome_index.records import counted


def backup(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder of the service (--data of `gindex serve`).")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the copy.")],
) -> None:
    """Copy a service's jobs, answers and keys while it runs."""
    from genome_index.service.jobs.backup import backup as copy_service

    copied = copy_service(data, out)
    say(
        f"copied {counted(copied.jobs, 'job')} and {counted(copied.sequences, 'sequence')} to {out}; "
        f"to restore, copy it back and start `gindex serve --data` with it"
    )
    if copied.missing:
        say(
            f"warning: the sequence of {counted(len(copied.missing), 'job')} was missing and not copied: "
            f"{', '.join(copied.missing)}",
            error=True,
        )
