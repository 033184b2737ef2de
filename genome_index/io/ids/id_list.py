"""Lists of genome ids in a file: one id a line, or the column genome_id of a table."""

from __future__ import annotations

from pathlib import Path

from genome_index.errors import UsageError
from genome_index.io.compression import cause
from genome_index.io.encodings import read_text
from genome_index.io.tsv import cells_of

ID, PART = "genome_id", "part"


def read_ids(path: Path, part: str | None = None) -> frozenset[str]:
    """The ids in a file; with `part`, those of one part in a table with that column, as a corpus's split.tsv.

    Raises
    ------
    UsageError
    """
    try:
        lines = [line for line in read_text(path).splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of genomes ({cause(error)}); give a text file, one id a line"
        ) from error
    header = cells_of(lines[0].lstrip("# ")) if lines else []
    table = [cells_of(line) for line in lines[1:]] if ID in header else []
    if part is not None:
        table = _of_part(path, header, table, part)
    plain = frozenset(line.strip() for line in lines if not line.startswith("#"))
    ids = frozenset(cells[header.index(ID)].strip() for cells in table) if ID in header else plain
    if not ids:
        raise UsageError(f"{path}: no genome ids in it; give one id a line, or a table with a column {ID}")
    return ids


def _of_part(path: Path, header: list[str], table: list[list[str]], part: str) -> list[list[str]]:
    if ID not in header or PART not in header:
        raise UsageError(f"--part {part}: {path} is not a table with the columns {ID} and {PART}")
    at = header.index(PART)
    rows = [cells for cells in table if cells[at] == part]
    if not rows:
        known = ", ".join(sorted({cells[at] for cells in table}))
        raise UsageError(f"--part {part}: {path} has no genome of that part; there are: {known}")
    return rows
