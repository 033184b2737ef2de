"""The only reader: FASTA and GenBank, plain or compressed, files, folders and standard input -> Genome.

Whatever cannot be read becomes a `Failure` in the stream, in its place: one bad file never stops a batch.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.errors import InputError, UsageError
from genome_index.io.compression import BLOCK_BYTES, READ_ERRORS, cause, open_stream, rejoined
from genome_index.records import Contig, Genome, Lineage, Taxon

if TYPE_CHECKING:
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

GenomePer = Literal["file", "record"]
SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".gb", ".gbk", ".gbff", ".genbank")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
WHITE_SPACE = b"\r\n\t \v\f"
BEFORE_ALL = b"\xef\xbb\xbf" + WHITE_SPACE  # a byte order mark and blank lines before the first record
GAPS_TO_N = bytes.maketrans(b"-.", b"NN")  # deleting a gap would join its flanks into words that do not exist


@dataclass(frozen=True)
class Failure:
    """An input that gave no genome, and why."""

    id: str
    source: str
    reason: str


class _Record(NamedTuple):
    """One record of a file."""

    contig: Contig
    taxon: Taxon
    wrong: str = ""  # why it cannot be used; nothing if it can


UNSAID = Taxon()  # what FASTA says of taxonomy


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


def _record_genome(record: _Record, source: str) -> Genome | Failure:
    contig, taxon, wrong = record
    if not (wrong or contig.sequence):
        wrong = f"record {contig.name!r} has a header but no sequence; remove it or complete it"
    return Failure(contig.name, source, wrong) if wrong else Genome(contig.name, (contig,), source, taxon)


def _file_genome(stem: str, records: Iterable[_Record], source: str) -> Genome:
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


def _records(stream: io.BufferedReader, stem: str, source: str) -> Iterator[_Record]:
    """The records of one file, after a look at its first block: what it is, or why it is nothing we read."""
    start = _first_block(stream)
    if start.startswith(b">"):
        return (_checked(contig, UNSAID) for contig in _fasta(start, stream, stem))
    if start.startswith((b"LOCUS ", b"ID   ")):
        kind = "GenBank" if start.startswith(b"LOCUS") else "EMBL"
        return _flat_file(rejoined(start, stream), kind, source)
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


def _fasta(block: bytes, rest: io.BufferedReader, stem: str) -> Iterator[Contig]:
    """Split a FASTA stream at each '>' that begins a line; memory holds one record and one block."""
    number = 0
    parts: list[bytes] = []  # of the record being read: its beginning as it is, then its bases
    last = b"\n"
    while block:
        start, at = 0, block.find(b">")
        while at >= 0:
            if (block[at - 1 : at] or last) == b"\n":  # any other stands inside a header
                if number:
                    yield _contig(_longer(parts, block[start:at]), f"{stem}_{number}")
                number, parts, start = number + 1, [], at + 1
            at = block.find(b">", at + 1)
        parts = _longer(parts, block[start:])
        last = block[-1:]
        block = rest.read(BLOCK_BYTES)
    yield _contig(parts, f"{stem}_{number}")


def _longer(parts: list[bytes], more: bytes) -> list[bytes]:
    """The parts with another; its line ends are taken out now, while the block is in the cache."""
    if not parts:
        return [more]
    if b"\n" not in parts[0]:  # not even the header is complete
        return [parts[0] + more]
    parts.append(more.replace(b"\n", b""))
    return parts


def _contig(parts: list[bytes], unnamed: str) -> Contig:
    header, _, bases = parts[0].partition(b"\n")
    bases = bases.replace(b"\n", b"")
    sequence = b"".join([bases, *parts[1:]]) if len(parts) > 1 else bases
    words = header.split(None, 1)
    return Contig(words[0].decode("utf-8", "replace") if words else unnamed, sequence)


def _checked(contig: Contig, taxon: Taxon) -> _Record:
    """The record with white space taken out and gaps made N; what is no nucleotide is wrong."""
    sequence = contig.sequence
    if count_bases(np.frombuffer(sequence, np.uint8)) == len(sequence):
        return _Record(contig, taxon)
    sequence = sequence.translate(GAPS_TO_N, WHITE_SPACE)
    return _Record(Contig(contig.name, sequence), taxon, _complaint(contig.name, sequence))


def _complaint(name: str, sequence: bytes) -> str:
    strange = sequence.translate(None, IUPAC)
    if not strange:
        return ""
    found = ", ".join(repr(chr(letter)) for letter in sorted(set(strange))[:6])
    protein = (
        "; this looks like protein, gindex reads nucleotides"
        if strange[:1].isalpha()
        else "; is it a sequence file?"
    )
    return f"record {name!r} holds {found}, which are no nucleotide codes{protein}"


@njit(cache=True, nogil=True)
def count_bases(sequence: npt.NDArray[np.uint8]) -> int:
    """How many letters are A, C, G, T or U, in either case: (L,) -> int.

    Added up in single bytes, 128 at a time, which the processor does on many letters at once.
    """
    bases, whole = 0, sequence.size // 128 * 128
    for start in range(0, whole, 128):
        some = np.uint8(0)
        for i in range(start, start + 128):
            some = np.uint8(some + is_base(sequence[i]))
        bases += int(some)
    for i in range(whole, sequence.size):
        bases += int(is_base(sequence[i]))
    return bases


@njit(cache=True, nogil=True)
def is_base(letter: np.uint8) -> np.uint8:
    """1 for A, C, G, T and U, in either case; 0 for any other letter."""
    letter |= np.uint8(32)
    found = (letter == 97) | (letter == 99) | (letter == 103) | (letter == 116) | (letter == 117)
    return np.uint8(found)


@njit(cache=True, nogil=True)
def mark_bases(sequence: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8]) -> None:
    """Which letters are bases, as 1 and 0: (L,), (L,)."""
    for i in range(sequence.size):
        marks[i] = is_base(sequence[i])


MALFORMED = (ValueError, AssertionError, AttributeError, LookupError, TypeError)  # what Biopython dies of
LENGTHS_DIFFER = re.compile(r"Expected sequence length (\d+), found (\d+)")


def _flat_file(stream: io.BufferedReader, kind: str, source: str) -> Iterator[_Record]:
    """GenBank and EMBL by Biopython; organism and lineage become the taxonomy."""
    from Bio import BiopythonWarning, SeqIO

    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as text:
        parsed = SeqIO.parse(text, kind.lower())  # type: ignore[no-untyped-call]  # Biopython has none here
        while True:
            try:
                with warnings.catch_warnings(record=True) as said:
                    warnings.simplefilter("always", BiopythonWarning)
                    record = next(parsed, None)
            except MALFORMED as error:
                why = str(error) or type(error).__name__
                reason = f"not a well-formed {kind} file ({why}); download it again, or give it as FASTA"
                raise InputError(source, reason) from error
            if record is None:
                return
            yield _flat_record(record, " ".join(str(one.message) for one in said))


def _flat_record(record: SeqRecord, said: str) -> _Record:
    """A record of a flat file. Of what Biopython warns, a cut sequence matters; slips of format do not."""
    from Bio.Seq import UndefinedSequenceError

    name, taxon = str(record.id), _organism(record.annotations)
    try:
        contig = Contig(name, bytes(cast("Seq", record.seq)))
    except UndefinedSequenceError:
        reason = "a record without its sequence (no ORIGIN); download it with the sequence"
        return _Record(Contig(name, b""), taxon, reason)
    if lengths := LENGTHS_DIFFER.search(said):
        reason = (
            f"record {name!r} has {lengths[2]} bp, but its length is given as {lengths[1]}; "
            "it was cut or changed: download it again, or correct the length"
        )
        return _Record(contig, taxon, reason)
    return _checked(contig, taxon)


def _organism(annotations: dict[str, Any]) -> Taxon:
    """Taxon of a GenBank record. Its lineage has no ranks: the suffixes that fix one by the codes are used.

    -aceae, -idae and -viridae are families, -ales and -virales orders (ICNP, ICN, ICZN, ICTV); the genus is
    the lineage's entry that begins the organism's name.
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
