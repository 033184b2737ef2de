"""Web page of the service in a real browser, with and without script."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.fasta import WriteFasta

for module in ("fastapi", "jinja2", "httpx", "playwright", "umap"):
    pytest.importorskip(module)

import httpx  # after the skip
from helpers.browser import coloured_share, followed, visited
from helpers.running_service import DEADLINE_S, Running, make_key, wait_until

from genome_index.service.settings import ServeSettings

if TYPE_CHECKING:
    from conftest import ChangingService
    from playwright.sync_api import Browser, Page

SITE = Path(__file__).parents[2] / "genome_index" / "service" / "site"
HOSTILE = "<img/src=x/onerror=alert(1)>&\"'`{{7*7}}"
MOST_SCRIPT = 30_000  # bytes
DEADLINE_MS = 1_000 * DEADLINE_S


@pytest.fixture(scope="module")
def sample(demo: Path) -> Path:
    return demo / "sample.fasta"


@pytest.fixture(scope="module")
def one(service: Running, demo: Path) -> dict:
    """A query answered with a species, with its figures."""
    return _queried(service, (demo / "sample.fasta").read_bytes(), "sample.fasta", pictures=True)


@pytest.fixture(scope="module")
def several(service: Running, demo: Path) -> dict:
    """Answers of several verdicts, and a table of two pages."""
    genomes = [_record(demo / f"{name}.fasta", name) for name in ("sample", "novel", "stranger")]
    repeated = [genomes[number % 3].replace(b">", b">%02d-" % number, 1) for number in range(57)]
    short = b">tooshort\n" + b"ACGT" * 60 + b"\n"
    return _queried(service, b"".join([*repeated, short]), "several.fasta", genome_per="record")


def _queried(service: Running, content: bytes, name: str, **settings: object) -> dict:
    job = service.query(content, name=name, **settings)
    assert job["state"] == "done", job
    return job


def _record(path: Path, name: str) -> bytes:
    """A genome as one record, its contigs joined by N."""
    contigs = re.split(r">.*\n", path.read_text())[1:]
    return f">{name}\n{('N' * 50).join(one.replace(chr(10), '') for one in contigs)}\n".encode()


@pytest.fixture
def page(browser: Browser, service: Running) -> Iterator[Page]:
    with visited(browser, service.url) as found:
        yield found


def _search(page: Page) -> None:
    page.get_by_role("button", name="Search", exact=True).click()


def _answer(page: Page) -> str:
    """The heading of the answer, when it is shown."""
    page.wait_for_selector("article.answer h1", timeout=DEADLINE_MS)
    return page.locator("h1").inner_text()


def _until(page: Page, holds: str) -> None:
    """Wait until an expression holds; the policy of the pages forbids the wait of playwright."""
    wait_until(lambda: page.evaluate(holds), holds)


# -- search form


@pytest.mark.long
def test_a_chosen_file_is_answered(page: Page, service: Running, sample: Path) -> None:
    page.set_input_files("#file", sample)
    assert "sample.fasta, " in page.locator("[data-chosen]").inner_text()
    _search(page)
    assert _answer(page) == "Demobacter simulatus"
    call = service.get(f"/v1{httpx.URL(page.url).path}").json()["result"][0]
    article = page.locator("article").inner_text()
    assert call["reason"] in article
    assert f"Confidence {call['confidence']:.2f}" in article
    assert f"{call['closest']['ani']:.1f} %" in page.locator(".card").first.inner_text()
    assert call["runner_up"]["species"] in page.locator(".card").nth(1).inner_text()


@pytest.mark.long
def test_a_dropped_file_is_chosen_and_answered(page: Page, sample: Path) -> None:
    dropped = page.evaluate_handle(
        """([name, text]) => {
          const all = new DataTransfer();
          all.items.add(new File([text], name));
          return all;
        }""",
        ["dropped.fasta", sample.read_text()],
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    assert page.locator(".veil").is_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    assert not page.locator(".veil").is_visible()
    assert "dropped.fasta" in page.locator("[data-chosen]").inner_text()
    page.keyboard.press("Enter")  # the button has the focus
    assert _answer(page) == "Demobacter simulatus"
    assert "dropped" in page.locator(".kicker").inner_text()


@pytest.mark.parametrize("named", [True, False])
def test_a_pasted_sequence_is_answered_with_and_without_a_name(page: Page, sample: Path, named: bool) -> None:
    text = sample.read_text()
    page.fill("#text", text if named else text.split(">")[1].partition("\n")[2])
    _search(page)
    assert _answer(page).startswith("Demobacter")


@pytest.mark.long
def test_several_files_are_listed_after_a_reload(page: Page, demo: Path) -> None:
    page.set_input_files("#file", [demo / f"{name}.fasta" for name in ("sample", "novel", "stranger")])
    _search(page)
    listed = page.locator("#recent li")
    _until(page, "document.querySelectorAll('#recent li').length === 3")
    _until(
        page,
        "[...document.querySelectorAll('#recent li')].every(one => one.textContent.endsWith('answered'))",
    )
    page.reload()
    assert sorted(listed.locator("a").all_inner_texts()) == ["novel.fasta", "sample.fasta", "stranger.fasta"]
    listed.locator("a", has_text="novel").click()
    assert _answer(page) == "Specimenella"


@pytest.mark.long
def test_settings_reach_the_query(page: Page, service: Running, sample: Path) -> None:
    page.locator("summary", has_text="Options").click()
    page.check("#record")
    page.check("#identical")
    page.fill("#k", "3")
    page.set_input_files("#file", sample)
    _search(page)
    page.wait_for_url("**/queries/*")
    settings = service.get(f"/v1{httpx.URL(page.url).path}").json()["settings"]
    wanted = {"k": 3, "genome_per": "record", "exclude_identical": True, "keep": False, "pictures": True}
    assert settings == wanted


@pytest.mark.long
def test_unreadable_input_is_reported_on_the_form(browser: Browser, service: Running) -> None:
    with visited(browser, service.url, expected=["422"]) as page:
        _search(page)
        assert "There is no sequence" in page.locator("[role=alert]").inner_text()
        page.fill("#text", "this is 1 sentence, no sequence!")
        _search(page)
        _until(page, "document.querySelector('[role=alert]').textContent.includes('pasted.fasta')")
        assert "neither FASTA nor GenBank" in page.locator("[role=alert]").inner_text()
        page.fill("#text", "")
        page.set_input_files("#file", {"name": "e.fa", "mimeType": "text/plain", "buffer": b""})
        _search(page)
        _until(page, "document.querySelector('[role=alert]').textContent.includes('e.fa')")


@pytest.mark.long
def test_progress_is_shown_and_the_answer_appears(page: Page, demo: Path, tmp_path: Path) -> None:
    """Many genomes take seconds; every text of the page meanwhile is recorded."""
    sample = _record(demo / "sample.fasta", "sample")
    records = [sample.replace(b">", b">%04d-" % number, 1) for number in range(150)]
    (tmp_path / "large.fasta").write_bytes(b"".join(records))
    page.add_init_script(
        """addEventListener('DOMContentLoaded', () => {
          const state = document.querySelector('[data-state]');
          const before = () => sessionStorage.getItem('texts') ?? '';
          const note = () => sessionStorage.setItem('texts', `${before()}${state.textContent}|`);
          if (state) { note(); new MutationObserver(note).observe(state, {childList: true}); }
        })"""
    )
    page.locator("summary", has_text="Options").click()
    page.check("#record")
    page.set_input_files("#file", tmp_path / "large.fasta")
    _search(page)
    page.get_by_role("heading", name="Answers").wait_for(timeout=DEADLINE_MS)
    texts = page.evaluate("sessionStorage.getItem('texts')")
    assert re.search(r"Searching: \d+ of 150 answered\.", texts), texts
    assert page.locator("[data-follow]").count() == 0
    assert page.locator(".pages").first.inner_text().startswith("1 to 50 of 150")


# -- without script


@pytest.mark.long
def test_everything_works_without_script(browser: Browser, service: Running, sample: Path) -> None:
    with visited(browser, service.url, script=False) as page:
        page.set_input_files("#file", sample)
        _search(page)
        page.wait_for_selector("article.answer h1", timeout=DEADLINE_MS)  # the waiting page reloads itself
        assert page.locator("h1").inner_text() == "Demobacter simulatus"
        assert "drawn by a script" in page.locator("#map").inner_text()
        assert "The nearest genomes are DEMO_0005" in page.locator("#map").inner_text()
        page.locator("summary", has_text="Delete now").click()
        address = page.url
        page.get_by_role("button", name="Delete permanently").click()
        assert "The query is deleted" in page.locator(".note").inner_text()
        assert httpx.get(address, headers={"accept": "text/html"}).status_code == 404


@pytest.mark.long
def test_a_paste_works_without_script(browser: Browser, service: Running, sample: Path) -> None:
    with visited(browser, service.url, script=False) as page:
        page.fill("#text", sample.read_text())
        _search(page)
        page.wait_for_selector("article.answer h1", timeout=DEADLINE_MS)
        assert page.locator("h1").inner_text() == "Demobacter simulatus"


# -- answers


@pytest.mark.long
def test_hits_sort_by_each_column(browser: Browser, service: Running, one: dict) -> None:
    hits = one["result"][0]["hits"]
    with visited(browser, service.url, one["links"]["page"]) as page:
        ids = page.locator("table td:first-child")
        assert ids.all_inner_texts() == [hit["id"] for hit in hits]
        page.get_by_role("button", name="ANI").click()
        best = [hit["id"] for hit in sorted(hits, key=lambda hit: -(hit["ani"] or 0))]
        assert ids.all_inner_texts() == best
        assert page.locator("th", has_text="ANI").get_attribute("aria-sort") == "descending"
        page.get_by_role("button", name="ANI").click()
        worst = sorted(best, key=lambda id_: next(hit["ani"] or 101 for hit in hits if hit["id"] == id_))
        assert ids.all_inner_texts() == worst
        page.get_by_role("button", name="Hit").click()
        assert ids.all_inner_texts() == sorted(best)
        assert page.locator("th", has_text="ANI").get_attribute("aria-sort") == "none"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["TSV", "JSON", "HTML report"])
def test_answers_can_be_downloaded(browser: Browser, service: Running, one: dict, kind: str) -> None:
    with visited(browser, service.url, one["links"]["page"]) as page:
        with page.expect_download(timeout=DEADLINE_MS) as coming:
            page.get_by_role("link", name=kind, exact=True).click()
        content = Path(coming.value.path()).read_text()
    if kind == "HTML report":
        assert content.startswith("<!doctype html>")
        assert "Demobacter simulatus" in content
    else:
        assert content == service.get(f"{one['links']['calls']}?format={kind.lower()}").text
        assert "Demobacter simulatus" in content


@pytest.mark.long
def test_a_link_shows_the_same_to_another_reader(browser: Browser, service: Running, one: dict) -> None:
    with visited(browser, service.url, one["links"]["page"]) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy the link").click()
        _until(page, "document.querySelector('[data-copied]').textContent === 'Copied.'")
        link = page.evaluate("navigator.clipboard.readText()")
        shown = page.locator("article").inner_text()
    with visited(browser, service.url, link.removeprefix(service.url)) as page:
        assert page.locator("article").inner_text()[:400] == shown[:400]


@pytest.mark.long
def test_figures_appear_when_they_are_drawn(browser: Browser, service: Running, sample: Path) -> None:
    job = service.query(sample.read_bytes(), pictures="true", name="p.fa")
    with visited(browser, service.url, job["links"]["page"]) as page:
        page.wait_for_selector(".composition img", timeout=DEADLINE_MS)
        image = page.locator(".composition img")
        image.scroll_into_view_if_needed()
        _until(page, "document.querySelector('.composition img').naturalWidth > 300")
        [windows] = service.get(f"/v1/queries/{job['id']}/pictures").json()["windows"]
        assert page.locator("svg.windows rect").count() == len(windows["windows"])
        assert coloured_share(page.locator("svg.windows")) > 0.05
        assert "Demobacter" in page.locator("#figures .legend").inner_text()


@pytest.mark.long
def test_the_map_marks_the_query_among_its_hits(browser: Browser, service: Running, one: dict) -> None:
    """At the mean of the places of its hits, with the weights of `gindex query --report`."""
    mapped = _map(service)
    places = {id_: (x, y) for id_, x, y in zip(mapped["ids"], mapped["x"], mapped["y"], strict=True)}
    hits = [(places[hit["id"]], max(0, hit["similarity"]) ** 4 + 1e-6) for hit in one["result"][0]["hits"]]
    total = sum(weight for _, weight in hits)
    expected = [sum(at[axis] * weight for at, weight in hits) / total for axis in (0, 1)]
    with visited(browser, service.url, one["links"]["page"]) as page:
        page.wait_for_selector(".map canvas", timeout=DEADLINE_MS)
        [mark] = json.loads(page.locator("#map").get_attribute("data-marks"))
        assert mark["at"] == pytest.approx(expected, abs=2e-3)
        assert mark["hits"] == [hit["id"] for hit in one["result"][0]["hits"]]


@pytest.mark.long
def test_the_map_is_coloured_hovered_and_enlarged(browser: Browser, service: Running, one: dict) -> None:
    mapped = _map(service)
    with visited(browser, service.url, one["links"]["page"]) as page:
        page.wait_for_selector(".map canvas", timeout=DEADLINE_MS)
        canvas = page.locator(".map canvas")
        canvas.scroll_into_view_if_needed()
        assert coloured_share(canvas) > 0.002
        page.get_by_label("Colour by").select_option("genus")
        assert page.locator("#map .legend").inner_text().count("(") == len(mapped["levels"]["genus"]["names"])
        page.get_by_role("button", name="Around this query").click()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        found = {_tip(page, box, x / 20, y / 20) for x in range(1, 20) for y in range(1, 20)} - {""}
        ids = {text.split("\n")[0] for text in found}
        assert ids & set(mapped["ids"])
        [mark] = json.loads(page.locator("#map").get_attribute("data-marks"))
        assert _tip(page, box, *_place_around(mark, mapped)).split("\n")[0] == "sample"
        page.keyboard.press("Escape")
        assert not page.locator(".tip").is_visible()


def _place_around(mark: dict, mapped: dict) -> tuple[float, float]:
    """The place of a mark, as shares of width and height, on the map enlarged around it and its hits."""
    rows = [mapped["ids"].index(name) for name in mark["hits"]]
    shares = []
    for axis, at in zip("xy", mark["at"], strict=True):
        all_ = mapped[axis]
        shown = [at, *(all_[row] for row in rows)]
        half = max((max(shown) - min(shown)) * 1.1, (max(all_) - min(all_)) * 0.02)
        middle = (min(shown) + max(shown)) / 2
        shares.append((at - middle + half) / (2 * half))
    return shares[0], 1 - shares[1]


def _tip(page: Page, box: dict, x: float, y: float) -> str:
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    tip = page.locator(".tip")
    return tip.inner_text() if tip.is_visible() else ""


def _map(service: Running) -> dict:
    wait_until(lambda: service.get("/v1/map").status_code != 503, "the map is made")
    return service.get("/v1/map").json()


@pytest.mark.long
def test_several_answers_have_a_table_and_a_page_each(
    browser: Browser, service: Running, several: dict
) -> None:
    calls = several["result"]
    with visited(browser, service.url, several["links"]["page"]) as page:
        rows = page.locator("table tbody tr")
        assert rows.count() == 50
        assert page.locator(".verdicts").inner_text().split() == [
            "species", "19", "genus", "19", "novel", "19", "failed", "quality", "control", "1",
        ]  # fmt: skip
        followed(page.get_by_role("link", name="Next"))
        assert rows.count() == 8
        followed(page.get_by_role("link", name="tooshort"))
        assert page.locator("h1").inner_text() == "Failed quality control"
        assert calls[57]["reason"] in page.locator("article").inner_text()
        followed(page.get_by_role("link", name="Previous"))
        assert calls[56]["reason"] in page.locator("article").inner_text()
        followed(page.get_by_role("link", name="All 58 answers"))
        assert rows.count() == 50


# -- the collection


@pytest.mark.long
def test_species_and_genomes_are_found_and_linked(page: Page, service: Running) -> None:
    followed(page.get_by_role("link", name="Species", exact=True))
    page.get_by_label("Part of a name").fill("simulatus")
    page.keyboard.press("Enter")
    followed(page.get_by_role("link", name="Demobacter simulatus"))
    record = service.get("/v1/species/Demobacter%20simulatus").json()
    main = page.locator("main").inner_text()
    assert record["threshold"]["text"] in main
    assert record["neighbours"][0]["name"] in main
    page.locator(".composition img").scroll_into_view_if_needed()
    _until(page, "document.querySelector('.composition img').naturalWidth > 300")
    followed(page.get_by_role("link", name=record["members"][0]["id"], exact=True).first)
    assert page.locator("h1").inner_text() == record["members"][0]["id"]
    followed(page.locator(".lineage").get_by_role("link", name="Demobacter", exact=True))
    assert "of the genus Demobacter" in page.locator("main").inner_text()


@pytest.mark.parametrize("sweep", [False, pytest.param(True, marks=pytest.mark.long)])
def test_every_link_works(service: Running, one: dict, several: dict, sweep: bool) -> None:
    """Every address on a page of each kind is served."""
    seen: set[str] = set()
    for path in _pages(one, several) if sweep else ["/", "/about", "/genomes/DEMO_0001"]:
        text = service.get(path, headers={"accept": "text/html"}).text
        seen |= {found.replace("&amp;", "&") for found in re.findall(r'(?:href|src)="(/[^"]*)"', text)}
    assert len(seen) > (50 if sweep else 15)
    wrong = {path: code for path in sorted(seen) if (code := service.get(path).status_code) != 200}
    assert wrong == {}


def _pages(one: dict, several: dict) -> list[str]:
    return [
        "/", "/about", "/species", "/species?search=simul", "/species/Demobacter%20simulatus", "/genomes",
        "/genomes?rank=genus&name=Demobacter", "/genomes/DEMO_0001", "/login", one["links"]["page"],
        several["links"]["page"], f"{several['links']['page']}/2", f"{several['links']['page']}/3",
        f"{several['links']['page']}/58",
    ]  # fmt: skip


def _swept(one: dict, several: dict, all_pages: bool) -> list[str]:
    """The pages of a sweep: all kinds, or those with most content."""
    if all_pages:
        return [*_pages(one, several), "/queries/notthere"]
    return ["/", "/species/Demobacter%20simulatus", one["links"]["page"], several["links"]["page"]]


@pytest.mark.long
def test_wrong_addresses_are_pages_with_advice(browser: Browser, service: Running) -> None:
    for path, sentence in [
        ("/queries/notthere", "send the sequence again"),
        ("/species/Demobacter%20simulatux", "Demobacter simulatus"),
        ("/genomes/DEMO_9999", "DEMO_"),
        ("/nowhere", "nothing at this path"),
        ("/genomes?rank=genus&name=Nothing", "Nothing"),
        ("/species?page=0", "Page: Input should be"),
    ]:
        with visited(browser, service.url, path, expected=["404", "422"]) as page:
            assert sentence in page.locator("main .lead").inner_text(), path
            followed(page.get_by_role("link", name="New query"))
            page.locator("#search-form").wait_for(timeout=DEADLINE_MS)


# -- hostile names, keyboard, small screens, accessibility


@pytest.mark.long
def test_hostile_names_are_shown_as_text(browser: Browser, service: Running, demo: Path) -> None:
    genome = _record(demo / "sample.fasta", "x").decode().split("\n", 1)[1]
    content = f">{HOSTILE}\n{genome}>{'N' * 300}\n{genome}".encode()
    job = _queried(service, content, f"{HOSTILE}.fasta", genome_per="record", pictures=True)
    with visited(browser, service.url, job["links"]["page"], width=390) as page:
        assert page.locator("h1").inner_text() == f"{HOSTILE}.fasta".split("/")[-1]
        assert page.locator("table").inner_text().count(HOSTILE) == 1
        assert "49" not in page.locator("table").inner_text().split(HOSTILE)[0]
        page.wait_for_selector(".map canvas", timeout=DEADLINE_MS)
        assert _overflow(page) == 0
        followed(page.get_by_role("link", name=HOSTILE))
        assert HOSTILE in page.locator(".kicker").inner_text()
        page.wait_for_selector("svg.windows", timeout=DEADLINE_MS)
        assert _overflow(page) == 0
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.long
def test_a_query_works_with_the_keyboard_only(page: Page, sample: Path) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.insert_text(sample.read_text())
    while page.evaluate("document.activeElement.className") != "main":
        page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert _answer(page) == "Demobacter simulatus"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Similarity":
            break
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort=descending]").inner_text().strip() == "Similarity"


@pytest.mark.long
@pytest.mark.parametrize(
    ("width", "sweep"),
    [(390, False), *((width, True) for width in (320, 390, 820, 1400))],
)
def test_no_text_is_cut_off_or_overlaps(
    browser: Browser, service: Running, one: dict, several: dict, width: int, sweep: bool
) -> None:
    for path in _swept(one, several, sweep):
        with visited(browser, service.url, path, width, expected=["404"]) as page:
            if page.locator("[data-map]").count():
                page.wait_for_selector(".map canvas", timeout=DEADLINE_MS)
            page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
            assert _overflow(page) == 0, path
            assert page.evaluate(OVERLAPS) == [], path
            assert page.evaluate(CUT) == [], path


@pytest.mark.long
def test_overlaps_and_cuts_would_be_found(page: Page) -> None:
    page.evaluate("document.querySelector('h1').style.marginBottom = '-30px'")
    assert page.evaluate(OVERLAPS)
    page.evaluate("document.querySelector('h1').style.cssText = 'overflow: hidden; width: 60px; height: 1em'")
    assert page.evaluate(CUT)
    page.evaluate("document.querySelector('h1').style.cssText = 'width: 3000px'")
    assert _overflow(page) > 0


def _overflow(page: Page) -> int:
    """Pixels by which a page is wider than its screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


