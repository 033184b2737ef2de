"""Escapes of GFF3: characters with a meaning are written as % and two hexadecimal digits.

GFF3 1.26: tab, line ends, % and other controls in all columns; `;`, `=`, `&` and `,` in attributes as well;
in column 1 all but `a-zA-Z0-9.:^*$@!+_?-|`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from genome_index.lab.annotate.files.features import Attributes, attributes_of

IN_CONTIG = ".:^*$@!+_?-|"  # of column 1, unescaped, beside letters and digits
_IN_COLUMNS = re.compile(r"[\x00-\x1f\x7f%]|^ +| +$|^\.$")
_IN_ATTRIBUTES = re.compile(r"[\x00-\x1f\x7f%;=&,]|^ +| +$")
EMPTY = "."


def _escaped(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: "".join(f"%{ord(one):02X}" for one in found[0]), text)


def contig_column(name: str) -> str:
    """A contig's name as column 1 has it.

    >>> contig_column("gi|1"), contig_column(">a b")
    ('gi|1', '%3Ea%20b')
    """
    return quote(name, safe=IN_CONTIG) if name != EMPTY else "%2E"


def text_column(text: str) -> str:
    """A source or a type; a single dot is escaped, because it stands for an unknown value."""
    return _escaped(_IN_COLUMNS, text)


def attribute_column(attributes: Attributes) -> str:
    """Column 9.

    >>> attribute_column((("ID", ("a;b",)), ("Note", ("c, d", "e"))))
    'ID=a%3Bb;Note=c%2C d,e'
    """
    pairs = (
        f"{_escaped(_IN_ATTRIBUTES, name)}={','.join(_escaped(_IN_ATTRIBUTES, value) for value in values)}"
        for name, values in attributes
    )
    return ";".join(pairs) or EMPTY


def unescaped(text: str) -> str:
    """The text of a column; a % without two hexadecimal digits stands for itself."""
    return unquote(text, errors="replace") if "%" in text else text


def attributes_from(column: str, complain: Callable[[str], None]) -> Attributes:
    """The attributes in column 9. Values are split at commas, but for ID, which has one.

    The specification allows several values for five names only; databases use them for others
    (`start_range=.,100` of RefSeq), and what is not escaped was meant to be split.
    """
    pairs: list[tuple[str, list[str]]] = []
    for piece in column.split(";"):
        name, equals, value = piece.strip(" ").partition("=")
        if not equals:
            if name not in ("", EMPTY):
                complain(f"attribute {name!r} has no =, left out; write name=value, and %3B for ; in a value")
            continue
        values = [value] if name == "ID" else value.split(",")
        pairs.append((unescaped(name), [unescaped(each) for each in values]))
    return attributes_of(pairs)
