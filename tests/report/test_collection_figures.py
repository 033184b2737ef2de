"""Figures of a collection: matrix, species borders, taxonomy; their numbers, in files and in pages."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.fasta import WriteFasta
from helpers.figures import EACH_THEME, given, require_legible

from genome_index.index.commit import ChangeSettings

for module in ("matplotlib", "scipy", "jinja2"):
    pytest.importorskip(module)

import matplotlib.text  # after the skip
from hypothesis import strategies as st
from matplotlib.image import imread

from genome_index import Index, build_index
from genome_index.collection.cluster_stats import groups_of
from genome_index.collection.similarity_matrix import (
    UNLIKE,
    Matrix,
    chosen_rows,
    matrix_of,
    rows_of_collection,
    rows_of_name,
)
from genome_index.collection.species_borders import (
    EDGES,
    Border,
    Identities,
    ani_at,
    binned,
    identities_of,
    place,
)
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.calibration.thresholds import PRIORS
from genome_index.index.changes import remove
from genome_index.index.neighbours import live_rows, neighbour_hits
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.skani import measure
from genome_index.index.store.sketches import containment
from genome_index.records import Call, Lineage, Taxon, counted
from genome_index.report.figures.heatmap import cells_of, heatmap_picture, heatmap_svg, labels_of
from genome_index.report.figures.identity import BELOW, WIDTH, identity_picture, identity_svg
from genome_index.report.figures.style import THEMES
from genome_index.report.figures.taxonomy import MOST, heights_of, taxonomy_picture
from genome_index.report.figures.text import blended, ink_on, shortened, verbatim
from genome_index.report.figures.write_collection import draw_heatmap, draw_histogram, draw_taxonomy
from genome_index.report.html import texts
from genome_index.report.html.taxonomy import MOST as MOST_SECTORS
from genome_index.report.html.taxonomy import sunburst
from genome_index.taxonomy.name_tree import (
    JOINED,
    UNNAMED,
    VERDICT,
    Counts,
    counts_of_calls,
    counts_of_entries,
    joined,
    thinned,
    tree_of_counts,
)

LIGHT, DARK = THEMES["light"], THEMES["dark"]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<script>alert(1)</script>", "A & B \"quoted\" 'x'", "n" * 300, "$\\frac$ %{x} </b>", "a\nb\tc")


@pytest.fixture(scope="module")
def index(demo_index: Path) -> Index:
    return Index.open(demo_index)


@pytest.fixture(scope="module")
def matrix(index: Index) -> Matrix:
    return matrix_of(index, live_rows(index))


@pytest.fixture(scope="module")
def taxonomy(demo: Path) -> list[dict[str, str]]:
    with (demo / "taxonomy.tsv").open() as table:
        return list(csv.DictReader(table, delimiter="\t"))


# Matrix -----------------------------------------------------------------------------------------------------


def test_similarity_and_tree_are_those_of_scipy(index: Index, matrix: Matrix) -> None:
    from scipy.cluster.hierarchy import cophenet, linkage
    from scipy.spatial.distance import squareform

    vectors = index.model.vectors.rows()
    assert matrix.similarity == pytest.approx(vectors @ vectors.T, abs=1e-6)
    apart = squareform(1 - matrix.similarity, checks=False)
    assert cophenet(matrix.merges) == pytest.approx(cophenet(linkage(apart, "average")), abs=1e-5)
    assert sorted(matrix.order.tolist()) == list(range(60))


def test_neighbours_in_order_are_alike(matrix: Matrix) -> None:
    """More than in the order that the linkage comes with."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = 1 - matrix.similarity
    plain = leaves_list(linkage(squareform(apart, checks=False), "average"))
    lengths = [apart[order[:-1], order[1:]].sum() for order in (matrix.order, plain)]
    assert lengths[0] < lengths[1]


def test_branches_are_scipys_dendrogram(matrix: Matrix) -> None:
    from scipy.cluster.hierarchy import dendrogram

    drawn = dendrogram(matrix.merges, no_plot=True)
    assert drawn["leaves"] == matrix.order.tolist()
    places, heights = (np.array(drawn["icoord"]) - 5) / 10, np.array(drawn["dcoord"])
    expected = {tuple(line.ravel().round(6)) for line in np.stack([heights, places], axis=2)}
    assert {tuple(line.ravel().round(6)) for line in matrix.branches()} == expected


def test_ani_is_what_was_measured(index: Index, matrix: Matrix) -> None:
    known = {
        (int(key) >> 32, int(key) & 0xFFFFFFFF): value
        for key, value in zip(index.pairs().keys, index.pairs().values[:, 0], strict=True)
    }
    assert len(known) > 1_000
    for (a, b), value in known.items():
        assert matrix.ani[a, b] == pytest.approx(value, nan_ok=True)
        assert matrix.ani[b, a] == pytest.approx(value, nan_ok=True)
        assert matrix.compared[a, b]
    assert (np.diag(matrix.ani) == 100).all()


