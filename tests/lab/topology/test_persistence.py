"""Persistent homology: spanning trees by hand, all matchings of small diagrams, a circle."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from genome_index.lab.topology.persistence import diagram_distances, diagrams_of, wasserstein

pytest.importorskip("ripser", reason="the extra neural is not installed")

DIAGRAM = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=3
).map(lambda points: np.array(points).reshape(-1, 2))


def spanning_tree(distances: np.ndarray) -> list[float]:
    """Lengths of the edges by Kruskal's algorithm."""
    groups, lengths = list(range(len(distances))), []
    for a, b in sorted(itertools.combinations(range(len(distances)), 2), key=lambda pair: distances[pair]):
        if groups[a] != groups[b]:
            lengths.append(float(distances[a, b]))
            old, new = groups[a], groups[b]
            groups = [new if group == old else group for group in groups]
    return lengths


def test_parts_die_at_the_edges_of_the_spanning_tree() -> None:
    rows = np.random.default_rng(0).normal(size=(15, 3))
    distances = cdist(rows, rows)
    found = diagrams_of(distances)
    mean = distances[np.triu_indices(15, 1)].mean()
    assert found is not None
    assert found.parts[:, 0].tolist() == [0.0] * 14
    assert sorted(found.parts[:, 1]) == pytest.approx([length / mean for length in spanning_tree(distances)])


def test_a_circle_has_one_loop_whatever_its_size() -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    small, large = (diagrams_of(cdist(rows, rows)) for rows in (circle, 50 * circle))
    assert small is not None
    assert np.count_nonzero(small.loops[:, 1] - small.loops[:, 0] > 0.1) == 1
    assert diagram_distances(small, large) == pytest.approx((0, 0), abs=1e-5)
    rows = np.random.default_rng(1).normal(size=(40, 5))
    parts, loops = diagram_distances(diagrams_of(cdist(rows, rows)), small)
    assert parts > 0.1
    assert loops > 0.01


def matched(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The cheapest of all matchings, by trying them."""
    mine, other, costs = [*ours.tolist(), *[None] * len(theirs)], [*theirs.tolist(), *[None] * len(ours)], []
    for order in itertools.permutations(range(len(other))):
        total = 0.0
        for a, at in zip(mine, order, strict=True):
            b = other[at]
            if a and b:
                total += max(abs(a[0] - b[0]), abs(a[1] - b[1]))
            elif a or b:
                birth, death = a or b
                total += (death - birth) / 2
        costs.append(total)
    return min(costs)


@settings(deadline=None, max_examples=40)
@given(DIAGRAM, DIAGRAM)
def test_the_distance_is_that_of_the_cheapest_matching(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert wasserstein(ours, theirs) == pytest.approx(matched(ours, theirs), abs=1e-9)


def test_identical_genomes_have_no_diagram() -> None:
    assert diagrams_of(np.zeros((5, 5))) is None
    assert all(math.isnan(each) for each in diagram_distances(None, diagrams_of(1 - np.eye(5))))
