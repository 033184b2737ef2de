"""Files of Kraken: its output by sequence is a table of taxids; its reports name taxa and no genomes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genome_index.taxonomy.lineages import has_rank_marks

REPORT = (
    "this is a report of Kraken, which counts reads by taxon and names no genome; "
    "give a table of genome_id and taxid or lineage, such as Kraken's own output or seqid2taxid.map"
)
_RANK_CODE = re.compile(r"[URDKPCOFGSA-]\d*")
_TAXID = re.compile(r"(?:.*\(taxid )?(\d+)\)?")


def is_report(fields: Sequence[str]) -> bool:
    """Whether a row is of a report: percent, counts, code of the rank, taxid, name; or lineage and count.

    >>> is_report([" 99.1", "10", "2", "S", "562", "    Escherichia coli"]), is_report(["k__Bacteria", "7"])
    (True, True)
    >>> is_report(["GCF_000005845.2", "562"])
    False
    """
    names = {field.strip().lower() for field in fields}
    if {"taxonomy_lvl", "taxname"} & names and {"name", "%"} & names:
        return True  # headers of Bracken and KrakenUniq
    if len(fields) == 2:
        return has_rank_marks(fields[0].strip()) and fields[1].strip().isdecimal()
    if len(fields) not in (6, 8):  # eight with the counts of minimisers
        return False
    percent, *counts, code, taxid, _ = map(str.strip, fields)
    return (
        re.fullmatch(r"\d+(?:\.\d+)?", percent) is not None
        and all(map(str.isdecimal, (*counts, taxid)))
        and _RANK_CODE.fullmatch(code) is not None
    )


def is_classifier_output(fields: Sequence[str]) -> bool:
    """Whether a row is of the output by sequence: C or U, id, taxid, length, k-mers."""
    return len(fields) == 5 and fields[0] in ("C", "U") and _TAXID.fullmatch(fields[2].strip()) is not None


def sequence_and_taxid(fields: Sequence[str]) -> list[str]:
    """Id and taxid in a row of the output; 0 stands for a sequence without a taxon.

    >>> sequence_and_taxid(["C", "NC_000913.3", "Escherichia coli (taxid 562)", "4641652", "562:9"])
    ['NC_000913.3', '562']
    """
    if not is_classifier_output(fields):
        return list(fields)
    taxid = _TAXID.fullmatch(fields[2].strip())
    return [fields[1], taxid[1] if taxid and taxid[1] != "0" else ""]
