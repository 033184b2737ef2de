"""The reading of inputs: each file or each record as a genome, decided by the taxonomy's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast, get_args

from genome_index.errors import UsageError
from genome_index.io.ids.genome_ids import file_id
from genome_index.io.inputs import Input, files_of, passed_over
from genome_index.io.reader import GenomePer, first_names
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

SAMPLED_FILES = 20  # whose record names are read to decide


@dataclass(frozen=True)
class Plan:
    """How inputs are read."""

    inputs: tuple[str | Input, ...]
    per: GenomePer
    taxonomy: Taxonomy | None
    notes: tuple[str, ...]  # decisions made for the user, as sentences


def plan(inputs: Sequence[str | Input], taxonomy: Path | None, per: str | None) -> Plan:
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
    ids = dict(islice(_files(inputs), SAMPLED_FILES))
    names_in = {path: first_names(path) for path in ids}
    several = [path for path in ids if len(names_in[path]) > 1]
    if not several:
        return Plan(tuple(inputs), "file", known, notes)
    if known is not None and not _have_ids(inputs) and _names_records(known, ids, names_in):
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


def _files(inputs: Iterable[str | Input]) -> Iterator[tuple[str, str]]:
    """Path and id of each file that can be read twice."""
    for given in inputs:
        for path in files_of(given):
            if isinstance(path, str) and path != "-":
                yield path, file_id(given, path)


def _have_ids(inputs: Iterable[str | Input]) -> bool:
    """Whether a list gives ids: then each of its files is a genome."""
    return any(isinstance(given, Input) and given.id for given in inputs)


def _names_records(known: Taxonomy, ids: Mapping[str, str], names_in: Mapping[str, Sequence[str]]) -> bool:
    """Whether a taxonomy names records of these files (path -> id, record names), and none of the files."""
    if any(map(known.find, ids.values())):
        return False
    return any(known.find(name) for names in names_in.values() for name in names)
