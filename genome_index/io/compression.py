"""Input bytes: a file, standard input or a pipe, decompressed by its first bytes, whatever its name."""

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
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, cast

import zstandard

from genome_index.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 17  # below the size at which malloc gets fresh pages from the kernel each time
READ_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError)

LONGEST_MAGIC = 14  # bytes that identify a compressed format, of those in OPENERS and BGZF
BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # an empty block
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = tuple(bytes([0x50 + kind]) + b"\x2a\x4d\x18" for kind in range(16))  # pzstd begins with one
LONGEST_ZSTD_WINDOW = 1 << 31  # bytes; `zstd --long=31` of many genomes needs it, 1 << 27 is the default
UNTRUSTED_BYTES = 1 << 12  # decompressed at once of an untrusted file: 4 kB of zstd can become 130 MB


class Frame(Protocol):
    """A decompressor of one frame, as lzma and zstandard have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@contextmanager
def open_stream(path: str, memory_limit: int | None = None) -> Iterator[io.BufferedReader]:
    """Open an input for reading as decompressed bytes.

    Parameters
    ----------
    path : str
        A file, or `-` for standard input.
    memory_limit : int, optional
        Bytes that a decompressor may use, for untrusted files; one that needs more raises LZMAError or
        ZstdError.

    Raises
    ------
    InputError, and those of READ_ERRORS
    """
    with ExitStack() as stack:
        raw = _standard_input() if path == "-" else stack.enter_context(_opened(path))
        start = raw.read(LONGEST_MAGIC)  # not peek, which may return fewer bytes of a pipe
        if raw.seekable():
            raw.seek(-len(start), os.SEEK_CUR)
        else:
            raw = rejoined(start, raw)
        if is_bgzf(start):
            yield stack.enter_context(io.BufferedReader(_Bgzf(raw), BLOCK_BYTES))
            return
        for magic, opener in OPENERS:
            if start.startswith(magic):
                yield stack.enter_context(io.BufferedReader(opener(raw, memory_limit), BLOCK_BYTES))
                return
        yield raw


def rejoined(start: bytes, rest: IO[bytes]) -> io.BufferedReader:
    """The start of a stream and its rest as one stream; closing it leaves `rest` open."""
    blocks = chain([start], iter(partial(rest.read, BLOCK_BYTES), b""))
    return io.BufferedReader(_Blocks(blocks), BLOCK_BYTES)


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise InputError("-", "standard input is closed; give a file, or redirect one with < or |")
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
        self._left = memoryview(b"")  # a view, because slices of a large block would be copies

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        part, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(part)] = part
        return len(part)


def is_bgzf(start: bytes) -> bool:
    """Whether a file starts as bgzip writes it: gzip in blocks, each with the extra field BC."""
    return start.startswith(b"\x1f\x8b\x08\x04") and start[12:14] == b"BC"


class _Remembered(io.RawIOBase):
    """A stream of bytes that remembers the last ones read, as many as BGZF's end-of-file block has."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.last = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        block = self._raw.read(len(view))
        view[: len(block)] = block
        self.last = (self.last + block[-len(BGZF_EOF) :])[-len(BGZF_EOF) :]
        return len(block)


class _Bgzf(io.RawIOBase):
    """Decompressed BGZF; EOFError where the end-of-file block is missing, as gzip does not notice.

    A file that was cut between two blocks is valid gzip. Only the block that bgzip writes last tells it.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._packed = _Remembered(raw)
        self._plain = gzip.GzipFile(fileobj=cast(BinaryIO, io.BufferedReader(self._packed, BLOCK_BYTES)))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        block = self._plain.read1(len(view))
        view[: len(block)] = block
        if not block and len(view) and self._packed.last != BGZF_EOF:
            raise EOFError("BGZF without its end-of-file block")
        return len(block)


def _open_xz(raw: BinaryIO, memory_limit: int | None) -> Any:  # noqa: ANN401  # a raw or a buffered stream
    if memory_limit is None:
        return lzma.LZMAFile(raw)
    new_frame = partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memory_limit)
    return _Blocks(_frames(raw, new_frame, UNTRUSTED_BYTES))


def _open_zstd(raw: BinaryIO, memory_limit: int | None) -> _Blocks:
    window = LONGEST_ZSTD_WINDOW if memory_limit is None else 1 << (memory_limit.bit_length() - 1)
    new_frame = zstandard.ZstdDecompressor(max_window_size=window).decompressobj
    return _Blocks(_frames(raw, new_frame, BLOCK_BYTES if memory_limit is None else UNTRUSTED_BYTES))


def _frames(raw: BinaryIO, new_frame: Callable[[], Frame], block_bytes: int) -> Iterator[bytes]:
    """Decompressed frames; EOFError where the last one is cut short, which zstandard does not report."""
    frame: Frame | None = None
    packed = b""
    while packed := packed or raw.read(block_bytes):
        frame = frame or new_frame()
        yield frame.decompress(packed)
        packed = frame.unused_data  # bytes after the end of the frame
        if frame.eof:
            frame = None
    if frame is not None:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


OPENERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[Any, int | None], Any]], ...] = (
    (b"\x1f\x8b", lambda raw, memory_limit: gzip.GzipFile(fileobj=raw)),
    (b"BZh", lambda raw, memory_limit: bz2.BZ2File(raw)),
    (b"\xfd7zXZ\0", _open_xz),
    ((ZSTD, *ZSTD_SKIPPABLE), _open_zstd),
)


def cause(error: BaseException) -> str:
    """The cause of a read error, one of READ_ERRORS, and its cure, for the end of a sentence."""
    match error:
        case FileNotFoundError():
            return "no such file or folder; check the path"
        case PermissionError():
            return "permission denied; make it readable"
        case EOFError() | zlib.error() | lzma.LZMAError() | zstandard.ZstdError():
            return _damaged(error)
        case OSError() if error.errno is None:  # not of a system call: gzip and bz2 raise it for bad data
            return _damaged(error)
        case OSError() if error.strerror:
            return f"cannot be read: {error.strerror.lower()}"
        case _:
            return f"cannot be read: {error}"


def _damaged(error: BaseException) -> str:
    return f"the compressed file is cut short or damaged ({error}); download or copy it again"
