"""Text and names as SQL has them."""

from __future__ import annotations


def literal(value: str) -> str:
    """A text in single quotes.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def pointer(key: str) -> str:
    """A key of a JSON object as a JSON pointer: RFC 6901."""
    return literal("/" + key.replace("~", "~0").replace("/", "~1"))