def test_missing_pairs_are_measured(index: Index, matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pair by pair, and only where k-mers are shared."""
    rows = np.array([3, 0, 4, 1, 16, 14])
    monkeypatch.setattr(Index, "pairs", lambda self: PairTable(3))
    found = matrix_of(index, rows, threads=2)
    assert found.compared.all()
    references = index.references
    for i, a in enumerate(rows.tolist()):
        for j, b in enumerate(rows.tolist()):
            if i < j:
                limit = np.uint64(min(references.limit(a), references.limit(b)))
                shared = containment(references.hashes(a), references.hashes(b), limit)
                like = kmer_identity(np.float32(shared), index.spec.sketch_k) > UNLIKE
                [evidence] = measure(references.genome(a), [references.candidate(b)])
                expected = np.nan if evidence.ani is None or not like else evidence.ani
                assert found.ani[i, j] == pytest.approx(expected, nan_ok=True, abs=1e-4)
                assert found.ani[j, i] == pytest.approx(expected, nan_ok=True, abs=1e-4)
    assert np.isfinite(found.ani).sum() > 10
    assert found.ids == tuple(index.entry(int(row)).id for row in rows)
    assert found.total == 60


def test_what_costs_too_much_is_not_measured(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest are measured first; the others differ from pairs without an ANI."""
    monkeypatch.setattr(Index, "pairs", lambda self: PairTable(3))
    whole = matrix_of(index, np.arange(8))
    assert whole.compared.all()
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MEASURED_BP", 4 * 145_000)
    some = matrix_of(index, np.arange(8))
    measured = np.isfinite(some.ani) & ~np.eye(8, dtype=bool)
    assert 2 <= measured.sum() // 2 <= 5
    assert not some.compared[~measured & np.isfinite(whole.ani) & ~np.eye(8, dtype=bool)].any()
    assert some.ani[measured].min() > 97  # within species
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MEASURED_BP", 0)
    none = matrix_of(index, np.arange(8))
    assert np.isfinite(none.ani).sum() == 8


def test_large_genomes_are_not_measured_without_their_bases(
    write_fasta: WriteFasta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 520_000))
    files = [write_fasta(f"{name}.fa", {name: body}) for name, body in (
        ("large", text), ("other", text[::-1].replace("A", "C")), ("part", text[:60_000]))]  # fmt: skip
    built = build_index(files, tmp_path / "index").index
    monkeypatch.setattr(type(built), "pairs", lambda self: PairTable(3))
    rows = [built.catalog.find([name])[name].row for name in ("large", "part", "other")]
    found = matrix_of(built, np.array(rows))
    assert found.ani[0, 1] > 99.9  # measured with the small one as query
    monkeypatch.setattr(type(built.references), "is_small", lambda self, row: False)
    found = matrix_of(built, np.array(rows))
    assert np.isnan(found.ani[0, 1])
    assert not found.compared[0, 1]
    assert found.compared[0, 2]  # they share no word


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_genomes(index: Index, count: int) -> None:
    found = matrix_of(index, np.arange(count))
    assert found.merges.shape == (count - 1, 4)
    assert found.branches().shape == (count - 1, 4, 2)
    assert sorted(found.order.tolist()) == list(range(count))
    require_legible(heatmap_picture(found, DARK))
    assert set(charts(heatmap_svg(found))) == {"wide", "narrow"}
    assert len(cells_of(found)["labels"]) == count


def test_too_many_genomes_are_refused(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MOST", 5)
    with pytest.raises(UsageError, match="^6 genomes are too many or too few for a matrix; choose 1 to 5$"):
        matrix_of(index, np.arange(6))


# Which genomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rank", "name"), [
    ("genus", "Demobacter"), ("family", "Fabulimonadaceae"), ("species", "Specimenella levis"),
    ("superkingdom", "Bacteria"), ("habitat", "hot spring"),
])  # fmt: skip
def test_rows_of_a_name(index: Index, taxonomy: list[dict[str, str]], rank: str, name: str) -> None:
    expected = {row["genome_id"] for row in taxonomy if row[rank] == name}
    assert expected
    assert {index.entry(int(row)).id for row in rows_of_name(index, name)} == expected


