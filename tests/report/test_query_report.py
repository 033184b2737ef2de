"""Stored answers of a query give the same call, windows and report as the original ones."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import pytest
from helpers.fasta import WriteFasta
from hypothesis import given, settings
from hypothesis import strategies as st

for module in ("jinja2", "matplotlib", "umap"):
    pytest.importorskip(module)

from helpers.browser import opened  # after the skip

from genome_index import ChangeSettings, Index, build_index, query_index
from genome_index.classify.query import answer
from genome_index.classify.settings import QuerySettings
from genome_index.collection.map import map_of
from genome_index.index.calibration.hits import KMER_FLOOR
from genome_index.index.changes import remove
from genome_index.index.info import provenance
from genome_index.io.reader import iter_genomes
from genome_index.records import Call, Component, Evidence, Failure, Hit, Lineage
from genome_index.report.calls import as_json, as_jsonl, as_tsv, call_json, call_of
from genome_index.report.figures.genome.windows import NOTHING, GenomeWindows, Window, nearest_windows
from genome_index.report.figures.genome.windows_figure import legend_of
from genome_index.report.figures.style import PALETTE, THEMES
from genome_index.report.html import texts
from genome_index.report.html.query_page import Answered, query_page
from genome_index.report.html.windows import MOST_ENDS, fill, ticks, windows_svg
from genome_index.service.figures.query_figures import (
    QueryFigures,
    draw,
    report_html,
    stored_figures,
    windows_json,
    windows_of,
)
from genome_index.service.jobs.database import connect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&\"'\x00"
SVG = "{http://www.w3.org/2000/svg}"
CALL_SCHEMA = json.loads(
    (resources.files("genome_index.report") / "schemas" / "call.schema.json").read_text()
)
MADE_BY = {"snapshot": 1, "index_fingerprint": "0" * 12, "gindex_version": "0", "taxonomy_release": None}


@pytest.fixture(scope="module")
def calls(demo: Path, demo_index: Path, six_genomes: list[Path], tmp_path_factory: pytest.TempPathFactory):
    """Real calls of every verdict that there is reason for in the demo collection."""
    folder = tmp_path_factory.mktemp("queries")
    bases = "".join(random.Random(3).choices("ACGT", k=6_000))
    (folder / "random.fa").write_text(f">random\n{bases}\n")
    (folder / "short.fa").write_text(">short\nACGT\n")
    (folder / "broken.fa").write_text("no FASTA\n")
    gap = "N" * 6_000
    (folder / "gap.fa").write_text((demo / "sample.fasta").read_text() + f">gap\n{gap}\n")
    queries = [*(demo / name for name in ("sample.fasta", "novel.fasta", "stranger.fasta")), folder]
    index = Index.open(demo_index)
    settings = QuerySettings(exclude_identical=True)
    others = list(query_index(index, [demo / "genomes"], settings=settings))
    duplicate = folder / "DEMO_copy.fa.gz"
    duplicate.write_bytes(six_genomes[0].read_bytes())
    labels = (demo / "taxonomy.tsv").read_text()
    own = next(line for line in labels.splitlines() if line.startswith(f"{six_genomes[0].name[:9]}\t"))
    taxonomy = labels + own.replace("DEMO_0001", "DEMO_copy").replace(
        "Demobacter fictus", "Demobacter gemellus"
    )
    (folder / "taxonomy.tsv").write_text(taxonomy)
    build_index([*six_genomes, duplicate], folder / "duplicates", folder / "taxonomy.tsv")
    duplicate.unlink()
    (folder / "taxonomy.tsv").unlink()
    pair = list(query_index(folder / "duplicates", six_genomes[:1]))
    return [*query_index(index, queries), *others, *pair]


def test_calls_of_every_kind_come_back_from_json(calls: list[Call]) -> None:
    verdicts = {call.verdict for call in calls}
    assert verdicts >= {"species", "genus", "novel", "ambiguous", "out_of_scope", "qc_fail", "failed"}
    assert any(call.labels for call in calls)
    assert any(call.warnings for call in calls)
    for call in calls:
        assert_comes_back(call)


numbers = st.floats(0, 1, allow_subnormal=False)
percents = st.none() | st.floats(0, 100)
text = st.text(max_size=5)
maybe = st.none() | text
lineages = st.builds(Lineage, st.dictionaries(st.sampled_from(("genus", "species")), text))
evidence = st.builds(Evidence, percents, percents, percents, st.none() | text)
hits = st.builds(Hit, text, lineages, st.dictionaries(text, text), st.floats(-1, 1), numbers, evidence)
components = st.builds(Component, text, st.sampled_from(("species", "genus")), numbers, numbers)
any_calls = st.builds(
    Call, text, text, st.integers(0, 10**10), st.just("species"), text, maybe, maybe, lineages,
    st.none() | numbers, st.none() | hits, st.none() | hits, maybe,
    st.lists(text).map(tuple), st.dictionaries(text, st.tuples(text, numbers)),
    st.lists(hits, max_size=2).map(tuple), st.lists(text, max_size=2).map(tuple),
    st.lists(components, max_size=2).map(tuple), st.none() | numbers,
)  # fmt: skip


@given(any_calls)
@settings(deadline=None)
def test_any_call_comes_back_from_json(call: Call) -> None:
    assert_comes_back(call)


def assert_comes_back(call: Call) -> None:
    """All that is written of a call is the same of the call that its JSON tells of."""
    known = json.loads(json.dumps(call_json(call, MADE_BY)))
    found = call_of(known)
    assert call_json(found, MADE_BY) == known
    for written in (as_tsv, as_json, as_jsonl):
        assert "".join(written([found], MADE_BY)) == "".join(written([call], MADE_BY))
    assert call_of(call_json(found, MADE_BY)) == found


MIXED = Call(
    "q", "q.fa", 900, "qc_fail", "A mixture.",
    components=(Component("B b", "species", 0.30049, 0.98765), Component("C", "genus", 0.024, 0.9)),
    unexplained=0.12345,
)  # fmt: skip


def test_components_and_the_unexplained_share_are_in_json_and_in_the_last_columns() -> None:
    known = call_json(MIXED, MADE_BY)
    assert known["components"] == [
        {"name": "B b", "rank": "species", "share": 0.3, "identity": 0.9877},
        {"name": "C", "rank": "genus", "share": 0.024, "identity": 0.9},
    ]
    assert known["unexplained"] == 0.123
    header, row = "".join(as_tsv([MIXED], MADE_BY)).splitlines()
    assert header.split("\t")[-3:] == ["source", "components", "unexplained"]
    assert row.split("\t")[-3:] == ["q.fa", "30.0% B b; 2.4% C", "0.123"]
    none = "".join(as_tsv([replace(MIXED, components=(), unexplained=None)], MADE_BY)).splitlines()[1]
    assert none.split("\t")[-3:] == ["q.fa", "", ""]


def test_stored_calls_of_an_older_gindex_have_no_components() -> None:
    known = call_json(MIXED, MADE_BY)
    old = {name: value for name, value in known.items() if name not in ("components", "unexplained")}
    jsonschema.validate(old, CALL_SCHEMA)
    jsonschema.validate(known, CALL_SCHEMA)
    assert call_of(old) == replace(call_of(known), components=(), unexplained=None)
    assert call_json(call_of(old), MADE_BY) == {**known, "components": [], "unexplained": None}


@pytest.mark.parametrize(
    "wrong", [{"name": "B b"}, {"name": "B", "rank": "family", "share": 0.3, "identity": 0.9}]
)
def test_the_schema_knows_what_a_component_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**call_json(MIXED, MADE_BY), "components": [wrong]}, CALL_SCHEMA)


# -- what is kept --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def windows(demo: Path, demo_index: Path) -> list[GenomeWindows]:
    index = Index.open(demo_index)
    inputs = [demo / "sample.fasta", demo / "novel.fasta", demo / "stranger.fasta"]
    return [nearest_windows(index, genome) for genome in iter_genomes(inputs)]


def test_windows_come_back_from_json(windows: list[GenomeWindows]) -> None:
    names = {window.name for one in windows for window in one.windows}
    assert NOTHING in names
    assert len(names) > 2
    for one in windows:
        document = json.loads(json.dumps(windows_json(one)))
        assert windows_of(document) == one
        document["stripes"] = document.pop("windows")  # the name in files of earlier services
        assert windows_of(document) == one


def test_genomes_that_are_not_fit_are_not_drawn(demo_index: Path, write_fasta: WriteFasta) -> None:
    index = Index.open(demo_index)
    [genome] = iter_genomes([write_fasta("short.fa", {"short": "ACGT" * 100})])
    [call] = answer(index, [genome], QuerySettings())
    assert call.verdict == "qc_fail"
    assert draw(index, genome, call, with_composition=True) == QueryFigures()


def kept(index: Index, inputs: list[Path]) -> tuple[list[dict[str, Any]], list[QueryFigures | None]]:
    """Calls and pictures of inputs, as a worker keeps them: through JSON and SQLite's types."""
    found, pictures = [], []
    for genome in iter_genomes(inputs):
        [call] = answer(index, [genome], QuerySettings())
        found.append(json.loads(json.dumps(call_json(call, provenance(index)))))
        one = None if isinstance(genome, Failure) else draw(index, genome, call, with_composition=True)
        again = windows_of(json.loads(json.dumps(windows_json(one.windows)))) if one and one.windows else None
        pictures.append(one and QueryFigures(again, one.compositions))
    return found, pictures


