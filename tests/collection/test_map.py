"""Maps: near genomes stay near, each run gives the same map, the cache is used, and figures are legible."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from helpers.fasta import write_records
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.index.commit import ChangeSettings

if find_spec("umap") is None or find_spec("matplotlib") is None:
    pytest.skip("needs the extra report: umap-learn and matplotlib", allow_module_level=True)

from helpers.figures import drawn_bases, require_legible
from matplotlib.axes import Axes  # after the skip
from matplotlib.figure import Figure
from matplotlib.image import imread

from genome_index import Index, build_index
from genome_index.collection import map as maps
from genome_index.collection import map_layout as layout
from genome_index.collection.map import MAPS, Map, map_of, place
from genome_index.collection.map_layout import FEWEST, NEIGHBOURS, neighbours, principal
from genome_index.encoders.pooling import unit
from genome_index.errors import UsageError
from genome_index.index.changes import remove
from genome_index.index.index import undo
from genome_index.index.neighbours import live_rows
from genome_index.report.figures.labels import Label, write_labels
from genome_index.report.figures.map import (
    IDS_UP_TO,
    MapView,
    default_rank,
    level_of,
    map_picture,
    swatches_of,
    view_of,
)
from genome_index.report.figures.style import PALETTE, THEMES, save

FAMILIES, OF_EACH = 8, 40
LEAST_TRUST, LEAST_FELLOWS, LEAST_ALONG = 0.98, 0.98, 0.5  # measured: 0.990 (PCA: 0.962), 1.0, 0.77


@pytest.fixture(scope="module")
def mito_index(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Real mitogenomes: the commonest families with so many genomes each."""
    with (shared_genomes / "mito.tsv").open() as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["kind"] == "organelle:Metazoa"]
    common = [
        name for name, _ in Counter(row["family"] for row in rows if row["family"]).most_common(FAMILIES)
    ]
    wanted = {
        row["genome_id"]
        for family in common
        for row in [row for row in rows if row["family"] == family][:OF_EACH]
    }
    folder = tmp_path_factory.mktemp("mito")
    write_records(shared_genomes / "mito.fa.gz", wanted, folder / "mito.fa")
    build_index([folder / "mito.fa"], folder / "index", shared_genomes / "mito.tsv", "record")
    return Index.open(folder / "index")


@pytest.fixture
def own_demo(demo_index: Path, tmp_path: Path) -> Path:
    """A copy of the demo index, without the maps that other tests had kept in it."""
    path = Path(shutil.copytree(demo_index, tmp_path / "own-demo"))
    shutil.rmtree(path / "maps", ignore_errors=True)
    return path


def kept_names(path: Path) -> list[str]:
    return sorted(one.name for one in (path / "maps").iterdir())


def same(one: Map, other: Map) -> bool:
    return (
        (one.by, one.explained) == (other.by, other.explained)
        and one.rows.tobytes() == other.rows.tobytes()
        and one.xy.tobytes() == other.xy.tobytes()
    )


# Places -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_neighbours_stay_neighbours_and_families_are_islands(mito_index: Index) -> None:
    from sklearn.manifold import trustworthiness

    found, flat = map_of(mito_index), map_of(mito_index, "pca")
    vectors = mito_index.model.vectors.rows()
    assert (found.by, found.xy.shape, found.xy.dtype) == ("umap", (len(vectors), 2), np.float32)
    kept = [trustworthiness(vectors, one.xy, n_neighbors=10, metric="cosine") for one in (found, flat)]
    assert kept[0] > LEAST_TRUST
    assert kept[0] > kept[1]
    # The islands lie about as on the principal components, where they start; else anywhere.
    along = [np.corrcoef(found.xy[:, axis], flat.xy[:, axis])[0, 1] for axis in (0, 1)]
    assert min(along) > LEAST_ALONG
    families = np.array([entry.lineage.name("family") for entry in mito_index.catalog.entries()])
    far = np.linalg.norm(found.xy[:, None] - found.xy, axis=2)
    near = np.argsort(far + np.diag(np.full(len(far), np.inf)), axis=1)[:, :5]
    assert (families[near] == families[:, None]).mean() > LEAST_FELLOWS