def test_of_many_with_a_name_every_so_many(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of_name(index, "Bacteria")
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MOST", 5)
    assert rows_of_name(index, "Bacteria").tolist() == whole[[0, 15, 30, 44, 59]].tolist()


@pytest.mark.parametrize(("name", "cure"), [
    ("Demobactr", "did you mean 'Demobacter'?"), ("xyz", "`gindex list` lists the names")
])  # fmt: skip
def test_a_name_that_nobody_bears(index: Index, name: str, cure: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{index.path}: no genome has the name {name!r}; {cure}")):
        rows_of_name(index, name)


def test_a_large_collection_is_shown_by_its_groups(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    from genome_index.collection.clusters import group

    rows = live_rows(index)
    grouping = group(index.model, rows, neighbour_hits(index, rows), "species", None, "average")
    groups = groups_of(grouping, [None] * 60)
    assert chosen_rows(rows, groups).tolist() == rows_of_collection(index).tolist() == rows.tolist()
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MOST", 7)
    found = chosen_rows(rows, groups)
    assert found.tolist() == rows_of_collection(index).tolist()
    assert len(found) == 7
    assert chosen_rows(rows + 100, groups).tolist() == [100 + one.medoid for one in groups[:7]]
    sizes = Counter(grouping.number.tolist())
    assert [sizes[int(grouping.number[at])] for at in found] == sorted(sizes.values(), reverse=True)[:7]


def test_removed_genomes_are_in_no_figure(own_index: Path) -> None:
    """The first row goes, so that rows and positions are no longer the same."""
    before = Index.open(own_index)
    gone = before.entry(0)
    index = remove(own_index, [gone.id], ChangeSettings()).index
    assert len(live_rows(index)) == 5
    found = matrix_of(index, rows_of_collection(index))
    assert gone.id not in found.ids
    assert found.ids == tuple(entry.id for entry in index.catalog.entries())
    vectors = before.model.vectors.rows()[1:]
    assert found.similarity == pytest.approx(vectors @ vectors.T, abs=1e-6)
    [border] = identities_of(index).borders
    assert len(border.within) == 5
    assert np.isnan(border.within).sum() == 3  # the removed genome was the only other one of its species
    assert counts_of_entries(index.catalog.entries()).counts[0] == 5
    require_legible(heatmap_picture(found, LIGHT))
    with pytest.raises(UsageError, match="no genome has the name"):
        rows_of_name(index, gone.id)


# Borders of species -----------------------------------------------------------------------------------------


def dull_border(index: Index) -> tuple[list[float], list[float], list[float]]:
    """Within, between and needed of all genomes, from all pairs one by one."""
    entries = index.catalog.entries()
    species = {entry.row: entry.lineage.name("species") for entry in entries}
    best: dict[tuple[int, bool], float] = {}
    for key, value in zip(index.pairs().keys.tolist(), index.pairs().values[:, 0].tolist(), strict=True):
        a, b = key >> 32, key & 0xFFFFFFFF
        for row in (a, b):
            at = row, species[a] == species[b]
            best[at] = max(best.get(at, 0.0), 80.0 if np.isnan(value) else value)
    within, between = ([best.get((entry.row, same), np.nan) for entry in entries] for same in (True, False))
    return within, between, [index.model.thresholds.required(entry.row) for entry in entries]


def test_borders_are_counted_pair_by_pair(index: Index) -> None:
    [border] = identities_of(index).borders
    within, between, needed = dull_border(index)
    assert (border.molecule, border.prior, border.unnamed) == ("prokaryote", PRIORS["prokaryote"].ani, 0)
    assert border.within == pytest.approx(within, nan_ok=True)
    assert border.between == pytest.approx(between, nan_ok=True)
    assert border.required == pytest.approx(needed)
    species = {entry.lineage.name("species"): entry.row for entry in index.catalog.entries()}
    required = [index.model.thresholds.required(row) for row in species.values()]
    assert sorted(border.thresholds) == pytest.approx(sorted(required))
    assert border.band == pytest.approx(np.percentile(required, [5, 50, 95]))


def test_overlap_in_words() -> None:
    nan = np.nan
    border = Border(
        "virus", 95.0, np.array([99.0, 81.0, nan, 94.0]), np.array([96.0, 80.0, 95.5, nan]),
        np.array([95.0, 95.0, 96.0, 94.5]), np.array([95.0, 96.0, 94.5]), 2,
    )  # fmt: skip
    assert (border.closer_to_another, border.distant) == (1, 2)
    assert list(border.sentences()) == [
        "3 species require an ANI of 95.0 % in the median, nine of ten 94.5 to 95.9 %; the prior is 95 %.",
        "Genomes that reach their required ANI with another species: 1; that do not reach it within their "
        "own: 2.",
        "Not shown: 1 not compared within their species, 1 not compared with another, 2 without a species.",
    ]


@pytest.mark.long
def test_each_kind_has_a_border_of_its_own(
    write_fasta: WriteFasta, six_genomes: list[Path], demo: Path, tmp_path: Path
) -> None:
    table = (demo / "taxonomy.tsv").read_text().splitlines()
    at = table[0].split("\t").index("kind")
    lines = [table[0]]
    for line in table[1:]:
        cells = line.split("\t")
        if cells[0] in ("DEMO_0001", "DEMO_0002"):
            cells[at] = "virus"
        if cells[0] == "DEMO_0017":
            cells[table[0].split("\t").index("species")] = "Specimenella sp."
        lines.append("\t".join(cells))
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    built = build_index(six_genomes, tmp_path / "index", tmp_path / "t.tsv").index
    first, second = identities_of(built).borders
    assert (first.molecule, len(first.within), first.unnamed) == ("prokaryote", 3, 1)
    assert (second.molecule, len(second.within), second.unnamed) == ("virus", 2, 0)
    both = Identities((first, second))
    require_legible(identity_picture(both, DARK))
    for svg in charts(identity_svg(both)).values():
        written = [text.text or "" for text in svg.iter(f"{SVG}text")]
        assert [text for text in written if text.endswith(" genomes")] == [
            "prokaryote: 4 genomes", "virus: 2 genomes"
        ]  # fmt: skip


@given(
    values=st.lists(st.one_of(st.floats(70, 100), st.sampled_from((float("nan"), 80.0, 100.0))), max_size=50)
)
def test_bins_are_counted_one_by_one(values: list[float]) -> None:
    from genome_index.collection.species_borders import EDGES

    inside, below = binned(np.array(values, float))
    known = [value for value in values if value == value]
    assert below == sum(value <= 80 for value in known)
    assert inside.sum() + below == len(known)
    ends = ani_at(EDGES)
    assert ends[0] == pytest.approx(80)
    for number, count in enumerate(inside.tolist()):
        margin = 1e-9
        least = sum(ends[number] + margin < value < ends[number + 1] - margin for value in known)
        most = sum(ends[number] - margin <= value <= ends[number + 1] + margin for value in known)
        last = sum(value > ends[-1] - margin for value in known) if number == len(inside) - 1 else 0
        assert least <= count <= most + last


def test_the_axis_opens_towards_100() -> None:
    assert ani_at(place([80.0, 95.0, 99.9])) == pytest.approx([80, 95, 99.9])
    assert place(100.0) == place(99.995) == pytest.approx(2)


# Taxonomy ---------------------------------------------------------------------------------------------------

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), max_size=4).map(lambda names: tuple(zip("wxyz", names, strict=False))),
    max_size=60,
)


