"""FASTA: a stream of bytes to contigs, one record in memory at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator

from genome_index.io.compression import BLOCK_BYTES
from genome_index.records import Contig


def fasta_contigs(block: bytes, rest: io.BufferedReader, stem: str) -> Iterator[Contig]:
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
