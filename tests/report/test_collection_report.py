"""Pages of the report in a real browser, without a network, light and dark."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

for module in ("jinja2", "matplotlib", "umap"):
    pytest.importorskip(module)

from helpers.browser import coloured_share, draw_all, opened  # after the skip
from helpers.fasta import WriteFasta, write_records

from genome_index import build_index
from genome_index.collection.summary import Choice
from genome_index.errors import UsageError
from genome_index.pipeline import query_index, report_collection
from genome_index.report.collection_tables import JSON_VERSION

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCHEMAS = resources.files("genome_index.report") / "schemas"
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>&\"'"
LEAST_COLOUR = 0.002  # share of a figure's pixels; axes and text without data have less
EMPTIED = """figure => {
  const marks = '[data-tip] > path, image, .legend svg, .sunburst path';
  figure.querySelectorAll(marks).forEach(mark => mark.remove());
  const canvas = figure.querySelector('canvas');
  canvas?.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
}"""


@pytest.fixture(scope="session")
def demo_report(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    report_collection(demo_index, out)
    return out


@pytest.fixture(scope="session")
def demo_answers(demo: Path, demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "answers.html"
    inputs = [demo / name for name in ("sample.fasta", "novel.fasta", "stranger.fasta")]
    calls = list(query_index(demo_index, inputs, report=path))
    assert [call.verdict for call in calls] == ["species", "genus", "novel"]
    return path


@pytest.fixture(scope="session")
def mito_index(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 400 real mitogenomes."""
    folder = tmp_path_factory.mktemp("mito")
    lines = (shared_genomes / "mito.tsv").read_text().splitlines()
    wanted = {line.split("\t")[0] for line in lines[1::18]}
    fasta = folder / "some.fa"
    write_records(shared_genomes / "mito.fa.gz", wanted, fasta)
    build_index([fasta], folder / "index", shared_genomes / "mito.tsv", per="record")
    return folder / "index"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_of_a_collection_has_ink(browser: Browser, demo_report: Path, scheme: str) -> None:
    with opened(browser, demo_report / "report.html", scheme=scheme) as page:
        figures = draw_all(page)
        assert len(figures) == 4
        for figure in figures:
            assert coloured_share(figure) > LEAST_COLOUR, figure.get_attribute("data-draw")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme


@pytest.mark.long
def test_an_empty_figure_has_no_ink(browser: Browser, demo_report: Path) -> None:
    with opened(browser, demo_report / "report.html") as page:
        for figure in draw_all(page):
            figure.evaluate(EMPTIED)
            assert coloured_share(figure) < LEAST_COLOUR, figure.get_attribute("data-draw")


@pytest.mark.long
def test_real_genomes_have_a_page(browser: Browser, mito_index: Path, tmp_path: Path) -> None:
    report_collection(mito_index, tmp_path / "out", Choice("genus"))
    with opened(browser, tmp_path / "out" / "report.html") as page:
        for figure in draw_all(page):
            assert coloured_share(figure) > LEAST_COLOUR, figure.get_attribute("data-draw")
        assert page.locator("#map option").all_inner_texts()[-1] == "group"


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, demo_report: Path, demo_answers: Path, width: int
) -> None:
    for path in (demo_report / "report.html", demo_answers):
        with opened(browser, path, width) as page:
            draw_all(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.long
def test_theme_button_changes_page_and_figures(browser: Browser, demo_report: Path) -> None:
    with opened(browser, demo_report / "report.html") as page:
        draw_all(page)
        ink = "element => getComputedStyle(element).fill"
        label = page.locator("#identity svg.wide text").first
        assert label.evaluate(ink) == "rgb(27, 31, 36)"
        swatch = page.locator("#map .legend svg").first
        before = page.locator("#map canvas").screenshot()
        page.locator("#theme").click()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert label.evaluate(ink) == "rgb(232, 234, 237)"
        assert swatch.is_visible()
        assert page.locator("#map canvas").screenshot() != before


def counts_in_legend(page: Page) -> dict[str, int]:
    entries = page.locator("#map .legend").inner_text().splitlines()
    found = [re.fullmatch(r"(.+) \(([\d,]+)\)", entry) for entry in entries if entry.strip()]
    return {entry[1]: int(entry[2].replace(",", "")) for entry in found if entry}


@pytest.mark.long
def test_the_map_is_coloured_and_searched(browser: Browser, demo_report: Path, demo: Path) -> None:
    lines = [line.split("\t") for line in (demo / "taxonomy.tsv").read_text().splitlines()]
    with opened(browser, demo_report / "report.html") as page:
        draw_all(page)
        for rank in ("genus", "phylum"):
            page.locator("#map select").select_option(rank)
            expected = Counter(line[lines[0].index(rank)] for line in lines[1:])
            assert counts_in_legend(page) == expected
            assert list(counts_in_legend(page).values()) == sorted(expected.values(), reverse=True)
        before = page.locator("#map canvas").screenshot()
        page.locator("#map input").fill("demobacter fictus")
        species = Counter(line[lines[0].index("species")] for line in lines[1:])
        assert page.locator("#map [role=status]").inner_text() == f"{species['Demobacter fictus']} found"
        assert page.locator("#map canvas").screenshot() != before


@pytest.mark.long
def test_the_map_is_zoomed_and_its_names_are_hidden(browser: Browser, demo_report: Path) -> None:
    with opened(browser, demo_report / "report.html") as page:
        draw_all(page)
        canvas = page.locator("#map canvas")
        whole, box = coloured_share(canvas), canvas.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, -300)
        page.wait_for_function("document.querySelector('#map canvas').classList.contains('free')")
        page.locator("#map button", has_text="Whole map").click()
        assert coloured_share(canvas) == pytest.approx(whole)
        for entry in page.locator("#map .legend button").all():
            entry.click()
        assert coloured_share(canvas) == 0
        page.locator("#map .legend button").first.click()
        assert 0 < coloured_share(canvas) < whole


