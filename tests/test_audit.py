"""Groups, suspects, representatives: against dull oracles, and against what was planted in real genomes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planting import Planted, built, plant, suspects, with_names

pytest.importorskip("sklearn")

from genome_index import Genome, Index
from genome_index.audit import audit
from genome_index.collection import Choice, look_at
from genome_index.dereplicate import dereplicate
from genome_index.errors import UsageError
from genome_index.features import WORD_FLOOR, Hits
from genome_index.groups import METHODS, Edges, _linked, edges_of
from genome_index.kept import kept_hits, live_rows
from genome_index.levels import Level
from genome_index.mislabels import at_rank
from genome_index.mixtures import WINDOWS, patchy
from genome_index.reader import iter_genomes


def read_all(folder: Path, taxonomy: Path) -> list[Genome]:
    """Genomes with their names: every one of them can be read, and has some."""
    found = []
    for one in iter_genomes([folder]):
        assert isinstance(one, Genome)
        found.append(one)
    named = with_names(found, taxonomy)
    assert all(one.taxon.lineage.names for one in named)
    return named


# -- what was planted is found ------------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_demo(demo_index: Path) -> None:
    assert suspects(Index.open(demo_index)) == {"label": set(), "mixture": set()}


@pytest.mark.parametrize("seed", [1, 3])
def test_wrong_labels_and_chimeras_in_the_demo(demo: Path, tmp_path: Path, seed: int) -> None:
    planted = plant(read_all(demo / "genomes", demo / "taxonomy.tsv"), 2, 2, seed)
    found = suspects(built(planted.genomes, tmp_path / "index"))
    assert found["label"] == planted.mislabelled
    assert found["mixture"] == set(planted.chimeras)


@pytest.fixture(scope="module")
def planted_bacteria(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, Index]:
    planted = plant(read_all(shared_genomes / "bacteria", shared_genomes / "bacteria.tsv"), 5, 3, 1)
    return planted, built(planted.genomes, tmp_path_factory.mktemp("planted") / "index")


def test_wrong_labels_and_chimeras_in_bacteria(planted_bacteria: tuple[Planted, Index]) -> None:
    planted, index = planted_bacteria
    found = suspects(index)
    assert len(found["label"] & planted.mislabelled) >= 4
    assert len(found["label"] - planted.mislabelled) <= 1
    assert found["mixture"] == set(planted.chimeras)


def test_the_evidence_names_where_a_part_comes_from(planted_bacteria: tuple[Planted, Index]) -> None:
    planted, index = planted_bacteria
    rows = live_rows(index)
    mixed = [one for one in audit(index, rows, kept_hits(index, rows)).suspects if one.kind == "mixture"]
    assert mixed
    for one in mixed:
        assert planted.chimeras[one.id] in one.evidence


# -- pieces --------------------------------------------------------------------------------------------------


def some_hits(near: list[list[int]], scores: list[list[float]]) -> Hits:
    """Hits whose score is their similarity."""
    rows, similarity = np.array(near), np.array(scores, np.float32)
    words, blank = np.full(rows.shape, WORD_FLOOR, np.float32), np.full(rows.shape, np.nan, np.float32)
    return Hits(rows, similarity, words, blank, blank, blank)


def test_of_two_that_disagree_the_worse_fit_is_wrong() -> None:
    """Genomes 0 to 19 in pairs of one name; 20 is a false fellow of 0's name, near 2 and 3."""
    near = [[at ^ 1, 20] for at in range(20)] + [[2, 3]]
    scores = [[3.5, 0.5] for _ in range(20)] + [[3.6, 3.5]]
    scores[2], scores[3] = [3.5, 3.6], [3.5, 3.5]
    level = Level("genus", tuple("abcdefghij"), np.array([*np.repeat(np.arange(10), 2), 0], np.int32))
    found = list(at_rank(level, np.arange(21), some_hits(near, scores)))
    assert [(one.row, one.label, one.looks_like, one.witness) for one in found] == [(20, "a", "b", 2)]


def test_a_name_borne_once_is_not_judged() -> None:
    level = Level("genus", ("a", "b"), np.array([0, 0, 0, 1], np.int32))
    found = at_rank(level, np.arange(4), some_hits([[1], [0], [0], [0]], [[3.5], [3.5], [3.5], [3.4]]))
    assert list(found) == []


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0] * 5 + [0.0] * 15, True),
        ([0.5, *[1.0] * 5, 0.4, *[0.0] * 13], True),  # the ends of the stretch are half and half
        ([0.35] * 20, False),  # as much in all, but thinly
        ([1.0] + [0.0] * 19, False),  # one conserved gene
        ([1.0] * 5 + [0.3] * 15, False),  # a relative with conserved genes
        ([1.0] * 20, False),  # the same genome
    ],
)
def test_a_part_taken_whole_is_patchy(shares: list[float], expected: bool) -> None:
    words = np.arange(20 * WINDOWS, dtype=np.uint64)
    window = np.repeat(np.arange(WINDOWS), 20)
    theirs = words[np.arange(len(words)) % 20 < np.repeat(np.array(shares) * 20, 20)]
    assert patchy(words, window, theirs) is expected


