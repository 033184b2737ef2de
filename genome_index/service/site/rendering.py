"""Templates -> pages. Whatever comes from outside is escaped, and a value that is missing is an error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from genome_index.service.site.formats import FILTERS
from genome_index.service.site.interface import Service
from genome_index.service.site.map_marks import as_json
from genome_index.service.views.provenance import Provenance

SECTIONS = (("/", "Search"), ("/species", "Species"), ("/genomes", "Genomes"), ("/about", "About"))
STATIC = {
    "site.css": "text/css; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "map.js": "text/javascript; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"  # the address has the content's hash


@dataclass(frozen=True)
class Frame:
    """What surrounds a page."""

    version: str
    css: str  # addresses
    js: str
    map: str
    here: str  # the section that is shown
    sections: tuple[tuple[str, str], ...]  # address, name; none before somebody has logged in
    holds: str  # what the index is, in a line
    can_leave: bool  # whether there is a key to forget


def page(
    service: Service, request: Request, template: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    """A page of the site, for whoever may see it."""
    leave = service.settings.asks_for_keys and bool(request.cookies)
    frame = _frame(request, SECTIONS, _served(service.library.provenance()), leave)
    return HTMLResponse(rendered(template, {**values, "frame": frame}), status)


def bare_page(
    request: Request, template: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    """A page for anybody: it says nothing of the index."""
    return HTMLResponse(rendered(template, {**values, "frame": _frame(request, (), "", False)}), status)


def rendered(template: str, values: Mapping[str, object]) -> str:
    return _environment().get_template(template).render(values)


def static(name: str) -> Response:
    return Response(_text(name), media_type=STATIC[name], headers={"Cache-Control": FOREVER})


def _served(found: Provenance) -> str:
    return f"index {found.name}, snapshot {found.snapshot:,} ({found.fingerprint})"


def _frame(request: Request, sections: tuple[tuple[str, str], ...], holds: str, can_leave: bool) -> Frame:
    css, js, map_js = (_address(name) for name in STATIC)
    here = "/" + request.url.path.split("/")[1]
    return Frame(metadata.version("gindex"), css, js, map_js, here, sections, holds, can_leave)


@cache
def _address(name: str) -> str:
    return f"/static/{name}?v={hashlib.sha256(_text(name).encode()).hexdigest()[:12]}"


@cache
def _text(name: str) -> str:
    return resources.files("genome_index.service.site").joinpath(name).read_text("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("genome_index.service.site"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(FILTERS)
    made.filters["as_json"] = as_json
    return made
