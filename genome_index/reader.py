"""The only reader: FASTA and GenBank, plain or compressed, files, folders and standard input -> Genome.

Whatever cannot be read becomes a `Failure` in the stream, in its place: one bad file never stops a batch.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.errors import InputError, UsageError
from genome_index.records import Contig, Genome, Lineage, Taxon

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GenomePer = Literal["file", "record"]
SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".gb", ".gbk", ".gbff", ".genbank")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
BLOCK_BYTES = 1 << 17  # below the size at which malloc asks the kernel for fresh pages each time

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
WHITE_SPACE = b"\r\n\t \v\f"
GAPS_TO_N = bytes.maketrans(b"-.", b"NN")  # deleting a gap would join its flanks into words that do not exist


@dataclass(frozen=True)
class Failure:
    """An input that gave no genome, and why."""

    id: str
    source: str
    reason: str


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
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of inputs ({cause(error)}); give a text file, one path a line"
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def sequence_files(inputs: Iterable[str | Path]) -> list[str]:
    """The files that `iter_genomes` would read, folders searched; what cannot be read is left out here."""
    return [path for given in inputs for path in _files(given) if isinstance(path, str)]


def first_names(path: str, look_bytes: int = 1 << 16) -> list[str]:
    """Names of the FASTA records that begin in the first bytes of a file; none if it is something else."""
    try:
        with _open(path) as stream:
            lines = stream.read(look_bytes).split(b"\n")
    except (EOFError, OSError, lzma.LZMAError, zlib.error):
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
    name = Path(path).name
    for suffixes in (COMPRESSED, SUFFIXES):
        for suffix in suffixes:
            if name.lower().endswith(suffix) and len(name) > len(suffix):
                name = name[: -len(suffix)]
                break
    return name


def _files(given: str | Path) -> Iterator[str | Failure]:
    path = Path(given)
    if str(given) == "-" or not path.is_dir():
        yield str(given)
        return
    found = sorted(str(file) for file in path.rglob("*") if file.is_file() and _is_sequence_name(file.name))
    if not found:
        kinds = ", ".join(SUFFIXES)
        yield Failure(
            str(given),
            str(given),
            f"no sequence file in this folder; gindex looks for {kinds}, also with .gz .bz2 .xz .zst",
        )
    yield from found


def _is_sequence_name(name: str) -> bool:
    lower = name.lower()
    for suffix in COMPRESSED:
        lower = lower.removesuffix(suffix)
    return lower.endswith(SUFFIXES)


def _genomes_of(path: str, per: GenomePer) -> Iterator[Genome | Failure]:
    stem = "stdin" if path == "-" else file_stem(path)
    contigs: list[Contig] = []
    taxon = Taxon()
    try:
        with _open(path) as stream:
            for contig, said in _records(stream, path, stem):
                if per == "file":
                    contigs.append(contig)
                    taxon = taxon if taxon.lineage.names else said
                else:
                    yield _record_genome(contig, path, said)
        if per == "file":
            yield _file_genome(stem, contigs, path, taxon)
    except InputError as error:
        yield Failure(stem, path, error.reason)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        yield Failure(stem, path, cause(error))


def _record_genome(contig: Contig, path: str, taxon: Taxon) -> Genome | Failure:
    if not contig.sequence:
        return Failure(
            contig.name,
            path,
            f"record {contig.name!r} has a header but no sequence; remove it or complete it",
        )
    return Genome(contig.name, (contig,), path, taxon)


def _file_genome(stem: str, contigs: list[Contig], path: str, taxon: Taxon) -> Genome:
    full = tuple(contig for contig in contigs if contig.sequence)
    if not full:
        raise InputError(path, "headers but no sequence; give a complete FASTA or GenBank file")
    return Genome(stem, full, path, taxon)


def _records(stream: io.BufferedReader, path: str, stem: str) -> Iterator[tuple[Contig, Taxon]]:
    """The records of one file, after a look at its first bytes: what it is, or why it is nothing we read."""
    start = stream.peek(512)[:512].lstrip(b"\xef\xbb\xbf\r\n\t ")
    if start.startswith(b">"):
        for contig in _fasta(stream, stem):
            yield Contig(contig.name, _checked(contig, path)), Taxon()
    elif start.startswith((b"LOCUS ", b"ID   ")):
        yield from _flat_file(stream, path, "genbank" if start.startswith(b"LOCUS") else "embl")
    else:
        raise InputError(path, _not_sequence(start))


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


def _fasta(stream: io.BufferedReader, stem: str) -> Iterator[Contig]:
    """Split a FASTA stream at each '>' that begins a line; memory holds one record and one block."""
    number = 0
    parts: list[bytes] = []  # of the record being read, cut where blocks end
    last = b"\n"
    while block := stream.read(BLOCK_BYTES):
        first, *others = block.split(b">")
        parts.append(first)
        last = first[-1:] or last
        for other in others:
            if last == b"\n":
                if number:
                    yield _contig(parts, f"{stem}_{number}")
                number += 1
                parts = [other]
            else:  # a '>' inside a header
                parts.append(b">" + other)
            last = other[-1:] or b">"
    yield _contig(parts, f"{stem}_{number}")


def _contig(parts: list[bytes], unnamed: str) -> Contig:
    if b"\n" not in parts[0]:
        parts = [b"".join(parts)]
    header, _, rest = parts[0].partition(b"\n")
    lines = [rest, *parts[1:]] if len(parts) > 1 else [rest]
    sequence = (
        b"".join([part.replace(b"\n", b"") for part in lines]) if len(lines) > 1 else rest.replace(b"\n", b"")
    )
    words = header.split(None, 1)
    return Contig(words[0].decode("utf-8", "replace") if words else unnamed, sequence)


def _checked(contig: Contig, path: str) -> bytes:
    """The contig's residues, white space taken out and gaps made N; what is no nucleotide is refused."""
    sequence = contig.sequence
    if count_bases(np.frombuffer(sequence, np.uint8)) == len(sequence):
        return sequence
    sequence = sequence.translate(GAPS_TO_N, WHITE_SPACE)
    if strange := sequence.translate(None, IUPAC):
        found = ", ".join(repr(chr(letter)) for letter in sorted(set(strange))[:6])
        protein = (
            "; this looks like protein, gindex reads nucleotides"
            if strange[:1].isalpha()
            else "; is it a sequence file?"
        )
        raise InputError(
            path, f"record {contig.name!r} holds {found}, which are no nucleotide codes{protein}"
        )
    return sequence


