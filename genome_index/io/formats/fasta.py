"""FASTA: contigs of a stream of bytes, one record in memory at a time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from genome_index.io.compression import BLOCK_BYTES
from genome_index.io.ids.record_names import record_name
from genome_index.records import Contig

COMMENT = re.compile(rb"(?<=\n);[^\n]*\n?")  # of FASTP and other old programs


def fasta_contigs(block: bytes, rest: io.BufferedReader, stem: str) -> Iterator[Contig]:
    """The contigs of a FASTA stream, split at each '>' at the start of a line.

    `block` is the first block of the stream, `rest` the stream after it. Records without a name are called
    after the file, `stem`, and numbered. A line ends with LF, CR LF, or CR alone; one that begins with ; is
    a comment.
    """
    number = 0
    block = _without_comments(b"\n", _with_line_feeds(block), rest)
    parts: list[bytes] = []  # of the present record: the first block unchanged, then bases
    last = b"\n"
    while block:
        start, at = 0, block.find(b">")
        while at >= 0:
            if (block[at - 1 : at] or last) == b"\n":  # any other '>' is inside a header
                if number:
                    yield _contig(_longer(parts, block[start:at]), f"{stem}_{number}")
                number, parts, start = number + 1, [], at + 1
            at = block.find(b">", at + 1)
        parts = _longer(parts, block[start:])
        last = block[-1:]
        block = _without_comments(last, _with_line_feeds(rest.read(BLOCK_BYTES)), rest)
    yield _contig(parts, f"{stem}_{number}")


def _with_line_feeds(block: bytes) -> bytes:
    """The block with LF for CR; a CR LF becomes two line ends, of which the empty line means nothing."""
    return block.replace(b"\r", b"\n") if b"\r" in block else block


def _without_comments(last: bytes, block: bytes, rest: io.BufferedReader) -> bytes:
    """The block without comment lines; `last` is the byte before it. Only an empty block becomes empty."""
    if b";" not in block:
        return block
    whole = last + block
    if whole.rpartition(b"\n")[2].startswith(b";"):  # it goes on in the next block
        whole += _with_line_feeds(rest.readline())
    return COMMENT.sub(b"", whole)[1:] or b"\n"


def _longer(parts: list[bytes], more: bytes) -> list[bytes]:
    """The parts with one more; its line ends are removed now, while the block is in the processor's cache."""
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
    return Contig(record_name(header) or unnamed, sequence)
