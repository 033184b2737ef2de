"""Page of a report: one HTML file with its figures, tables and scripts; nothing is loaded from a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

from genome_index.report.verdicts import verdict_name

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from genome_index.report.explanation.sections import Section as ExplanationSection

Cells = Sequence[object]

SCRIPTS = ("page.js", "map.js", "sunburst.js", "draw.js")


@dataclass(frozen=True)
class Table:
    """Rows that a reader can sort, search and page through."""

    columns: tuple[str, ...]
    rows: Sequence[Cells]
    empty: str = "Nothing to list."  # shown in place of a table without rows


@dataclass(frozen=True)
class Figure:
    """A figure as SVG (report/figures/inline.py), for a wide page and for a narrow one."""

    svg: Markup
    text: str  # the figure in words, for screen readers
    cells: Mapping[str, Any] | None = None  # numbers that the script shows at the pointer: heatmap.cells_of


@dataclass(frozen=True)
class Map:
    """Genomes on a plane, in colours that the reader chooses; map.js draws it."""

    data: Mapping[str, Any]
    text: str
    marked: str = ""  # what the stars are


@dataclass(frozen=True)
class Sunburst:
    """A tree of names that opens where the reader clicks; sunburst.js draws it."""

    data: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Query:
    """The answer to one query with its evidence."""

    number: int  # from 1, in the order of the run
    name: str
    verdict: str
    meaning: str  # of the verdict
    answer: str  # the called name with its confidence
    reason: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    hits: Table | None = None
    explanation: Sequence[ExplanationSection] = ()  # the way to the verdict, folded
    windows: Markup | None = None  # figure with its legend
    composition: Mapping[str, str] = field(default_factory=dict)  # theme -> PNG as a data URL


@dataclass(frozen=True)
class Section:
    """A heading, how to read its content, and the content."""

    id: str
    title: str
    about: str
    content: Figure | Map | Sunburst | Table | tuple[Query, ...]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    lead: Sequence[str]  # sentences
    numbers: Sequence[tuple[str, str]]  # headline numbers: label, value
    sections: Sequence[Section]
    made: str  # version, snapshot and taxonomy, in a line
    json: tuple[str, Any] | None = None  # a file to download: name, content


def as_html(page: Page) -> str:
    """The text of the file; names and other texts are escaped, in markup and in JSON."""
    kinds = {section.id: type(section.content).__name__ for section in page.sections}
    data = {key: value for section in page.sections for key, value in _data(section)}
    data |= {"json": page.json[1]} if page.json else {}
    return _template().render(
        page=page, kinds=kinds, data=data, style=_text("page.css"),
        script="".join(map(_text, SCRIPTS)), version=metadata.version("gindex"),
    )  # fmt: skip


def _data(section: Section) -> list[tuple[str, Any]]:
    """Data for the script: id of an element, its data."""
    if not isinstance(section.content, tuple):
        return [(section.id, _drawn(section.content))]
    data: list[tuple[str, Any]] = []
    for query in section.content:
        data += [(f"query-{query.number}-hits", _drawn(query.hits))] if query.hits else []
    return data


def _drawn(content: Figure | Map | Sunburst | Table) -> object:
    if isinstance(content, Figure):
        return {"cells": content.cells}
    if isinstance(content, Map | Sunburst):
        return content.data
    return {"columns": content.columns, "rows": content.rows, "empty": content.empty}


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    rules = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rules.policies["json.dumps_kwargs"] = {"sort_keys": False}  # ranks keep their order, broadest first
    rules.filters |= {"prose": _prose, "verdict_name": verdict_name}
    return rules.from_string(_text("page.html"))


def _prose(sentence: str) -> Markup:
    """The sentence escaped, with text between backticks as code."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in sentence.split("`")]
    shown = (Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(shown)


def _text(name: str) -> str:
    return resources.files("genome_index.report.html").joinpath(name).read_text("utf-8")
