"""Encodings of tables and lists: UTF-8, and UTF-16 as Excel's "Unicode text" and PowerShell write it."""

from __future__ import annotations

import re
from pathlib import Path

UTF_8 = "utf-8-sig"  # with a byte order mark or without
BYTES_THAT_TELL = 64  # of a file without a mark

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),  # before the mark that it begins with
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NUL_BESIDE = (
    (re.compile(rb"(?:[ -~\r\n\t]\0){4}"), "utf-16-le"),
    (re.compile(rb"(?:\0[ -~\r\n\t]){4}"), "utf-16-be"),
)


def encoding_of(start: bytes) -> str:
    r"""The encoding of a text, from its first bytes.

    >>> encoding_of("id".encode("utf-16")), encoding_of(b"id\tgenus"), encoding_of(b"i\0d\0\t\0g\0")
    ('utf-16', 'utf-8-sig', 'utf-16-le')
    """
    by_mark = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), "")
    by_nul = next((encoding for beside, encoding in _NUL_BESIDE if beside.match(start)), "")
    return by_mark or by_nul or UTF_8


def is_utf_16(start: bytes) -> bool:
    """Whether text is in UTF-16 or UTF-32, with a byte order mark or without."""
    return encoding_of(start) != UTF_8


def read_text(path: Path) -> str:
    """A whole text file, without its byte order mark.

    Raises
    ------
    OSError, UnicodeDecodeError
    """
    content = path.read_bytes()
    return content.decode(encoding_of(content[:BYTES_THAT_TELL]))
