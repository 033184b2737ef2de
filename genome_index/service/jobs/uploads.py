"""Uploads: the body of a request -> a checked file of plain text, or a problem that names the defect.

The file name of the caller is shown and never used as a path: on the disk a sequence has the id of its job.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from genome_index.io.atomic import disk_errors, sync
from genome_index.io.compression import READ_ERRORS, cause, open_stream
from genome_index.io.inputs import file_stem
from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.records import Failure, Genome
from genome_index.service.jobs.database import FOLDER
from genome_index.service.jobs.private_files import private_file, private_folder
from genome_index.service.jobs.queue import Upload
from genome_index.service.problems import Problem
from genome_index.service.settings import MB, Limits

BLOCK_BYTES = 1 << 16
DRAINED = 4  # times the allowed size, read and dropped
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]  # of ASGI
MOST_MEMORY = 128 * MB  # for unpacking; files of `xz -9` and `zstd -19` need less
LONGEST_NAME = 200
UNNAMED = "upload.fasta"


def path_of(data: Path, job_id: str) -> Path:
    """The file with the sequence of a job or change."""
    return data / FOLDER / job_id


def shown_name(name: str | None) -> str:
    """A file name fit to be shown and written into answers: without folder and unprintable characters.

    >>> shown_name("../../etc/passwd"), shown_name(""), shown_name("my sample.fa.gz")
    ('passwd', 'upload.fasta', 'my sample.fa.gz')
    """
    last = re.split(r"[/\\]", name or "")[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()[:LONGEST_NAME]
    return printable if printable.strip(".") else UNNAMED


def require_room(data: Path, limits: Limits) -> None:
    """Raise Problem 507 if the disk has less free space than the limit."""
    free = shutil.disk_usage(data).free
    if free < limits.free_bytes:
        raise Problem(
            507, "disk", "The disk is full",
            f"the disk of the service has {free / MB:,.0f} MB free, {limits.free_bytes / MB:,.0f} MB are "
            "required; ask the operator of the service to make room, then send the sequence again",
        )  # fmt: skip


async def take(blocks: AsyncIterator[bytes], path: Path) -> None:
    """Write the blocks of a body to a file as they arrive."""
    with disk_errors(path.parent), private_file(path) as file:
        async for block in blocks:
            file.write(block)


def limited(receive: Receive, limits: Limits) -> Receive:
    """The body of a request up to the limits of size and time.

    A body that is too large is read and dropped for a while: otherwise a caller that is still sending would
    see a broken connection instead of the reason.
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
            raise _too_slow(limits) from None

    return in_time


def too_large(size: int, limits: Limits) -> Problem:
    return Problem(
        413, "too-large", "The upload is too large",
        f"{size / MB:,.1f} MB were sent, {limits.upload_bytes / MB:,.0f} MB are allowed; compress the file, "
        "send fewer genomes at once, or run `gindex query` on them",
    )  # fmt: skip


def checked(
    raw: Path, job_id: str, name: str, per: GenomePer, data: Path, limits: Limits
) -> Upload:  # fmt: skip
    """Unpack an upload, check that it is sequence, and move it to the file of its job.

    Raises
    ------
    Problem
        It is not sequence, damaged, or beyond a limit.
    StorageError
    """
    plain = raw.with_suffix(".plain")
    size, records, digest = _unpack(raw, plain, name, limits)
    genomes, notes = _read(plain, name, per, records)
    final = path_of(data, job_id)
    with disk_errors(final):
        sync(plain)
        os.replace(plain, final)
        sync(final.parent)
    return Upload(job_id, name, size, genomes, notes, digest)


@contextmanager
def receiving(data: Path, job_id: str) -> Iterator[Path]:
    """A temporary file for a body; it is deleted at the end, and only the checked upload stays."""
    raw = path_of(data, f".{job_id}.raw")
    with disk_errors(raw.parent):
        private_folder(raw.parent)
    try:
        yield raw
    finally:
        for left in (raw, raw.with_suffix(".plain")):
            left.unlink(missing_ok=True)


def _unpack(raw: Path, plain: Path, name: str, limits: Limits) -> tuple[int, int, str]:
    """Write the text of an upload to `plain`; returns its size in bytes, number of records, and SHA-256."""
    size = records = 0
    digest = hashlib.sha256()
    before = b"\n"
    with disk_errors(plain), private_file(plain) as file:
        for block in _blocks(raw, name):
            size += len(block)
            records += _count_records(before + block)
            before = block[-1:]
            if size > limits.unpacked_bytes:
                raise _bomb(limits)
            if records > limits.records:
                raise _too_many(limits)
            digest.update(block)
            file.write(block)
    return size, records, digest.hexdigest()


def _count_records(text: bytes) -> int:
    """The number of records that begin in a text, whose first byte is the one before the text."""
    return sum(text.count(mark) for mark in (b"\n>", b"\nLOCUS ", b"\nID   "))


def _blocks(raw: Path, name: str) -> Iterator[bytes]:
    try:
        with open_stream(str(raw), MOST_MEMORY) as stream:
            yield from iter(partial(stream.read, BLOCK_BYTES), b"")
    except (*READ_ERRORS, MemoryError) as error:
        raise unusable(f"{name}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return (
            f"unpacking takes more than {MOST_MEMORY / MB:.0f} MB of memory, the limit; compress the file "
            "with gzip, or without --long or --ultra"
        )
    return cause(error)


def genomes_of(path: Path, name: str, per: GenomePer) -> Iterator[Genome | Failure]:
    """The genomes of an upload, named after the file name of the caller instead of the id of the job."""
    stem = file_stem(name)
    for genome in iter_genomes([path], per):
        id_ = genome.id.replace(path.name, stem, 1) if genome.id.startswith(path.name) else genome.id
        yield replace(genome, id=id_, source=name)


def _read(plain: Path, name: str, per: GenomePer, records: int) -> tuple[int, tuple[str, ...]]:
    """The number of genomes and notes for the caller; a Problem if no genome can be read."""
    failures: list[Failure] = []
    for genome in genomes_of(plain, name, per):
        if not isinstance(genome, Failure):
            break
        failures.append(genome)
    else:
        reason = failures[0].reason if failures else "the file has no records; send FASTA or GenBank"
        raise unusable(f"{name}: {reason}")
    if per == "record":
        return max(records, len(failures) + 1), ()
    several = "several records, read as one genome (with genome_per=record each record is a genome)"
    return 1, (f"{name}: {several}",) if records > 1 else ()


def unusable(sentence: str) -> Problem:
    return Problem(422, "input", "The sequence cannot be read", sentence)


def _too_slow(limits: Limits) -> Problem:
    return Problem(
        408, "too-late", "The upload took too long",
        f"it was incomplete after {limits.upload_s:,.0f} s; compress it, or send fewer genomes at once",
    )  # fmt: skip


def _bomb(limits: Limits) -> Problem:
    reason = f"it unpacks to more than {limits.unpacked_bytes / MB:,.0f} MB, the limit; send fewer genomes"
    return _beyond_limit("too-large", "The upload unpacks to too much", reason)


def _too_many(limits: Limits) -> Problem:
    reason = f"it has more than {limits.records:,} records, the limit; send fewer"
    return _beyond_limit("too-many-records", "The upload has too many records", reason)


def _beyond_limit(slug: str, title: str, reason: str) -> Problem:
    return Problem(413, slug, title, f"{reason} at once, or run `gindex query` on them")
