"""Taxonomy tables: TSV, CSV, GTDB files and NCBI taxdumps with a mapping, read into a `Taxonomy`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from genome_index.errors import TaxonomyError
from genome_index.records import RANKS, Lineage, Taxon
from genome_index.taxonomy.headers import Header, implied_header, read_header
from genome_index.taxonomy.kraken import REPORT, is_classifier_output, is_report, sequence_and_taxid
from genome_index.taxonomy.lineages import (
    GTDB_RANKS,
    LINEAGE_RANKS,
    UnreadableLineage,
    domain_of,
    has_rank_marks,
    marked_names,
    name_in_column,
    seven_names,
    with_genus,
)
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.names import bare_name, is_empty_name
from genome_index.taxonomy.taxdump import MAPPING, add_lineages, dump_files, dump_release, is_taxdump
from genome_index.taxonomy.text_files import TextFile, digest, text_file

DESCRIPTION = "description"
"""The label that has a genome's description; a table of descriptions needs no rank."""


def read_taxonomy(path: Path, taxdump: Path | None = None) -> Taxonomy:
    """Read a table (TSV, CSV), a GTDB taxonomy file, or an NCBI taxdump that holds genome2taxid.tsv.

    With `taxdump`, the `taxid` column of the table gives the ranks. Where several sources name a rank, the
    rank columns of the row come first, then a GTDB lineage, then the taxdump.

    Raises
    ------
    TaxonomyError
        The file cannot be read, has no column of genome ids, has a row with more fields than its header, or
        has two different rows for one genome.
    """
    if not is_taxdump(path):
        table = _read_table(text_file(path))
        release = f"{path.name} {digest([path])}"
        return _without_dump(table, release) if taxdump is None else _with_dump(table, release, taxdump)
    with dump_files(path) as files:
        if MAPPING not in files:
            reason = f"holds no {MAPPING}; add it (columns genome_id, taxid) or give a table and this taxdump"
            raise TaxonomyError(str(path), reason)
        table = _read_table(files[MAPPING])
    return _with_dump(table, "", path)


@dataclass
class _Table:
    """The taxa of a table, added row by row."""

    source: str
    header: Header
    taxa: dict[str, Taxon] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # genome id -> its first line
    lineages: dict[str, Lineage | None] = field(default_factory=dict)  # string -> lineage, None without ranks
    shared: dict[str, Taxon] = field(default_factory=dict)  # string -> taxon, of rows with nothing else
    spelled: set[str] = field(default_factory=set)  # ranks of the lineages in one string

    def add(self, line: int, cells: list[str]) -> None:
        """Add a row of cells without blanks around them."""
        fields = self._cells(line, cells)
        genome_id = fields[self.header.id]
        if not genome_id:
            reason = f"the {self.header.id_name} is empty; fill it in or remove the row"
            raise TaxonomyError(self.source, reason, line)
        taxon = self._shared_taxon(line, fields) if self.header.is_lineage_only else self._taxon(line, fields)
        if self.lines.setdefault(genome_id, line) == line:
            self.taxa[genome_id] = taxon
        elif (first := self.taxa[genome_id]) != taxon:
            reason = _difference(genome_id, self.lines[genome_id], first, taxon)
            raise TaxonomyError(self.source, reason, line)

    def _cells(self, line: int, cells: list[str]) -> list[str]:
        """The cells of a row, one for each column: spreadsheets drop or add empty ones at its end."""
        width = self.header.width
        if len(cells) == width:
            return cells
        if any(cells[width:]):
            reason = f"{len(cells)} fields, but the header has {width}; quote or remove the others"
            raise TaxonomyError(self.source, reason, line)
        return cells[:width] + [""] * (width - len(cells))

    def _shared_taxon(self, line: int, fields: Sequence[str]) -> Taxon:
        """The taxon of a row with a lineage and nothing else: GTDB has five genomes for each species."""
        text = fields[self.header.lineages[0][0]]
        if text not in self.shared:
            self.shared[text] = self._taxon(line, fields)
        return self.shared[text]

    def _taxon(self, line: int, fields: Sequence[str]) -> Taxon:
        labels = {name: fields[at] for at, name in self.header.labels if fields[at]}
        names = self._names(fields)
        spelled: list[Lineage] = []
        for at, label in self.header.lineages:
            lineage = self._lineage(line, fields[at])
            if lineage is not None:
                spelled.append(lineage)
            elif not is_empty_name(fields[at]):
                labels[_lineage_label(label, fields[at])] = fields[at]
        if len(spelled) == 1 and not names:
            return Taxon(spelled[0], labels)  # shared: GTDB has 110,000 species and far more genomes
        for lineage in spelled:
            names = {**lineage.names, **names}
        return Taxon(Lineage(names), labels)

    def _names(self, fields: Sequence[str]) -> dict[str, str]:
        """Rank -> name in the rank columns of a row."""
        if not self.header.ranks and self.header.kingdom is None:
            return {}
        cells = {rank: name_in_column(rank, fields[at]) for at, rank in self.header.ranks}
        if self.header.kingdom is not None:
            cells["superkingdom"] = domain_of(bare_name(fields[self.header.kingdom])) or ""
        return with_genus({rank: name for rank, name in cells.items() if name})

    def _lineage(self, line: int, text: str) -> Lineage | None:
        """The lineage in a string; None if the string does not say the ranks."""
        if text not in self.lineages:
            try:
                names = marked_names(text) if has_rank_marks(text) else self._by_position(text)
            except UnreadableLineage as error:
                marks = ", ".join(f"{mark}__" for mark in GTDB_RANKS)
                reason = f"cannot read {str(error)!r} in a GTDB lineage; give each of {marks} at most once"
                raise TaxonomyError(self.source, reason, line) from None
            self.lineages[text] = None if names is None else Lineage(names)
            self.spelled |= set() if names is None else {*LINEAGE_RANKS, *names}
        return self.lineages[text]

    def _by_position(self, text: str) -> Mapping[str, str] | None:
        return None if self.header.ranks else seven_names(text) or None

    def columns(self) -> tuple[str, ...]:
        filled = {label for taxon in self.taxa.values() for label in taxon.labels}
        order = sorted((*self.header.labels, *self.header.lineages))
        own = [name for _, name in order if name in filled]
        return tuple(dict.fromkeys([*own, *(["lineage"] if "lineage" in filled else [])]))

    def taxonomy(
        self, taxa: Mapping[str, Taxon], release: str, warnings: tuple[str, ...],
        covers: frozenset[str] = frozenset(),
    ) -> Taxonomy:  # fmt: skip
        """The taxonomy, which covers the ranks and labels of all columns, and those of `covers`."""
        columns = self.columns()
        covers |= {*columns, *self.spelled, *(name for _, name in (*self.header.ranks, *self.header.labels))}
        if self.header.kingdom is not None:
            covers |= {"superkingdom"}
        return Taxonomy(taxa, release, columns, warnings, self.header.id_name, covers)


