"""Where a command's result goes: standard output or a file; bytes never to a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.shared import out

Output = Annotated[Path | None, typer.Option("--output", help="A file instead of standard output.")]


def send(pieces: Iterable[str], output: Path | None) -> None:
    """Write text as it comes."""
    from genome_index.io.atomic import disk_errors

    if output is None:
        out(pieces)
        return
    with disk_errors(output), output.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def require_place_for_bytes(format: str, output: Path | None) -> None:
    """Raise UsageError where the bytes of this format would end up on a terminal."""
    from genome_index.errors import UsageError

    if output is None and sys.stdout.isatty():
        raise UsageError(f"--format {format} is no text for a terminal; give --output FILE, or redirect it")


def send_bytes(content: bytes, output: Path | None) -> None:
    from genome_index.io.atomic import disk_errors

    if output is not None:
        with disk_errors(output):
            output.write_bytes(content)
        return
    out([])  # what is buffered as text comes first
    sys.stdout.buffer.write(content)
    out([])  # and what standard output refuses is an error as of any text
