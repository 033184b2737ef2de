"""Genomes from FASTA, GenBank and EMBL: plain or compressed, files, folders and standard input.

All of gindex reads genomes here. An input that cannot be read becomes a `Failure` in its place in the stream,
so that one bad file never stops a batch.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from genome_index.errors import InputError
from genome_index.io.bases import NO_TAXON, WHITE_SPACE, FileRecord, checked_record
from genome_index.io.compression import BLOCK_BYTES, READ_ERRORS, cause, open_stream, rejoined
from genome_index.io.fasta import fasta_contigs
from genome_index.io.flatfile import flat_file_records
from genome_index.io.ids.genome_ids import by_header, file_id, record_prefix
from genome_index.io.ids.record_names import record_name
from genome_index.io.inputs import Input, file_stem, files_of, printable
from genome_index.records import Contig, Failure, Genome

GenomePer = Literal["file", "record"]
BEFORE_ALL = b"\xef\xbb\xbf" + WHITE_SPACE  # a byte order mark and blank lines before the first record


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
            lines = stream.read(look_bytes).lstrip(BEFORE_ALL).split(b"\n")
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
    contig, taxon, reason = record
    genome_id = f"{prefix}{contig.name}"
    if not (reason or contig.sequence):
        reason = f"record {contig.name!r} has a header but no sequence; remove it or complete it"
    return Failure(genome_id, source, reason) if reason else Genome(genome_id, (contig,), source, taxon)


def _file_genome(genome_id: str, records: Iterable[FileRecord], source: str) -> Genome:
    contigs: list[Contig] = []
    taxon = NO_TAXON
    for record in records:
        if record.reason:
            raise InputError(source, record.reason)
        if record.contig.sequence:
            contigs.append(record.contig)
        taxon = taxon if taxon.lineage.names else record.taxon
    if not contigs:
        raise InputError(source, "headers but no sequence; give a complete FASTA or GenBank file")
    return Genome(genome_id, tuple(contigs), source, taxon)


def _records(stream: io.BufferedReader, stem: str, source: str) -> Iterator[FileRecord]:
    """The records of one file, whose format its first block shows.

    Raises
    ------
    InputError
        It is none of the formats.
    """
    start = _first_block(stream)
    if start.startswith(b">"):
        return (checked_record(contig, NO_TAXON) for contig in fasta_contigs(start, stream, stem))
    if start.startswith((b"LOCUS ", b"ID   ")):
        kind = "GenBank" if start.startswith(b"LOCUS") else "EMBL"
        return flat_file_records(rejoined(start, stream), kind, source)
    raise InputError(source, _not_sequence(start))


def _first_block(stream: io.BufferedReader) -> bytes:
    """The first block from its first printing character on; empty if the file has none."""
    while block := stream.read(BLOCK_BYTES):
        if start := block.lstrip(BEFORE_ALL):
            return start
    return b""


def _not_sequence(start: bytes) -> str:
    if not start:
        return "the file is empty; give a FASTA or GenBank file"
    if start.startswith(b"@"):
        return "this is FASTQ, single reads; assemble them first and give the contigs as FASTA"
    if b"\0" in start or not start[:64].isascii():
        return (
            "this is a binary file, not FASTA or GenBank (of compressed files, gz, bz2, xz and zst are read)"
        )
    return (
        f"neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found {start[:10].decode()!r}"
    )
