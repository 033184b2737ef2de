"""Notebooks: a script in the percent format runs cell by cell and becomes an .ipynb with its results."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "docs" / "guides" / "fasta_to_figure.py"
CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)
Json = dict[str, Any]


def cells(source: str) -> list[tuple[str, str]]:
    """Kind, `markdown` or `code`, and text of each cell."""
    parts = CELL.split(source)[1:]
    kinds = ["markdown" if kind else "code" for kind in parts[::2]]
    return [
        (kind, re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip() if kind == "markdown" else text.strip())
        for kind, text in zip(kinds, parts[1::2], strict=True)
    ]


def executed(source: Path) -> Json:
    """The notebook with its results; it runs in a new folder where `data` is that of the repository."""
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("data").symlink_to(ROOT / "data")
        made, count = [], 0
        for number, (kind, text) in enumerate(cells(source.read_text(encoding="utf-8"))):
            cell: Json = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text}
            if kind == "code":
                count += 1
                cell |= {"execution_count": count, "outputs": outputs(text, names, count)}
            made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def outputs(text: str, names: dict[str, Any], count: int) -> list[Json]:
    """What a cell prints, and its last expression."""
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    found: list[Json] = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    if value is not None:
        data = shown(value)
        found.append(
            {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}
        )
    return found


def shown(value: Any) -> Json:
    """A result by MIME type: a picture, a table, or text."""
    if hasattr(value, "savefig"):
        image = io.BytesIO()
        value.savefig(image, format="png", dpi=100, metadata={"Software": None})
        return {"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": "<Figure>"}
    if hasattr(value, "to_html"):
        return {"text/html": value.to_html(index=False, border=0), "text/plain": value.to_string(index=False)}
    return {"text/plain": repr(value)}


def as_markdown(notebook: Json) -> str:
    """A notebook with its results, as a page of the site."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell)) + "\n"


def _cell(cell: Json) -> list[str]:
    if cell["cell_type"] == "markdown":
        return [cell["source"]]
    return [f"```python\n{cell['source']}\n```", *map(_output, cell["outputs"])]


def _output(output: Json) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f"![Result of the cell above](data:image/png;base64,{data['image/png']})"
    if "text/html" in data:
        return re.sub(r' (class|style)="[^"]*"', "", data["text/html"])  # so that the theme dresses the table
    text = output.get("text") or data["text/plain"]
    return f"```text\n{text.rstrip()}\n```"


def main() -> None:
    path = SOURCE.with_suffix(".ipynb")
    path.write_text(json.dumps(executed(SOURCE), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
