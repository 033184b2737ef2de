"""The notebook's committed results are what its cells give now, and they go from FASTA to a figure."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import ModuleType

import pytest
from helpers.pages import DOCS, script

PATH = DOCS / "guides" / "fasta_to_figure.ipynb"


@pytest.fixture(scope="module")
def notebook() -> ModuleType:
    return script("notebook")


def texts(document: dict) -> list[object]:
    """Kind, source and printed results of every cell; a picture counts as one, whatever its bytes."""
    return [
        (cell["cell_type"], cell["source"], [shown(output) for output in cell.get("outputs", [])])
        for cell in document["cells"]
    ]


def shown(output: dict) -> object:
    data = output.get("data", {})
    return "a picture" if "image/png" in data else data or output["text"]


def test_the_source_and_the_notebook_have_the_same_cells(notebook):
    document = json.loads(PATH.read_text())
    cells = [(cell["cell_type"], cell["source"]) for cell in document["cells"]]
    assert cells == notebook.cells(notebook.SOURCE.read_text())


def test_a_page_shows_text_code_tables_and_pictures(notebook):
    page = notebook.as_markdown(json.loads(PATH.read_text()))
    assert page.startswith("# From a folder of FASTA files to a figure\n")
    for part in ("```python\n", "```text\n", "<table", "](data:image/png;base64,"):
        assert part in page


@pytest.mark.long
def test_the_results_are_those_of_the_code(notebook, tmp_path: Path):
    for module in ("matplotlib", "pandas"):
        pytest.importorskip(module, reason="the notebook needs the extra report and pandas")
    document = notebook.executed(notebook.SOURCE)
    assert texts(document) == texts(json.loads(PATH.read_text())), "run `make docs-reference`"
    data = document["cells"][-1]["outputs"][0]["data"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