@settings(deadline=None)
@given(count=st.integers(1, 40), dim=st.integers(1, 12), seed=st.integers(0, 99))
def test_principal_components_are_those_of_numpy_and_sklearn(count: int, dim: int, seed: int) -> None:
    from sklearn.decomposition import PCA

    vectors = unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))
    places, shares = principal(vectors)
    centred = vectors.astype(float) - vectors.astype(float).mean(axis=0)
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    for axis in range(min(count, dim, 2)):
        sign = np.sign(right[axis, abs(right[axis]).argmax()])
        if values[axis] > 1e-3 and (axis + 1 >= len(values) or values[axis] - values[axis + 1] > 1e-3):
            assert places[:, axis] == pytest.approx(sign * left[:, axis] * values[axis], abs=2e-6)
    total = (values**2).sum()
    assert shares[0] == pytest.approx(values[0] ** 2 / total if total > 1e-9 else 0, abs=1e-6)
    if count > 2 and dim > 1 and total > 1e-9:
        known = PCA(2, svd_solver="full").fit(vectors.astype(float))
        assert shares == pytest.approx(tuple(known.explained_variance_ratio_), abs=1e-6)
    assert places[:, dim:].any() == False  # noqa: E712  # one dimension has one axis


def test_components_in_blocks_are_those_of_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(1).normal(size=(100, 8)).astype(np.float32))
    expected = principal(vectors)
    monkeypatch.setattr(layout, "BLOCK", 7)
    found = principal(vectors)
    assert found[0] == pytest.approx(expected[0], abs=2e-6)
    assert found[1] == pytest.approx(expected[1])


def nearest_by_hand(vectors: np.ndarray) -> np.ndarray:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, 2)  # each is the first of its own neighbours
    return np.argsort(-similarity, axis=1)[:, :NEIGHBOURS]