# Pairs of lines of text that overlap by more than two pixels.
OVERLAPS = """() => {
  const lines = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility()) continue;
    if (parent.closest('.skip, .tip, title, desc')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = node.data.trim().slice(0, 40);
    for (const box of range.getClientRects()) if (box.width > 2) lines.push({box, text});
  }
  const least = 3, found = [];
  lines.forEach((a, at) => lines.slice(at + 1).forEach((b) => {
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (wide > least && high > 0.3 * Math.min(a.box.height, b.box.height)) found.push([a.text, b.text]);
  }));
  return found;
}"""

# Elements whose text does not fit, and that cannot be scrolled.
CUT = """() => [...document.querySelectorAll('main *')].filter((one) => {
  const style = getComputedStyle(one);
  return one.checkVisibility() && one.textContent.trim() && !one.closest('svg') &&
    !one.matches('textarea, select, .map') && ['hidden', 'clip'].includes(style.overflowX) &&
    (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map((one) => one.textContent.trim().slice(0, 40))"""


LONG = pytest.mark.long


@pytest.mark.long
@pytest.mark.parametrize(
    ("scheme", "width", "sweep"),
    [
        ("dark", 390, False),
        pytest.param("light", 1200, True, marks=LONG),
        pytest.param("dark", 390, True, marks=LONG),
    ],
)
def test_pages_are_accessible(
    browser: Browser, service: Running, one: dict, several: dict, scheme: str, width: int, sweep: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for path in _swept(one, several, sweep):
        with visited(browser, service.url, path, width, scheme, expected=["404"]) as page:
            if page.locator("[data-map]").count():
                page.wait_for_selector(".map canvas", timeout=DEADLINE_MS)
            page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
            found = axe.run(page)
            assert found.violations_count == 0, (path, found.generate_report())


@pytest.mark.long
def test_scrolling_regions_have_focus_and_a_name(service: Running, one: dict, several: dict) -> None:
    texts = [service.get(path).text for path in _pages(one, several)]
    scrolling = [found for text in texts for found in re.findall(r'<div class="scroll"[^>]*>', text)]
    assert len(scrolling) > 10
    for found in scrolling:
        assert re.search(r'tabindex="0" role="region" aria-label="[^"]+"', found), found


@pytest.mark.long
def test_headings_step_down_one_by_one(service: Running, one: dict, several: dict) -> None:
    for path in _pages(one, several):
        levels = [int(found) for found in re.findall(r"<h([1-6])", service.get(path).text)]
        assert levels[0] == 1
        assert levels.count(1) == 1, path
        assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False)), path


