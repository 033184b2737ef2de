"""What inputs mean: one genome a file, or one a record. Evidence decides, or a note says what was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from genome_index.errors import UsageError
from genome_index.io.reader import GenomePer, file_stem, first_names, sequence_files
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

LOOKED_AT = 20  # files whose beginnings are read to decide


@dataclass(frozen=True)
class Plan:
    inputs: tuple[str, ...]
    per: GenomePer
    taxonomy: Taxonomy | None
    notes: tuple[str, ...]  # what was decided for the user, in words


def plan(inputs: Sequence[str], taxonomy: Path | None, per: str | None) -> Plan:
    """Read the taxonomy and settle what one genome is.

    With `per` given, that. Else, where a taxonomy names the files or the records, what it names. Else a file
    is a genome, and a note says so if there are files of several records.

    Raises
    ------
    UsageError, TaxonomyError
    """
    known = read_taxonomy(taxonomy) if taxonomy else None
    if per is not None:
        if per not in get_args(GenomePer):
            raise UsageError(f"--genome-per is {per!r}; choose file or record")
        return Plan(tuple(inputs), cast(GenomePer, per), known, ())
    looked = [(path, first_names(path)) for path in sequence_files(inputs)[:LOOKED_AT] if path != "-"]
    several = [path for path, names in looked if len(names) > 1]
    if not several:
        return Plan(tuple(inputs), "file", known, ())
    if known is not None and _names_records(known, looked):
        note = (
            f"each record is read as a genome, because {known.release} names the records "
            "(--genome-per file would make each file one)"
        )
        return Plan(tuple(inputs), "record", known, (note,))
    more = f" and {len(several) - 1} more" if len(several) > 1 else ""
    note = (
        f"{several[0]}{more}: several records, read as one genome (--genome-per record makes each record one)"
    )
    return Plan(tuple(inputs), "file", known, (note,))


def _names_records(known: Taxonomy, looked: Sequence[tuple[str, list[str]]]) -> bool:
    """Whether a taxonomy names some of the records in these files, and none of the files."""
    if any(known.find(file_stem(path)) for path, _ in looked):
        return False
    return any(known.find(name) for _, names in looked for name in names)