@pytest.mark.long
def test_the_report_of_kept_answers_is_the_report(demo: Path, demo_index: Path, tmp_path: Path) -> None:
    (tmp_path / "short.fa").write_text(">short\nACGT\n")
    (tmp_path / "broken.fa").write_text("no FASTA\n")
    inputs = [demo / "sample.fasta", demo / "novel.fasta", demo / "stranger.fasta", tmp_path / "short.fa"]
    inputs.append(tmp_path / "broken.fa")
    verdicts = [call.verdict for call in query_index(demo_index, inputs, report=tmp_path / "report.html")]
    assert verdicts == ["species", "genus", "novel", "qc_fail", "failed"]
    index = Index.open(demo_index)
    page, explanations = without_explanations((tmp_path / "report.html").read_text())
    assert explanations == len(inputs)
    assert_the_same_but_for_rounding(page, report_html(index, *kept(index, inputs)))


def without_explanations(page: str) -> tuple[str, int]:
    """A page without its folded explanations, which are not kept with answers, and their number."""
    sentence = f"{texts.of_explanations(1, 1)}</p>"
    assert page.count(sentence) == 1
    folded = re.compile(r' *<details class="explanation">.*?</details>\n', re.DOTALL)
    return folded.subn("", page.replace(sentence, "</p>"))


