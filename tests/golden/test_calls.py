"""Golden calls of the demo, and an index written in format 1 by the code before version 0.2."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genome_index import ChangeSettings, Index, add_genomes, query_index
from genome_index.classify.reasons import OUTDATED_CALIBRATION
from genome_index.index.changes import refit
from genome_index.index.index import undo

HERE = Path(__file__).parent
FORMAT_1 = HERE / "format-1"
LAST_DIGIT = {  # of each rounded number: processors differ in the last bits, which may tip a rounding
    "confidence": 1e-3, "similarity": 1e-4, "kmer_identity": 1e-4, "ani": 1e-2, "af_query": 0.1,
    "af_reference": 0.1, "share": 1e-3, "identity": 1e-4, "unexplained": 1e-3,
}  # fmt: skip


def make_calls() -> Any:  # noqa: ANN401  # a module
    spec = spec_from_file_location("make_calls", HERE / "make_calls.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def assert_same(found: Any, expected: Any, key: str = "") -> None:  # noqa: ANN401  # any JSON
    """Text and order exactly; numbers to the last digit of the JSON."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), key
        for name, value in expected.items():
            assert_same(found[name], value, name)
    elif isinstance(expected, list):
        assert len(found) == len(expected), key
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, key)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1.01 * LAST_DIGIT[key]), key
    else:
        assert found == expected, key


# -- the demo ------------------------------------------------------------------------------------------------

GOLDEN: list[dict[str, Any]] = json.loads((HERE / "calls.json").read_text())


@pytest.fixture(scope="module")
def calls(demo_index: Path, demo: Path) -> Mapping[str, dict[str, Any]]:
    return {call["query"]: call for call in make_calls().calls(demo_index, demo)}


@pytest.mark.parametrize("expected", GOLDEN, ids=[call["query"] for call in GOLDEN])
def test_a_golden_call_is_the_same(expected: dict[str, Any], calls: Mapping[str, dict[str, Any]]) -> None:
    assert_same(calls[expected["query"]], expected)


def test_every_query_has_a_golden_call(calls: Mapping[str, dict[str, Any]]) -> None:
    assert list(calls) == [call["query"] for call in GOLDEN]
    assert {call["verdict"] for call in GOLDEN} == {"species", "genus", "piece", "novel", "qc_fail"}


def test_vectors_of_the_demo_are_those_of_the_code_before_version_0_2(demo_index: Path) -> None:
    """The first numbers of three genomes; a digest of all would differ between processors in the last bits.

    The sign of a principal component is arbitrary, and some libraries give the other one.
    """
    vectors = Index.open(demo_index).model.vectors.rows()
    golden = json.loads((HERE / "vectors.json").read_text())
    assert list(vectors.shape) == golden["shape"]
    rows = {int(row): np.array(numbers) for row, numbers in golden["rows"].items()}
    sign = np.sign(vectors[0, :8] * rows[0])
    for row, numbers in rows.items():
        assert vectors[row, :8] * sign == pytest.approx(numbers, abs=1e-6)


# -- format 1 ------------------------------------------------------------------------------------------------

NEW_NAMES = {"shared_words": "kmer_identity"}
CHANGED = ("version", "reason", "warnings", "source")
VERDICTS = ["species", "species", "species", "novel", "novel"]
OLD_CALLS: list[dict[str, Any]] = json.loads((FORMAT_1 / "calls.json").read_text())


@pytest.fixture
def old_index(tmp_path: Path) -> Path:
    with tarfile.open(FORMAT_1 / "index.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "index"


def translated(call: dict[str, Any]) -> dict[str, Any]:
    """A call of JSON version 1 under the names of version 2, without its sentences, which have changed."""

    def hit(old: dict[str, Any] | None) -> dict[str, Any] | None:
        return old and {NEW_NAMES.get(name, name): value for name, value in old.items()}

    hits = {"closest": hit(call["closest"]), "runner_up": hit(call["runner_up"])}
    hits |= {"hits": [hit(old) for old in call["hits"]]}
    return {name: hits.get(name, value) for name, value in call.items() if name not in CHANGED}


@pytest.fixture
def queries(demo: Path) -> list[Path]:
    """The queries of OLD_CALLS; the first is a reference."""
    return [demo / call["source"] for call in OLD_CALLS]


def test_an_old_index_opens_whole_with_the_same_hits_and_says_that_its_calibration_is_old(
    old_index: Path, queries: list[Path]
) -> None:
    opened = Index.open(old_index)
    assert opened.damage() == []
    found = [call.to_dict() for call in query_index(opened, queries)]
    for call, old in zip(found, OLD_CALLS, strict=True):
        expected = translated(old)
        assert_same(call["hits"], expected["hits"])
        assert call["warnings"][-1] == OUTDATED_CALIBRATION
        assert len(call["warnings"]) == len(old["warnings"]) + 1


def test_an_old_index_that_is_refitted_gives_the_same_verdicts(old_index: Path, queries: list[Path]) -> None:
    refit(old_index, ChangeSettings())
    found = [call.to_dict() for call in query_index(old_index, queries)]
    assert [call["verdict"] for call in OLD_CALLS] == VERDICTS
    for call, old in zip(found, OLD_CALLS, strict=True):
        assert [call[name] for name in ("verdict", "rank", "name")] == [
            old[name] for name in ("verdict", "rank", "name")
        ]
        assert len(call["warnings"]) == len(old["warnings"])


def test_an_old_index_takes_a_genome_and_undoes_it(old_index: Path, queries: list[Path]) -> None:
    before = [call.to_dict() for call in query_index(old_index, queries)]
    summary = add_genomes([queries[1]], old_index)
    assert (summary.added, list(summary.failures)) == (1, [])
    opened = Index.open(old_index)
    assert opened.snapshot.number == 2
    [call] = query_index(opened, [queries[1]])
    assert call.hits[0].id == "DEMO_0003"
    assert call.hits[0].evidence.ani == pytest.approx(100, abs=0.01)
    assert undo(old_index).snapshot.number == 1
    assert [call.to_dict() for call in query_index(old_index, queries)] == before
