"""Clustering: every method against a simple oracle, on random and on real graphs, and by its properties."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")
pytest.importorskip("igraph")

from sklearn.metrics import adjusted_rand_score, v_measure_score

from genome_index import ChangeSettings, Index, build_index
from genome_index.collection.clusters import METHODS, Edges, connected, group
from genome_index.collection.clusters.density import APART, FLOOR
from genome_index.collection.clusters.graph import edges_of, pieces, shortest
from genome_index.collection.clusters.linkage import linked
from genome_index.errors import UsageError
from genome_index.index.neighbours import live_rows, neighbour_hits

Partition = set[frozenset[int]]
LOCAL = [name for name in METHODS if name != "leiden"]  # what is far away does not matter to them


def partition(number: np.ndarray) -> Partition:
    return {frozenset(np.flatnonzero(number == one).tolist()) for one in set(number.tolist())}


def edges_from(triples: Iterable[tuple[int, int, float]]) -> Edges:
    a, b, length = zip(*triples, strict=True) if (triples := list(triples)) else ((), (), ())
    return Edges(np.array(a, np.int64), np.array(b, np.int64), np.array(length, np.float64))


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> tuple[int, Edges]:
    """Genomes, and edges between some pairs of them; no two sums of lengths are the same."""
    count, share = draw(st.integers(1, most)), draw(st.sampled_from([0.2, 0.5, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = [pair for pair in itertools.combinations(range(count), 2) if rng.random() < share]
    return count, edges_from(
        (a, b, length) for (a, b), length in zip(pairs, rng.random(len(pairs)), strict=True)
    )


def knn_edges(points: np.ndarray, most: int) -> Edges:
    """Each point and its nearest others."""
    from scipy.spatial import cKDTree

    lengths, near = cKDTree(points).query(points, most + 1)
    a, b = np.repeat(np.arange(len(points)), most), near[:, 1:].ravel()
    return shortest(np.minimum(a, b), np.maximum(a, b), lengths[:, 1:].ravel())


# -- oracles -------------------------------------------------------------------------------------------------


def ways(count: int, edges: Edges) -> np.ndarray:
    """Floyd and Warshall."""
    found = np.full((count, count), np.inf)
    np.fill_diagonal(found, 0)
    for a, b, length in zip(edges.a, edges.b, edges.length, strict=True):
        found[a, b] = found[b, a] = min(found[a, b], length)
    for by in range(count):
        found = np.minimum(found, found[:, by : by + 1] + found[by : by + 1])
    return found


def by_joining(mean: Callable[[np.ndarray], float]) -> Callable[[int, Edges, float], Partition]:
    def group(count: int, edges: Edges, threshold: float) -> Partition:
        """Join the two groups that are nearest until none are within the threshold."""
        distance, groups = ways(count, edges), [[one] for one in range(count)]
        while len(groups) > 1:
            pairs = itertools.combinations(groups, 2)
            nearest = min((mean(distance[np.ix_(a, b)]), a, b) for a, b in pairs)
            if nearest[0] > threshold:
                break
            groups = [one for one in groups if one not in nearest[1:]] + [nearest[1] + nearest[2]]
        return {frozenset(one) for one in groups}

    return group


def components(members: set[int], triples: Iterable[tuple[int, int, float]]) -> list[set[int]]:
    groups = [{one} for one in members]
    for a, b, _ in triples:
        touched = [one for one in groups if a in one or b in one]
        groups = [one for one in groups if one not in touched] + [set().union(*touched)]
    return groups


def by_walking(count: int, edges: Edges, threshold: float) -> Partition:
    near = [one for one in triples_of(edges) if one[2] <= threshold]
    return {frozenset(one) for one in components(set(range(count)), near)}


def triples_of(edges: Edges) -> list[tuple[int, int, float]]:
    return list(zip(edges.a.tolist(), edges.b.tolist(), edges.length.tolist(), strict=True))


def by_tightening(count: int, edges: Edges, threshold: float) -> Partition:
    """HDBSCAN* as its paper tells it: the longest edges go first; one genome falls out, two parts split."""
    floored = [
        (a, b, max(length, FLOOR * threshold)) for a, b, length in triples_of(edges) if length <= threshold
    ]
    found: list[set[int]] = []
    for one in components(set(range(count)), floored):
        found += longest_lasting(one, floored, 1 / (APART * threshold))[1] if len(one) > 1 else []
    return {frozenset(one) for one in found} | {
        frozenset([one]) for one in set(range(count)).difference(*found)
    }


def longest_lasting(members: set[int], triples: list, birth: float) -> tuple[float, list[set[int]]]:
    """The stability of a cluster, or of its parts if they have more, and which of them it is."""
    stability, left = 0.0, members
    while True:
        triples = [one for one in triples if one[0] in left and one[1] in left]
        # The length at which it comes apart: the least that keeps it together.
        length = min(
            at for *_, at in triples if len(components(left, [t for t in triples if t[2] <= at])) == 1
        )
        parts = [one for one in components(left, [t for t in triples if t[2] < length]) if len(one) > 1]
        if len(parts) != 1:
            break
        stability += len(left - parts[0]) * (1 / length - birth)
        left = parts[0]
    stability += len(left) * (1 / length - birth)
    below = [longest_lasting(one, triples, 1 / length) for one in parts]
    if sum(one for one, _ in below) > stability:
        return sum(one for one, _ in below), [cluster for _, clusters in below for cluster in clusters]
    return stability, [members]


ORACLES = {
    "average": by_joining(np.mean),
    "complete": by_joining(np.max),
    "single": by_walking,
    "hdbscan": by_tightening,
}


@pytest.mark.parametrize("method", ORACLES)
@given(graph=graphs(), threshold=st.floats(0.05, 1.2), batch=st.sampled_from([1, 5, 1000]))
@settings(deadline=None, max_examples=150)
def test_groups_are_those_of_the_oracle(
    method: str, graph: tuple[int, Edges], threshold: float, batch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genome_index.collection.clusters.density.BATCH", batch)
        found = METHODS[method](*graph, threshold)
    assert partition(found) == ORACLES[method](*graph, threshold)


@pytest.fixture(scope="module")
def index(demo_index: Path) -> Index:
    return Index.open(demo_index)


def real_graph(index: Index, rank: str) -> tuple[int, Edges, float]:
    rows = live_rows(index)
    found = group(index.model, rows, neighbour_hits(index, rows), rank, None, "single")
    return len(rows), found.edges, found.threshold


@pytest.mark.parametrize("method", ORACLES)
@pytest.mark.parametrize("rank", ["species", "genus"])
@pytest.mark.parametrize("factor", [0.8, 1.0, 1.5])
def test_groups_of_real_graphs_are_those_of_the_oracle(
    index: Index, method: str, rank: str, factor: float
) -> None:
    count, edges, threshold = real_graph(index, rank)
    found = partition(METHODS[method](count, edges, factor * threshold))
    assert found == ORACLES[method](count, edges, factor * threshold)
    assert 1 < len(found) < 60


# -- properties ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@given(graph=graphs(), threshold=st.floats(0, 1.2))
@settings(deadline=None)
def test_each_genome_is_in_one_group_and_none_reaches_over_a_gap(
    method: str, graph: tuple[int, Edges], threshold: float
) -> None:
    number = METHODS[method](*graph, threshold)
    assert number.shape == (graph[0],)
    single = by_walking(*graph, threshold)
    assert all(any(one <= whole for whole in single) for one in partition(number))


@pytest.mark.parametrize("method", LOCAL)
@given(graph=graphs(), threshold=st.floats(0.05, 1.2), data=st.data())
@settings(deadline=None)
def test_in_another_order_the_groups_are_the_same(
    method: str, graph: tuple[int, Edges], threshold: float, data: st.DataObject
) -> None:
    count, edges = graph
    place = np.array(data.draw(st.permutations(range(count))), np.int64)
    a, b = place[edges.a], place[edges.b]
    found = METHODS[method](count, shortest(np.minimum(a, b), np.maximum(a, b), edges.length), threshold)
    assert partition(found[place]) == partition(METHODS[method](count, edges, threshold))


@pytest.mark.parametrize("method", LOCAL)
@given(one=graphs(8), other=graphs(8), threshold=st.floats(0.05, 1.2))
@settings(deadline=None)
def test_of_two_collections_without_an_edge_each_has_its_own_groups(
    method: str, one: tuple[int, Edges], other: tuple[int, Edges], threshold: float
) -> None:
    both = edges_from(
        [*triples_of(one[1]), *((a + one[0], b + one[0], at) for a, b, at in triples_of(other[1]))]
    )
    found = METHODS[method](one[0] + other[0], both, threshold)
    assert partition(found[: one[0]]) == partition(METHODS[method](*one, threshold))
    assert partition(found[one[0] :]) == partition(METHODS[method](*other, threshold))


@pytest.mark.parametrize("method", LOCAL)
@given(graph=graphs(), data=st.data())
@settings(deadline=None)
def test_at_threshold_zero_only_the_identical_are_together(
    method: str, graph: tuple[int, Edges], data: st.DataObject
) -> None:
    count, edges = graph
    same = np.array(data.draw(st.lists(st.booleans(), min_size=len(edges.a), max_size=len(edges.a))), bool)
    alike = Edges(edges.a, edges.b, np.where(same, 0.0, edges.length))
    assert partition(METHODS[method](count, alike, 0.0)) == by_walking(count, alike, 0.0)


def test_copies_are_together_whatever_the_method() -> None:
    """Three copies of each of three genomes that are far apart, and one genome alone."""
    edges = edges_from(
        (3 * one + a, 3 * one + b, 0.0) for one in range(3) for a, b in ((0, 1), (1, 2), (0, 2))
    )
    for method in METHODS:
        for threshold in (0.0, 1.0):
            assert partition(METHODS[method](10, edges, threshold)) == {
                frozenset([0, 1, 2]), frozenset([3, 4, 5]), frozenset([6, 7, 8]), frozenset([9]),
            }  # fmt: skip


def test_an_edge_as_long_as_the_threshold_still_joins() -> None:
    edges = edges_from([(0, 1, 1.0), (2, 3, 1.0), (3, 4, 1.0 + 1e-9)])
    for method in METHODS:
        assert partition(METHODS[method](5, edges, 1.0)) == {
            frozenset([0, 1]), frozenset([2, 3]), frozenset([4]),
        }  # fmt: skip


@pytest.mark.parametrize("largest", [2, 4, 2_000])
@given(graph=graphs(20), threshold=st.floats(0.05, 2))
@settings(deadline=None)
def test_no_group_of_complete_linkage_is_wider_than_the_threshold(
    largest: int, graph: tuple[int, Edges], threshold: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genome_index.collection.clusters.linkage.LARGEST", largest)
        number = METHODS["complete"](*graph, threshold)
    within = number[:, None] == number[None, :]
    assert ways(*graph)[within].max() <= threshold + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_one_genome_and_genomes_without_edges_are_by_themselves(method: str) -> None:
    assert len(partition(METHODS[method](1, edges_from([]), 1.0))) == 1
    assert len(partition(METHODS[method](5, edges_from([]), 1.0))) == 5
    assert len(partition(METHODS[method](3, edges_from([(0, 2, 1.5)]), 1.0))) == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(4, 6), st.integers(0, 5))))
def test_each_pair_keeps_its_shortest_edge(triples: list[tuple[int, int, int]]) -> None:
    given = edges_from((a, b, float(at)) for a, b, at in triples)
    expected: dict[tuple[int, int], int] = {}
    for a, b, at in triples:
        expected[a, b] = min(at, expected.get((a, b), at))
    assert triples_of(shortest(given.a, given.b, given.length)) == [
        (*pair, at) for pair, at in sorted(expected.items())
    ]


@given(graphs(), st.data())
def test_pieces_are_what_a_loop_finds(graph: tuple[int, Edges], data: st.DataObject) -> None:
    count, edges = graph
    part = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    part = np.unique(part, return_inverse=True)[1]
    found = {tuple(members.tolist()): set(triples_of(inside)) for members, inside in pieces(edges, part)}
    expected = {}
    for one in range(part.max() + 1):
        members = np.flatnonzero(part == one).tolist()
        if len(members) > 1:
            inside = [t for t in triples_of(edges) if t[0] in members and t[1] in members]
            expected[tuple(members)] = {(members.index(a), members.index(b), at) for a, b, at in inside}
    assert found == expected


# -- components that are too large to link at once -----------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from genome_index.collection.clusters import linkage

    def bounded(count: int, edges: Edges) -> np.ndarray:
        assert count <= linkage.LARGEST  # genomes compared all with all
        return measured(count, edges)

    measured = linkage._ways
    monkeypatch.setattr(linkage, "_ways", bounded)
    monkeypatch.setattr(linkage, "LARGEST", 200)


def chain(count: int, seed: int = 0) -> Edges:
    at = np.arange(count - 1)
    return Edges(at, at + 1, np.random.default_rng(seed).uniform(0.1, 1, count - 1))


@pytest.mark.parametrize("how", ["average", "complete"])
def test_a_chain_is_cut_much_as_if_it_were_linked_at_once(how: str, small_parts: None) -> None:
    """Two thousand genomes in one component, of which at most 200 are linked at once."""
    edges = chain(2_000)
    assert len(partition(connected(2_000, edges, 1.0))) == 1
    found = linked(how)(2_000, edges, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genome_index.collection.clusters.linkage.LARGEST", 2_000)
        expected = linked(how)(2_000, edges, 1.0)
    assert adjusted_rand_score(expected, found) > 0.9
    assert max(map(len, partition(found))) <= max(map(len, partition(expected))) + 2
    # Along a chain the way between two genomes is the sum of the edges between them.
    place = np.concatenate([[0], np.cumsum(edges.length)])
    widths = [place[max(one)] - place[min(one)] for one in partition(found)]
    assert max(widths) <= (1.0 if how == "complete" else 2.0)
    assert all(max(one) - min(one) == len(one) - 1 for one in partition(found))


def test_one_species_of_many_genomes_is_one_group_though_linked_in_parts(small_parts: None) -> None:
    """A thousand genomes around each of three centres: all of one centre are nearer than the threshold."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.array([[0, 0, 0], [5, 0, 0], [0, 5, 0]]), 1_000, axis=0)
    edges = knn_edges(centres + rng.normal(0, 0.1, (3_000, 3)), 15)
    edges = edges_from([*triples_of(edges), (0, 1_000, 1.2), (1_000, 2_000, 1.2)])  # chimeras, say
    assert len(partition(connected(3_000, edges, 1.5))) == 1
    sizes = sorted(map(len, partition(linked("average")(3_000, edges, 1.5))), reverse=True)
    assert sizes[:3] >= [990] * 3
    assert len(sizes) < 15


