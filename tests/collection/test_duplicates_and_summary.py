"""Groups, duplicates, representatives and the report of a collection against simple oracles."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from genome_index import Index
from genome_index.collection.clusters import METHODS, Edges, edges_of
from genome_index.collection.clusters.linkage import linked
from genome_index.collection.dereplicate import dereplicate
from genome_index.collection.summary import Choice, summary_of
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import KMER_FLOOR, Hits
from genome_index.index.neighbours import live_rows, neighbour_hits

# -- pieces --------------------------------------------------------------------------------------------------


@st.composite
def hit_tables(draw: st.DrawFn) -> tuple[np.ndarray, Hits]:
    count, wide = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    rows = np.sort(draw(st.permutations(range(12)))[:count])
    cells = {"min_size": count * wide, "max_size": count * wide}
    near = np.reshape(draw(st.lists(st.integers(-1, 11), **cells)), (count, wide))
    ani = np.reshape(draw(st.lists(st.sampled_from([np.nan, 90.0, 95.0, 99.0]), **cells)), (count, wide))
    blank = np.full((count, wide), np.nan, np.float32)
    zero = np.zeros((count, wide), np.float32)
    return rows, Hits(near, zero, zero + KMER_FLOOR, ani.astype(np.float32), blank, blank)


@given(hit_tables())
@settings(deadline=None)
def test_edges_are_what_a_loop_finds(table: tuple[np.ndarray, Hits]) -> None:
    rows, hits = table
    place = {int(row): at for at, row in enumerate(rows)}
    expected: dict[tuple[int, int], float] = {}
    for at, (line, anis) in enumerate(zip(hits.rows, hits.ani, strict=True)):
        for row, ani in zip(line.tolist(), anis.tolist(), strict=True):
            if row in place and not np.isnan(ani):
                pair = min(at, place[row]), max(at, place[row])
                expected[pair] = min(expected.get(pair, 200.0), 100 - ani)
    edges = edges_of(rows, hits, by_identity=True)
    found = dict(
        zip(zip(edges.a.tolist(), edges.b.tolist(), strict=True), edges.length.tolist(), strict=True)
    )
    assert found == pytest.approx(expected)


@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.sampled_from(["average", "complete"]))
@settings(deadline=None, max_examples=60)
def test_linkage_over_all_pairs_is_scipys(count: int, seed: int, how: str) -> None:
    """Where every pair has an edge, and all lie in one component."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    points = np.random.default_rng(seed).random((count, 2))
    a, b = np.triu_indices(count, 1)
    lengths, threshold = pdist(points), 0.4
    found = linked(how)(count, Edges(a, b, lengths), threshold)
    tree = fcluster(linkage(lengths, how), threshold, "distance")
    # Linkage never joins what single linkage keeps apart, so cutting component by component changes nothing.
    assert [[x == y for y in found] for x in found] == [[x == y for y in tree] for x in tree]


# -- the whole -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_the_demo_are_its_species(demo_index: Path, method: str) -> None:
    found = summary_of(Index.open(demo_index), Choice(method=method))
    assert found.agreement.rand == 1
    assert {one.purity for one in found.groups} == {1.0}
    assert sum(len(one.members) for one in found.groups) == 60
    assert all(one.medoid in one.members for one in found.groups)


def test_sentences_of_wrong_use(demo_index: Path) -> None:
    index = Index.open(demo_index)
    with pytest.raises(
        UsageError, match=r"^--method ward: choose one of: average, complete, single, leiden, hdbscan$"
    ):
        summary_of(index, Choice(method="ward"))
    with pytest.raises(UsageError, match=r"^--rank strain: no genome has a name there; choose one of: "):
        summary_of(index, Choice(rank="strain"))
    with pytest.raises(UsageError, match=r"^--ani 9: give a percentage from 80 to 100$"):
        dereplicate(index, 9)


@pytest.mark.parametrize(("method", "module"), [("average", "sklearn"), ("leiden", "igraph")])
def test_without_the_extra_the_report_says_so(
    demo_index: Path, monkeypatch, method: str, module: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else True)
    with pytest.raises(UsageError) as error:
        summary_of(Index.open(demo_index), Choice(method=method))
    assert str(error.value) == f"gindex report needs {module}; install with `pip install 'gindex[report]'`"


def test_representatives_are_apart_and_stand_for_what_is_near(demo_index: Path) -> None:
    index = Index.open(demo_index)
    members = {one.id: one for one in dereplicate(index, 98.5)}
    rows = live_rows(index)
    edges = edges_of(rows, neighbour_hits(index, rows), by_identity=True).within(1.5)
    ids = [entry.id for entry in index.catalog.entries()]
    kept = {one.id for one in members.values() if one.id == one.representative}
    assert 0 < len(kept) < 60
    for a, b in zip(edges.a.tolist(), edges.b.tolist(), strict=True):
        assert not {ids[a], ids[b]} <= kept
    assert all(one.representative in kept and one.ani >= 98.5 for one in members.values())


@pytest.mark.long
def test_the_commands(gindex, demo_index: Path, tmp_path: Path) -> None:
    result = gindex("report", "--index", demo_index, "--out", tmp_path / "report")
    assert result.exit_code == 0
    assert result.stdout.startswith("60 genomes in 26 groups at species (average linkage), ")
    with (tmp_path / "report" / "members.tsv").open() as file:
        members = list(csv.DictReader(file, delimiter="\t"))
    assert len(members) == 60
    whole = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (whole["version"], whole["genomes"], whole["members"]) == (2, 60, members_of(whole))
    assert whole["agreement"]["adjusted_rand_index"] == 1
    table = gindex("dereplicate", "--index", demo_index, "--ani", "98.5")
    assert (table.exit_code, len(table.stdout.splitlines())) == (0, 61)
    assert " of 60 genomes at ANI 98.5" in table.stderr


def members_of(whole: dict) -> list[dict]:
    assert {one["group"] for one in whole["members"]} == {one["group"] for one in whole["groups"]}
    return whole["members"]