@pytest.mark.parametrize("block", [7, 1_024])
def test_neighbours_are_those_of_all_against_all(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Where they are kept, where some are removed, and where too few are left."""
    monkeypatch.setattr(layout, "BLOCK", block)
    vectors = unit(np.random.default_rng(2).normal(size=(80, 6)).astype(np.float32))
    around = np.argsort(-(vectors @ vectors.T), axis=1)[:, 1:41].astype(np.int32)
    around[5, 3:] = -1
    around[6] = -1
    for rows in (np.arange(80), np.arange(0, 80, 2), np.arange(40, 40 + NEIGHBOURS)):
        near, distance = neighbours(vectors[rows], around, rows)
        assert near.tolist() == nearest_by_hand(vectors[rows]).tolist()
        expected = 1 - np.einsum("qd,qkd->qk", vectors[rows], vectors[rows][near])
        assert distance == pytest.approx(expected, abs=1e-6)
        assert (distance[:, 0] == 0).all()


def test_the_neighbours_of_the_demo_are_those_the_index_keeps(
    demo_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "nearest", None)  # no search is repeated
    model = Index.open(demo_index).model
    vectors = model.vectors.rows()
    near, _ = neighbours(vectors, model.neighbours.rows, np.arange(60))
    assert near.tolist() == nearest_by_hand(vectors).tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 10, FEWEST - 1])
def test_a_few_genomes_have_a_map_too(demo: Path, tmp_path: Path, count: int) -> None:
    paths = sorted((demo / "genomes").iterdir())[:count]
    built = build_index(paths, tmp_path / "index", demo / "taxonomy.tsv").index
    found = map_of(built)
    assert (found.by, found.xy.shape, found.rows.tolist()) == ("pca", (count, 2), list(range(count)))
    assert np.isfinite(found.xy).all()
    assert len(np.unique(found.xy, axis=0)) == count
    assert same(map_of(built), found)
    require_legible(map_picture(view_of(built, found), THEMES["light"]))


def test_vectors_that_are_all_the_same_lie_on_one_spot() -> None:
    places, shares = principal(np.repeat(unit(np.random.default_rng(4).normal(size=(1, 9))), 50, axis=0))
    assert not places.any()
    assert shares == pytest.approx((0, 0), abs=1e-9)


def test_genomes_that_are_all_the_same_have_a_map_too(tmp_path: Path, write_fasta) -> None:
    text = drawn_bases(1, 2_000)
    path = write_fasta("same.fa", {f"g{number}": text for number in range(FEWEST + 3)})
    built = build_index([path], tmp_path / "index", None, "record").index
    found = map_of(built)
    assert found.by == "pca"
    assert not found.xy[:, 1].any()
    assert default_rank(built) == "species"
    picture = map_picture(view_of(built, found), THEMES["dark"])
    require_legible(picture)
    assert [one.get_text() for one in picture.legends[0].get_texts()] == [f"unnamed, {FEWEST + 3}"]


@pytest.mark.long
def test_removed_genomes_are_not_on_the_map(own_demo: Path) -> None:
    before = map_of(Index.open(own_demo))
    ids = [entry.id for entry in Index.open(own_demo).catalog.entries()]
    index = remove(own_demo, ids[1:40:2], ChangeSettings()).index
    found = map_of(index)
    assert found.by == "umap"
    assert found.rows.tolist() == live_rows(index).tolist() == [0, *range(2, 40, 2), *range(40, 60)]
    assert found.xy.shape == (40, 2)
    assert np.isfinite(found.xy).all()
    assert view_of(index, found).ids == tuple(one for one in ids if one not in ids[1:40:2])
    assert same(map_of(undo(own_demo)), before)
    assert map_of(remove(own_demo, ids[3:], ChangeSettings()).index).rows.tolist() == [0, 1, 2]


@pytest.mark.long
@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_makes_the_same_map(own_demo: Path, threads: str) -> None:
    """With any number of threads."""
    expected = {by: map_of(Index.open(own_demo), by) for by in MAPS}
    shutil.rmtree(own_demo / "maps")
    program = (
        "import sys; from genome_index import Index; from genome_index.collection.map import map_of\n"
        "import hashlib\n"
        "for by in ('umap', 'pca'): print(hashlib.sha256(map_of(Index.open(sys.argv[1]), by).xy).hexdigest())"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, own_demo], capture_output=True, text=True, check=True,
        env=os.environ | dict.fromkeys(names, threads),
    )  # fmt: skip
    assert done.stdout.split() == [hashlib.sha256(one.xy).hexdigest() for one in expected.values()]
    assert done.stderr == ""


def test_no_such_map(demo_index: Path) -> None:
    with pytest.raises(UsageError, match=r"^no map is called 'tsne'; choose one of: umap, pca$"):
        map_of(Index.open(demo_index), "tsne")


def test_a_query_lies_at_the_mean_of_its_hits() -> None:
    found = Map("pca", np.array([2, 5, 9]), np.array([(0, 0), (4, 8), (100, 100)], np.float32), (0.5, 0.5))
    assert place(found, [5], [0.3]) == (4, 8)
    assert place(found, [2, 5], [1, 1]) == (2, 4)
    assert place(found, [5, 2], [3, 1]) == (3, 6)
    assert place(found, [-1, 3, 5, 77], [9, 9, 1, 9]) == (4, 8)
    assert place(found, [5, 9], [1, -0.5]) == (4, 8)
    assert place(found, [2, 5], [0, -1]) == (2, 4)
    assert place(found, [-1, 3, 77], [1, 1, 1]) is None
    assert place(found, [], []) is None


# Keeping ----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_layout(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From now on maps can only be read."""

    def fail(*_: object) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr(maps, "principal", fail)
    return monkeypatch


@pytest.mark.parametrize("by", MAPS)
def test_a_map_is_made_once(own_demo: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    made = map_of(Index.open(own_demo), by)
    assert made.by == by
    assert (made.explained is None) == (by == "umap")
    snapshot = Index.open(own_demo).snapshot
    assert kept_names(own_demo) == [f"000001-{snapshot.fingerprint}-{by}.npz"]
    monkeypatch.setattr(maps, "principal", None)
    again = Index.open(own_demo)
    assert same(map_of(again, by), made)
    assert "model" not in vars(again)  # and nothing else was read for it
    with np.load(own_demo / "maps" / kept_names(own_demo)[0]) as arrays:  # a plain archive, for others
        assert arrays["xy"].tobytes() == made.xy.tobytes()


def damaged(content: bytes) -> dict[str, bytes]:
    middle = len(content) // 2
    return {
        "a bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "cut short": content[:-100],
        "without its seal": content[:-64],
        "empty": b"",
        "something else": b"no map",
    }


@pytest.mark.parametrize("harm", damaged(bytes(200)))
def test_a_damaged_map_is_made_anew(own_index: Path, harm: str) -> None:
    made = map_of(Index.open(own_index), "pca")
    [path] = (own_index / "maps").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damaged(whole)[harm])
    assert same(map_of(Index.open(own_index), "pca"), made)
    assert hashlib.sha256(path.read_bytes()[:-64]).hexdigest().encode() == path.read_bytes()[-64:]


def test_a_map_of_other_genomes_or_made_in_another_way_is_made_anew(
    own_index: Path, own_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = map_of(Index.open(own_index), "pca")
    map_of(Index.open(own_demo), "pca")
    [own], [foreign] = (own_index / "maps").iterdir(), (own_demo / "maps").iterdir()
    own.write_bytes(foreign.read_bytes())
    assert same(map_of(Index.open(own_index), "pca"), made)
    made_now = own.read_bytes()
    monkeypatch.setitem(MAPS, "pca", "pca 2")
    assert same(map_of(Index.open(own_index), "pca"), made)
    assert own.read_bytes() != made_now


def test_maps_of_snapshots_that_are_gone_make_way(own_index: Path) -> None:
    map_of(Index.open(own_index), "pca")
    folder, [first] = own_index / "maps", kept_names(own_index)
    (folder / "000007-b2d4b8a6f0c4-pca.npz").write_bytes(b"of a snapshot that is gone")
    (folder / f".{first}.new").write_bytes(b"of a process that was killed")
    map_of(Index.open(own_index), "pca")
    assert len(kept_names(own_index)) == 3  # nothing was written
    index = remove(own_index, ["DEMO_0001"], ChangeSettings()).index
    map_of(index, "pca")
    assert kept_names(own_index) == [first, f"000002-{index.snapshot.fingerprint}-pca.npz"]


def test_where_nothing_may_be_written_the_map_is_not_kept(own_index: Path, close) -> None:  # noqa: F811
    close(own_index, 0o555)
    found = map_of(Index.open(own_index), "pca")
    assert not (own_index / "maps").exists()
    own_index.chmod(0o755)
    assert same(map_of(Index.open(own_index), "pca"), found)
    [path] = (own_index / "maps").iterdir()
    close(path)
    close(path.parent, 0o555)
    assert same(map_of(Index.open(own_index), "pca"), found)


@pytest.mark.parametrize("where", ["maps", "map"])
def test_what_lies_in_the_way_of_a_map_is_left_there(own_index: Path, where: str) -> None:
    found = map_of(Index.open(own_index), "pca")
    [path] = (own_index / "maps").iterdir()
    shutil.rmtree(path.parent)
    if where == "maps":
        path.parent.write_text("a file")
    else:
        path.mkdir(parents=True)
    assert same(map_of(Index.open(own_index), "pca"), found)
    assert path.is_dir() if where == "map" else path.parent.is_file()


def test_the_index_knows_nothing_of_its_maps(own_index: Path, gindex, tmp_path: Path) -> None:
    map_of(Index.open(own_index), "pca")
    names = kept_names(own_index)
    (own_index / "maps" / names[0]).write_bytes(b"damaged")
    assert gindex("check", "--index", own_index).exit_code == 0
    assert gindex("remove", "DEMO_0001", "--index", own_index).exit_code == 0
    assert gindex("undo", "--index", own_index).exit_code == 0
    assert gindex("merge", own_index, "--index", tmp_path / "merged").exit_code == 0
    assert kept_names(own_index) == names
    assert not (tmp_path / "merged" / "maps").exists()


# Pictures ---------------------------------------------------------------------------------------------------


def invented(count: int, names: int) -> MapView:
    """Genomes around so many centres, each with a name; the last fifty are unnamed."""
    generator = np.random.default_rng(3)
    number = np.minimum(generator.geometric(2 / names, count) - 1, names - 1)
    xy = generator.normal(size=(names, 2))[number] * 10 + generator.normal(size=(count, 2)) * 0.5
    named = [f"Name{one:03} of $x_{one}$ and more characters than a legend shows" for one in number.tolist()]
    ids = tuple(f"g{one}" for one in range(count))
    return MapView(
        "a collection", "family", "umap", ids, (*named[:-50], *[None] * 50), xy.astype(np.float32), None
    )


def test_every_genome_is_in_one_swatch_and_the_commonest_have_colours() -> None:
    view = invented(2_000, 30)
    counts = Counter(name for name in view.names if name)
    found = swatches_of(view.names, THEMES["light"])
    assert sorted(at for one in found for at in one.members.tolist()) == list(range(2_000))
    assert [one.name for one in found[2:]] == [name for name, _ in counts.most_common(len(PALETTE))]
    assert [one.colour for one in found[2:]] == list(PALETTE)
    for one in found[2:]:
        assert {view.names[at] for at in one.members.tolist()} == {one.name}
    unnamed, others = found[:2]
    assert (unnamed.label, len(unnamed.members)) == ("unnamed", 50)
    assert others.label == f"{len(counts) - len(PALETTE)} others"
    assert len({one.colour for one in found}) == len(PALETTE) + 2
    legend = map_picture(view, THEMES["light"]).legends[0]
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries[-2:] == [f"{others.label}, {len(others.members):,}", "unnamed, 50"]
    assert entries[0] == f"{found[2].label}, {len(found[2].members):,}"
    assert r"of \$x" in entries[0]  # a dollar is no formula
    assert legend.get_title().get_text() == "family"


def test_without_the_commonest_all_names_have_colours() -> None:
    found = swatches_of(("a", "b", "b", None), THEMES["dark"])
    assert [(one.label, one.members.tolist()) for one in found] == [
        ("unnamed", [3]),
        ("b", [1, 2]),
        ("a", [0]),
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("explained", [None, (0.231, 0.0449)], ids=["umap", "pca"])
def test_a_picture_is_legible_with_queries_upon_each_other(
    theme: str, explained: tuple[float, float] | None
) -> None:
    view = invented(3_000, 14)
    x, y = view.xy[view.names.index(view.names[0])].tolist()
    marked = (("query_1", x, y), ("$a_query$ " * 9, x, y + 1e-3), ("corner", *view.xy.max(axis=0).tolist()))
    view = MapView(
        view.title, view.rank, "umap" if explained is None else "pca", view.ids, view.names, view.xy,
        explained, marked,
    )  # fmt: skip
    figure = map_picture(view, THEMES[theme])
    require_legible(figure)
    [axes] = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert {"query_1", "corner"} <= set(texts)
    assert any(text.startswith(r"\$a_query\$ ") for text in texts)
    assert sum(text.startswith("Name") for text in texts) > 5
    rings = [line for line in axes.lines if line.get_markersize() == 13]
    assert [line.get_xydata()[0].tolist() for line in rings[::2]] == [[x, y] for _, x, y in marked]
    for ring, text in itertools.product(rings, axes.texts):
        assert not ring.get_window_extent().padded(-1).overlaps(text.get_window_extent()), text.get_text()
    if explained is None:
        assert (axes.get_xlabel(), len(axes.get_xticks())) == ("", 0)
        assert "distances between islands mean little" in axes.get_title(loc="left")
    else:
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("PC 1 (23 %)", "PC 2 (4 %)")


def written(labels: list[Label], points: list[tuple[float, float]]) -> Axes:
    figure = Figure(figsize=(4, 4), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 288), ylim=(0, 288))  # a point is a pixel
    figure.draw_without_rendering()
    write_labels(axes, labels, np.array(points, float), 2, THEMES["light"])
    return axes


def test_a_label_goes_where_it_covers_least() -> None:
    right = [(140.0 + step, 140.0) for step in range(0, 80, 2)]
    assert written([Label("text", 140, 140, 3)], [(140, 140)]).texts[0].get_position()[0] > 140
    assert written([Label("text", 140, 140, 3)], right).texts[0].get_position()[0] < 140
    box = written([Label("text", 140, 140, 3)], [(140, 140)]).texts[0].get_window_extent()
    for up, right_of in ((1.5, False), (2.5, True)):  # a point is 2 large, and its rim is not covered either
        [text] = written([Label("text", 140, 140, 3)], [(160, box.y1 + up)]).texts
        assert (text.get_window_extent().bounds == pytest.approx(box.bounds)) == right_of


def test_a_label_keeps_clear_of_rings_labels_and_the_rim() -> None:
    there = Label("there", 165, 140, 9, ringed=True)
    assert there.x < written([Label("a text", 140, 140, 3)], [(140, 140)]).texts[0].get_window_extent().x1
    for labels in ([there, Label("a text", 140, 140, 3)], [Label("a text", 140, 140, 3), there]):
        texts = written(labels, [(140, 140)]).texts
        [text] = [one for one in texts if one.get_text() == "a text"]
        assert text.get_window_extent().x1 < 140
        assert len(texts) == 2
    assert written([Label("text", 286, 286, 3)], [(286, 286)]).texts[0].get_window_extent().x1 <= 288
    same_place = [Label("text", 140, 140, 3)] * 30
    assert 4 < len(written(same_place, [(140, 140)]).texts) < 17  # the others find no room


def test_a_name_is_written_only_where_its_genomes_lie_together() -> None:
    places = [(at / 20, 0.0) for at in range(21)] + [(0.5 + at / 100, 0.1) for at in range(21)]
    view = MapView(
        "t", "genus", "umap", ("i",) * 42, ("Far",) * 21 + ("Near",) * 21, np.array(places, np.float32), None
    )
    assert len(places) > IDS_UP_TO
    assert [text.get_text() for text in map_picture(view, THEMES["light"]).axes[0].texts] == ["Near"]


@pytest.mark.long
def test_a_large_map_is_a_small_file_and_the_same_each_time(tmp_path: Path) -> None:
    view = invented(100_000, 200)
    png, svg = save(map_picture(view, THEMES["light"]), tmp_path / "one")
    assert svg.stat().st_size < 2_000_000
    assert svg.read_text().count("<image") >= 1
    again = save(map_picture(view, THEMES["light"]), tmp_path / "two")
    assert [path.read_bytes() for path in again] == [png.read_bytes(), svg.read_bytes()]
    colours = {tuple(one) for one in (imread(png)[..., :3] * 255).round().astype(int).reshape(-1, 3).tolist()}
    assert {tuple(bytes.fromhex(colour[1:])) for colour in PALETTE} <= colours


def test_the_rank_that_tells_most(mito_index: Index, demo_index: Path, small_index: Path) -> None:
    assert default_rank(mito_index) == "family"
    assert default_rank(Index.open(demo_index)) == "genus"  # one domain ... three families, eight genera
    assert default_rank(Index.open(small_index)) == "species"  # none has five names
    level = level_of(mito_index, None)
    assert (level.name, len(level.names), len(level.codes)) == ("family", FAMILIES, FAMILIES * OF_EACH)


# The command ------------------------------------------------------------------------------------------------


def test_the_command(gindex, own_demo: Path, tmp_path: Path) -> None:
    arguments = ("--index", own_demo, "--out", tmp_path / "out")
    result = gindex("draw", "map", *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "".join(f"wrote {tmp_path}/out/map-genus.{kind}\n" for kind in ("png", "svg"))
    assert len(kept_names(own_demo)) == 1
    result = gindex("draw", "map", "--rank", "habitat", "--by", "pca", "--theme", "dark", *arguments)
    assert result.stderr == "".join(f"wrote {tmp_path}/out/map-habitat.{kind}\n" for kind in ("png", "svg"))
    paper = imread(tmp_path / "out" / "map-habitat.png")[0, 0, :3]
    assert tuple(round(255 * value) for value in paper) == tuple(bytes.fromhex(THEMES["dark"].paper[1:]))
    assert len(kept_names(own_demo)) == 2


def test_the_command_says_that_there_are_too_few(gindex, own_index: Path, tmp_path: Path) -> None:
    result = gindex("draw", "map", "--index", own_index, "--out", tmp_path)
    assert result.exit_code == 0
    assert (
        result.stderr.splitlines()[-1] == "note: by principal components: UMAP needs 30 genomes that differ"
    )


WRONG = {
    "rank": (
        "--rank fam",
        "{index}: no genome has a name at rank or label 'fam'; "
        "there are: superkingdom, phylum, class, order, family, genus, species, habitat",
    ),
    "by": ("--by tsne", "--by is 'tsne'; choose umap or pca; see `gindex draw map --help`"),
    "theme": ("--theme blue", "--theme is 'blue'; choose light or dark; see `gindex draw map --help`"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_use(gindex, own_demo: Path, tmp_path: Path, no_layout, arguments: str, sentence: str) -> None:
    result = gindex("draw", "map", *arguments.split(), "--index", own_demo, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"gindex: {sentence.format(index=own_demo)}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("missing", "what"), [("umap", "a map by UMAP"), ("matplotlib", "gindex draw")])
def test_without_the_extra(
    gindex, own_demo: Path, monkeypatch: pytest.MonkeyPatch, missing: str, what: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else find_spec(name))
    result = gindex("draw", "map", "--index", own_demo)
    assert result.exit_code == 2
    assert result.stderr == f"gindex: {what} needs {missing}; install with `pip install 'gindex[report]'`\n"
