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

from genome_index.errors import InputError, UsageError
from genome_index.io.bases import NO_TAXON, WHITE_SPACE, FileRecord, checked_record
from genome_index.io.compression import BLOCK_BYTES, READ_ERRORS, cause, open_stream, rejoined
from genome_index.io.fasta import fasta_contigs
from genome_index.io.flatfile import flat_file_records
from genome_index.records import Contig, Failure, Genome

GenomePer = Literal["file", "record"]
SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".gb", ".gbk", ".gbff", ".genbank")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
BEFORE_ALL = b"\xef\xbb\xbf" + WHITE_SPACE  # a byte order mark and blank lines before the first record


def iter_genomes(inputs: Iterable[str | Path], per: GenomePer = "file") -> Iterator[Genome | Failure]:
    """Read inputs in order: files, folders (with all their folders, by name) or `-` for standard input.

    `per` is what one genome is: a file, or each record of it.
    """
    for given in inputs:
        for path in _files(given):
            if isinstance(path, Failure):
                yield path
            else:
                yield from _genomes_of(path, per)


def read_list(path: Path) -> list[str]:
    """The inputs listed in a text file, one a line, without blank lines and lines that start with #.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of inputs ({cause(error)}); give a text file, one path a line"
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def sequence_files(inputs: Iterable[str | Path]) -> list[str]:
    """The files that `iter_genomes` would read, without those that it cannot read."""
    return [path for given in inputs for path in _files(given) if isinstance(path, str)]


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
    return [
        line[1:].split()[0].decode("utf-8", "replace")
        for line in lines
        if line.startswith(b">") and line[1:].split()
    ]


def file_stem(path: str | Path) -> str:
    """A file's name without its sequence and compression suffixes.

    >>> file_stem("data/GCF_000005845.2.fna.gz")
    'GCF_000005845.2'
    """
    name = printable(Path(path).name)
    for suffixes in (COMPRESSED, SUFFIXES):
        for suffix in suffixes:
            if name.lower().endswith(suffix) and len(name) > len(suffix):
                name = name[: -len(suffix)]
                break
    return name


def printable(path: str) -> str:
    r"""A path as text that can be written anywhere: bytes that are not UTF-8 are spelled out.

    >>> printable("caf\udce9.fa")  # what Python makes of a name in Latin-1
    'caf\\xe9.fa'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _files(given: str | Path) -> Iterator[str | Failure]:
    if str(given) == "-" or not os.path.isdir(given):
        yield str(given)
        return
    files = _searched(given)
    if not files:
        suffixes, shown = ", ".join(SUFFIXES), printable(str(given))
        reason = f"no sequence file in this folder; gindex reads {suffixes}, also with .gz .bz2 .xz .zst"
        yield Failure(shown, shown, reason)
    yield from (files[path] for path in sorted(files))


def _searched(given: str | Path) -> dict[str, str | Failure]:
    """Path -> the path of each sequence file in a folder, or the failure of a folder that cannot be read."""
    errors: list[OSError] = []
    files: dict[str, str | Failure] = {}
    for folder, _, names in os.walk(given, onerror=errors.append):
        for path in (str(Path(folder, name)) for name in names if _is_sequence_name(name)):
            # A broken link is an input, whose row gives the reason; a pipe or a device is not.
            if os.path.isfile(path) or not os.path.exists(path):
                files[path] = path
    for error in errors:
        path = str(Path(error.filename))
        files[path] = Failure(printable(path), printable(path), cause(error))
    return files


def _is_sequence_name(name: str) -> bool:
    lower = name.lower()
    for suffix in COMPRESSED:
        lower = lower.removesuffix(suffix)
    return lower.endswith(SUFFIXES)


def _genomes_of(path: str, per: GenomePer) -> Iterator[Genome | Failure]:
    source = printable(path)
    stem = "stdin" if path == "-" else file_stem(path)
    try:
        with open_stream(path) as stream:
            records = _records(stream, stem, source)
            if per == "record":
                for record in records:
                    yield _record_genome(record, source)
                return
            genome = _file_genome(stem, records, source)
        yield genome
    except InputError as error:
        yield Failure(stem, source, error.reason)
    except READ_ERRORS as error:
        yield Failure(stem, source, cause(error))


def _record_genome(record: FileRecord, source: str) -> Genome | Failure:
    contig, taxon, reason = record
    if not (reason or contig.sequence):
        reason = f"record {contig.name!r} has a header but no sequence; remove it or complete it"
    return Failure(contig.name, source, reason) if reason else Genome(contig.name, (contig,), source, taxon)


def _file_genome(stem: str, records: Iterable[FileRecord], source: str) -> Genome:
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
    return Genome(stem, tuple(contigs), source, taxon)


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