@njit(cache=True, nogil=True)
def count_bases(sequence: npt.NDArray[np.uint8]) -> int:
    """How many letters are A, C, G, T or U, in either case: (L,) -> int."""
    bases = 0
    for i in range(sequence.size):
        letter = sequence[i] | np.uint8(32)
        bases += (letter == 97) | (letter == 99) | (letter == 103) | (letter == 116) | (letter == 117)
    return bases


def _flat_file(stream: io.BufferedReader, path: str, kind: str) -> Iterator[tuple[Contig, Taxon]]:
    """GenBank and EMBL by Biopython; organism and lineage become the taxonomy."""
    from Bio import BiopythonWarning, SeqIO
    from Bio.Seq import UndefinedSequenceError

    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BiopythonWarning)  # harmless slips of format; what matters raises
            for record in SeqIO.parse(text, kind):  # type: ignore[no-untyped-call]  # Biopython has none here
                contig = Contig(record.id, bytes(record.seq))
                yield Contig(contig.name, _checked(contig, path)), _organism(record.annotations)
    except UndefinedSequenceError as error:
        raise InputError(
            path, "a record without its sequence (no ORIGIN); download it with the sequence"
        ) from error
    except (ValueError, AssertionError) as error:
        raise InputError(path, f"not a well-formed {kind} file: {error}") from error


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


@contextmanager
def _open(path: str) -> Iterator[io.BufferedReader]:
    """A file or standard input as bytes, decompressed by what its first bytes say, whatever its name says."""
    with ExitStack() as stack:
        if path == "-":
            raw = cast(io.BufferedReader, sys.stdin.buffer)
        else:
            raw = stack.enter_context(open(path, "rb"))  # noqa: SIM115  # the stack closes it
        magic = raw.peek(6)[:6]
        for start, opener in OPENERS:
            if magic.startswith(start):
                yield stack.enter_context(io.BufferedReader(opener(raw), BLOCK_BYTES))
                return
        yield raw


class _Zstd(io.RawIOBase):
    """Zstandard frames as a stream; EOFError when the last is cut short, where the library is silent."""

    def __init__(self, raw: BinaryIO) -> None:
        import zstandard

        self._raw, self._new = raw, zstandard.ZstdDecompressor().decompressobj
        self._frame, self._plain = self._new(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._plain:
            packed = self._frame.unused_data if self._frame.eof else b""
            packed = packed or self._raw.read(BLOCK_BYTES)
            if not packed:
                if not self._frame.eof:
                    raise EOFError("a zstd frame ends early")
                return 0
            if self._frame.eof:
                self._frame = self._new()
            self._plain = self._frame.decompress(packed)
        taken, self._plain = self._plain[: len(view)], self._plain[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


OPENERS: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", _Zstd),
)


def cause(error: BaseException) -> str:
    """A foreign error in our words: what happened and what to do."""
    match error:
        case FileNotFoundError():
            return "no such file or folder; check the path"
        case PermissionError():
            return "permission denied; make the file readable"
        case EOFError() | zlib.error() | lzma.LZMAError() | gzip.BadGzipFile():
            return f"the compressed file is cut short or damaged ({error}); download or copy it again"
        case OSError() if error.strerror:
            return f"cannot be read: {error.strerror.lower()}"
        case _:
            return f"cannot be read: {error}"
