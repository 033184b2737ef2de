"""Verdicts in words: every verdict of a call has them, and the documentation has the same."""

from __future__ import annotations

import json
from importlib import resources

from helpers.fasta import ROOT

from genome_index.report.verdicts import VERDICTS

SCHEMA = resources.files("genome_index.report") / "schemas" / "call.schema.json"


def rows_of(page: str) -> dict[str, str]:
    """Verdict -> meaning, from the table of a page; a row may be for several verdicts."""
    lines = (ROOT / page).read_text().splitlines()
    start = lines.index("| verdict | meaning |")
    rows = [line.split("|")[1:3] for line in lines[start + 2 : lines.index("", start)]]
    return {names.strip(): meaning.strip() for names, meaning in rows}


def test_every_verdict_of_the_schema_has_words() -> None:
    assert set(VERDICTS) == set(json.loads(SCHEMA.read_text())["properties"]["verdict"]["enum"])
    assert [name for name, text in VERDICTS.items() if text.heading] == [
        "piece", "unnamed", "novel", "ambiguous", "out_of_scope", "qc_fail", "failed"
    ]  # fmt: skip
    assert [name for name, text in VERDICTS.items() if text.advice] == [
        "piece", "unnamed", "out_of_scope", "qc_fail", "failed"
    ]  # fmt: skip


def test_the_guide_has_the_same_meanings() -> None:
    assert rows_of("docs/guides/read-a-call.md") == {
        "`species`, `strain`": VERDICTS["species"].meaning,
        "`genus` ... `superkingdom`": VERDICTS["genus"].meaning,
        **{f"`{name}`": text.meaning for name, text in VERDICTS.items() if text.heading},
    }
    assert list(rows_of("README.md")) == list(rows_of("docs/guides/read-a-call.md"))