def ended(counts: Counts) -> Counter[int]:
    """How many are named no further than each node."""
    found = Counter(dict(enumerate(counts.counts)))
    for parent, count in zip(counts.parents[1:], counts.counts[1:], strict=True):
        found[parent] -= count
    return found


def path_to(counts: Counts, at: int) -> tuple[tuple[str, str], ...]:
    if at == 0:
        return ()
    return (*path_to(counts, counts.parents[at]), (counts.ranks[at], counts.labels[at]))


@given(paths=PATHS)
def test_names_are_counted_one_by_one(paths: list[tuple[tuple[str, str], ...]]) -> None:
    counts = tree_of_counts(paths, "genome")
    expected = Counter(path[:depth] for path in paths for depth in range(1, len(path) + 1))
    found = {path_to(counts, at): counts.counts[at] for at in range(1, len(counts.labels))}
    assert found == expected
    assert counts.counts[0] == len(paths)
    assert {path_to(counts, at): one for at, one in ended(counts).items() if one} == Counter(paths)
    assert all(parent < at for at, parent in enumerate(counts.parents))
    for parent in set(counts.parents[1:]):
        below = [at for at in range(1, len(counts.labels)) if counts.parents[at] == parent]
        keys = [(-counts.counts[at], counts.labels[at], counts.ranks[at]) for at in below]
        assert keys == sorted(keys)


@given(paths=PATHS, most=st.integers(2, 30))
def test_thinned_trees_count_the_same(paths: list[tuple[tuple[str, str], ...]], most: int) -> None:
    whole = tree_of_counts(paths, "genome")
    few = thinned(whole, most)
    assert len(few.labels) <= most
    assert few.counts[0] == len(paths)
    full = {path_to(whole, at): whole.counts[at] for at in range(len(whole.labels))}
    for at, rank in enumerate(few.ranks):
        if rank != JOINED:
            assert few.counts[at] == full[path_to(few, at)]
            assert at == 0 or few.counts[at] >= few.least
    kept = {path_to(few, at) for at, rank in enumerate(few.ranks) if rank != JOINED}
    assert kept == {path for path, count in full.items() if count >= few.least or not path}
    for at, rank in enumerate(few.ranks):
        if rank == JOINED:
            above = path_to(few, few.parents[at])
            hidden = [path for path in full if path and path[:-1] == above and path not in kept]
            assert few.labels[at] == f"{len(hidden)} more"
            assert few.counts[at] == sum(full[path] for path in hidden)
    if few.least > 1:
        smaller = max((size for size in {1, *whole.counts} if size < few.least), default=1)
        assert len(joined(whole, smaller).labels) > most


@given(paths=PATHS)
def test_nodes_lie_within_their_parents_and_beside_each_other(
    paths: list[tuple[tuple[str, str], ...]],
) -> None:
    counts = thinned(tree_of_counts(paths, "genome"), 12)
    starts = counts.starts(counts.counts)
    taken: set[tuple[int, int]] = set()
    for at, parent in enumerate(counts.parents):
        places = {(parent, place) for place in range(int(starts[at]), int(starts[at]) + counts.counts[at])}
        assert not taken & places
        taken |= places
        if parent >= 0:
            assert starts[parent] <= starts[at]
            assert starts[at] + counts.counts[at] <= starts[parent] + counts.counts[parent]


def test_branches_begin_where_the_tree_parts() -> None:
    ranks = ("superkingdom", "phylum", "class")
    paths = [tuple(zip(ranks, names, strict=False)) for names in ("xab", "xab", "xac", "xb")]
    counts = tree_of_counts(paths, "genome")
    named = {label: counts.labels[at] if at >= 0 else "" for label, at in
             zip(counts.labels, counts.branches, strict=True)}  # fmt: skip
    assert [path_to(counts, at)[-1][1] for at in range(1, 6)] == ["x", "a", "b", "c", "b"]
    assert counts.branches == [-1, -1, 2, 2, 2, 5]
    assert named["x"] == ""


