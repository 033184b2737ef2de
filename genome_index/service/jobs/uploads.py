"""What callers send: a body -> a checked file of plain text, or a problem that says what is wrong with it.

The name a caller gives is shown and never a path: on the disk a sequence is called after its job.
"""

from __future__ import annotations

import asyncio
import bz2
import gzip
import lzma
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import zstandard

from genome_index.io.atomic import disk_errors, sync
from genome_index.io.compression import LONGEST_MAGIC, READ_ERRORS, ZSTD, ZSTD_SKIPPED, cause
from genome_index.io.reader import GenomePer, file_stem, iter_genomes
from genome_index.records import Failure, Genome
from genome_index.service.jobs.queue import Upload
from genome_index.service.problems import Problem
from genome_index.service.settings import MB, Limits

FOLDER = "uploads"
BLOCK_BYTES = 1 << 16
DRAINED = 4  # times what is taken
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]  # of ASGI
PACKED_BYTES = 1 << 12  # taken at once from a packed stream: 4 kB of zstd can unpack to 130 MB
MOST_MEMORY = 128 * MB  # that unpacking may ask for; what `xz -9` and `zstd -19` make needs less
LONGEST_NAME = 200
UNNAMED = "upload.fasta"
XZ = b"\xfd7zXZ\0"


class Frame(Protocol):
    """A decompressor, as the standard library and zstandard have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def path_of(data: Path, job_id: str) -> Path:
    return data / FOLDER / job_id


def shown_name(name: str | None) -> str:
    """A file name as it may be shown and written into answers: no folder, nothing that cannot be printed.

    >>> shown_name("../../etc/passwd"), shown_name(""), shown_name("my sample.fa.gz")
    ('passwd', 'upload.fasta', 'my sample.fa.gz')
    """
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(letter for letter in last if letter.isprintable()).strip()[:LONGEST_NAME]
    return kept if kept.strip(".") else UNNAMED


def require_room(data: Path, limits: Limits) -> None:
    """Raise Problem 507 where the disk has less left than it must have."""
    free = shutil.disk_usage(data).free
    if free < limits.free_bytes:
        raise Problem(
            507, "disk", "The disk is full",
            f"the service's disk has {free / MB:,.0f} MB left and keeps {limits.free_bytes / MB:,.0f} MB "
            "free; ask whoever runs it to make room, then send this again",
        )  # fmt: skip


async def take(blocks: AsyncIterator[bytes], path: Path) -> None:
    """Write a body as it comes."""
    with disk_errors(path.parent), path.open("wb") as file:
        async for block in blocks:
            file.write(block)


def limited(receive: Receive, limits: Limits) -> Receive:
    """The body of a request, of which no more than is allowed gets through.

    What is too large is read on and thrown away for a while: a caller who is still sending would see a broken
    connection, not the sentence that says why. One who sends slower than a modem is not waited for.
    """
    size = 0
    end = asyncio.get_running_loop().time() + limits.upload_s

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal size
        async with asyncio.timeout_at(end):
            message = await receive()
            size += len(message.get("body", b""))
            if size <= limits.upload_bytes:
                return message
            while message.get("more_body") and size < DRAINED * limits.upload_bytes:
                message = await receive()
                size += len(message.get("body", b""))
        raise too_large(size, limits)

    async def in_time() -> MutableMapping[str, Any]:
        try:
            return await bounded()
        except TimeoutError:
            raise _too_late(limits) from None

    return in_time


def too_large(size: int, limits: Limits) -> Problem:
    return Problem(
        413, "too-large", "The upload is too large",
        f"{size / MB:,.1f} MB were sent, and {limits.upload_bytes / MB:,.0f} MB are taken; compress it, send "
        "fewer genomes at once, or run `gindex query` on them",
    )  # fmt: skip


def checked(
    raw: Path, job_id: str, name: str, per: GenomePer, data: Path, limits: Limits
) -> Upload:  # fmt: skip
    """Unpack what came, see that it is sequence, and put it where the job's worker looks for it.

    Raises
    ------
    Problem
        It is not sequence, damaged, or more than is allowed.
    StorageError
    """
    plain = raw.with_suffix(".plain")
    size, records = _unpack(raw, plain, name, limits)
    genomes, notes = _read(plain, name, per, records)
    final = path_of(data, job_id)
    with disk_errors(final):
        sync(plain)
        os.replace(plain, final)
        sync(final.parent)
    return Upload(job_id, name, size, genomes, notes)


@contextmanager
def receiving(data: Path, job_id: str) -> Iterator[Path]:
    """A file to write a body to; whatever comes of it, nothing but the checked upload stays."""
    raw = path_of(data, f".{job_id}.raw")
    with disk_errors(raw.parent):
        raw.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield raw
    finally:
        for left in (raw, raw.with_suffix(".plain")):
            left.unlink(missing_ok=True)


def _unpack(raw: Path, plain: Path, name: str, limits: Limits) -> tuple[int, int]:
    """Bytes and records of the text in an upload, which is written to `plain`."""
    size = records = 0
    before = b"\n"
    with disk_errors(plain), plain.open("wb") as file:
        for block in _blocks(raw, name):
            size += len(block)
            records += _beginnings(before + block)
            before = block[-1:]
            if size > limits.unpacked_bytes:
                raise _bomb(limits)
            if records > limits.records:
                raise _too_many(limits)
            file.write(block)
    return size, records


def _beginnings(text: bytes) -> int:
    """How many records begin in a text that starts with the byte before it."""
    return sum(text.count(mark) for mark in (b"\n>", b"\nLOCUS ", b"\nID   "))


def _blocks(raw: Path, name: str) -> Iterator[bytes]:
    try:
        with raw.open("rb") as file:
            start = file.read(LONGEST_MAGIC)
            file.seek(0)
            yield from _opened(file, start)
    except (*READ_ERRORS, MemoryError) as error:
        raise unusable(f"{name}: {_cause(error)}") from error


def _opened(file: BinaryIO, start: bytes) -> Iterator[bytes]:
    """The text of a file, a bounded piece at a time, whatever a hostile archive claims to hold."""
    if start.startswith(b"\x1f\x8b"):
        yield from iter(partial(gzip.GzipFile(fileobj=file).read, BLOCK_BYTES), b"")
    elif start.startswith(b"BZh"):
        yield from iter(partial(bz2.BZ2File(file).read, BLOCK_BYTES), b"")
    elif start.startswith(XZ):
        yield from _frames(file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY))
    elif start.startswith((ZSTD, *ZSTD_SKIPPED)):
        limit = 1 << (MOST_MEMORY.bit_length() - 1)
        yield from _frames(file, zstandard.ZstdDecompressor(max_window_size=limit).decompressobj)
    else:
        yield from iter(partial(file.read, BLOCK_BYTES), b"")


def _frames(file: BinaryIO, new_frame: Callable[[], Frame]) -> Iterator[bytes]:
    frame: Frame | None = None
    packed = b""
    while packed := packed or file.read(PACKED_BYTES):
        frame = frame or new_frame()
        yield frame.decompress(packed)
        packed = frame.unused_data
        if frame.eof:
            frame = None
    if frame is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def _cause(error: BaseException) -> str:
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return (
            f"to unpack this takes more than the {MOST_MEMORY / MB:.0f} MB of memory that is allowed; "
            "compress it with gzip, or without --long or --ultra"
        )
    return cause(error)


def genomes_of(path: Path, name: str, per: GenomePer) -> Iterator[Genome | Failure]:
    """The genomes of an upload under the caller's names: the file is called after its job."""
    stem = file_stem(name)
    for found in iter_genomes([path], per):
        own = found.id.replace(path.name, stem, 1) if found.id.startswith(path.name) else found.id
        yield replace(found, id=own, source=name)


