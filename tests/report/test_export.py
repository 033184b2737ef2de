"""Exports: each format is read by a program of its own and compared with the index."""

import csv
import gzip
import io
import re
from collections import Counter

import networkx
import numpy as np
import pytest
from Bio import Phylo
from helpers.fasta import write_records
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.cluster.hierarchy import cophenet, is_valid_linkage, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist, squareform

from genome_index import ChangeSettings, Index, build_index
from genome_index.collection.trees import average_linkage, condensed, joined, neighbourhoods, tree_of
from genome_index.encoders.pooling import unit
from genome_index.errors import UsageError
from genome_index.index.changes import remove
from genome_index.index.store.pair_table import keys_of
from genome_index.io.tsv import one_line
from genome_index.records import RANKS
from genome_index.report.export import EXPORTS, ExportOptions, export
from genome_index.report.export.colours import NO_NAME_COLOUR, colours_of
from genome_index.report.export.itol import LEGEND_NAMES
from genome_index.report.export.names import ids_of
from genome_index.report.export.newick import newick, quoted
from genome_index.taxonomy.levels import labels_of, name_of, ranks_of

IDS = [f"DEMO_{number:04}" for number in range(1, 61)]


@pytest.fixture(scope="module")
def index(demo_index):
    return Index.open(demo_index)


def text_of(index, kind, **options):
    return "".join(export(index, kind, ExportOptions(**options)))


def read_tree(text):
    return Phylo.read(io.StringIO(text), "newick")


def table_of(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def paths_between(tree, names):
    """How far each leaf is from each other along the tree: (N, N)."""
    depth = tree.depths()
    above = {leaf.name: [tree.root, *tree.get_path(leaf)] for leaf in tree.get_terminals()}
    found = np.zeros((len(names), len(names)))
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            shared = [one for one, other in zip(above[a], above[b], strict=False) if one is other]
            found[i, j] = found[j, i] = depth[above[a][-1]] + depth[above[b][-1]] - 2 * depth[shared[-1]]
    return found


def some_vectors(count, seed=0, dim=8):
    return unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))