def test_the_taxonomy_of_the_demo(index: Index, taxonomy: list[dict[str, str]]) -> None:
    counts = counts_of_entries(index.catalog.entries())
    ranks = ("superkingdom", "phylum", "class", "order", "family", "genus", "species")
    expected = Counter(
        tuple((rank, row[rank]) for rank in ranks[:depth]) for row in taxonomy for depth in range(1, 8)
    )
    assert {path_to(counts, at): counts.counts[at] for at in range(1, len(counts.labels))} == expected
    assert (counts.labels[0], counts.counts[0], counts.least) == ("60 genomes", 60, 1)
    assert thinned(counts, len(counts.labels)) == counts
    by_genus = counts_of_entries(index.catalog.entries(), ("genus",))
    assert Counter(dict(zip(by_genus.labels[1:], by_genus.counts[1:], strict=True))) == Counter(
        row["genus"] for row in taxonomy
    )


def entries_of(*lineages: dict[str, str]) -> list[SimpleNamespace]:
    return [SimpleNamespace(lineage=Taxon(Lineage(names)).lineage) for names in lineages]


def test_unknown_ranks_are_passed_over_and_like_names_stay_apart() -> None:
    counts = counts_of_entries(entries_of(
        {"family": "F", "species": "s"}, {"family": "F", "genus": "G", "species": "s"},
        {"family": "E", "genus": "G"}, {}, {"strain": "K-12"},
    ))  # fmt: skip
    found = {path_to(counts, at): counts.counts[at] for at in range(1, len(counts.labels))}
    assert found == {
        (("family", "F"),): 2, (("family", "F"), ("species", "s")): 1, (("family", "F"), ("genus", "G")): 1,
        (("family", "F"), ("genus", "G"), ("species", "s")): 1, (("family", "E"),): 1,
        (("family", "E"), ("genus", "G")): 1, ((UNNAMED, UNNAMED),): 2,
    }  # fmt: skip
    assert "None" not in counts.labels


def call(verdict: str, names: dict[str, str] | None = None, name: str | None = None) -> Call:
    rank = verdict if name else None
    return Call("q", "-", 1_000, verdict, "", rank, name, Lineage(names or {}))


def test_every_call_is_counted() -> None:
    calls = [
        call("species", {"genus": "G", "species": "G a"}, "G a"), call("genus", {"genus": "G"}, "G"),
        call("species", {}, "G b"), call("novel"), call("novel", {"genus": "G"}), call("ambiguous"),
        call("out_of_scope"), call("qc_fail"), call("failed"),
    ]  # fmt: skip
    counts = counts_of_calls(calls)
    found = {path_to(counts, at): counts.counts[at] for at in range(1, len(counts.labels))}
    assert found == {
        (("genus", "G"),): 2, (("genus", "G"), ("species", "G a")): 1, (("species", "G b"),): 1,
        ((VERDICT, "novel"),): 2, ((VERDICT, "ambiguous"),): 1, ((VERDICT, "out of scope"),): 1,
        ((VERDICT, "qc fail"),): 1, ((VERDICT, "failed"),): 1,
    }  # fmt: skip
    assert counts.labels[0] == "9 inputs"
    few = thinned(counts, 7)
    assert Counter(few.ranks)[VERDICT] == 5
    assert few.counts[0] == 9
    require_legible(taxonomy_picture(counts, DARK))


def test_what_is_joined_leaves_room_for_the_others() -> None:
    paths = [(("genus", f"large {number}"),) for number in range(3) for _ in range(200)]
    paths += [(("genus", f"small {number}"),) for number in range(5_000)]
    counts = thinned(tree_of_counts(paths, "genome"), MOST)
    heights = heights_of(counts)
    assert counts.labels[-1] == "5,000 more"
    assert heights[1:-1] == [200.0] * 3
    assert heights[-1] == pytest.approx(600 / 9)
    assert heights[0] == pytest.approx(600 + 600 / 9)
    alone = thinned(tree_of_counts(paths[600:], "genome"), MOST)
    assert heights_of(alone) == [5_000, 5_000]
    [text] = [
        one.get_text() for one in taxonomy_picture(counts, LIGHT).axes[0].texts if "more" in one.get_text()
    ]
    assert text == "5,000 more  5,000  (not to scale)"


# Letters ----------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=100), most=st.integers(2, 60))
def test_names_are_cut_to_one_line(text: str, most: int) -> None:
    found = shortened(text, most)
    assert len(found) <= most
    assert not set("\n\r\t") & set(found)
    if found.endswith("…") and not text.endswith("…"):
        assert " ".join(text.split()).startswith(found[:-1])


@given(text=st.text("a$\\{}_^", max_size=12))
def test_dollars_are_no_formula(text: str) -> None:
    from matplotlib.cbook import is_math_text

    assert not is_math_text(verbatim(text))


