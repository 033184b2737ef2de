"""Where the result of a command goes: standard output or a file; bytes never go to a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.run import out

Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Output file; by default standard output.")
]


def send(pieces: Iterable[str], output: Path | None) -> None:
    """Write pieces of text as they come."""
    from genome_index.io.atomic import disk_errors

    if output is None:
        out(pieces)
        return
    with disk_errors(output), output.open("w", encoding="utf-8") as file:
        file.writelines(pieces)


def require_place_for_bytes(format: str, output: Path | None) -> None:
    """Raise UsageError where the bytes of this format would go to a terminal."""
    from genome_index.errors import UsageError

    if output is None and sys.stdout.isatty():
        raise UsageError(f"--format {format} is not text; give --output FILE, or redirect standard output")


def send_bytes(content: bytes, output: Path | None) -> None:
    """Write bytes at once."""
    from genome_index.io.atomic import disk_errors

    if output is not None:
        with disk_errors(output):
            output.write_bytes(content)
        return
    out([])  # flushes buffered text first
    sys.stdout.buffer.write(content)
    out([])  # a write error at the flush is reported like any other