@st.composite
def hit_tables(draw: st.DrawFn) -> tuple[np.ndarray, Hits]:
    count, wide = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    rows = np.sort(draw(st.permutations(range(12)))[:count])
    cells = {"min_size": count * wide, "max_size": count * wide}
    near = np.reshape(draw(st.lists(st.integers(-1, 11), **cells)), (count, wide))
    ani = np.reshape(draw(st.lists(st.sampled_from([np.nan, 90.0, 95.0, 99.0]), **cells)), (count, wide))
    blank = np.full((count, wide), np.nan, np.float32)
    zero = np.zeros((count, wide), np.float32)
    return rows, Hits(near, zero, zero + WORD_FLOOR, ani.astype(np.float32), blank, blank)


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
    found = _linked(how)(count, Edges(a, b, lengths), threshold)
    tree = fcluster(linkage(lengths, how), threshold, "distance")
    # Linkage never joins what single linkage keeps apart, so cutting component by component changes nothing.
    assert [[x == y for y in found] for x in found] == [[x == y for y in tree] for x in tree]


# -- the whole -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_the_demo_are_its_species(demo_index: Path, method: str) -> None:
    found = look_at(Index.open(demo_index), Choice(method=method))
    assert found.agreement.rand == 1
    assert {one.purity for one in found.groups} == {1.0}
    assert sum(len(one.members) for one in found.groups) == 60
    assert all(one.medoid in one.members for one in found.groups)


def test_sentences_of_wrong_use(demo_index: Path) -> None:
    index = Index.open(demo_index)
    with pytest.raises(
        UsageError, match=r"^--method ward: choose one of: average, complete, single, leiden$"
    ):
        look_at(index, Choice(method="ward"))
    with pytest.raises(UsageError, match=r"^--rank strain: no genome has a name there; choose one of: "):
        look_at(index, Choice(rank="strain"))
    with pytest.raises(UsageError, match=r"^--ani 9: give a percentage from 80 to 100$"):
        dereplicate(index, 9)


@pytest.mark.parametrize(("method", "module"), [("average", "sklearn"), ("leiden", "igraph")])
def test_without_the_extra_the_report_says_so(
    demo_index: Path, monkeypatch, method: str, module: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else True)
    with pytest.raises(UsageError) as error:
        look_at(Index.open(demo_index), Choice(method=method))
    assert str(error.value) == f"gindex report needs {module}; install with `pip install 'gindex[report]'`"


def test_representatives_are_apart_and_stand_for_what_is_near(demo_index: Path) -> None:
    index = Index.open(demo_index)
    members = {one.id: one for one in dereplicate(index, 98.5)}
    rows = live_rows(index)
    edges = edges_of(rows, kept_hits(index, rows), by_identity=True).within(1.5)
    ids = [entry.id for entry in index.catalog.entries()]
    kept = {one.id for one in members.values() if one.id == one.representative}
    assert 0 < len(kept) < 60
    for a, b in zip(edges.a.tolist(), edges.b.tolist(), strict=True):
        assert not {ids[a], ids[b]} <= kept
    assert all(one.representative in kept and one.ani >= 98.5 for one in members.values())


def test_the_commands(gindex, demo_index: Path, tmp_path: Path) -> None:
    result = gindex("report", "--index", demo_index, "--out", tmp_path / "report")
    assert result.exit_code == 0
    assert result.stdout.startswith("60 genomes in 26 groups at species (average linkage), ")
    with (tmp_path / "report" / "members.tsv").open() as file:
        members = list(csv.DictReader(file, delimiter="\t"))
    assert len(members) == 60
    whole = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (whole["version"], whole["genomes"], whole["members"]) == (1, 60, members_of(whole))
    assert whole["agreement"]["adjusted_rand"] == 1
    table = gindex("dereplicate", "--index", demo_index, "--ani", "98.5")
    assert (table.exit_code, len(table.stdout.splitlines())) == (0, 61)
    assert " of 60 genomes at ANI 98.5" in table.stderr


def members_of(whole: dict) -> list[dict]:
    assert {one["group"] for one in whole["members"]} == {one["group"] for one in whole["groups"]}
    return whole["members"]
