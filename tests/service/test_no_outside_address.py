"""Reports and pages of the service name no address outside: nothing comes from there or goes there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.fasta import Gindex

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("matplotlib", reason="the extra report is not installed")

from helpers.running_service import Running, wait_until

from genome_index.service.site.rendering import STATIC

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/1999/xhtml"}
ABSOLUTE = re.compile(r"\b(?:https?|wss?|ftp)://[^\s\"'`<>)\\]+")
RELATIVE_TO_SCHEME = re.compile(r"""(?:href|src|action|formaction)\s*=\s*["']?(//[^\s"'>]+)""")
CALLS = ("window.open", "sendBeacon", "WebSocket(", "EventSource(", "importScripts", "plotly")


def outside(text: str, own: str = "") -> set[str]:
    """Addresses outside, and calls that lead there, in the text of a page or script."""
    found = {*ABSOLUTE.findall(text), *RELATIVE_TO_SCHEME.findall(text)}
    calls = {call for call in CALLS if call in text}
    return calls | {url for url in found - NAMESPACES if not (own and url.startswith(own))}


def test_an_address_outside_is_found() -> None:
    assert outside('<a href="//a.example/x">') == {"//a.example/x"}
    assert outside("window.open('https://cloud.plotly.com/newchart')") == {
        "window.open", "plotly", "https://cloud.plotly.com/newchart",
    }  # fmt: skip
    assert outside('<svg xmlns="http://www.w3.org/2000/svg"><a href="/own">') == set()


def test_pages_of_the_service_name_no_address_outside(service: Running, demo: Path) -> None:
    job = service.query((demo / "sample.fasta").read_bytes(), pictures="true")
    pictures = f"/v1/queries/{job['id']}/pictures"
    wait_until(lambda: service.get(pictures).json()["pictures"] == "done", "the figures are drawn")
    paths = [
        "/", "/about", "/login", "/species", "/species/Demobacter%20simulatus", "/genomes", "/nowhere",
        "/genomes/DEMO_0001", job["links"]["page"], job["links"]["report"],
        f"{job['links']['report']}?inline=true", *(f"/static/{name}" for name in STATIC),
    ]  # fmt: skip
    texts = {path: service.get(path, headers={"Accept": "text/html"}).text for path in paths}
    assert all(len(text) > 500 for text in texts.values())
    assert {path: found for path, text in texts.items() if (found := outside(text, service.url))} == {}


@pytest.mark.long
def test_reports_of_the_command_line_name_no_address_outside(
    small_index: Path, demo: Path, tmp_path: Path, gindex: Gindex
) -> None:
    answers = tmp_path / "answers.html"
    query = gindex("query", demo / "sample.fasta", "--index", small_index, "--report", answers)
    report = gindex("report", "--index", small_index, "--out", tmp_path / "report")
    assert (query.exit_code, report.exit_code) == (0, 0)
    pages = [answers, *(tmp_path / "report").rglob("*.html")]
    assert len(pages) >= 2
    assert {page.name: found for page in pages if (found := outside(page.read_text()))} == {}