@pytest.mark.long
def test_print_shows_the_answer_without_buttons(browser: Browser, service: Running, one: dict) -> None:
    with visited(browser, service.url, one["links"]["page"]) as page:
        page.emulate_media(media="print")
        assert page.locator("h1").is_visible()
        assert page.locator("table").first.is_visible()
        for hidden in ("header", ".actions"):
            assert not page.locator(hidden).first.is_visible()


# -- what is sent


@pytest.mark.long
def test_scripts_are_small_and_cached(service: Running) -> None:
    assert sum(path.stat().st_size for path in SITE.glob("*.js")) < MOST_SCRIPT
    text = service.get("/").text
    for address in re.findall(r'"(/static/[^"]+)"', text):
        answer = service.get(address)
        assert "immutable" in answer.headers["cache-control"]
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
    assert service.get("/static/../service.py").status_code == 404
    assert "<script>" not in text
    assert "style=" not in text


@pytest.mark.long
def test_login_and_logout(browser: Browser, changing_service: ChangingService, sample: Path) -> None:
    service = changing_service.service
    key = make_key(service.data, "reader")
    with visited(browser, service.url, "/species?search=sim", expected=["401"]) as page:
        assert page.url.startswith(f"{service.url}/login")
        assert page.locator("nav").count() == 0
        assert "DEMO" not in page.content()
        page.get_by_label("Key").fill("gx_wrong")
        page.get_by_role("button", name="Log in").click()
        assert "not known" in page.locator("[role=alert]").inner_text()
        page.get_by_label("Key").fill(key)
        page.keyboard.press("Enter")
        page.wait_for_selector("table")
        assert page.url == f"{service.url}/species?search=sim"
        page.goto("/")
        page.set_input_files("#file", sample)
        _search(page)
        [call] = service.query(sample.read_bytes(), {"X-API-Key": key})["result"]  # other tests add genomes
        assert _answer(page) == (call["name"] or call["verdict"].capitalize())
        page.get_by_role("button", name="Log out").click()
        assert page.url == f"{service.url}/login"
        page.goto("/genomes")
        assert page.url.startswith(f"{service.url}/login")


