"""FASTA files for tests, and the types of the fixtures that write them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from typer.testing import Result

ROOT = Path(__file__).parents[2]

WriteFasta = Callable[..., Path]
Gindex = Callable[..., Result]


def write_records(source: Path, wanted: Collection[str], path: Path) -> Path:
    """The records of a gzipped FASTA file with these names, in its order, as a file of their own."""
    with gzip.open(source, "rt") as lines, path.open("w") as out:
        kept = False
        for line in lines:
            kept = line[1:].split()[0] in wanted if line.startswith(">") else kept
            if kept:
                out.write(line)
    return path


def fasta_lines(records: Iterable[tuple[str, str]], width: int) -> Iterable[str]:
    for name, sequence in records:
        yield f">{name}"
        yield from (sequence[start : start + width] for start in range(0, len(sequence), width))
