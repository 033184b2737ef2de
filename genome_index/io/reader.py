"""The only reader: FASTA and GenBank, plain or compressed, files, folders and standard input -> Genome.

Whatever cannot be read becomes a `Failure` in the stream, in its place: one bad file never stops a batch.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from genome_index.errors import InputError, UsageError
from genome_index.io.bases import UNSAID, WHITE_SPACE, FileRecord, checked_record
from genome_index.io.compression import BLOCK_BYTES, READ_ERRORS, cause, open_stream, rejoined
from genome_index.io.fasta import fasta_contigs
from genome_index.io.flatfile import flat_file_records
from genome_index.records import Contig, Failure, Genome

GenomePer = Literal["file", "record"]
SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".gb", ".gbk", ".gbff", ".genbank")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
BEFORE_ALL = b"\xef\xbb\xbf" + WHITE_SPACE  # a byte order mark and blank lines before the first record


def iter_genomes(inputs: Iterable[str | Path], per: GenomePer = "file") -> Iterator[Genome | Failure]:
    """Read inputs in order: files, folders (searched whole, in name order) or `-` for standard input.

    `per` says what one genome is: a whole file, or each record of it.
    """
    for given in inputs:
        for path in _files(given):
            if isinstance(path, Failure):
                yield path
            else:
                yield from _genomes_of(path, per)


def read_list(path: Path) -> list[str]:
    """The inputs named in a text file, one a line; blank lines and lines that start with # are left out."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of inputs ({cause(error)}); give a text file, one path a line"
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def sequence_files(inputs: Iterable[str | Path]) -> list[str]:
    """The files that `iter_genomes` would read, folders searched; what cannot be read is left out here."""
    return [path for given in inputs for path in _files(given) if isinstance(path, str)]


def first_names(path: str, look_bytes: int = 1 << 16) -> list[str]:
    """Names of the FASTA records that begin in the first bytes of a file; none if it is something else.

    A pipe is left alone: what a look takes from it is gone.
    """
    if not os.path.isfile(path):
        return []
    try:
        with open_stream(path) as stream:
            lines = stream.read(look_bytes).lstrip(BEFORE_ALL).split(b"\n")
    except (InputError, *READ_ERRORS):
        return []  # reading it in earnest will say why
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
    r"""A path as text that any file can hold, and still its own: bytes that are no UTF-8 are spelled out.

    >>> printable("caf\udce9.fa")  # what Python makes of a name in Latin-1
    'caf\\xe9.fa'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _files(given: str | Path) -> Iterator[str | Failure]:
    if str(given) == "-" or not os.path.isdir(given):
        yield str(given)
        return
    found = _searched(given)
    if not found:
        kinds, shown = ", ".join(SUFFIXES), printable(str(given))
        reason = f"no sequence file in this folder; gindex looks for {kinds}, also with .gz .bz2 .xz .zst"
        yield Failure(shown, shown, reason)
    yield from (found[path] for path in sorted(found))


def _searched(given: str | Path) -> dict[str, str | Failure]:
    """The sequence files of a folder by their paths, and its folders that may not be searched."""
    closed: list[OSError] = []
    found: dict[str, str | Failure] = {}
    for folder, _, names in os.walk(given, onerror=closed.append):
        for path in (str(Path(folder, name)) for name in names if _is_sequence_name(name)):
            # A link that leads nowhere is an input, and its row says so; a pipe or a device is none.
            if os.path.isfile(path) or not os.path.exists(path):
                found[path] = path
    for error in closed:
        path = str(Path(error.filename))
        found[path] = Failure(printable(path), printable(path), cause(error))
    return found


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
    contig, taxon, wrong = record
    if not (wrong or contig.sequence):
        wrong = f"record {contig.name!r} has a header but no sequence; remove it or complete it"
    return Failure(contig.name, source, wrong) if wrong else Genome(contig.name, (contig,), source, taxon)


def _file_genome(stem: str, records: Iterable[FileRecord], source: str) -> Genome:
    contigs: list[Contig] = []
    taxon = UNSAID
    for contig, said, wrong in records:
        if wrong:
            raise InputError(source, wrong)
        if contig.sequence:
            contigs.append(contig)
        taxon = taxon if taxon.lineage.names else said
    if not contigs:
        raise InputError(source, "headers but no sequence; give a complete FASTA or GenBank file")
    return Genome(stem, tuple(contigs), source, taxon)


def _records(stream: io.BufferedReader, stem: str, source: str) -> Iterator[FileRecord]:
    """The records of one file, after a look at its first block: what it is, or why it is nothing we read."""
    start = _first_block(stream)
    if start.startswith(b">"):
        return (checked_record(contig, UNSAID) for contig in fasta_contigs(start, stream, stem))
    if start.startswith((b"LOCUS ", b"ID   ")):
        kind = "GenBank" if start.startswith(b"LOCUS") else "EMBL"
        return flat_file_records(rejoined(start, stream), kind, source)
    raise InputError(source, _not_sequence(start))


def _first_block(stream: io.BufferedReader) -> bytes:
    """The first block from its first letter on; nothing if there is none in the whole file."""
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
        return "this is a binary file, not FASTA or GenBank (gz, bz2, xz and zst are read as they are)"
    return (
        f"neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found {start[:10].decode()!r}"
    )
