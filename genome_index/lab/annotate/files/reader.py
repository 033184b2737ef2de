"""Annotation files: GFF3, GTF, GenBank and EMBL, told by their content; plain or compressed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from genome_index.errors import InputError
from genome_index.io.compression import READ_ERRORS, cause, open_stream
from genome_index.io.encodings import BYTES_THAT_TELL, encoding_of
from genome_index.lab.annotate.files.columns import COLUMNS
from genome_index.lab.annotate.files.features import Annotation
from genome_index.lab.annotate.files.genbank import flat_file_annotation
from genome_index.lab.annotate.files.gff3 import gff3_annotation
from genome_index.lab.annotate.files.gtf import gtf_annotation

Format = Literal["GFF3", "GTF", "GenBank", "EMBL"]
LINES_THAT_TELL = 10_000  # of a file without a header, between which a line of its format is
_GTF_ATTRIBUTES = re.compile(r' *[\w.]+ +("|\S+ *;)')


def read_annotation(path: str | Path) -> Annotation:
    """The annotation in a file, or in standard input (`-`).

    Lines that cannot be used are complaints of the annotation; the rest is read.

    Raises
    ------
    InputError
        The file cannot be read, or is none of the formats.
    """
    source = str(path)
    try:
        with open_stream(source) as stream:
            encoding = encoding_of(stream.peek(BYTES_THAT_TELL)[:BYTES_THAT_TELL])
            with io.TextIOWrapper(stream, encoding=encoding, errors="replace") as text:
                return _annotation(text, source)
    except READ_ERRORS as error:
        raise InputError(source, cause(error)) from error


def _annotation(lines: Iterator[str], path: str) -> Annotation:
    first = list(islice(lines, LINES_THAT_TELL))
    kind = format_of(first)
    if kind is None:
        raise InputError(path, _not_annotation(first))
    every = chain(first, lines)
    if kind == "GFF3":
        return gff3_annotation(every, path)
    return gtf_annotation(every, path) if kind == "GTF" else flat_file_annotation(every, kind, path)


def format_of(lines: Iterable[str]) -> Format | None:
    """The format of a file by its first lines; None if it is none of them."""
    for line in lines:
        if line.startswith("LOCUS ") or "Genetic Sequence Data Bank" in line:
            return "GenBank"
        if line.startswith("ID   "):
            return "EMBL"
        if line.startswith("##gff-version") and line.split()[1:] and line.split()[1].startswith("3"):
            return "GFF3"
        if line.startswith(">") or "\0" in line:
            return None
        columns = line.rstrip("\r\n").split("\t")
        if not line.startswith("#") and len(columns) >= COLUMNS:
            return "GTF" if _GTF_ATTRIBUTES.match(columns[COLUMNS - 1]) else "GFF3"
    return None


def _not_annotation(first: list[str]) -> str:
    start = next((line for line in first if line.strip()), "")
    cure = "give GFF3, GTF, GenBank or EMBL"
    if not start:
        return f"the file is empty; {cure}"
    if start.startswith(">"):
        return f"this is FASTA, sequences without annotation; {cure}"
    return (
        "not an annotation file: no line has the nine columns of GFF3 and GTF, and none begins with LOCUS "
        f"or ID as in GenBank and EMBL; {cure}"
    )
