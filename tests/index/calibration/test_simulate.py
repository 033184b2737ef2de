"""Simulated queries: what is held out, which references are queried, and the least similarity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from helpers.handmade import NAN, MemoryReferences, hits, join_hits, levels

from genome_index.index.calibration import simulate as module
from genome_index.index.calibration.hits import HeldOut, Hits, nothing_held_out
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.simulate import (
    SimulatedQueries,
    least_similarity,
    simulate,
    simulate_all,
    with_own_genome,
    within,
)
from genome_index.spec import IndexSpec

LEVELS = levels(
    family=["F"] * 4 + ["G"] * 2,
    genus=["A"] * 3 + ["B"] * 3,
    species=["a", "a", "b", "c", "c", None],
    subtype=["x", "y"] * 3,
)
VECTORS = np.eye(6, 3, dtype=np.float32) + np.linspace(0, 0.5, 18, dtype=np.float32).reshape(6, 3)
ROWS = np.array([10, 11, 12, 13, 14, 15])  # rows of the index; positions are 0 to 5


class Noting:
    """A comparer that gives hits as they come, and progress that notes its stages."""

    def __init__(self) -> None:
        self.queries: list[list[int]] = []
        self.stages: list[tuple[str, int, int]] = []

    def sharers(
        self, queries: np.ndarray, rows: np.ndarray, barred: Callable[[int], list[np.ndarray]]
    ) -> np.ndarray:
        """No reference shares a k-mer."""
        return np.full((len(barred(0)), len(queries), 2), -1)

    def hits(self, queries: np.ndarray, similarity: np.ndarray, rows: np.ndarray) -> Hits:
        self.queries.append(queries.tolist())
        blank = np.full(rows.shape, np.nan, np.float32)
        return Hits(rows, similarity, np.full(rows.shape, 0.7, np.float32), blank, blank, blank)

    def stage(self, name: str, done: int, total: int) -> None:
        self.stages.append((name, done, total))


def test_every_rank_from_species_upwards_is_held_out_and_every_label() -> None:
    noting = Noting()
    found = list(simulate_all(noting, VECTORS, ROWS, LEVELS, noting))  # type: ignore[arg-type]
    assert [queries.regime for queries in found] == [
        "genome",
        "species",
        "genus",
        "family",
        "subtype",
        "nothing",
    ]
    assert noting.stages == [
        ("querying with the genome held out", 0, 5),
        ("querying with the species held out", 1, 5),
        ("querying with the genus held out", 2, 5),
        ("querying with the family held out", 3, 5),
        ("querying with the subtype held out", 4, 5),
    ]
    assert noting.queries == [[10, 11, 12, 13, 14, 15], [10, 11, 12, 13, 14], *[[10, 11, 12, 13, 14, 15]] * 3]
    seen = [{frozenset(line[line >= 0].tolist()) for line in queries.hits.rows} for queries in found]
    assert seen[0] == {frozenset(range(6)) - {i} for i in range(6)}
    assert seen[1] == {frozenset({2, 3, 4, 5}), frozenset({0, 1, 3, 4, 5}), frozenset({0, 1, 2, 5})}
    assert seen[2] == {frozenset({3, 4, 5}), frozenset({0, 1, 2})}
    assert seen[3] == {frozenset({4, 5}), frozenset({0, 1, 2, 3})}
    assert seen[4] == {frozenset({1, 3, 5}), frozenset({0, 2, 4})}
    assert seen[5] == {frozenset(range(6))}


def test_with_nothing_held_out_the_own_genome_comes_first() -> None:
    first, second = (
        hits([2, 0], [0.8, 0.5], 0.7, [97, NAN], 60, 70),
        hits([1, -1], [0.6, 0], 0.65, [90, NAN], 50, 40),
    )
    rows, codes = np.array([4, 3]), np.array([0, 0, 1, 1, 1, -1], np.int32)
    out = SimulatedQueries("genome", rows, join_hits(first, second), HeldOut(rows, codes, codes[rows]))
    found = with_own_genome(out)
    assert found.regime == "nothing"
    assert found.rows.tolist() == [4, 3]
    assert found.hits.rows.tolist() == [[4, 2, 0], [3, 1, -1]]
    assert found.hits.rows.dtype == np.int64
    assert found.hits.similarity == pytest.approx(np.array([[1, 0.8, 0.5], [1, 0.6, 0]]))
    assert found.hits.kmer_identity == pytest.approx(np.array([[1, 0.7, 0.7], [1, 0.65, 0.65]]))
    assert found.hits.ani == pytest.approx(np.array([[100, 97, NAN], [100, 90, NAN]]), nan_ok=True)
    assert found.hits.af_query.tolist() == [[100, 60, 60], [100, 50, 50]]
    assert found.hits.af_reference.tolist() == [[100, 70, 70], [100, 40, 40]]
    assert found.hits.score.dtype == np.float32
    assert found.held.self_rows.tolist() == found.held.own.tolist() == [-1, -1]
    assert not found.held.bars(np.arange(6) * np.ones((2, 1), int)).any()


def test_the_own_genome_takes_the_place_of_the_last_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANDIDATES", 3)
    noting = Noting()
    found = list(simulate_all(noting, VECTORS, ROWS, LEVELS))  # type: ignore[arg-type]
    genome_out, nothing = found[0], found[-1]
    assert nothing.hits.rows[:, 0].tolist() == nothing.rows.tolist() == genome_out.rows.tolist()
    assert nothing.hits.rows[:, 1:].tolist() == genome_out.hits.rows[:, :2].tolist()
    assert len(noting.queries) == 5  # nothing is compared again


def test_an_even_sample_of_many_references_is_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALIBRATE_UP_TO", 3)
    noting = Noting()
    found = list(simulate_all(noting, VECTORS, ROWS, LEVELS))  # type: ignore[arg-type]
    assert found[0].rows.tolist() == [0, 2, 5]
    assert found[1].rows.tolist() == [0, 2]  # row 5 has no species
    assert found[-1].rows.tolist() == [0, 2, 5]


def test_the_held_out_are_noted_in_positions() -> None:
    found = simulate(Noting(), VECTORS, ROWS, np.array([0, 5]), LEVELS["species"], "species")  # type: ignore[arg-type]
    assert found.regime == "species"
    assert found.rows.tolist() == found.held.self_rows.tolist() == [0, 5]
    assert found.held.codes.tolist() == LEVELS["species"].codes.tolist()
    assert found.held.own.tolist() == [0, -1]
    assert set(found.hits.rows[1].tolist()) - {-1} == {
        0,
        1,
        2,
        3,
        4,
    }  # without a species only itself is held out


def test_hits_are_the_nearest_by_vector() -> None:
    found = simulate(Noting(), VECTORS, ROWS, np.arange(6), None, "genome")  # type: ignore[arg-type]
    product = VECTORS @ VECTORS.T
    np.fill_diagonal(product, -np.inf)
    assert found.hits.rows[:, :5].tolist() == np.argsort(-product, axis=1, kind="stable")[:, :5].tolist()
    assert found.held.own.tolist() == [-1] * 6


SKETCHES = [[1, 2, 3], [1, 2], [3, 4, 5, 6], [7, 8], [4, 5, 6, 9], [1, 2, 3, 6]]
SHARED = [[5, 1, 2], [0, 5], [4, 5, 0], [], [2, 5], [0, 1, 2, 4]]  # most of the query's k-mers first


def by_kmers() -> Comparer:
    """A comparer of references that are sketches alone; rows 0 to 9 of the index are others."""
    sketches = [[row + 100] for row in range(10)] + SKETCHES
    return Comparer(MemoryReferences(IndexSpec(), sketches, None, [None] * 16))  # type: ignore[arg-type]


def test_sharers_of_most_kmers_are_candidates_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANDIDATES", 1)
    found = simulate(by_kmers(), VECTORS, ROWS, np.array([2, 3]), None, "genome")
    nearest = [VECTORS @ VECTORS[query] - 9 * np.eye(6)[query] for query in (2, 3)]
    assert [int(np.argmax(line)) for line in nearest] == [5, 2]
    assert found.hits.rows.tolist() == [
        [4],
        [2],
    ]  # row 4 shares three k-mers, by vector it is not the nearest
    assert found.hits.similarity[0] == pytest.approx(VECTORS[2] @ VECTORS[4])


def test_what_is_held_out_is_no_sharer_either() -> None:
    regimes = [None, LEVELS["species"], LEVELS["genus"]]
    comparer, everyone = by_kmers(), np.arange(6)
    found = comparer.sharers(ROWS, ROWS, module._barred(regimes, everyone))
    for level, lines in zip(regimes, found, strict=True):
        for query, line in enumerate(lines):
            own = -1 if level is None else level.codes[query]
            expected = [row for row in SHARED[query] if own == -1 or level.codes[row] != own]  # type: ignore[union-attr]
            assert line[line >= 0].tolist() == expected
    pairs = comparer.kmer_identity(ROWS[:, None], np.array([ROWS] * 6))
    assert pairs == pytest.approx(
        Comparer(comparer.references).kmer_identity(ROWS[:, None], np.array([ROWS] * 6))
    )


def test_within_gives_positions() -> None:
    found = within(hits([12, 10, 15, -1, 11]), ROWS)
    assert found.rows.tolist() == [[2, 0, 5, -1, 1]]
    assert within(hits([4, 9, 2]), np.array([9, 4])).rows.tolist() == [[1, 0, -1]]


def simulated(regime: str, similarity: list[list[float]], rows: list[list[int]]) -> SimulatedQueries:
    table = np.array(rows)
    values = np.array(similarity, np.float32)
    blank = np.full(values.shape, np.nan, np.float32)
    queries = np.arange(len(table))
    found = Hits(table, values, blank, blank, blank, blank)
    return SimulatedQueries(regime, queries, found, nothing_held_out(len(table), 3))


def test_the_least_similarity_is_that_of_one_in_a_thousand_with_the_genus_out() -> None:
    values = np.linspace(0.2, 0.8, 1001)
    genus = simulated("genus", [[0.1, value] for value in values], [[0, 1]] * 1001)
    others = [simulated("genome", [[0.99]], [[0]]), simulated("family", [[0.01]], [[0]])]
    assert least_similarity([others[0], genus, others[1]]) == pytest.approx(values[1], abs=1e-6)
    assert least_similarity(others) == pytest.approx(0.99)  # without genera the first regime counts


def test_missing_hits_have_no_part_in_the_least_similarity() -> None:
    found = simulated("genus", [[0.4, 0.9], [0.3, 0.9], [0.9, 0.9]], [[0, -1], [0, -1], [-1, -1]])
    assert least_similarity([found]) == pytest.approx(0.3001, abs=1e-6)
    assert least_similarity([simulated("genus", [[0.9]], [[-1]])]) == -1.0
