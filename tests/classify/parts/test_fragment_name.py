"""The name that a short query gets as a fragment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, calibrator, entries, hits, levels, model

from genome_index.classify.elected_names import Name
from genome_index.classify.fragments import calls
from genome_index.classify.parts import fragment_name as module
from genome_index.classify.parts.fragment_name import FragmentName, fragment_name
from genome_index.classify.settings import QuerySettings
from genome_index.records import Contig, Genome, quiet
from genome_index.spec import IndexSpec

LEVELS = levels(genus=["A", "B"], species=["A a", "B b"])
NAMES = {"genus": Name(1, 0.9, 0.8), "species": Name(1, 0.876, 0.8)}


def found(
    monkeypatch: pytest.MonkeyPatch, rank: str | None, length_bp: int, calibrators: dict[int, Any]
) -> tuple[FragmentName | None, list[object]]:
    """The name, and with what its calibrators were asked for."""
    asked: list[object] = []

    def calibrators_of(_: object, *given: object) -> dict[int, Any]:
        asked.extend(given)
        return calibrators

    index = MemoryIndex(model(LEVELS), MemoryReferences(IndexSpec(), [[1], [2]]), entries(LEVELS))
    monkeypatch.setattr(module.ReferenceTable, "of", lambda _: SimpleNamespace(index=index))
    monkeypatch.setattr(module, "calibrators_of", calibrators_of)
    monkeypatch.setattr(calls, "fragments_of", lambda *_: SimpleNamespace(kmers=[[1]]))
    monkeypatch.setattr(calls, "hits_of", lambda *_: hits([0, 1]))
    monkeypatch.setattr(calls, "fragment_names", lambda *_: [NAMES])
    monkeypatch.setattr(calls, "called_rank", lambda *_: rank)
    genome = Genome("q", (Contig("q", b"ACGT" * (length_bp // 4)),), "-")
    return fragment_name(index, genome, QuerySettings(threads=3)), asked  # type: ignore[arg-type]


LEARNED = {3_000: {"species": calibrator({})}}


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        ("species", FragmentName("species", "B b", 0.876, by_rule=False)),
        ("genus", FragmentName("genus", "B", 0.9, by_rule=False)),
        (None, None),
    ],
)
def test_the_name_is_that_of_the_called_rank(
    rank: str | None, expected: FragmentName | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(monkeypatch, rank, 3_600, LEARNED)[0] == expected


@pytest.mark.parametrize(("length_bp", "length"), [(400, 500), (3_600, 3_000), (200_000, 30_000)])
def test_calibrators_are_those_of_its_length(
    length_bp: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(monkeypatch, "species", length_bp, LEARNED)[1] == [quiet, 3, [length]]


def test_without_calibrators_the_name_is_by_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = found(monkeypatch, "species", 3_600, {})
    assert name == FragmentName("species", "B b", 0.876, by_rule=True)
