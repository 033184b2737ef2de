"""Names of FASTA records: the first word of the header, or all of it where names have blanks."""

from __future__ import annotations

import re

# Isolates of GISAID and of influenza: type, host, place, number, year.
_ISOLATE = re.compile(rb"[A-Za-z][\w-]*(?:/[^/|]+){2,}/(?:\d{4}|\d\d)(?!\d)")
_GISAID_ID = re.compile(rb"\bEPI(?:_ISL_)?\d+\b")


def record_name(header: bytes) -> str:
    """The name in a header, without its `>`; empty if there is none.

    >>> record_name(b"NC_000913.3 Escherichia coli str. K-12"), record_name(b" ")
    ('NC_000913.3', '')
    >>> record_name(b"A/mute swan/Austria/1/2023|EPI_ISL_1|PB2")
    'A/mute swan/Austria/1/2023|EPI_ISL_1|PB2'
    """
    words = header.split(None, 1)
    if len(words) > 1 and _is_whole(header, len(words[0])):
        return header.split(b"\t", 1)[0].strip().decode("utf-8", "replace")
    return words[0].decode("utf-8", "replace") if words else ""


def _is_whole(header: bytes, first_bytes: int) -> bool:
    """Whether a blank after so many bytes does not end the name."""
    isolate = _ISOLATE.match(header) if b"/" in header else None
    if isolate and first_bytes < isolate.end():
        return True
    return b"|" in header and _GISAID_ID.search(header) is not None