def tip_at(page: Page, x: float, y: float) -> str:
    page.mouse.move(x, y)
    lines = "\n".join(page.locator(".tip:visible").all_inner_texts()).splitlines()
    return "\n".join(filter(None, lines))


@pytest.mark.long
def test_points_and_cells_and_bars_tell_what_they_are(browser: Browser, demo_report: Path) -> None:
    with opened(browser, demo_report / "report.html", height=6_000) as page:
        draw_all(page)
        labels = page.evaluate("DATA.heatmap.cells.labels")
        box = page.locator('#heatmap svg.wide [data-tip="cells"]').bounding_box()
        side = {"x": box["width"] / 60, "y": box["height"] / 60}
        tip = tip_at(page, box["x"] + 2.5 * side["x"], box["y"] + 5.5 * side["y"])
        similarity, ani = page.evaluate("[DATA.heatmap.cells.similarity[5][2], DATA.heatmap.cells.ani[5][2]]")
        assert tip.splitlines() == [labels[5], labels[2], f"similarity: {similarity}", f"ANI (%): {ani}"]
        far = tip_at(page, box["x"] + 59.5 * side["x"], box["y"] + 0.5 * side["y"]).splitlines()
        assert (far[0], far[1], far[3]) == (labels[0], labels[59], "ANI (%): none")
        bars = page.locator("#identity svg.wide [data-tip]").all()
        tall = max((bar.bounding_box() for bar in bars), key=lambda box: box["height"] if box else 0)
        bar = tip_at(page, tall["x"] + tall["width"] / 2, tall["y"] + tall["height"] / 2)
        assert re.fullmatch(r"\d+ genomes with an ANI from [\d.]+ to [\d.]+ %", bar)
        data = page.evaluate("DATA.map")
        frame = page.locator("#map canvas").bounding_box()
        place = [
            (value - min(data[axis])) / (max(data[axis]) - min(data[axis])) for axis, value in
            (("x", data["x"][0]), ("y", data["y"][0]))
        ]  # fmt: skip
        across, down = ((0.04 + share) / 1.08 for share in (place[0], 1 - place[1]))
        point = tip_at(page, frame["x"] + across * frame["width"], frame["y"] + down * frame["height"])
        assert point.splitlines()[:2] == [data["ids"][0], data["species"][0]]


@pytest.mark.long
def test_the_sunburst_opens_and_goes_back(browser: Browser, demo_report: Path) -> None:
    middle = ".sunburst g >> nth=0"
    with opened(browser, demo_report / "report.html") as page:
        draw_all(page)
        assert page.locator(middle).get_attribute("data-tip") == "Bacteria\nsuperkingdom\n60 of 60 genomes"
        genus = page.locator('.sunburst g[aria-label="Demobacter"]')
        assert genus.get_attribute("data-tip") == "Demobacter\ngenus\n8 of 60 genomes"
        genus.locator("path").first.click()
        assert page.locator(middle).get_attribute("data-tip").startswith("Demobacter\n")
        tips = [one.get_attribute("data-tip").splitlines() for one in page.locator(".sunburst g").all()]
        assert [tip[0] for tip in tips[1:]] == [
            "Demobacter fictus",
            "Demobacter vacuus",
            "Demobacter simulatus",
        ]
        page.locator(middle).click()
        assert page.locator(middle).get_attribute("data-tip").startswith("Demobacteraceae\n")


@pytest.mark.long
def test_table_is_searched_sorted_and_paged(browser: Browser, demo_report: Path) -> None:
    written = (demo_report / "groups.tsv").read_text().splitlines()[1:]
    with opened(browser, demo_report / "report.html") as page:
        table = page.locator("#groups")
        status = table.locator("[role=status]")
        assert status.inner_text() == f"1 to {min(15, len(written))} of {len(written)}"
        table.locator("th button", has_text="medoid").click()
        medoids = sorted(line.split("\t")[1] for line in written)
        cells = table.locator("tbody tr td:nth-child(2)")
        assert cells.first.inner_text() == medoids[0]
        table.locator("th button", has_text="medoid").click()
        assert cells.first.inner_text() == medoids[-1]
        table.locator("input").fill(medoids[3])
        assert cells.all_inner_texts() == [medoids[3]]


