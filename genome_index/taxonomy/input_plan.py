"""The reading of inputs: each file or each record as a genome, decided by the taxonomy's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from genome_index.errors import UsageError
from genome_index.io.inputs import file_stem, passed_over, sequence_files
from genome_index.io.reader import GenomePer, first_names
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

SAMPLED_FILES = 20  # whose record names are read to decide


@dataclass(frozen=True)
class Plan:
    """How inputs are read."""

    inputs: tuple[str, ...]
    per: GenomePer
    taxonomy: Taxonomy | None
    notes: tuple[str, ...]  # decisions made for the user, as sentences


def plan(inputs: Sequence[str], taxonomy: Path | None, per: str | None) -> Plan:
    """Read the taxonomy and decide what one genome is: a file or a record.

    `per`, if it is given, decides. Else a record is a genome if the taxonomy names records and no files. Else
    a file is a genome, with a note if files have several records.

    Raises
    ------
    UsageError, TaxonomyError
    """
    known = read_taxonomy(taxonomy) if taxonomy else None
    notes = tuple(passed_over(inputs))
    if per is not None:
        if per not in get_args(GenomePer):
            raise UsageError(f"--genome-per is {per!r}; choose file or record")
        return Plan(tuple(inputs), cast(GenomePer, per), known, notes)
    files = [path for path in sequence_files(inputs)[:SAMPLED_FILES] if path != "-"]
    names_in = {path: first_names(path) for path in files}
    several = [path for path in files if len(names_in[path]) > 1]
    if not several:
        return Plan(tuple(inputs), "file", known, notes)
    if known is not None and _names_records(known, names_in):
        note = (
            f"each record is read as a genome, because {known.release} names the records "
            "(--genome-per file would make each file one)"
        )
        return Plan(tuple(inputs), "record", known, (*notes, note))
    more = f" and {len(several) - 1} more" if len(several) > 1 else ""
    note = (
        f"{several[0]}{more}: several records, read as one genome (--genome-per record makes each record one)"
    )
    return Plan(tuple(inputs), "file", known, (*notes, note))


def _names_records(known: Taxonomy, names_in: Mapping[str, Sequence[str]]) -> bool:
    """Whether a taxonomy names records of these files (path -> record names), and none of the files."""
    if any(known.find(file_stem(path)) for path in names_in):
        return False
    return any(known.find(name) for names in names_in.values() for name in names)