def test_numbers_rounded_twice_are_off_by_one_in_the_last_place(calls: list[Call], demo_index: Path) -> None:
    index = Index.open(demo_index)
    mapped = map_of(index)
    comparable = [call for call in calls if call.verdict != "out_of_scope"]
    found = [json.loads(json.dumps(call_json(call, provenance(index)))) for call in comparable]
    before = query_page(index, [Answered(call) for call in comparable], mapped)
    after = query_page(index, [Answered(call_of(call)) for call in found], mapped, found)
    assert_the_same_but_for_rounding(repr(before), repr(after))


def assert_the_same_but_for_rounding(one: str, other: str) -> None:
    """The same text; a number that was rounded twice is off by one in its last place at most."""
    decimal = re.compile(r"-?\d+\.\d+")
    assert decimal.sub("#", one) == decimal.sub("#", other)
    pairs = list(zip(decimal.findall(one), decimal.findall(other), strict=True))
    differ = [(here, there) for here, there in pairs if here != there]
    assert len(differ) < 0.1 * len(pairs)
    for here, there in differ:
        places = max(len(number.partition(".")[2]) for number in (here, there))
        assert abs(float(here) - float(there)) < 1.01 * 10**-places


@pytest.mark.long
def test_answers_outlive_the_snapshot_that_they_rest_on(demo: Path, own_index: Path) -> None:
    index = Index.open(own_index)
    found, pictures = kept(index, [demo / "genomes" / "DEMO_0001.fa.gz"])
    assert remove(own_index, ["DEMO_0001"], ChangeSettings()).removed == 1
    now = Index.open(own_index)
    assert found[0]["hits"][0]["id"] == "DEMO_0001"
    page = report_html(now, found, pictures)
    assert f"from snapshot {now.snapshot.number} of" in page
    assert f"Calls by gindex {provenance(index)['gindex_version']} from snapshot 1 (" in page
    assert report_html(index, found, pictures).count("Calls by gindex") == 0