@pytest.mark.long
def test_a_cancelled_query_is_deleted(page: Page, demo: Path, tmp_path: Path) -> None:
    sample = _record(demo / "sample.fasta", "sample")
    (tmp_path / "large.fasta").write_bytes(
        b"".join(sample.replace(b">", b">%04d-" % at, 1) for at in range(300))
    )
    page.locator("summary", has_text="Options").click()
    page.check("#record")
    page.set_input_files("#file", tmp_path / "large.fasta")
    _search(page)
    page.wait_for_url("**/queries/*", timeout=DEADLINE_MS)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector("text=The query is deleted", timeout=DEADLINE_MS)


@pytest.mark.long
def test_a_file_that_is_too_large_is_reported_before_it_is_sent(
    browser: Browser, service: Running, tmp_path: Path
) -> None:
    with (tmp_path / "large.fasta").open("wb") as file:
        file.truncate(101_000_000)
    with visited(browser, service.url) as page:
        page.set_input_files("#file", tmp_path / "large.fasta")
        assert "large.fasta has 101 MB, 100 MB are allowed" in page.locator("[role=alert]").inner_text()


@pytest.mark.long
def test_a_failed_query_shows_the_reason(browser: Browser, service: Running, sample: Path) -> None:
    job = service.query(sample.read_bytes())
    database = sqlite3.connect(service.data / "service.sqlite", timeout=60)
    with closing(database), database:
        failed = ("failed", "this took longer than 1 s; run `gindex query` on it", job["id"])
        database.execute("UPDATE jobs SET state = ?, problem = ? WHERE id = ?", failed)
    job = service.finished(job["id"])
    with visited(browser, service.url, job["links"]["page"]) as page:
        assert page.locator("h1").inner_text() == "The query failed"
        assert job["problem"][1:].split("`")[0] in page.locator(".lead").inner_text()
        followed(page.get_by_role("link", name="New query"))
        page.locator("#search-form").wait_for(timeout=DEADLINE_MS)


