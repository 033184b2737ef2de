"""Sections -> one HTML file that asks nothing of a network: figures, tables and script are in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects
    from jinja2 import Template
    from markupsafe import Markup

Cells = Sequence[object]


@dataclass(frozen=True)
class Table:
    """Rows that a reader can sort, search and page through."""

    columns: tuple[str, ...]
    rows: Sequence[Cells]
    empty: str = "Nothing to list."  # what is said where there are no rows


@dataclass(frozen=True)
class Figure:
    """A plotly figure as JSON, drawn when it comes into view."""

    json: str
    height: int = 480  # pixels
    says: str = ""  # for those who cannot see it

    @classmethod
    def of(cls, chart: plotly.graph_objects.Figure, says: str = "") -> Figure:
        return cls(chart.to_json(), int(chart.layout.height or cls.height), says)


@dataclass(frozen=True)
class Map:
    """Genomes on a plane, coloured by what the reader chooses: see page/mapped.py."""

    data: Mapping[str, Any]
    says: str = ""


@dataclass(frozen=True)
class Query:
    """One query's answer with its evidence."""

    number: int  # from 1, in the order of the run
    name: str
    verdict: str  # the word
    answer: str  # the name that was called, and how sure that is
    reason: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    hits: Table | None = None
    painting: Figure | None = None
    portrait: Mapping[str, str] = field(default_factory=dict)  # theme -> PNG as a data URL


@dataclass(frozen=True)
class Section:
    """A heading, how to read what is below it, and what is below it."""

    id: str
    title: str
    about: str
    content: Figure | Map | Table | tuple[Query, ...]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    lead: Sequence[str]  # sentences
    numbers: Sequence[tuple[str, str]]  # what stands out: what it is, its value
    sections: Sequence[Section]
    made: str  # what it rests on, in a line
    json: tuple[str, Any] | None = None  # a file that the page offers, and what is in it


def as_html(page: Page) -> str:
    """The file's text. Whatever comes from outside is escaped, in markup and in JSON."""
    from plotly.offline import get_plotlyjs

    kinds = {section.id: type(section.content).__name__ for section in page.sections}
    data = {key: value for section in page.sections for key, value in _data(section)}
    data |= {"json": page.json[1]} if page.json else {}
    return _template().render(
        page=page, kinds=kinds, data=data, style=_text("page.css"), script=_text("page.js"),
        plotly=get_plotlyjs(), version=metadata.version("gindex"),
    )  # fmt: skip


def _data(section: Section) -> list[tuple[str, Any]]:
    """What the script draws: the id of an element, and its data."""
    if not isinstance(section.content, tuple):
        return [(section.id, _drawn(section.content))]
    found: list[tuple[str, Any]] = []
    for query in section.content:
        parts = {"hits": query.hits, "painting": query.painting}
        found += [(f"query-{query.number}-{name}", _drawn(part)) for name, part in parts.items() if part]
    return found


def _drawn(content: Figure | Map | Table) -> object:
    if isinstance(content, Figure):
        return {"figure": json.loads(content.json)}
    if isinstance(content, Map):
        return {"map": content.data}
    return {"columns": content.columns, "rows": content.rows, "empty": content.empty}


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    rules = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rules.policies["json.dumps_kwargs"] = {"sort_keys": False}  # ranks stand from broad to fine
    rules.filters["prose"] = _prose
    return rules.from_string(_text("page.html"))


def _prose(sentence: str) -> Markup:
    """What stands between backticks is code; the rest is escaped."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in sentence.split("`")]
    shown = (Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(shown)


def _text(name: str) -> str:
    return resources.files("genome_index.report.html").joinpath(name).read_text("utf-8")
