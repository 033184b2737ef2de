"""Rendering of templates; every value is escaped, and a missing value is an error."""

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
FOREVER = "public, max-age=31536000, immutable"  # the address has the hash of the content


@dataclass(frozen=True)
class Frame:
    """The frame around every page."""

    version: str
    css: str  # addresses
    js: str
    map: str
    section: str  # address of the section that is shown
    sections: tuple[tuple[str, str], ...]  # address, name; none before the login
    index: str  # the index in a line
    can_log_out: bool


def page(
    service: Service, request: Request, template: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    """A page of the site, for callers with access."""
    can_log_out = service.settings.requires_keys and bool(request.cookies)
    frame = _frame(request, SECTIONS, _index_line(service.index_view.provenance()), can_log_out)
    return HTMLResponse(rendered(template, {**values, "frame": frame}), status)


def bare_page(
    request: Request, template: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    """A page without access; it shows nothing of the index."""
    return HTMLResponse(rendered(template, {**values, "frame": _frame(request, (), "", False)}), status)


def rendered(template: str, values: Mapping[str, object]) -> str:
    return _environment().get_template(template).render(values)


def static(name: str) -> Response:
    return Response(_text(name), media_type=STATIC[name], headers={"Cache-Control": FOREVER})


def _index_line(index: Provenance) -> str:
    return f"index {index.name}, snapshot {index.snapshot:,} ({index.fingerprint})"


def _frame(request: Request, sections: tuple[tuple[str, str], ...], index: str, can_log_out: bool) -> Frame:
    css, js, map_js = (_address(name) for name in STATIC)
    section = "/" + request.url.path.split("/")[1]
    return Frame(metadata.version("gindex"), css, js, map_js, section, sections, index, can_log_out)


@cache
def _address(name: str) -> str:
    return f"/static/{name}?v={hashlib.sha256(_text(name).encode()).hexdigest()[:12]}"


@cache
def _text(name: str) -> str:
    own = resources.files("genome_index.service.site").joinpath(name).read_text("utf-8")
    if name == "map.js":  # the map is drawn by the script of the report
        return resources.files("genome_index.report.html").joinpath(name).read_text("utf-8") + own
    return own


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("genome_index.service.site"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(FILTERS)
    environment.filters["as_json"] = as_json
    return environment
