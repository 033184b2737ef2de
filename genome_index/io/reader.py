"""Genomes from FASTA, GenBank and EMBL: plain or compressed, files, folders and standard input.

All of gindex reads genomes here. An input that cannot be read becomes a `Failure` in its place in the stream,
so that one bad file never stops a batch.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from genome_index.errors import InputError
from genome_index.io.bases import (
    NO_TAXON,
    WHITE_SPACE,
    FileRecord,
    checked_record,
    not_nucleotides,
    read_as_n,
    too_many,
)
from genome_index.io.compression import BLOCK_BYTES, READ_ERRORS, cause, open_stream, rejoined
from genome_index.io.encodings import is_utf_16
from genome_index.io.formats.fasta import fasta_contigs
from genome_index.io.formats.flatfile import flat_file_records
from genome_index.io.formats.other import not_sequence
from genome_index.io.ids.genome_ids import by_header, file_id, record_prefix
from genome_index.io.ids.record_names import record_name
from genome_index.io.inputs import Input, file_stem, files_of, printable
from genome_index.records import Failure, Genome

GenomePer = Literal["file", "record"]
BEFORE_ALL = b"\xef\xbb\xbf" + WHITE_SPACE  # a byte order mark and blank lines before the first record
RECORD_LINE = re.compile(rb"[\r\n](>)")
LOCUS_LINE = re.compile(rb"[\r\n](LOCUS )")
GFF = (b"##gff-version", b"##sequence-region")
FASTA_SECTION = re.compile(rb"##FASTA\s*[\r\n](>)")
SECTION_BYTES = 32  # of one block and the next, between which the line ##FASTA may lie


def iter_genomes(inputs: Iterable[str | Path | Input], per: GenomePer = "file") -> Iterator[Genome | Failure]:
    """Read inputs in order: files, folders (with all their folders, by name) or `-` for standard input.

    `per` is what one genome is: a file, or each record of it. An `Input` says what the ids are.
    """
    for given in inputs:
        for path in files_of(given):
            if isinstance(path, Failure):
                yield path
            else:
                yield from _genomes_of(path, per, given)


def first_names(path: str, look_bytes: int = 1 << 16) -> list[str]:
    """Names of the FASTA records that start in the first bytes of a file; empty if it is something else.

    A pipe is not read, because what is read of it is gone.
    """
    if not os.path.isfile(path):
        return []
    try:
        with open_stream(path) as stream:
            lines = stream.read(look_bytes).lstrip(BEFORE_ALL).replace(b"\r", b"\n").split(b"\n")
    except (InputError, *READ_ERRORS):
        return []  # reading the genome will give the reason
    names = (record_name(line[1:]) for line in lines if line.startswith(b">"))
    return [name for name in names if name]


def _genomes_of(path: str, per: GenomePer, given: str | Path | Input) -> Iterator[Genome | Failure]:
    source = printable(path)
    genome_id = file_id(given, path)
    try:
        with open_stream(path) as stream:
            records = _records(stream, "stdin" if path == "-" else file_stem(path), source)
            if per == "record":
                prefix = record_prefix(given, path)
                for record in records:
                    yield _record_genome(record, source, prefix)
                return
            genome = by_header(_file_genome(genome_id, records, source), given)
        yield genome
    except InputError as error:
        yield Failure(genome_id, source, error.reason)
    except READ_ERRORS as error:
        yield Failure(genome_id, source, cause(error))


def _record_genome(record: FileRecord, source: str, prefix: str) -> Genome | Failure:
    contig, taxon, reason, _, foreign = record
    genome_id = f"{prefix}{contig.name}"
    if not (reason or contig.sequence):
        reason = f"record {contig.name!r} has a header but no sequence; remove it or complete it"
    if not reason and too_many(foreign, len(contig.sequence)):
        reason = not_nucleotides(contig.name, foreign)
    if reason:
        return Failure(genome_id, source, reason)
    return Genome(genome_id, (contig,), source, taxon, read_as_n(foreign))


def _file_genome(genome_id: str, records: Iterable[FileRecord], source: str) -> Genome:
    used: list[FileRecord] = []
    taxon = NO_TAXON
    without = "headers but no sequence; give a complete FASTA or GenBank file"
    for record in records:
        if record.is_master:
            without = record.reason
        elif record.reason:
            raise InputError(source, record.reason)
        if record.contig.sequence:
            used.append(record)
        taxon = taxon if taxon.lineage.names else record.taxon
    if not used:
        raise InputError(source, without)
    notes = _foreign_notes(used, source)
    return Genome(genome_id, tuple(record.contig for record in used), source, taxon, notes)


def _foreign_notes(records: Sequence[FileRecord], source: str) -> tuple[str, ...]:
    """A warning about characters of a file that are no nucleotide codes; many of them are an error."""
    foreign = b"".join(record.foreign for record in records)
    if foreign and too_many(foreign, sum(len(record.contig.sequence) for record in records)):
        first = next(record for record in records if record.foreign)
        raise InputError(source, not_nucleotides(first.contig.name, first.foreign))
    return read_as_n(foreign)


def _records(stream: io.BufferedReader, stem: str, source: str) -> Iterator[FileRecord]:
    """The records of one file, whose format its first block shows.

    Raises
    ------
    InputError
        It is none of the formats.
    """
    start = _first_record(_first_block(stream), stream)
    if start.startswith(b">") and not is_utf_16(start):
        return (checked_record(contig, NO_TAXON) for contig in fasta_contigs(start, stream, stem))
    if start.startswith((b"LOCUS ", b"ID   ")):
        kind = "GenBank" if start.startswith(b"LOCUS") else "EMBL"
        return flat_file_records(rejoined(start, stream), kind, source)
    raise InputError(source, not_sequence(start))


def _first_record(start: bytes, stream: io.BufferedReader) -> bytes:
    """The block from its first record on: after comments, a release's header, or the features of a GFF."""
    if start.startswith(b";"):
        return _after(start, RECORD_LINE) or start
    if b"Genetic Sequence Data Bank" in start[:200]:
        return _after(start, LOCUS_LINE) or start
    if start.startswith(GFF):
        return _fasta_section(start, stream) or start
    return start


def _after(start: bytes, line: re.Pattern[bytes]) -> bytes:
    """The block from a line on; empty if it has no such line."""
    first = line.search(start)
    return start[first.start(1) :] if first else b""


def _fasta_section(block: bytes, stream: io.BufferedReader) -> bytes:
    """The start of the sequences that a GFF has after its features; empty if it has none."""
    while block:
        if first := FASTA_SECTION.search(block):
            return block[first.start(1) :]
        block, last = stream.read(BLOCK_BYTES), block[-SECTION_BYTES:]
        block = last + block if block else b""
    return b""


def _first_block(stream: io.BufferedReader) -> bytes:
    """The first block from its first printing character on; empty if the file has none."""
    while block := stream.read(BLOCK_BYTES):
        if start := block.lstrip(BEFORE_ALL):
            return start
    return b""