def test_pictures_come_from_the_services_file(windows: list[GenomeWindows], tmp_path: Path) -> None:
    database = connect(tmp_path)
    with database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(
            "INSERT INTO pictures (job, number, painting, portrait_light, portrait_dark)"
            " VALUES (?, ?, ?, ?, ?)",
            ("one", 2, json.dumps(windows_json(windows[0])), b"light", b"dark"),
        )
        database.execute("INSERT INTO pictures (job, number, painting) VALUES ('one', 0, NULL)")
    rows = database.execute("SELECT * FROM pictures").fetchall()
    expected = QueryFigures(windows[0], {"light": b"light", "dark": b"dark"})
    assert stored_figures(rows, 4) == [QueryFigures(), None, expected, None]
    database.close()


# -- windows as SVG ------------------------------------------------------------------------------------------


def drawing_of(one: GenomeWindows) -> ElementTree.Element:
    return ElementTree.fromstring(windows_svg(one))


def percent(value: str | None) -> float:
    assert value is not None
    assert value.endswith("%")
    return float(value[:-1])


def test_bars_are_the_windows(windows: list[GenomeWindows]) -> None:
    for one in windows:
        bars = drawing_of(one).findall(f"{SVG}rect")
        assert len(bars) == len(one.windows)
        left, right = percent(bars[0].get("x")), percent(bars[-1].get("x")) + percent(bars[-1].get("width"))
        fills = {name: fill(entry) for entry in legend_of(one) for name in entry.names}
        for bar, window in zip(bars, one.windows, strict=True):
            at = left + (right - left) * window.start / one.length_bp
            assert percent(bar.get("x")) == pytest.approx(at, abs=0.002)
            wide = (right - left) * (window.end - window.start) / one.length_bp
            assert percent(bar.get("width")) == pytest.approx(wide, abs=0.002)
            shown = 100 * (window.identity or KMER_FLOOR)
            assert identity_at(bar) == pytest.approx(shown, abs=0.05)
            assert bar.get("fill") == fills[window.name]
            text = bar.findtext(f"{SVG}title") or ""
            assert text.startswith(f"{window.start:,} to {window.end:,} bp: {window.name}")


def identity_at(bar: ElementTree.Element) -> float:
    """The identity that the top of a bar stands at, read off the scale: its lines of 60 and 100 %."""
    lines = ElementTree.fromstring(windows_svg(PLAIN)).findall(f"{SVG}line")
    height = {tick: float(line.get("y1") or 0) for tick, line in zip(range(60, 101, 10), lines, strict=False)}
    return 60 + 40 * (float(bar.get("y") or 0) - height[60]) / (height[100] - height[60])


PLAIN = GenomeWindows("plain", 1_000, (1_000,), (Window(0, 1_000),))


def test_the_picture_says_its_shares(windows: list[GenomeWindows]) -> None:
    [novel] = [one for one in windows if one.genome == "stranger"]
    top = drawing_of(novel)
    assert top.get("role") == "img"
    assert top[0].text == "Nearest species along stranger"
    text = top[1].text or ""
    assert text.startswith(f"{novel.length_bp:,} bp in 40 windows")
    for name, share in novel.shares().items():
        assert f"{name} {share:.0%}" in text


def many_names(names: int) -> GenomeWindows:
    windows = tuple(
        Window(at, at + 1_000, f"r{at}", f"S {at}", None, 0.9) for at in range(0, 1_000 * names, 1_000)
    )
    return GenomeWindows(
        "many", 1_000 * names, (1_000 * names,), (*windows[:-1], Window(1_000 * (names - 1), 1_000 * names))
    )


def test_the_legend_stands_for_all_of_a_genome() -> None:
    names = len(PALETTE) + 5
    legend = legend_of(many_names(names))
    assert sum(entry.share for entry in legend) == pytest.approx(1)
    assert [entry.colours["light"] for entry in legend[:-2]] == list(PALETTE)
    assert [fill(entry) for entry in legend[:-2]] == list(PALETTE)
    others, nothing = legend[-2:]
    assert (others.label, others.colours) == ("4 more", {name: one.others for name, one in THEMES.items()})
    assert (nothing.label, nothing.colours) == (NOTHING, {name: one.faint for name, one in THEMES.items()})
    assert fill(others) == f"var(--windows-others, {THEMES['light'].others})"
    one_more = many_names(len(PALETTE) + 2)
    assert legend_of(one_more)[-2].label == list(one_more.shares())[len(PALETTE)]


