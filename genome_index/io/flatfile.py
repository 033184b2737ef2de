"""GenBank and EMBL flat files, read by Biopython: records with the taxonomy of their organism."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from genome_index.errors import InputError
from genome_index.io.bases import FileRecord, checked_record
from genome_index.records import Contig, Lineage, Taxon

if TYPE_CHECKING:
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord


MALFORMED = (ValueError, AssertionError, AttributeError, LookupError, TypeError)  # Biopython's errors
LENGTHS_DIFFER = re.compile(r"Expected sequence length (\d+), found (\d+)")


def flat_file_records(stream: io.BufferedReader, kind: str, source: str) -> Iterator[FileRecord]:
    """The records of a GenBank or EMBL file, `kind`; organism and lineage become the taxon.

    Raises
    ------
    InputError
        The file is not well-formed.
    """
    from Bio import BiopythonWarning, SeqIO

    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as text:
        parsed = SeqIO.parse(text, kind.lower())  # type: ignore[no-untyped-call]  # Biopython has none here
        while True:
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always", BiopythonWarning)
                    record = next(parsed, None)
            except MALFORMED as error:
                why = str(error) or type(error).__name__
                reason = f"not a well-formed {kind} file ({why}); download it again, or give it as FASTA"
                raise InputError(source, reason) from error
            if record is None:
                return
            yield _flat_record(record, " ".join(str(warning.message) for warning in caught))


def _flat_record(record: SeqRecord, message: str) -> FileRecord:
    """A record with Biopython's warnings: a sequence of another length is an error, format slips are not."""
    from Bio.Seq import UndefinedSequenceError

    name, taxon = str(record.id), _organism(record.annotations)
    try:
        contig = Contig(name, bytes(cast("Seq", record.seq)))
    except UndefinedSequenceError:
        reason = "a record without its sequence (no ORIGIN); download it with the sequence"
        return FileRecord(Contig(name, b""), taxon, reason)
    if lengths := LENGTHS_DIFFER.search(message):
        reason = (
            f"record {name!r} has {lengths[2]} bp, but its length is given as {lengths[1]}; "
            "it was cut or changed: download it again, or correct the length"
        )
        return FileRecord(contig, taxon, reason)
    return checked_record(contig, taxon)


def _organism(annotations: dict[str, Any]) -> Taxon:
    """The taxon of a GenBank record, whose lineage has no ranks: they follow from the suffixes of names.

    By the codes of nomenclature (ICNP, ICN, ICZN, ICTV) -aceae, -idae and -viridae are families, -ales and
    -virales orders; the genus is the name in the lineage with which the organism's name starts.
    """
    organism = str(annotations.get("organism", "")).strip()
    lineage = [str(name) for name in annotations.get("taxonomy", [])]
    names: dict[str, str] = {}
    if lineage:
        names["superkingdom"] = lineage[0]
    for name in lineage:
        if name.endswith(("aceae", "idae", "viridae")):
            names["family"] = name
        elif name.endswith("ales"):
            names["order"] = name
        if organism.startswith(name + " "):
            names["genus"] = name
    if organism:
        names["species"] = organism
    return Taxon(Lineage(names), {"lineage": "; ".join(lineage)} if lineage else {})
