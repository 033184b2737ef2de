"""The bytes of an input: a file, standard input or a pipe, unpacked by what its first bytes say."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import zstandard

from genome_index.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 17  # below the size at which malloc asks the kernel for fresh pages each time
READ_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError)

LONGEST_MAGIC = 6  # bytes that tell an archive, of those in OPENERS
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPED = tuple(bytes([0x50 + kind]) + b"\x2a\x4d\x18" for kind in range(16))  # pzstd begins with one
LONGEST_ZSTD_WINDOW = 1 << 31  # bytes; `zstd --long=31` of many genomes asks for it, 1 << 27 is the default


@contextmanager
def open_stream(path: str) -> Iterator[io.BufferedReader]:
    """An input, `-` being standard input, as bytes that are unpacked whatever its name says.

    Raises
    ------
    InputError, and those of READ_ERRORS
    """
    with ExitStack() as stack:
        raw = _standard_input() if path == "-" else stack.enter_context(_opened(path))
        start = raw.read(LONGEST_MAGIC)  # no peek: of a pipe, that may see fewer bytes than will come
        if raw.seekable():
            raw.seek(-len(start), os.SEEK_CUR)
        else:
            raw = rejoined(start, raw)
        for magic, opener in OPENERS:
            if start.startswith(magic):
                yield stack.enter_context(io.BufferedReader(opener(raw), BLOCK_BYTES))
                return
        yield raw


def rejoined(start: bytes, rest: BinaryIO) -> io.BufferedReader:
    """What was read of a stream and what is left of it, as one; to close it leaves `rest` open."""
    blocks = chain([start], iter(partial(rest.read, BLOCK_BYTES), b""))
    return io.BufferedReader(_Blocks(blocks), BLOCK_BYTES)


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise InputError("-", "standard input is closed; give a file, or send one in with < or |")
    return cast(io.BufferedReader, sys.stdin.buffer)


def _opened(path: str) -> io.BufferedReader:
    try:
        return open(path, "rb")
    except ValueError as error:
        raise InputError(path, f"no file can have this path ({error}); check the spelling") from error


class _Blocks(io.RawIOBase):
    """Blocks of bytes, one after the other, as a stream."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._left = memoryview(b"")  # a view: of a block that unpacked to much, each slice would be a copy

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._left:
            following = next(self._blocks, None)
            if following is None:
                return 0
            self._left = memoryview(following)
        taken, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


def _zstd_blocks(raw: BinaryIO) -> Iterator[bytes]:
    """Zstandard frames unpacked; EOFError where the last is cut short, of which the library says nothing."""
    new_frame = zstandard.ZstdDecompressor(max_window_size=LONGEST_ZSTD_WINDOW).decompressobj
    frame: zstandard.ZstdDecompressionObj | None = None
    packed = b""
    while packed := packed or raw.read(BLOCK_BYTES):
        frame = frame or new_frame()
        yield frame.decompress(packed)
        packed = frame.unused_data  # what follows the end of the frame; before it, nothing
        if frame.eof:
            frame = None
    if frame is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


OPENERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
    ((ZSTD, *ZSTD_SKIPPED), lambda raw: _Blocks(_zstd_blocks(raw))),
)


def cause(error: BaseException) -> str:
    """A foreign error in our words: what happened and what to do."""
    match error:
        case FileNotFoundError():
            return "no such file or folder; check the path"
        case PermissionError():
            return "permission denied; make it readable"
        case EOFError() | zlib.error() | lzma.LZMAError() | zstandard.ZstdError():
            return _damaged(error)
        case OSError() if error.errno is None:  # no system call: gzip and bz2 say so of bad data
            return _damaged(error)
        case OSError() if error.strerror:
            return f"cannot be read: {error.strerror.lower()}"
        case _:
            return f"cannot be read: {error}"


def _damaged(error: BaseException) -> str:
    return f"the compressed file is cut short or damaged ({error}); download or copy it again"