@contextmanager
def without_workers(settings: ServeSettings) -> Iterator[str]:
    """The address of a service in this process, which shows pages and answers no query."""
    import uvicorn

    from genome_index.service.app import make_app

    app = make_app(settings)
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, "the server listens")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    app.state.service.render_pool.close()
    server.should_exit = True
    thread.join()
    app.state.service.close()


@pytest.mark.long
def test_hostile_names_of_the_index_are_shown_as_text(
    browser: Browser, write_fasta: WriteFasta, demo: Path, tmp_path: Path
) -> None:
    """Of an index with a hostile species, id and label."""
    from genome_index import build_index

    genome = _record(demo / "sample.fasta", "x").decode().split("\n", 1)[1].replace("\n", "")
    fasta = write_fasta("in.fasta", {"one": genome, "two": genome[::-1]})
    table = tmp_path / "names.tsv"
    table.write_text(
        f"genome_id\tgenus\tspecies\thost\none\tG\t{HOSTILE} alba\t{HOSTILE}\ntwo\tH\tH {'x' * 200}\t-\n"
    )
    build_index([fasta], tmp_path / "index", table, per="record")
    with without_workers(ServeSettings(tmp_path / "index", tmp_path / "data")) as url:
        for path in ("/species", "/genomes", "/genomes/one", "/genomes/two"):
            with visited(browser, url, path, width=390) as page:
                assert _overflow(page) == 0
        with visited(browser, url, "/species") as page:
            followed(page.get_by_role("link", name=f"{HOSTILE} alba"))
            assert page.locator("h1").inner_text() == f"{HOSTILE} alba"
            assert page.locator("img[src=x]").count() == 0