def test_rounds_give_what_linking_at_once_does_on_a_field(small_parts: None) -> None:
    """A component without gaps, where no two ways of cutting agree in all."""
    points = np.random.default_rng(1).uniform(0, 12, (1_500, 2))
    edges = knn_edges(points, 12)
    for how in ("average", "complete"):
        found = linked(how)(1_500, edges, 1.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("genome_index.collection.clusters.linkage.LARGEST", 1_500)
            expected = linked(how)(1_500, edges, 1.0)
        assert max(map(len, partition(found))) < 100
        assert v_measure_score(expected, found) > 0.9


# -- Leiden --------------------------------------------------------------------------------------------------


def ring(count: int) -> Edges:
    return edges_from([*((at, at + 1, 0.5) for at in range(count - 1)), (0, count - 1, 0.5)])


def test_leiden_gives_the_same_groups_every_time() -> None:
    """On a ring of equal edges there are many answers."""
    found = []
    for seed in range(5):
        random.seed(seed)
        found.append(METHODS["leiden"](300, ring(300), 1.0).tolist())
    assert found.count(found[0]) == 5
    assert 5 < len(set(found[0])) < 60


def test_leiden_leaves_the_chance_of_others_alone() -> None:
    import igraph

    random.seed(1)
    expected = random.random()
    random.seed(1)
    METHODS["leiden"](300, ring(300), 1.0)
    assert random.random() == expected
    drawn = []
    for seed in (1, 1, 2):
        random.seed(seed)
        drawn.append(igraph.Graph.Erdos_Renyi(20, 0.5).get_edgelist())
    assert drawn[0] == drawn[1] != drawn[2]


@given(st.permutations(range(20)))
@settings(deadline=None, max_examples=20)
def test_leiden_finds_cliques_in_any_order(place: list[int]) -> None:
    """Four of five genomes each, and one long edge from each clique to the next."""
    inside = [
        (5 * one + a, 5 * one + b, 0.1) for one in range(4) for a, b in itertools.combinations(range(5), 2)
    ]
    between = [(5 * one, 5 * one + 5, 0.9) for one in range(3)]
    a, b, length = (np.array(column) for column in zip(*inside, *between, strict=True))
    a, b = np.array(place)[a], np.array(place)[b]
    found = METHODS["leiden"](20, shortest(np.minimum(a, b), np.maximum(a, b), length), 1.0)
    assert partition(found[np.array(place)]) == {frozenset(range(5 * one, 5 * one + 5)) for one in range(4)}


# -- of an index ---------------------------------------------------------------------------------------------


def test_an_unknown_method_or_rank_is_a_sentence(index: Index) -> None:
    rows = live_rows(index)
    hits = neighbour_hits(index, rows)
    with pytest.raises(
        UsageError, match=r"^--method ward: choose one of: average, complete, single, leiden, hdbscan$"
    ):
        group(index.model, rows, hits, "species", None, "ward")
    with pytest.raises(
        UsageError, match=r"^--rank strain: no genome has a name there; choose one of: superk"
    ):
        group(index.model, rows, hits, "strain", None, "hdbscan")


@pytest.mark.parametrize("method", METHODS)
def test_groups_are_numbered_from_the_largest(index: Index, method: str) -> None:
    rows = live_rows(index)
    found = group(index.model, rows, neighbour_hits(index, rows), "genus", None, method)
    sizes = np.bincount(found.number)
    assert sizes.sum() == 60
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert sizes[0] > sizes[-1]


@pytest.fixture(scope="module")
def dengue(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Four hundred and eighty genomes of one species, whose serotype is a label and no rank."""
    fasta, taxonomy = shared_genomes / "dengue.fa.gz", shared_genomes / "dengue.tsv"
    folder = tmp_path_factory.mktemp("dengue")
    summary = build_index([fasta], folder / "index", taxonomy, "record", settings=ChangeSettings(2))
    assert summary.added == 480
    return summary.index


@pytest.mark.parametrize("method", METHODS)
def test_a_label_is_grouped_as_a_rank_is(dengue: Index, method: str) -> None:
    rows = live_rows(dengue)
    hits = neighbour_hits(dengue, rows)
    level = dengue.model.levels["subtype"]
    found = group(dengue.model, rows, hits, "subtype", None, method)
    assert len(level.names) == 4
    purest = [np.bincount(level.codes[rows][found.number == one]).max() for one in set(found.number.tolist())]
    assert sum(purest) / 480 > 0.99
    assert 4 <= len(set(found.number.tolist())) < 240
    by_ani = group(dengue.model, rows, hits, "subtype", 90.0, method)
    assert (by_ani.threshold, by_ani.rank) == (10.0, "subtype")
    np.testing.assert_array_equal(by_ani.edges.length, edges_of(rows, hits, by_identity=True).length)
    assert adjusted_rand_score(level.codes[rows], by_ani.number) > adjusted_rand_score(
        level.codes[rows], group(dengue.model, rows, hits, "subtype", 99.0, method).number
    )
