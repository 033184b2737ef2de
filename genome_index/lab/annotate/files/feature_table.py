"""The feature table of GenBank and EMBL entries: keys, locations and qualifiers as text.

Source: the INSDC feature table definition, 4.1 (columns) and 3.3.3 (quotes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

VALUES = 21  # column from which locations and qualifiers are written; keys begin at column 5
_NOT_FEATURES = ("LOCUS ", "ID   ")


@dataclass
class TableFeature:
    """One entry of a feature table."""

    key: str
    line: int  # 1-based
    texts: list[str] = field(default_factory=list)  # location and qualifiers, line by line

    @property
    def location(self) -> str:
        return "".join(self._location())

    def _location(self) -> Iterator[str]:
        for text in self.texts:
            if text.startswith("/"):
                return
            yield text

    def qualifiers(self) -> Iterator[tuple[str, str]]:
        """Names with their values; a qualifier without value is `true`, as in GFF3 of NCBI."""
        wrapped: list[str] = []
        for text in self.texts[len(list(self._location())) :]:
            is_inside = bool(wrapped) and _joined(wrapped).count('"') % 2 == 1
            if text.startswith("/") and wrapped and not is_inside:
                yield _qualifier(wrapped)
                wrapped = []
            wrapped.append(text)
        if wrapped:
            yield _qualifier(wrapped)


@dataclass
class Table:
    """The features of one record, and what its first line says of its shape."""

    is_circular: bool
    line: int
    features: list[TableFeature] = field(default_factory=list)


def watched(lines: Iterable[str], tables: list[Table]) -> Iterator[str]:
    """The lines as they come; the feature table of each record that begins is added to `tables`."""
    inside = False
    for number, line in enumerate(lines, 1):
        if line.startswith(_NOT_FEATURES):
            tables.append(Table("circular" in line.lower().replace(";", " ").split(), number))
            inside = False
        elif line.startswith(("FEATURES ", "FH ")):
            inside = True
        elif inside or line.startswith("FT"):
            inside = line.startswith(("     ", "FT", "FH", "XX")) and not line.startswith("//")
            if inside and tables and line.startswith(("     ", "FT")):
                _add(line.rstrip("\r\n"), number, tables[-1].features)
        yield line


def _add(line: str, number: int, features: list[TableFeature]) -> None:
    body = line[2:].strip() if line.startswith("FT") else line.strip()
    if line[5:VALUES].strip() and not (body.startswith("/") or line[2:5].strip()):
        key, _, body = body.partition(" ")
        features.append(TableFeature(key, number))
    if features and body.strip():
        features[-1].texts.append(body.strip())


def _joined(wrapped: list[str]) -> str:
    separator = "" if wrapped[0].startswith("/translation") else " "
    return separator.join(wrapped)


def _qualifier(wrapped: list[str]) -> tuple[str, str]:
    name, equals, value = _joined(wrapped).removeprefix("/").partition("=")
    if not equals:
        return name.strip(), "true"
    if value.startswith('"'):
        value = value[1:].removesuffix('"').replace('""', '"')
    return name.strip(), value.strip()
