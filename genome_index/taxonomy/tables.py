"""Taxonomy tables: TSV, CSV, GTDB files and NCBI taxdumps with a mapping, read into a `Taxonomy`."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from genome_index.errors import TaxonomyError
from genome_index.records import RANKS, Lineage, Taxon
from genome_index.taxonomy.lookup import ID_COLUMNS, Taxonomy
from genome_index.taxonomy.taxdump import MAPPING, add_lineages, dump_files, dump_release, is_taxdump
from genome_index.taxonomy.text_files import TextFile, digest, text_file

LINEAGE_COLUMNS = ("gtdb_taxonomy", "taxonomy", "lineage")
"""Columns that may have a lineage in one string; where several do, the first one's ranks count."""

_GTDB_RANKS = dict(zip("dpcofgs", RANKS, strict=False))  # d__ is the domain; GTDB has no strains


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


@dataclass(frozen=True)
class _Header:
    """The meaning of columns: their positions, with the rank or label that they have."""

    width: int
    id: int
    id_name: str
    taxid: int | None
    ranks: tuple[tuple[int, str], ...]
    lineages: tuple[tuple[int, str], ...]  # with the label for a lineage without ranks
    labels: tuple[tuple[int, str], ...]


@dataclass
class _Table:
    """The taxa of a table, added row by row."""

    source: str
    header: _Header
    taxa: dict[str, Taxon] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # genome id -> its first line
    lineages: dict[str, Lineage] = field(default_factory=dict)  # GTDB string -> lineage

    def add(self, line: int, fields: list[str]) -> None:
        short = self.header.width - len(fields)  # spreadsheets drop empty cells at the end of a row
        if short < 0:
            reason = (
                f"{len(fields)} fields, but the header has {self.header.width}; quote or remove the others"
            )
            raise TaxonomyError(self.source, reason, line)
        fields = [cell.strip() for cell in fields] + [""] * short
        genome_id = fields[self.header.id]
        if not genome_id:
            reason = f"the {self.header.id_name} is empty; fill it in or remove the row"
            raise TaxonomyError(self.source, reason, line)
        taxon = self._taxon(line, fields)
        first = self.taxa.setdefault(genome_id, taxon)
        if first is taxon:
            self.lines[genome_id] = line
        elif first != taxon:
            reason = _difference(genome_id, self.lines[genome_id], first, taxon)
            raise TaxonomyError(self.source, reason, line)

    def _taxon(self, line: int, fields: list[str]) -> Taxon:
        labels = {name: fields[at] for at, name in self.header.labels if fields[at]}
        names = {rank: fields[at] for at, rank in self.header.ranks if fields[at]}
        spelled: list[Lineage] = []
        for at, label in self.header.lineages:
            if fields[at].startswith("d__"):
                spelled.append(self._lineage(line, fields[at]))
            elif fields[at]:
                labels[label] = fields[at]
        if len(spelled) == 1 and not names:
            return Taxon(spelled[0], labels)  # shared: GTDB has 110,000 species and far more genomes
        for lineage in spelled:
            names = {**lineage.names, **names}
        return Taxon(Lineage(names), labels)

    def _lineage(self, line: int, text: str) -> Lineage:
        if text not in self.lineages:
            self.lineages[text] = Lineage(_gtdb_names(self.source, line, text))
        return self.lineages[text]

    def columns(self) -> tuple[str, ...]:
        filled = {label for taxon in self.taxa.values() for label in taxon.labels}
        order = sorted((*self.header.labels, *self.header.lineages))
        return tuple(name for _, name in order if name in filled)


def _read_table(file: TextFile) -> _Table:
    rows = (row for row in file.rows() if any(map(str.strip, row[1])))
    line, first = next(rows, (0, []))
    if not first:
        raise TaxonomyError(file.name, "the file is empty; it needs a header with a column genome_id")
    implied = _implied_header(first)
    table = _Table(file.name, _read_header(file.name, line, implied or first))
    for number, fields in chain([(line, first)] if implied else [], rows):
        table.add(number, fields)
    return table


def _implied_header(fields: list[str]) -> list[str] | None:
    """The header of a file without one, as GTDB's files and many taxid mappings are; None for other files."""
    if len(fields) != 2:
        return None
    if fields[1].startswith("d__"):
        return ["genome_id", "gtdb_taxonomy"]
    return ["genome_id", "taxid"] if fields[1].strip().isdecimal() else None


def _read_header(source: str, line: int, cells: list[str]) -> _Header:
    names = [cell.strip().lower() or f"column_{at}" for at, cell in enumerate(cells, 1)]
    names[0] = names[0].lstrip("# ") or names[0]  # the header of many tables starts with #
    names = ["superkingdom" if name == "domain" else name for name in names]
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        reason = f"two columns mean {twice[0]}; rename or remove one"
        raise TaxonomyError(source, reason, line)
    id_name = next((name for name in ID_COLUMNS if name in names), None)
    if id_name is None:
        shown = ", ".join(repr(cell.strip()) for cell in cells[:20]) + (", ..." if len(cells) > 20 else "")
        reason = f"no column names the genomes; the columns are {shown}; call one of them 'genome_id'"
        raise TaxonomyError(source, reason, line)
    lineages = [name for name in LINEAGE_COLUMNS if name in names]
    plain = "lineage" if "lineage" in names else lineages[0] if lineages else ""  # its label is `lineage`
    special = {id_name, *RANKS, *LINEAGE_COLUMNS}
    return _Header(
        width=len(names),
        id=names.index(id_name),
        id_name=id_name,
        taxid=names.index("taxid") if "taxid" in names else None,
        ranks=tuple((at, name) for at, name in enumerate(names) if name in RANKS),
        lineages=tuple((names.index(name), "lineage" if name == plain else name) for name in lineages),
        labels=tuple((at, name) for at, name in enumerate(names) if name not in special),
    )


def _gtdb_names(source: str, line: int, text: str) -> dict[str, str]:
    """Rank -> name of `d__Bacteria;p__...`, without empty ones such as `s__`."""
    names: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        mark, separator, name = part.partition("__")
        if not separator or mark not in _GTDB_RANKS or _GTDB_RANKS[mark] in names:
            marks = ", ".join(f"{mark}__" for mark in _GTDB_RANKS)
            reason = f"cannot read {part!r} in a GTDB lineage; give each of {marks} at most once"
            raise TaxonomyError(source, reason, line)
        if name.strip():
            names[_GTDB_RANKS[mark]] = name.strip()
    return names


def _difference(genome_id: str, line: int, first: Taxon, second: Taxon) -> str:
    before = {**first.lineage.names, **first.labels}
    after = {**second.lineage.names, **second.labels}
    what = next(name for name in (*before, *after) if before.get(name) != after.get(name))
    old, new = (repr(values[what]) if what in values else "empty" for values in (before, after))
    return f"{genome_id!r} has {what} {old} on line {line} but {new} here; keep one of the two rows"


def _without_dump(table: _Table, release: str) -> Taxonomy:
    warnings: tuple[str, ...] = ()
    if table.taxa and not any(taxon.lineage.names for taxon in table.taxa.values()):
        cure = "name columns after ranks, give lineages as d__...;s__..., or taxids and a taxdump"
        warnings = (f"{table.source}: no genome has a rank; {cure}",)
    return Taxonomy(table.taxa, release, table.columns(), warnings, table.header.id_name)


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
    return Taxonomy(taxa, release, table.columns(), warnings, table.header.id_name)
