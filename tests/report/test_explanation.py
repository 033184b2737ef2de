"""Explanations as JSON by their schema, as sections for people, and folded in the report of a query."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from genome_index import Explanation, Index, QuerySettings, explain_query, query_index
from genome_index.index.info import provenance
from genome_index.records import Call, Failure
from genome_index.report.explanation.document import JSON_VERSION, as_json, explanation_json
from genome_index.report.explanation.sections import Section, sections

SCHEMAS = resources.files("genome_index.report") / "schemas"
LARGEST = 30_000  # bytes of one call's explanation on a page


@pytest.fixture(scope="module")
def explanations(demo: Path, demo_index: Path) -> list[Explanation]:
    inputs = [demo / name for name in ("sample.fasta", "novel.fasta", "stranger.fasta")]
    found = list(explain_query(demo_index, inputs))
    failed = list(explain_query(demo_index, [Failure("broken", "broken.fa", "it has no sequence")]))
    return [*found, *failed]


def test_the_json_is_that_of_its_schema(explanations: list[Explanation], demo_index: Path) -> None:
    schema = json.loads((SCHEMAS / "explanation.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["version"] == {"const": JSON_VERSION}
    documents = json.loads("".join(as_json(explanations, provenance(Index.open(demo_index)))))
    assert [document["query"] for document in documents] == ["sample", "novel", "stranger", "broken"]
    for document in documents:
        jsonschema.validate(document, schema)
    for part in ("candidates", "levels", "checks"):  # a field of another name is none of the schema's
        documents[0][part][0]["extra"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(documents[0], schema)
        del documents[0][part][0]["extra"]


def test_the_json_has_the_fields_and_verdicts_of_a_call() -> None:
    call, explanation = (
        json.loads((SCHEMAS / f"{name}.schema.json").read_text())["properties"]
        for name in ("call", "explanation")
    )
    assert call["verdict"]["enum"] == explanation["verdict"]["enum"]
    assert call["provenance"] == explanation["provenance"]
    shared = ("query", "source", "length_bp", "verdict", "rank", "name", "members", "confidence", "reason")
    document = explanation_json(Explanation(Call("q", "q.fa", 7, "failed", "r")), {})
    known = Call("q", "q.fa", 7, "failed", "r").to_dict()
    assert {name: document[name] for name in shared} == {name: known[name] for name in shared}


def test_the_numbers_of_the_json_add_up(explanations: list[Explanation]) -> None:
    for explanation in explanations[:3]:
        document: dict[str, Any] = explanation_json(explanation, {})
        assert len(document["candidates"]) == 50
        assert document["requirement"]["ani"] == document["requirement"]["steps"][-1]["ani"]
        for level in document["levels"]:
            added = sum(feature["log_odds"] for feature in level["features"])
            assert level["intercept"] + added == pytest.approx(level["log_odds"], abs=1e-5)
        assert {level["required"] for level in document["levels"] if level["required_from"] == "too few"} == {
            None
        }


def test_sections_are_tables_with_whole_rows(explanations: list[Explanation]) -> None:
    titles = [[section.title for section in sections(one)] for one in explanations]
    assert titles[0] == [
        "Rules, in the order in which they were applied",
        "Candidates: 10 of 50",
        "ANI that Demobacter simulatus requires: 94.00 %",
        "Probability of each level",
        "Features of the species Demobacter simulatus",
    ]
    assert titles[1][-2:] == [
        "Features of the species Specimenella ficta",
        "Features of the genus Specimenella",
    ]
    assert titles[2][-1] == "Features of the genus Specimenella"
    assert titles[3] == titles[0][:1]
    for one in explanations:
        for section in sections(one):
            assert {len(row) for row in section.rows} == {len(section.columns)}, section.title


def test_the_rules_of_an_input_that_failed(explanations: list[Explanation]) -> None:
    [section] = sections(explanations[3])
    assert isinstance(section, Section)
    assert section.rows == [("failed", "input", "It has no sequence.")]


@pytest.mark.long
def test_the_report_has_the_explanation_of_each_call_folded(
    demo: Path, demo_index: Path, tmp_path: Path, explanations: list[Explanation]
) -> None:
    for module in ("jinja2", "matplotlib", "umap"):
        pytest.importorskip(module)
    inputs = [demo / name for name in ("sample.fasta", "novel.fasta", "stranger.fasta")]
    page = tmp_path / "report.html"
    calls = list(query_index(demo_index, inputs, settings=QuerySettings(), report=page))
    assert [call.verdict for call in calls] == ["species", "genus", "novel"]
    text = page.read_text()
    folded = re.findall(r'<details class="explanation">.*?</details>', text, re.DOTALL)
    assert len(folded) == 3
    for one, explanation in zip(folded, explanations, strict=False):
        assert len(one.encode()) < LARGEST
        assert re.findall(r"<h3>(.*?)</h3>", one) == [section.title for section in sections(explanation)]
        assert one.count("<table>") == one.count("<h3>")
        for check in explanation.checks:
            assert f"<td>{check.text}</td>" in one
    assert "Why this verdict: candidates, thresholds, probabilities and the rules that decided." in text