def _read(plain: Path, name: str, per: GenomePer, records: int) -> tuple[int, tuple[str, ...]]:
    """How many genomes there are, and what is to be noted; a Problem where not one can be read."""
    failures: list[Failure] = []
    for found in genomes_of(plain, name, per):
        if not isinstance(found, Failure):
            break
        failures.append(found)
    else:
        what = failures[0].reason if failures else "nothing in it; send FASTA or GenBank"
        raise unusable(f"{name}: {what}")
    if per == "record":
        return max(records, len(failures) + 1), ()
    several = "several records, read as one genome (genome_per=record makes each record one)"
    return 1, (f"{name}: {several}",) if records > 1 else ()


def unusable(sentence: str) -> Problem:
    return Problem(422, "input", "This is no sequence that can be read", sentence)


def _too_late(limits: Limits) -> Problem:
    return Problem(
        408, "too-late", "The upload took too long",
        f"it was not complete after {limits.upload_s:,.0f} s; compress it, or send fewer genomes at once",
    )  # fmt: skip


def _bomb(limits: Limits) -> Problem:
    what = (
        f"it unpacks to more than the {limits.unpacked_bytes / MB:,.0f} MB that are taken; send fewer genomes"
    )
    return _beyond("too-large", "The upload unpacks to too much", what)


def _too_many(limits: Limits) -> Problem:
    what = f"it has more than the {limits.records:,} records that are taken; send fewer"
    return _beyond("too-many-records", "The upload has too many records", what)


def _beyond(slug: str, title: str, what: str) -> Problem:
    return Problem(413, slug, title, f"{what} at once, or run `gindex query` on them")
