"""Holders: the genomes that hold a piece, counted by species."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, genome, levels, model

from genome_index.classify.parts import holders as module
from genome_index.classify.parts.holders import HOLDING, LEAST_HOLDERS, TYPICAL_SHARE, Holders, holders_of
from genome_index.spec import IndexSpec

LEVELS = levels(species=["A a", "A a", "A a", "B b", "B b", None])


def found(
    shared: Sequence[int],
    monkeypatch: pytest.MonkeyPatch,
    removed: Sequence[int] = (),
    limits: Sequence[int] | None = None,
    hidden: Sequence[int] = (),
) -> list[Holders]:
    """Holders of a piece of 100 k-mers, of which each row shares the first `shared`."""
    references = MemoryReferences(IndexSpec(), [range(1, 1 + count) for count in shared], limits)
    live = np.ones(6, bool)
    live[list(removed)] = False
    index = MemoryIndex(model(LEVELS, live=live), references, entries(LEVELS))
    monkeypatch.setattr(module, "hash_sketch", lambda *_: np.arange(1, 101, dtype=np.uint64))
    return holders_of(index, genome("ACGT"), hidden)  # type: ignore[arg-type]


def test_a_genome_with_half_of_the_most_shared_kmers_is_a_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HOLDING == 0.5
    assert found([90, 45, 44, 45, 0, 90], monkeypatch) == [Holders("A a", 2, 3), Holders("B b", 1, 2)]
    assert found([0, 0, 44, 0, 22, 0], monkeypatch) == [Holders("A a", 1, 3), Holders("B b", 1, 2)]
    assert found([0, 0, 44, 0, 21, 0], monkeypatch) == [Holders("A a", 1, 3)]


def test_species_with_most_holders_come_first_then_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([90, 0, 0, 90, 90, 90], monkeypatch) == [Holders("B b", 2, 2), Holders("A a", 1, 3)]
    assert [each.species for each in found([90, 90, 0, 90, 90, 0], monkeypatch)] == ["A a", "B b"]


def test_removed_genomes_hold_nothing_and_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([90, 90, 90, 0, 0, 0], monkeypatch, removed=[0]) == [Holders("A a", 2, 2)]
    # Not even the most shared k-mers are those of a removed genome.
    assert found([90, 30, 0, 0, 0, 0], monkeypatch, removed=[0]) == [Holders("A a", 1, 2)]


def test_nothing_shared_has_no_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([0] * 6, monkeypatch) == []


def test_sparse_sketches_count_by_their_density(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 0 has a 20th of the k-mers sampled: 2 stand for 40 of the 90 that row 3 shares, 3 for 60."""
    limits = [2**61 // 20] + [2**61] * 5
    assert found([2, 0, 0, 90, 0, 0], monkeypatch, limits=limits) == [Holders("B b", 1, 2)]
    assert found([3, 0, 0, 90, 0, 0], monkeypatch, limits=limits) == [
        Holders("A a", 1, 3), Holders("B b", 1, 2)
    ]  # fmt: skip


def test_an_index_without_species_names_no_holder() -> None:
    made = levels(genus=["A"])
    index = MemoryIndex(model(made), MemoryReferences(IndexSpec(), [[1]]), entries(made))
    assert holders_of(index, genome("ACGT")) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("holding", "genomes", "typical"),
    [(1, 1, False), (2, 2, True), (2, 4, True), (2, 5, False), (3, 6, True), (3, 7, False)],
)
def test_half_of_the_genomes_and_at_least_two_make_a_piece_typical(
    holding: int, genomes: int, typical: bool
) -> None:
    assert (LEAST_HOLDERS, TYPICAL_SHARE) == (2, 0.5)
    assert Holders("A a", holding, genomes).is_typical is typical


def test_hidden_references_hold_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([90, 90, 0, 90, 0, 0], monkeypatch, hidden=[0, 3]) == [Holders("A a", 1, 2)]