def _lineage_label(label: str, text: str) -> str:
    """The label for a lineage without ranks; a column such as `taxon` may also have a single name."""
    return "lineage" if ";" in text and label in ("classification", "taxon") else label


def _read_table(file: TextFile) -> _Table:
    rows = _filled_rows(file)
    line, first = next(rows, (0, []))
    if not first:
        raise TaxonomyError(file.name, "the file is empty; it needs a header with a column genome_id")
    if is_report(first):
        raise TaxonomyError(file.name, REPORT, line)
    implied = implied_header(first)
    if is_classifier_output(first):
        first, rows = sequence_and_taxid(first), ((at, sequence_and_taxid(fields)) for at, fields in rows)
        implied = ["genome_id", "taxid"]
    table = _Table(file.name, read_header(file.name, line, implied or first))
    for number, fields in chain([(line, first)] if implied else [], rows):
        table.add(number, fields)
    return table


def _filled_rows(file: TextFile) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not empty, without blanks around the cells."""
    for line, fields in file.rows():
        cells = list(map(str.strip, fields))
        if any(cells):
            yield line, cells


def _difference(genome_id: str, line: int, first: Taxon, second: Taxon) -> str:
    before = {**first.lineage.names, **first.labels}
    after = {**second.lineage.names, **second.labels}
    what = next(name for name in (*before, *after) if before.get(name) != after.get(name))
    old, new = (repr(values[what]) if what in values else "empty" for values in (before, after))
    return f"{genome_id!r} has {what} {old} on line {line} but {new} here; keep one of the two rows"


def _without_dump(table: _Table, release: str) -> Taxonomy:
    warnings: tuple[str, ...] = ()
    taxa = table.taxa.values()
    if taxa and not any(taxon.lineage.names or DESCRIPTION in taxon.labels for taxon in taxa):
        cure = "name columns after ranks, give lineages as d__...;s__..., or taxids and a taxdump"
        warnings = (f"{table.source}: no genome has a rank; {cure}",)
    return table.taxonomy(table.taxa, release, warnings)


def _with_dump(table: _Table, release: str, dump: Path) -> Taxonomy:
    if table.header.taxid is None:
        reason = "a taxdump needs a column 'taxid', which this table lacks; add it or leave the taxdump out"
        raise TaxonomyError(table.source, reason)
    taxids: dict[str, int] = {}
    for genome_id, taxon in table.taxa.items():
        text = taxon.labels.get("taxid", "")
        if text.isdecimal():
            taxids[genome_id] = int(text)
        elif text:
            reason = f"taxid {text!r} is not a whole number; write it in digits only"
            raise TaxonomyError(table.source, reason, table.lines[genome_id])
    taxa, warnings = add_lineages(table.taxa, taxids, dump)
    release = " + ".join(filter(None, (release, dump_release(dump))))
    return table.taxonomy(taxa, release, warnings, frozenset(RANKS))