def neighbours_of(vectors, most):
    """Nearest others of each vector, and their cosines: (N, M), (N, M)."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    near = np.argsort(-similarity, axis=1, kind="stable")[:, :most]
    return near, np.take_along_axis(similarity, near, axis=1)


# Newick -----------------------------------------------------------------------------------------------------


def test_the_tree_of_the_demo_is_that_of_scipy(index):
    """Against scipy on its own: its cosine distances, its average linkage, its cophenetic distances."""
    tree = read_tree(text_of(index, "newick"))
    assert sorted(leaf.name for leaf in tree.get_terminals()) == IDS
    vectors = index.model.vectors.rows().astype(np.float64)
    expected = squareform(cophenet(linkage(pdist(vectors, "cosine"), "average")))
    assert [entry.id for entry in index.catalog.entries()] == IDS
    np.testing.assert_allclose(paths_between(tree, IDS), expected, atol=1e-5)
    assert expected.max() > 0.5


def test_the_tree_is_ultrametric_and_has_no_length_below_zero(index):
    tree = read_tree(text_of(index, "newick"))
    depths = [depth for clade, depth in tree.depths().items() if clade.is_terminal()]
    assert max(depths) - min(depths) < 1e-6
    assert max(depths) > 0.1
    assert min(clade.branch_length or 0 for clade in tree.find_clades()) >= 0


def test_species_of_the_demo_are_clades(index):
    tree = read_tree(text_of(index, "newick"))
    members = {}
    for entry in index.catalog.entries():
        members.setdefault(entry.lineage.name("species"), []).append(entry.id)
    several = [ids for ids in members.values() if len(ids) > 1]
    assert len(several) > 10
    for ids in several:
        assert sorted(leaf.name for leaf in tree.common_ancestor(ids).get_terminals()) == ids


@pytest.mark.parametrize("count", [1, 2, 3])
def test_small_trees(count):
    vectors = some_vectors(count)
    text = "".join(newick(average_linkage(vectors), ["a", "b", "c"][:count]))
    half = f"{(1 - vectors[0] @ vectors[-1]) / 2:.9f}" if count == 2 else ""
    assert re.fullmatch(
        [r"a;\n", rf"\((a:{half},b:{half}|b:{half},a:{half})\);\n", r"\(.*\(.*\).*\);\n"][count - 1], text
    )
    assert sorted(leaf.name for leaf in read_tree(text).get_terminals()) == ["a", "b", "c"][:count]


def test_copies_hang_at_one_node():
    one, other = np.eye(4, dtype=np.float32)[:2]
    tree = read_tree("".join(newick(average_linkage(np.stack([one] * 5 + [other] * 3)), list("abcdefgh"))))
    assert sorted(len(clade.get_terminals()) for clade in tree.root.clades) == [3, 5]
    assert all(len(clade.clades) in (3, 5) for clade in tree.root.clades)
    assert sorted(tree.depths().values()) == [0, *[0.5] * 10]


def test_a_tree_as_deep_as_it_has_leaves_is_written():
    count = 5_000
    before = np.append(0, count + np.arange(count - 2))
    merges = np.stack([before, np.arange(1, count), np.arange(1, count), np.arange(2, count + 1)], axis=1)
    text = "".join(newick(merges.astype(float), [f"n{i}" for i in range(count)]))
    assert (text.count("("), text.count(","), text.count(";")) == (count - 1, count - 1, 1)


def read_label(text):
    """The name that a strict reader sees at the start of a Newick text, and what follows it."""
    if not text.startswith("'"):
        bare, rest = re.fullmatch(r"([^\s()\[\]':;,]*)(.*)", text, re.DOTALL).groups()
        return bare.replace("_", " "), rest
    found = re.match(r"'((?:[^']|'')*)'", text)
    return found[1].replace("''", "'"), text[found.end() :]


@given(st.text(min_size=1))
def test_any_name_is_read_back(name):
    assert read_label(quoted(name) + ":0.5)") == (name, ":0.5)")


@given(st.lists(st.text("ab_ ,:;()[]'.-", min_size=1), min_size=2, max_size=6, unique=True))
def test_a_tree_of_odd_names_has_each_once(names):
    text = "".join(newick(average_linkage(some_vectors(len(names))), names))
    found, rest = [], text
    while rest:
        if rest[0] in "(),;\n":
            rest = rest[1:]
        elif rest[0] == ":":
            rest = re.sub(r"^:[0-9.]+", "", rest)
        else:
            name, rest = read_label(rest)
            found.append(name)
    assert sorted(found) == sorted(names)


def test_biopython_reads_quotes_and_blanks():
    names = ["Hyla's arborea", "a,b", "c:d", "(e)", "[f]", "g;h", "NC_012920.1", "i-j.1"]
    text = "".join(newick(average_linkage(some_vectors(len(names))), names))
    assert sorted(leaf.name for leaf in read_tree(text).get_terminals()) == sorted(names)
    assert "i-j.1:" in text
    assert "'Hyla''s arborea':" in text
    assert quoted("Hylä") == "'Hylä'"


# Trees too large to compare all with all --------------------------------------------------------------------


def test_distances_are_those_of_scipy():
    vectors = some_vectors(40)
    np.testing.assert_allclose(condensed(vectors), pdist(vectors.astype(np.float64), "cosine"), atol=1e-6)
    assert (condensed(np.repeat(vectors[:1] * 1.0001, 3, axis=0)) == 0).all()


@settings(deadline=None)
@given(
    arrays.arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-1, 29)),
    st.integers(1, 30),
)
def test_parts_are_components_and_never_too_large(near, most):
    count = len(near)
    near = np.where(near < count, near, -1)
    score = np.arange(near.size, 0, -1, dtype=np.float32).reshape(near.shape)
    a, b = np.repeat(np.arange(count), near.shape[1]), near.ravel()
    graph = coo_array((np.ones((b >= 0).sum()), (a[b >= 0], b[b >= 0])), shape=(count, count))
    components = connected_components(graph, directed=False)[1]
    part = neighbourhoods(near, score, most)
    assert sorted(set(part)) == list(range(len(set(part))))
    assert max(Counter(part.tolist()).values()) <= most
    assert len(set(zip(part, components, strict=True))) == len(
        set(part)
    )  # no part reaches over two components
    assert len(set(neighbourhoods(near, score, count))) == len(set(components))


def test_parts_join_the_nearest_first():
    near = np.array([[1], [2], [3], [2]])
    assert neighbourhoods(near, np.array([[1], [9], [2], [2]], np.float32), 2).tolist() == [0, 1, 1, 2]
    assert neighbourhoods(near, np.array([[5], [1], [2], [2]], np.float32), 2).tolist() == [0, 0, 1, 1]


def test_up_to_the_limit_the_tree_is_exact():
    vectors = some_vectors(50)
    near, score = neighbours_of(vectors, 1)
    assert len(set(neighbourhoods(near, score, 50))) > 1
    np.testing.assert_array_equal(tree_of(vectors, near, score, 50), average_linkage(vectors))


@pytest.mark.parametrize("compared", [10, 25, 49])
def test_above_the_limit_parts_are_exact_and_joined_by_their_mean_distance(compared):
    vectors = some_vectors(50)
    near, score = neighbours_of(vectors, 5)
    merges = tree_of(vectors, near, score, compared)
    part = neighbourhoods(near, score, compared)
    sizes = np.bincount(part)
    assert 1 < len(sizes) <= compared
    assert is_valid_linkage(merges)
    assert merges[-1, 3] == 50
    found = squareform(cophenet(merges))
    for number in np.unique(part):
        rows = np.flatnonzero(part == number)
        own = squareform(cophenet(average_linkage(vectors[rows]))) if len(rows) > 1 else np.zeros((1, 1))
        np.testing.assert_allclose(found[np.ix_(rows, rows)], own, atol=1e-6)
    distance = 1 - vectors @ vectors.T
    between = np.array(
        [[distance[np.ix_(part == a, part == b)].mean() for b in set(part)] for a in set(part)]
    )
    over = squareform(cophenet(linkage(squareform(between, checks=False), "average")))
    apart = part[:, None] != part[None, :]
    own_heights = np.array([found[np.ix_(part == a, part == a)].max() for a in range(len(sizes))])
    assert (found[apart] >= over[np.ix_(part, part)][apart] - 1e-6).all()
    assert (found[apart] >= np.maximum.outer(own_heights[part], own_heights[part])[apart] - 1e-6).all()
    raised = found[apart] > over[np.ix_(part, part)][apart] + 1e-6
    assert np.isin(
        found[apart][raised].round(5), np.append(own_heights, found[apart][~raised]).round(5)
    ).all()


def test_too_many_parts_hang_at_one_node():
    vectors = unit(np.repeat(some_vectors(10), 3, axis=0) + some_vectors(30, seed=1) / 10)
    part = np.arange(30) // 3
    merges = joined(vectors, part, compared=5)
    assert is_valid_linkage(merges)
    tree = read_tree("".join(newick(merges, [f"n{i:02}" for i in range(30)])))
    below = sorted(sorted(leaf.name for leaf in clade.get_terminals()) for clade in tree.root.clades)
    assert below == [[f"n{3 * i + j:02}" for j in range(3)] for i in range(10)]
    distance = 1 - vectors @ vectors.T
    between = [distance[np.ix_(part == a, part == b)].mean() for a in range(10) for b in range(a)]
    assert 2 * max(tree.depths().values()) == pytest.approx(np.mean(between), abs=1e-6)


def test_a_star_is_never_below_its_parts():
    """Copies of one vector in parts of their own, and one part whose members are far apart."""
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 0, 0, 0, 1]]
    merges = joined(vectors, np.array([0, 1, 2, 3, 4, 4]), compared=3)
    assert is_valid_linkage(merges)
    assert squareform(cophenet(merges))[0, 1:].tolist() == [1.0] * 5


# GraphML ----------------------------------------------------------------------------------------------------


def test_the_graph_is_that_of_the_nearest_references(index):
    graph = networkx.read_graphml(io.BytesIO(text_of(index, "graphml", neighbours=3).encode()))
    entries = index.catalog.entries()
    assert dict(graph.nodes(data=True)) == {
        one.id: {"species": one.lineage.name("species"), "length_bp": one.length_bp, "molecule": one.molecule}
        for one in entries
    }
    around = index.model.neighbours
    expected = {
        frozenset((IDS[row], IDS[other])): around.score[row, at]
        for row in range(60)
        for at, other in enumerate(around.rows[row, :3])
    }
    assert {frozenset(edge) for edge in graph.edges} == set(expected)
    assert 60 * 3 / 2 <= len(expected) < 60 * 3
    pairs, measured = index.pairs(), 0
    for a, b, data in graph.edges(data=True):
        assert data["score"] == pytest.approx(expected[frozenset((a, b))], abs=1e-4)
        first, second = sorted((IDS.index(a), IDS.index(b)))
        assert a == IDS[first]  # so that `af_source` is that of the source
        numbers = pairs.get(keys_of(np.array([first]), np.array([second])))[0]
        known = [data.get(name, np.nan) for name in ("ani", "af_source", "af_target")]
        np.testing.assert_allclose(known, numbers, atol=1e-3)
        measured += np.isfinite(numbers[0])
    assert measured > 30


def test_aligned_fractions_are_of_the_genome_they_name(tmp_path, write_fasta, six_genomes):
    """Half of a genome beside the whole: all of the half is aligned, and half of the whole."""
    with gzip.open(six_genomes[0], "rt") as file:
        sequence = "".join(line.strip() for line in file if line[0] != ">")
    paths = [
        write_fasta("half.fa", {"half": sequence[: len(sequence) // 2]}),
        write_fasta("whole.fa", {"whole": sequence}),
        *six_genomes[1:],
    ]
    (tmp_path / "names.tsv").write_text("genome_id\tspecies\nhalf\tA b\nwhole\tA b\nDEMO_0002\tA c\n")
    index = build_index(paths, tmp_path / "index", tmp_path / "names.tsv").index
    graph = networkx.parse_graphml(text_of(index, "graphml"))
    [data] = [data for *edge, data in graph.edges(data=True) if edge == ["half", "whole"]]
    assert data["ani"] > 99
    assert data["af_target"] < 60 < 90 < data["af_source"]


def test_a_rank_or_label_names_the_nodes(index):
    graph = networkx.parse_graphml(text_of(index, "graphml", rank="habitat"))
    assert graph.nodes["DEMO_0005"]["habitat"] == "rhizosphere"
    assert "species" not in graph.nodes["DEMO_0005"]


# Microreact -------------------------------------------------------------------------------------------------


def test_the_table_matches_the_tree_and_the_catalogue(index):
    rows = table_of(text_of(index, "microreact"))
    leaves = [leaf.name for leaf in read_tree(text_of(index, "newick")).get_terminals()]
    assert sorted(leaves) == [row["id"] for row in rows] == IDS
    for row, entry in zip(rows, index.catalog.entries(), strict=True):
        assert [row.get(rank) for rank in RANKS[:-1]] == [entry.lineage.name(rank) for rank in RANKS[:-1]]
        assert (row["habitat"], row["molecule"]) == (entry.taxon.labels["habitat"], entry.molecule)
        assert (row["length_bp"], row["contigs"]) == (str(entry.length_bp), str(entry.contigs))
    assert "strain" not in rows[0]


def test_gc_is_that_of_the_file(index, demo):
    rows = {row["id"]: row for row in table_of(text_of(index, "microreact"))}
    for genome_id in ("DEMO_0001", "DEMO_0005", "DEMO_0060"):
        with gzip.open(demo / "genomes" / f"{genome_id}.fa.gz", "rt") as file:
            bases = Counter("".join(line.strip().upper() for line in file if line[0] != ">"))
        gc = 100 * (bases["G"] + bases["C"]) / sum(bases[base] for base in "ACGT")
        assert float(rows[genome_id]["gc_percent"]) == pytest.approx(gc, abs=0.006)


@pytest.mark.parametrize(("rank", "column"), [(None, "species"), ("genus", "genus"), ("habitat", "habitat")])
def test_each_name_has_a_colour_of_its_own(index, rank, column):
    rows = table_of(text_of(index, "microreact", rank=rank))
    pairs = {(row[column], row[f"{column}__colour"]) for row in rows}
    names = {name for name, _ in pairs}
    assert len({colour for _, colour in pairs}) == len(names) == len(pairs) > 1
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for _, colour in pairs)


def test_many_names_have_many_colours():
    colours = colours_of({f"species {i}" for i in range(2_000)})
    assert len(set(colours.values())) == 2_000
    assert colours_of({"b", "a"}) == colours_of({"a", "b"})


def test_a_genome_without_a_name_is_grey_and_without_names_there_is_no_colour(demo, six_genomes, tmp_path):
    (tmp_path / "some.tsv").write_text("genome_id\tspecies\tid\nDEMO_0001\tA b\tx\nDEMO_0002\tA b\ty\n")
    index = build_index(six_genomes[:3], tmp_path / "some", tmp_path / "some.tsv").index
    rows = table_of(text_of(index, "microreact"))
    assert [row["species__colour"] == NO_NAME_COLOUR for row in rows] == [False, False, True]
    assert [(row["id"], row["id_1"]) for row in rows[:2]] == [("DEMO_0001", "x"), ("DEMO_0002", "y")]
    bare = build_index(six_genomes[:3], tmp_path / "bare").index
    assert "species__colour" not in table_of(text_of(bare, "microreact"))[0]
    assert text_of(bare, "krona") == "3\n"


# Krona ------------------------------------------------------------------------------------------------------


def test_krona_counts_every_genome_once(index):
    lines = [line.split("\t") for line in text_of(index, "krona").splitlines()]
    expected = Counter(tuple(str(one.lineage).split("; ")) for one in index.catalog.entries())
    assert {tuple(names): int(count) for count, *names in lines} == expected
    assert sum(int(line[0]) for line in lines) == 60
    assert [int(line[0]) for line in lines] == sorted((int(line[0]) for line in lines), reverse=True)


def test_krona_ends_at_the_rank_that_is_asked_for(index):
    lines = [line.split("\t") for line in text_of(index, "krona", rank="family").splitlines()]
    assert {len(line) for line in lines} == {1 + RANKS.index("family") + 1}
    assert sum(int(line[0]) for line in lines) == 60


# iTOL -------------------------------------------------------------------------------------------------------


def annotations(text):
    """An iTOL file as its templates describe it: what kind it is, its settings, and its rows of data."""
    kind, separator, *lines = text.splitlines()
    assert separator == "SEPARATOR TAB"
    at = lines.index("DATA")
    settings = {key: values for key, *values in (line.split("\t") for line in lines[:at])}
    return kind, settings, [line.split("\t") for line in lines[at + 1 :]]


def leaves_of(index):
    return [leaf.name for leaf in read_tree(text_of(index, "newick")).get_terminals()]


@pytest.mark.parametrize("rank", [None, "genus", "habitat"])
def test_strip_and_labels_are_of_the_leaves(index, rank):
    kind, settings, strip = annotations(text_of(index, "itol", rank=rank))
    assert (kind, settings["DATASET_LABEL"]) == ("DATASET_COLORSTRIP", [rank or "species"])
    assert re.fullmatch("#[0-9a-f]{6}", settings["COLOR"][0])
    expected = {one.id: name_of(one, rank or "species") for one in index.catalog.entries()}
    assert {leaf: name for leaf, _, name in strip} == expected
    assert sorted(expected) == sorted(leaves_of(index))
    colours = {name: colour for _, colour, name in strip}
    assert {(name, colour) for _, colour, name in strip} == set(colours.items())
    assert len(set(colours.values())) == len(colours) > 1
    kind, settings, labels = annotations(text_of(index, "itol-labels", rank=rank))
    assert (kind, settings, dict(labels)) == ("LABELS", {}, expected)


def test_the_legend_has_the_commonest_names(index, monkeypatch):
    assert LEGEND_NAMES < 40  # more do not fit
    monkeypatch.setattr("genome_index.report.export.itol.LEGEND_NAMES", 5)
    _, settings, strip = annotations(text_of(index, "itol"))
    counts = Counter(name for *_, name in strip)
    colours = {name: colour for _, colour, name in strip}
    shown = settings["LEGEND_LABELS"]
    assert len(shown) == 5 < len(counts)
    assert min(counts[name] for name in shown) >= max(counts[name] for name in set(counts) - set(shown))
    assert settings["LEGEND_COLORS"] == [colours[name] for name in shown]
    assert settings["LEGEND_SHAPES"] == ["1"] * 5
    assert settings["LEGEND_TITLE"] == ["species"]


def test_a_genome_without_a_name_keeps_its_id(six_genomes, tmp_path):
    (tmp_path / "some.tsv").write_text("genome_id\tspecies\nDEMO_0001\tA b\n")
    index = build_index(six_genomes[:2], tmp_path / "some", tmp_path / "some.tsv").index
    assert [row[0] for row in annotations(text_of(index, "itol"))[2]] == ["DEMO_0001"]
    assert annotations(text_of(index, "itol-labels"))[2] == [["DEMO_0001", "A b"]]
    bare = build_index(six_genomes[:2], tmp_path / "bare").index
    assert text_of(bare, "itol") == (
        f"DATASET_COLORSTRIP\nSEPARATOR TAB\nDATASET_LABEL\tspecies\nCOLOR\t{NO_NAME_COLOUR}\nDATA\n"
    )


def test_an_id_that_would_be_a_comment_is_told(six_genomes, tmp_path):
    path = tmp_path / "#1.fa.gz"
    path.write_bytes(six_genomes[0].read_bytes())
    index = build_index([path], tmp_path / "index").index
    for kind in ("itol", "itol-labels"):
        with pytest.raises(UsageError, match="^itol: to iTOL a line with '#1' is a comment; add it under"):
            list(export(index, kind))


# Names at a level -------------------------------------------------------------------------------------------


def test_names_are_those_of_lineage_and_labels(index):
    entries = index.catalog.entries()
    assert ranks_of(entries) == [rank for rank in RANKS if rank != "strain"]
    assert labels_of(entries) == ["habitat", "kind"]
    assert name_of(entries[4], "habitat") == entries[4].taxon.labels["habitat"] == "rhizosphere"
    assert name_of(entries[4], "genus") == entries[4].lineage.name("genus")
    assert name_of(entries[4], "strain") is None
    assert name_of(entries[4], "nothing") is None
    assert (ranks_of([]), labels_of([])) == ([], [])


# Names that are hostile -------------------------------------------------------------------------------------

ODD_IDS = [
    "tab\there",
    "tab here",
    "line\nend",
    "cr\rid",
    "a;b(c),d:e",
    "<&>\"'",
    "it's_[1]",
    "\x85\u2028 \x01",
]
ODD_NAMES = ["<b>&amp;\"q\" 'a'", "x\ty", "x\ny", "x\ry", "(a,b):1;", "#9 %s {}", "\x07 bell", "   z"]


@pytest.fixture(scope="module")
def odd(six_genomes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    for number, genome_id in enumerate(ODD_IDS):
        (folder / "genomes").mkdir(exist_ok=True)
        content = six_genomes[number % 6].read_bytes()
        (folder / "genomes" / f"{genome_id}.fa.gz").write_bytes(content)
    with (folder / "names.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["genome_id", "species", "odd 'label' <x>;"])
        writer.writerows([one, f"Aa {name}", name] for one, name in zip(ODD_IDS, ODD_NAMES, strict=True))
    summary = build_index([folder / "genomes"], folder / "index", folder / "names.csv")
    assert (summary.added, summary.failures) == (8, ())
    return summary.index


def test_every_export_has_the_same_readable_ids(odd):
    entries = odd.catalog.entries()
    assert sorted(entry.id for entry in entries) == sorted(ODD_IDS)
    ids = ids_of(entries)
    assert len(set(ids)) == 8
    assert {"tab here", "tab here_1", "line end", "cr id"} < set(ids)
    found = {
        "newick": leaves_of(odd),
        "graphml": networkx.read_graphml(io.BytesIO(text_of(odd, "graphml").encode())),
        "microreact": [row["id"] for row in table_of(text_of(odd, "microreact"))],
    }
    for kind, known in found.items():
        assert sorted(known) == sorted(ids), kind


def test_every_export_has_the_odd_names_of_each_genome(odd):
    """Two of the ids cannot be written in a CSV file, so their genomes have no names."""
    entries = odd.catalog.entries()
    [label] = labels_of(entries)
    of = {own_id: entry for own_id, entry in zip(ids_of(entries), entries, strict=True) if entry.taxon.labels}
    assert {name_of(entry, label) for entry in of.values()} > {"x\ty", "x\ny", "\x07 bell", ODD_NAMES[0]}
    table = {row["id"]: row for row in table_of(text_of(odd, "microreact"))}
    assert {len(line.split("\t")) for line in text_of(odd, "microreact").splitlines()} == {8}
    for rank in ("species", label):
        names = {own_id: one_line(name_of(entry, rank)) for own_id, entry in of.items()}
        assert len(names) == 6
        assert {own_id: row[rank] for own_id, row in table.items() if row[rank]} == names
        graph = networkx.read_graphml(io.BytesIO(text_of(odd, "graphml", rank=rank).encode()))
        assert {node: data[rank] for node, data in graph.nodes(data=True) if rank in data} == names
        assert {row[0]: row[2] for row in annotations(text_of(odd, "itol", rank=rank))[2]} == names
        assert dict(annotations(text_of(odd, "itol-labels", rank=rank))[2]) == names
    lines = [line.split("\t") for line in text_of(odd, "krona").splitlines()]
    species = Counter((one_line(name_of(entry, "species")),) for entry in of.values())
    counts = Counter()
    for count, *names in lines:
        counts[tuple(names)] += int(count)
    assert counts == species + Counter({(): 2})


@given(st.text())
def test_plain_text_is_one_cell_of_one_line(text):
    found = one_line(text)
    assert len(found) == len(text)
    assert found.splitlines() in ([found], [])
    assert "\t" not in found
    assert all(one == other or other == " " for one, other in zip(text, found, strict=True))


# All of them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXPORTS)
def test_removed_genomes_are_nowhere(own_index, kind):
    before = text_of(Index.open(own_index), kind)
    remove(own_index, ["DEMO_0002", "DEMO_0015"], ChangeSettings())
    after = text_of(Index.open(own_index), kind)
    if kind == "krona":
        assert [sum(int(line.split("\t")[0]) for line in text.splitlines()) for text in (before, after)] == [
            6,
            4,
        ]
        assert "Specimenella ficta" in before
        assert "Specimenella ficta" not in after
        return
    for genome_id in ("DEMO_0002", "DEMO_0015"):
        assert genome_id in before
        assert genome_id not in after
    for genome_id in ("DEMO_0001", "DEMO_0004", "DEMO_0005", "DEMO_0017"):
        assert genome_id in after


def test_after_a_removal_everyone_keeps_what_is_theirs(own_index):
    """The first genome goes, so that rows and places in the list are no longer the same."""
    remove(own_index, ["DEMO_0001"], ChangeSettings())
    index = Index.open(own_index)
    row = {entry.id: entry.row for entry in index.catalog.entries()}
    assert list(row.values()) == [1, 2, 3, 4, 5]
    vectors = index.model.vectors.rows()[list(row.values())].astype(np.float64)
    expected = squareform(cophenet(linkage(pdist(vectors, "cosine"), "average")))
    np.testing.assert_allclose(
        paths_between(read_tree(text_of(index, "newick")), list(row)), expected, atol=1e-5
    )
    graph, around = networkx.parse_graphml(text_of(index, "graphml")), index.model.neighbours
    assert graph.number_of_edges() == 10
    for a, b, data in graph.edges(data=True):
        at = around.rows[row[a]].tolist().index(row[b])
        assert data["score"] == pytest.approx(around.score[row[a], at], abs=1e-4)


def test_neighbours_that_were_removed_make_room(own_index):
    """With one neighbour each: who lost the nearest has the next."""
    remove(own_index, ["DEMO_0002"], ChangeSettings())
    graph = networkx.parse_graphml(text_of(Index.open(own_index), "graphml", neighbours=1))
    assert min(degree for _, degree in graph.degree) >= 1


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_index_may_hold_one_genome(six_genomes, tmp_path, kind):
    index = build_index(six_genomes[:1], tmp_path / "index").index
    text = text_of(index, kind)
    assert {"newick": "'DEMO_0001';\n", "krona": "1\n"}.get(kind, text) == text
    nameless = kind in ("krona", "itol", "itol-labels")
    assert text.count("DEMO_0001") == (0 if nameless else 1)


@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        (
            "nexus",
            {},
            "no export is called 'nexus'; choose one of: newick, graphml, microreact, krona, itol, ",
        ),
        ("newick", {"rank": "genus"}, "--rank: a Newick tree has genomes only; leave it out"),
        ("microreact", {"rank": "strain"}, "--rank strain: no genome has one; choose one of: superkingdom, "),
        ("itol", {"rank": "nothing"}, "--rank nothing: no genome has one; choose one of: superkingdom, "),
        ("krona", {"rank": "habitat"}, "--rank habitat: no genome has one; choose one of: superkingdom, "),
    ],
)
def test_what_cannot_be_had_is_a_sentence(index, kind, options, complaint):
    with pytest.raises(UsageError) as raised:
        export(index, kind, ExportOptions(**options))
    assert str(raised.value).startswith(complaint)


@pytest.mark.parametrize(("kind", "module"), [("newick", "scipy"), ("graphml", "networkx")])
def test_a_missing_package_is_a_sentence_with_the_cure(index, monkeypatch, kind, module):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as raised:
        list(export(index, kind))
    assert str(raised.value) == f"{kind} needs {module}; install with `pip install 'gindex[report]'`"


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_command_writes_what_the_library_gives(gindex, index, demo_index, tmp_path, kind):
    result = gindex("export", kind, "--index", demo_index)
    assert (result.exit_code, result.stdout, result.stderr) == (0, text_of(index, kind), "")
    result = gindex("export", kind, "--index", demo_index, "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "out").read_text() == text_of(index, kind)


def test_the_command_refuses_what_the_library_refuses(gindex, demo_index):
    result = gindex("export", "nexus", "--index", demo_index)
    assert (result.exit_code, result.stdout) == (2, "")
    choices = "newick, graphml, microreact, krona, itol or itol-labels"
    assert result.stderr == f"gindex: KIND is 'nexus'; choose {choices}; see `gindex export --help`\n"


# Real genomes -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mito(shared_genomes, tmp_path_factory):
    """Three hundred mitogenomes of the genera with most of them."""
    folder = tmp_path_factory.mktemp("exports-mito")
    with (shared_genomes / "mito.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["genus"]]
    counts = Counter(row["genus"] for row in rows)
    rows.sort(key=lambda row: (-counts[row["genus"]], row["genus"], row["genome_id"]))
    wanted = {row["genome_id"] for row in rows[:300]}
    write_records(shared_genomes / "mito.fa.gz", wanted, folder / "mito.fa")
    summary = build_index(
        [folder / "mito.fa"],
        folder / "index",
        shared_genomes / "mito.tsv",
        "record",
        settings=ChangeSettings(2),
    )
    assert summary.added == 300
    return summary.index


@pytest.mark.long
def test_real_mitogenomes_hang_together_by_genus_in_tree_and_graph(mito):
    entries = mito.catalog.entries()
    genus = {entry.id: entry.lineage.name("genus") for entry in entries}
    tree = read_tree(text_of(mito, "newick"))
    assert sorted(leaf.name for leaf in tree.get_terminals()) == sorted(genus)
    cherries = [clade for clade in tree.get_nonterminals() if clade.is_preterminal()]
    same = [len({genus[leaf.name] for leaf in clade.get_terminals()}) == 1 for clade in cherries]
    assert len(same) > 50
    assert np.mean(same) > 0.9
    graph = networkx.parse_graphml(text_of(mito, "graphml", neighbours=1))
    assert np.mean([genus[a] == genus[b] for a, b in graph.edges]) > 0.9


@pytest.mark.long
def test_a_tree_in_parts_is_much_like_the_exact_one_on_real_mitogenomes(mito):
    vectors, around = mito.model.vectors.rows(), mito.model.neighbours
    exact = cophenet(average_linkage(vectors))
    parts = tree_of(vectors, around.rows.astype(np.int64), around.score, 150)
    assert is_valid_linkage(parts)
    assert np.corrcoef(cophenet(parts), exact)[0, 1] > 0.8
