"""Headers of taxonomy tables: which column has the ids, ranks, lineages, taxids and labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from genome_index.errors import TaxonomyError
from genome_index.records import RANKS
from genome_index.taxonomy.lineages import has_rank_marks, seven_names

ID_COLUMNS = (
    "genome_id",
    "id",
    "accession",
    "genome",
    "name",
    "ident",  # sourmash
    "identifier",
    "user_genome",  # GTDB-Tk
    "assembly_accession",  # NCBI
    "genome_accession",
    "nucleotide_accession",
    "accession_id",  # GISAID
    "accession_version",
    "virus_name",
    "virus_genbank_accession",  # ICTV's VMR, before its isolate_id
    "virus_refseq_accession",
    "isolate_id",
    "gisaid_epi_isl",  # Nextstrain
    "genbank_accession",
    "feature_id",  # QIIME
    "bin_id",  # CheckM
    "mag_id",
    "assembly",
    "assembly_id",
    "sequence_id",
    "query_name",  # sourmash tax
    "seq_name",  # geNomad
    "seqname",  # Nextclade
    "seqid",
    "genome_name",
    "taxon_oid",  # IMG
    "bin",  # CAT and BAT
    "sample",  # AllTheBacteria
    "sample_id",
    "sample_accession",
    "sample_name",
    "file",
    "filename",
    "file_name",
    "fasta",
    "taxon",  # pangolin, where it is no lineage
)
"""Columns that may have the genomes' ids, in any case, with blanks for _; the first of this list counts."""

LINEAGE_COLUMNS = ("gtdb_taxonomy", "taxonomy", "lineage", "classification", "taxon", "gtdb_classification")
"""Columns that may have a lineage in one string; where several do, the first one's ranks count."""

TAXID_COLUMNS = (
    "taxid", "tax_id", "ncbi_taxid", "ncbi_tax_id", "taxonomy_id", "organism_taxonomic_id", "ncbi_taxon_id",
    "taxon_id",
)  # fmt: skip
_PLAIN = ("gtdb_taxonomy", "taxonomy", "lineage")  # whose value without ranks has the label `lineage`


@dataclass(frozen=True)
class Header:
    """The meaning of columns: their positions, with the rank or label that they have."""

    width: int
    id: int
    id_name: str
    taxid: int | None
    ranks: tuple[tuple[int, str], ...]
    lineages: tuple[tuple[int, str], ...]  # with the label for a lineage without ranks
    labels: tuple[tuple[int, str], ...]
    kingdom: int | None = None  # in place of a column of the domain

    @cached_property
    def is_lineage_only(self) -> bool:
        """Whether a row has a lineage in one string and nothing else, as in GTDB's files."""
        return len(self.lineages) == 1 and not self.labels and not self.ranks and self.kingdom is None


def is_comment(line: str) -> bool:
    """Whether a line before the header is a comment: after ##, of PowerShell, or # without a column of ids.

    >>> [is_comment(line) for line in ("## x", "#TYPE PSCustomObject", "# made by hand, 2024", "#id,genus")]
    [True, True, True, False]
    """
    if line.startswith(("##", "#TYPE ")):
        return True
    cells = re.split("[,;]", line)
    return line.startswith("#") and "\t" not in line and _id_name(_column_names(cells)) is None


def implied_header(fields: Sequence[str]) -> list[str] | None:
    """The header of a file without one, as GTDB's files and many taxid mappings are; None for other files."""
    if len(fields) != 2:
        return None
    if has_rank_marks(fields[1].strip()):
        return ["genome_id", "gtdb_taxonomy"]
    if seven_names(fields[1]):
        return ["genome_id", "lineage"]
    return ["genome_id", "taxid"] if fields[1].strip().isdecimal() else None


def read_header(source: str, line: int, cells: Sequence[str]) -> Header:
    """The meaning of the columns of a table; `line` is the header's number.

    Raises
    ------
    TaxonomyError
        No column has the ids, or two columns have the same meaning.
    """
    names = _column_names(cells)
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise TaxonomyError(source, f"two columns mean {twice[0]}; rename or remove one", line)
    by_id = {_with_underscores(name): at for at, name in reversed(list(enumerate(names)))}
    id_name = _id_name(names)
    if id_name is None:
        raise TaxonomyError(source, _no_ids(cells), line)
    lineages = [name for name in LINEAGE_COLUMNS if name in names and name != id_name]
    plain = next((name for name in ("lineage", *_PLAIN) if name in lineages), "")  # its label is `lineage`
    special = {names[by_id[id_name]], *RANKS, *LINEAGE_COLUMNS}
    kingdom = names.index("kingdom") if "kingdom" in names and "superkingdom" not in names else None
    return Header(
        width=len(names),
        id=by_id[id_name],
        id_name=id_name,
        taxid=names.index("taxid") if "taxid" in names else None,
        ranks=tuple((at, name) for at, name in enumerate(names) if name in RANKS),
        lineages=tuple((names.index(name), "lineage" if name == plain else name) for name in lineages),
        labels=tuple((at, name) for at, name in enumerate(names) if name not in special),
        kingdom=kingdom,
    )


def _id_name(names: Sequence[str]) -> str | None:
    """The first of ID_COLUMNS that a header has."""
    spelled = set(map(_with_underscores, names))
    return next((name for name in ID_COLUMNS if name in spelled), None)


def _column_names(cells: Sequence[str]) -> list[str]:
    names = [cell.strip(" \t\n:").lower() or f"column_{at}" for at, cell in enumerate(cells, 1)]
    names[0] = names[0].lstrip("# ") or names[0]  # the header of many tables starts with #
    names = [name.removeprefix("genome.") for name in names]  # of BV-BRC
    names = ["superkingdom" if name == "domain" else name for name in names]
    spelled = [_with_underscores(name) for name in names]
    taxid = next((name for name in TAXID_COLUMNS if name in spelled), None)
    if taxid is not None:
        names[spelled.index(taxid)] = "taxid"
    return names


def _with_underscores(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name)


def _no_ids(cells: Sequence[str]) -> str:
    shown = ", ".join(repr(cell.strip()) for cell in cells[:20]) + (", ..." if len(cells) > 20 else "")
    return f"no column names the genomes; the columns are {shown}; call one of them 'genome_id'"