@pytest.mark.long
def test_queries_are_shown_with_their_evidence(browser: Browser, demo_answers: Path) -> None:
    with opened(browser, demo_answers) as page:
        assert page.locator("#calls tbody tr").count() == 3
        page.locator("#calls a", has_text="novel").click()
        query = page.locator("#query-2")
        assert query.get_attribute("open") is not None
        assert query.locator("tbody tr:not(details.explanation tr)").count() == 5
        windows = query.locator("svg.windows")
        assert coloured_share(windows) > 0.05
        box = windows.locator("rect").nth(1).bounding_box()
        assert re.match(r"[\d,]+ to [\d,]+ bp: Specimenella", tip_at(page, box["x"] + 2, box["y"] + 9))
        assert query.locator("img.light").evaluate("image => image.naturalWidth") > 300
        assert not query.locator("img.dark").is_visible()


@pytest.mark.long
def test_tables_and_calls_can_be_taken_away(browser: Browser, demo_answers: Path, demo_report: Path) -> None:
    with opened(browser, demo_answers) as page:
        with page.expect_download() as coming:
            page.locator("#json").click()
        calls = json.loads(Path(coming.value.path()).read_text())
        assert [call["verdict"] for call in calls] == ["species", "genus", "novel"]
        assert coming.value.suggested_filename == "calls.json"
    with opened(browser, demo_report / "report.html") as page:
        with page.expect_download() as coming:
            page.locator("#groups button", has_text="TSV").click()
        taken = Path(coming.value.path()).read_text().splitlines()
        written = (demo_report / "groups.tsv").read_text().splitlines()
        assert [line.split("\t")[1] for line in taken] == [line.split("\t")[1] for line in written]


@pytest.mark.long
def test_hostile_names_stay_text(
    browser: Browser, write_fasta: WriteFasta, demo: Path, tmp_path: Path
) -> None:
    taxonomy = (demo / "taxonomy.tsv").read_text().replace("Demobacter fictus", HOSTILE)
    (tmp_path / "taxonomy.tsv").write_text(taxonomy)
    build_index([demo / "genomes"], tmp_path / "index", tmp_path / "taxonomy.tsv")
    query = write_fasta("query.fa", {"<b>bold</b>": "ACGT" * 100})
    calls = list(query_index(tmp_path / "index", [query, demo / "sample.fasta"], report=tmp_path / "a.html"))
    assert calls[0].verdict == "qc_fail"
    report_collection(tmp_path / "index", tmp_path / "out")
    for path in (tmp_path / "a.html", tmp_path / "out" / "report.html"):
        with opened(browser, path) as page:
            draw_all(page)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            assert page.locator("img[src=x]").count() == 0
            assert HOSTILE in page.locator("main").inner_text()


@pytest.mark.long
def test_a_file_that_cannot_be_written_is_said_before_anything_is_read(demo: Path, demo_index: Path) -> None:
    with pytest.raises(UsageError, match="^/nowhere: no such folder; create it, or give another --rep"):
        query_index(demo_index, [demo / "sample.fasta"], report="/nowhere/answers.html")


@pytest.mark.long
def test_a_label_groups_as_a_rank_does(demo_index: Path, demo: Path, tmp_path: Path) -> None:
    found = report_collection(demo_index, tmp_path / "out", Choice("habitat")).collection
    lines = [line.split("\t") for line in (demo / "taxonomy.tsv").read_text().splitlines()]
    at = lines[0].index("habitat")
    labels = {line[0]: line[at] or None for line in lines[1:]}
    assert len(set(labels.values())) > 2
    assert dict(zip(found.ids, found.names, strict=True)) == labels


@pytest.mark.long
def test_report_holds_all_its_files(demo_report: Path) -> None:
    names = {path.name for path in demo_report.iterdir()}
    assert {"report.html", "report.json", "groups.tsv", "members.tsv", "differences.tsv"} <= names
    assert {"map.png", "map.svg", "heatmap.png", "identity.svg", "taxonomy.png", "heatmap.nwk"} <= names
    document = json.loads((demo_report / "report.json").read_text())
    assert len(document["members"]) == document["genomes"] == 60


@pytest.mark.long
def test_the_json_is_that_of_its_schema(demo_report: Path) -> None:
    schema = json.loads((SCHEMAS / "collection.schema.json").read_text())
    document = json.loads((demo_report / "report.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert schema["properties"]["version"] == {"const": JSON_VERSION}
    for table in ("groups", "members"):  # a cell of another name is none of the schema's
        document[table][0]["extra"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)
        del document[table][0]["extra"]