@given(parts=st.tuples(*[st.integers(0, 255)] * 3))
def test_letters_stand_out(parts: tuple[int, int, int]) -> None:
    colour = "#{:02X}{:02X}{:02X}".format(*parts)
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    contrast = (luminance + 0.05) / 0.05 if ink_on(colour) == "#000000" else 1.05 / (luminance + 0.05)
    assert contrast >= 4.5
    assert blended(colour, "#123456", 0) == colour
    assert blended(colour, "#123456", 1) == "#123456"


# Pictures ---------------------------------------------------------------------------------------------------


def colours_in(path: Path) -> int:
    pixels = imread(path)
    return len(np.unique((pixels[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0))


@pytest.mark.long
@pytest.mark.parametrize("theme", EACH_THEME)
def test_pictures_of_a_collection(index: Index, tmp_path: Path, theme: str) -> None:
    drawn = {
        "heatmap": draw_heatmap(index, tmp_path / "out", theme=theme),
        "identity": draw_histogram(index, tmp_path / "out", theme),
        "taxonomy": draw_taxonomy(index, tmp_path / "out", theme),
    }
    for what, one in drawn.items():
        kinds = ("png", "svg", "nwk") if what == "heatmap" else ("png", "svg")
        assert [path.name for path in one.paths] == [f"collection-{what}.{kind}" for kind in kinds]
        assert colours_in(one.paths[0]) > 40
        paper = imread(one.paths[0])[0, 0, :3]
        assert tuple(round(255 * value) for value in paper) == tuple(bytes.fromhex(THEMES[theme].paper[1:]))
        assert one.paths[1].read_text().count("<path") > 40
        assert one.note == ""
    leaves = re.findall(r"DEMO_\d{4}", drawn["heatmap"].paths[2].read_text())
    assert sorted(leaves) == [f"DEMO_{number:04}" for number in range(1, 61)]


@pytest.mark.long
def test_a_heatmap_of_a_taxon(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genome_index.collection.similarity_matrix.MOST", 5)
    titles = []
    monkeypatch.setattr(
        "genome_index.report.figures.write_collection.heatmap_picture",
        lambda matrix, theme, title: titles.append(title) or heatmap_picture(matrix, theme, title),
    )
    drawn = draw_heatmap(index, tmp_path, "Demobacter", "dark")
    assert [path.name for path in drawn.paths] == [
        f"Demobacter-heatmap.{kind}" for kind in ("png", "svg", "nwk")
    ]
    whole = draw_heatmap(index, tmp_path)
    assert titles == [
        "Demobacter  ·  5 of 8 genomes", "5 of 60 genomes, the medoids of the largest groups"
    ]  # fmt: skip
    assert whole.note.startswith("the medoids of the ")
    with pytest.raises(UsageError, match="did you mean 'Demobacter'"):
        draw_heatmap(index, tmp_path / "not", "Demobactr")
    with pytest.raises(UsageError, match="no theme is called 'blue'"):
        draw_taxonomy(index, tmp_path / "not", "blue")
    assert not (tmp_path / "not").exists()


@pytest.mark.long
def test_pictures_are_legible(index: Index, matrix: Matrix) -> None:
    require_legible(heatmap_picture(matrix, LIGHT))
    require_legible(heatmap_picture(matrix_of(index, rows_of_name(index, "Demobacter")), DARK))
    require_legible(identity_picture(identities_of(index), LIGHT))
    require_legible(taxonomy_picture(counts_of_entries(index.catalog.entries()), LIGHT))


def test_few_genomes_have_their_numbers_in_the_cells(index: Index) -> None:
    found = matrix_of(index, np.arange(4))
    cells = heatmap_picture(found, LIGHT).axes[1]
    similarity, ani = found.ordered(found.similarity), found.ordered(found.ani)
    numbers = {tuple(map(int, text.get_position())): text.get_text() for text in cells.texts}
    assert numbers[0, 3] == f"{similarity[3, 0]:.3f}"
    assert numbers[3, 0] == f"{ani[0, 3]:.1f}"
    assert len(numbers) == 16
    many = heatmap_picture(matrix_of(index, np.arange(20)), LIGHT)
    assert not many.axes[1].texts


def test_labels_keep_the_id(index: Index) -> None:
    found = matrix_of(index, np.arange(3))
    named = replace(found, names=("n" * 300, "", "short"))
    labels = dict(zip(found.order.tolist(), labels_of(named), strict=True))
    assert re.fullmatch(r"n+… · DEMO_0001", labels[0])
    assert len(labels[0]) <= 51
    assert (labels[1], labels[2]) == ("DEMO_0002", "short · DEMO_0003")


def hostile_entries() -> list[SimpleNamespace]:
    return entries_of(*({"genus": name, "species": f"{name} {at}"} for at, name in enumerate(HOSTILE)))


def test_hostile_names_are_names(matrix: Matrix, tmp_path: Path) -> None:
    merges = np.array([[0, 1, 0.1, 2], [2, 5, 0.2, 3], [3, 6, 0.3, 4], [4, 7, 0.4, 5.0]])
    few = Matrix(
        HOSTILE, HOSTILE[::-1], matrix.similarity[:5, :5], matrix.ani[:5, :5], matrix.compared[:5, :5],
        merges, np.array([4, 3, 2, 0, 1]), 5,
    )  # fmt: skip
    counts = counts_of_entries(hostile_entries())
    title = "$\\alpha$ & <b>"
    for figure in (heatmap_picture(few, LIGHT, title), taxonomy_picture(counts, DARK)):
        require_legible(figure)
        assert not any("\n" in text.get_text() for text in figure.axes[0].findobj(matplotlib.text.Text))
    for svg in charts(heatmap_svg(few)).values():
        written = [text.text or "" for text in svg.iter(f"{SVG}text")]
        assert any(text.startswith("<script>") for text in written)
        assert not any("\n" in text for text in written)
    for labels in (cells_of(few)["labels"], sunburst(counts).data["labels"]):
        assert max(map(len, labels)) < 120


@pytest.mark.long
def test_without_taxonomy(six_genomes: list[Path], tmp_path: Path) -> None:
    bare = build_index(six_genomes[:3], tmp_path / "index").index
    assert identities_of(bare) == Identities(())
    counts = counts_of_entries(bare.catalog.entries())
    assert (counts.labels, counts.counts) == (("3 genomes", UNNAMED), (3, 3))
    found = matrix_of(bare, rows_of_collection(bare))
    assert found.names == ("", "", "")
    assert set(labels_of(found)) == set(found.ids)
    for drawn in (
        draw_heatmap(bare, tmp_path),
        draw_histogram(bare, tmp_path),
        draw_taxonomy(bare, tmp_path),
    ):
        assert colours_in(drawn.paths[0]) > 3
    assert set(charts(heatmap_svg(found))) == {"wide", "narrow"}
    for svg in charts(identity_svg(Identities(()))).values():
        assert "No genome has a species name" in " ".join(text.text or "" for text in svg.iter(f"{SVG}text"))
    assert sunburst(counts).data["labels"] == ["3 genomes", UNNAMED]


@pytest.mark.long
def test_an_index_of_one_genome(six_genomes: list[Path], demo: Path, tmp_path: Path) -> None:
    one = build_index(six_genomes[:1], tmp_path / "index", demo / "taxonomy.tsv").index
    [border] = identities_of(one).borders
    assert np.isnan([*border.within, *border.between]).all()
    for drawn in (draw_heatmap(one, tmp_path), draw_histogram(one, tmp_path), draw_taxonomy(one, tmp_path)):
        assert colours_in(drawn.paths[0]) > 3
    assert (tmp_path / "collection-heatmap.nwk").read_text() == "'DEMO_0001';\n"
    assert set(charts(identity_svg(Identities((border,))))) == {"wide", "narrow"}


def test_no_inputs_at_all() -> None:
    counts = counts_of_calls([])
    assert (counts.labels, counts.counts) == (("0 inputs",), (0,))
    taxonomy_picture(counts, LIGHT).draw_without_rendering()
    assert sunburst(counts).data["counts"] == [0]


# Figures of pages -------------------------------------------------------------------------------------------


def charts(svg: str) -> dict[str, ElementTree.Element]:
    """The two SVG of a figure, by class: each in the colours of the page, and ids are unique."""
    found = {one.get("class") or "": one for one in ElementTree.fromstring(f"<figures>{svg}</figures>")}
    assert "#fe000" not in svg.lower()
    assert "var(--ink)" in svg
    assert "font-family" not in svg
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)
    return found


def tips_of(svg: ElementTree.Element) -> list[str]:
    return [group.get("data-tip") or "" for group in svg.iter(f"{SVG}g") if group.get("data-tip")]


def test_the_cells_of_a_page_have_the_numbers_of_the_matrix(matrix: Matrix) -> None:
    cells = cells_of(matrix)
    similarity, ani = matrix.ordered(matrix.similarity), matrix.ordered(matrix.ani)
    for (row, column), near in np.ndenumerate(similarity):
        low, high = sorted((row, column))
        assert cells["similarity"][high][low] == pytest.approx(near, abs=6e-4)
        known = ani[row, column]
        assert cells["ani"][high][low] == (None if np.isnan(known) else pytest.approx(known, abs=6e-3))
    assert cells["labels"] == labels_of(matrix)
    unmeasured = replace(matrix, compared=np.zeros((60, 60), bool))
    below_range = [value for row in cells["ani"] for value in row].count(None)
    assert [value for row in cells_of(unmeasured)["ani"] for value in row].count(-1) == below_range > 0


@pytest.mark.long
def test_a_heatmap_for_a_page_has_all_labels_and_one_frame_of_cells(matrix: Matrix) -> None:
    for name, svg in charts(heatmap_svg(matrix)).items():
        assert tips_of(svg) == ["cells"]
        written = [text.text or "" for text in svg.iter(f"{SVG}text")]
        assert [text[-9:] for text in written if "DEMO_" in text] == [text[-9:] for text in labels_of(matrix)]
        assert any("no ANI: below its range" in text for text in written)
        assert len(list(svg.iter(f"{SVG}image"))) == 3, name  # the cells and two scales


@pytest.mark.long
def test_a_heatmap_of_200_genomes_is_small() -> None:
    drawn = np.random.default_rng(0)
    near = drawn.uniform(-1, 1, (200, 200)).astype(np.float32)
    ani = np.where(drawn.random((200, 200)) < 0.5, drawn.uniform(75, 100, (200, 200)), np.nan)
    merges = np.array([[0 if at == 0 else 199 + at, at + 1, at / 200, at + 2] for at in range(199)], float)
    ids = tuple(f"NC_{at:09}.1" for at in range(200))
    many = Matrix(
        ids, ids, near, ani.astype(np.float32), np.ones((200, 200), bool), merges, np.arange(200), 9_999
    )
    assert len(heatmap_svg(many)) + len(json.dumps(cells_of(many))) < 1_150_000
    figure = heatmap_picture(many, LIGHT)
    require_legible(figure)
    assert figure.axes[1].get_title(loc="left") == "One label for 4 rows"
    assert [label.get_text().split(" · ")[1] for label in figure.axes[1].get_yticklabels()] == list(ids[::4])


def test_bars_of_borders_tell_their_counts(index: Index) -> None:
    [border] = identities_of(index).borders
    border = replace(border, between=np.where(np.arange(60) < 5, 80, border.between))
    expected = []
    ends = ani_at(EDGES)
    spans = [f"from {low:.4g} to {high:.4g} %" for low, high in itertools.pairwise(ends)]
    for values in (border.within, border.between):
        inside, below = binned(values)
        expected += [
            f"{counted(count)} with an ANI {span}" for count, span in zip(inside, spans, strict=True)
        ]
        expected.append(f"{counted(below)} with an ANI below the range")
    for svg in charts(identity_svg(Identities((border,)))).values():
        assert tips_of(svg) == expected
    within, between = identity_picture(Identities((border,)), LIGHT).axes
    heights = [[bar.get_height() for bar in bars] for bars in between.containers]
    inside, below = binned(border.between)
    assert heights == [inside.tolist(), [below]]
    assert between.containers[1][0].get_x() == pytest.approx(BELOW)
    assert within.containers[0][0].get_width() == pytest.approx(WIDTH)
    median, prior = (line.get_xdata()[0] for line in within.lines)
    assert (median, prior) == pytest.approx(place([border.band[1], 95.0]), abs=1e-4)
    assert texts.of_identity(Identities((border,))).endswith(" ".join(border.sentences()))


def children_fit(data: Mapping[str, Any]) -> None:
    sums: Counter[int] = Counter()
    for at, (parent, count) in enumerate(zip(data["parents"], data["counts"], strict=True)):
        assert parent < at  # parents come first
        sums[parent] += count
    assert all(sums[parent] <= data["counts"][parent] for parent in sums if parent >= 0)


@given(paths=PATHS)
def test_a_sunburst_adds_up(paths: list[tuple[tuple[str, str], ...]]) -> None:
    data = sunburst(tree_of_counts(paths, "genome")).data
    children_fit(data)
    assert data["counts"][0] == len(paths)
    below = Counter(data["parents"])
    several = [at for at in range(len(data["labels"])) if below[at] > 1]
    assert data["start"] == (several or [0])[0]
    assert {len(data[name]) for name in ("labels", "parents", "counts", "ranks", "colours", "inks")} == {
        len(data["labels"])
    }


def test_a_large_taxonomy_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(0).zipf(1.4, (9_000, 3)) % 300
    ranks = ("family", "genus", "species")
    paths = [tuple(zip(ranks, map(str, names), strict=True)) for names in drawn.tolist()]
    counts = tree_of_counts(paths, "genome")
    assert len(counts.labels) > 5_000
    data = sunburst(counts).data
    children_fit(data)
    assert len(data["labels"]) <= MOST_SECTORS
    assert data["rings"] == 2
    figure = taxonomy_picture(counts, DARK)
    require_legible(figure)
    boxes = figure.axes[0].patches
    assert 20 < len(boxes) < MOST
    written = [text for text in figure.axes[0].texts if ": " not in text.get_text()]
    assert len(written) > len(boxes) / 2
    assert re.search(r"  ·  names of fewer than \d+ genomes are joined$", figure.get_suptitle())


def test_columns_are_ranks(index: Index) -> None:
    entries: Sequence[object] = entries_of(
        {"family": "F", "species": "s"}, {"genus": "G"}, {"family": "F", "genus": "H", "species": "t"}, {}
    )
    axes = taxonomy_picture(counts_of_entries(entries), LIGHT).axes[0]
    heads = [text.get_text() for text in axes.texts[:3]]
    assert heads == ["family: 1 name", "genus: 2 names", "species: 2 names"]
    boxes = {text.get_text(): box for text, box in zip(axes.texts[3:], axes.patches, strict=True)}
    assert {name: (box.get_x(), box.get_width()) for name, box in boxes.items()} == {
        "F  2": (0, 1), "H  1": (1, 1), "t  1": (2, 1), "s  1": (2, 1), "G  1": (1, 1), "no name  1": (0, 3),
    }  # fmt: skip