def test_contigs_end_at_dotted_lines_unless_they_are_too_many(windows: list[GenomeWindows]) -> None:
    def dotted(one: GenomeWindows) -> list[float]:
        lines = drawing_of(one).findall(f"{SVG}line")
        return [percent(line.get("x1")) for line in lines if line.get("stroke-dasharray")]

    [sample] = [one for one in windows if one.genome == "sample"]
    bars = drawing_of(sample).findall(f"{SVG}rect")
    left, wide = percent(bars[0].get("x")), sum(percent(bar.get("width")) for bar in bars)
    expected = [left + wide * end / sample.length_bp for end in sample.contig_ends[:-1]]
    assert expected
    assert dotted(sample) == pytest.approx(expected, abs=0.03)
    assert len(dotted(cut(sample, MOST_ENDS))) == MOST_ENDS
    crowd = cut(sample, MOST_ENDS + 1)
    assert dotted(crowd) == []
    assert f"; {MOST_ENDS + 1:,} contig ends are too many to be drawn" in (drawing_of(crowd)[1].text or "")


def cut(one: GenomeWindows, times: int) -> GenomeWindows:
    ends = [one.length_bp * number // (times + 1) for number in range(1, times + 2)]
    return replace(one, contig_ends=tuple(ends))


def test_hostile_names_stay_text(windows: list[GenomeWindows]) -> None:
    window = replace(windows[0].windows[0], species=HOSTILE, reference=HOSTILE)
    top = drawing_of(replace(windows[0], genome=HOSTILE, windows=(window, *windows[0].windows[1:])))
    assert {element.tag for element in top.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "rect", "line", "text")
    }
    shown = HOSTILE.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert shown in (top[0].text or "")
    assert shown in (top[1].text or "")


@given(st.integers(500, 10**10))
def test_ticks_are_round_and_few(end: int) -> None:
    found = ticks(end)
    assert 3 <= len(found) <= 6
    assert found[0] == 0
    assert end - found[1] < found[-1] <= end
    assert f"{found[1]:.6e}"[0] in "125"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_at_any_width(
    browser: Browser, windows: list[GenomeWindows], tmp_path: Path, scheme: str
) -> None:
    page_of(windows, tmp_path / "page.html")
    sizes = set()
    for width in (390, 1200):
        with opened(browser, tmp_path / "page.html", width, scheme) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            picture = page.get_by_role("img", name="Nearest species along stranger")
            box = picture.bounding_box()
            assert box["width"] > 0.9 * width - 30
            bars = picture.locator("rect").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect().width)"
            )
            assert sum(bars) == pytest.approx(0.915 * box["width"], rel=0.01)
            size = "one => [one.getBoundingClientRect().width, one.getBoundingClientRect().height]"
            sizes.add(tuple(picture.locator("text").first.evaluate(size)))
            colour = "one => getComputedStyle(one).fill"
            low = picture.locator("rect").last.evaluate(colour)
            assert low == rgb(THEMES[scheme].faint)
            assert picture.locator("text").first.evaluate(colour) == rgb(THEMES[scheme].ink)
            ends = (
                "all => all.map(one => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"
            )
            for left, right in picture.locator("text").evaluate_all(ends):
                assert box["x"] - 1 <= left < right <= box["x"] + box["width"] + 1
    assert len(sizes) == 1  # bars stretch, text does not


def page_of(windows: list[GenomeWindows], path: Path) -> None:
    """A page as the service's: its ink and its two tones for the dark, and the pictures."""
    light, dark = THEMES["light"], THEMES["dark"]
    style = (
        f"body {{ margin: 1rem; font: 16px sans-serif; background: {light.paper}; color: {light.ink}; }}"
        "@media (prefers-color-scheme: dark) {"
        f":root {{ --windows-others: {dark.others}; --windows-nothing: {dark.faint}; }}"
        f"body {{ background: {dark.paper}; color: {dark.ink}; }} }}"
    )
    pictures = "".join(windows_svg(one) for one in windows)
    head = f'<meta charset="utf-8"><title>windows</title><style>{style}</style>'
    path.write_text(f'<!doctype html><html lang="en">{head}{pictures}')


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"
