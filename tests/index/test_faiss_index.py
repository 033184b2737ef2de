"""Vectors, pairs and the projection against plain oracles: numpy, loops, dictionaries, FAISS."""

import functools
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders.pooling import unit
from genome_index.errors import IndexDamaged, UsageError
from genome_index.index.parallel import in_threads
from genome_index.index.store.pair_table import PairTable, keys_of, rows_of
from genome_index.index.vectors.exact_search import by_product, by_search, nearest
from genome_index.index.vectors.faiss_gpu import Gpu
from genome_index.index.vectors.faiss_index import FILE, Vectors
from genome_index.index.vectors.kinds import build_vectors, factory_for, load_vectors, nearest_others
from genome_index.index.vectors.projection import Projection, fit_projection
from genome_index.index.vectors.quantised import QuantisedVectors
from genome_index.index.vectors.vector_rows import ROWS

GRAPH = "HNSW32"  # of an index of more than 100,000 genomes, by a gindex before 0.3
CODES = "IVF8,RaBitQfs"
SEEDS = st.integers(0, 2**32 - 1)


def random_unit(seed: int, rows: int, dim: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32))


# -- FAISS ---------------------------------------------------------------------------------------------------


def plain_search(queries, references, k, live):
    """Every cosine, in descending order, without removed rows: the oracle of all searches."""
    similarity = queries.astype(np.float64) @ references.T.astype(np.float64)
    similarity[:, ~live] = -np.inf
    rows = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(similarity, rows, axis=1)
    return found, np.where(np.isfinite(found), rows, -1)


@st.composite
def searches(draw):
    rows, dim, queries = draw(st.integers(1, 60)), draw(st.integers(2, 24)), draw(st.integers(1, 5))
    live = np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
    return draw(SEEDS), rows, dim, queries, draw(st.integers(1, 70)), live


@given(searches())
@settings(max_examples=150, deadline=None)
def test_flat_search_finds_what_numpy_finds(search):
    seed, rows, dim, count, k, live = search
    references, queries = random_unit(seed, rows, dim), random_unit(seed + 1, count, dim)
    expected, expected_rows = plain_search(queries, references, min(k, rows), live)
    similarity, found = Vectors.build(references, "Flat").search(queries, k, live)
    assert_same_hits(similarity, found, queries, references, expected, expected_rows)
    assert live[found[found >= 0]].all()


def assert_same_hits(similarity, rows, queries, references, expected, expected_rows):
    """As near, in the same order; of two that are equally near either may come first."""
    real = expected_rows >= 0
    assert rows.shape == similarity.shape == expected_rows.shape
    assert np.array_equal(rows >= 0, real)
    np.testing.assert_allclose(similarity[real], expected[real], atol=1e-5)
    cosines = np.einsum("qd,qkd->qk", queries.astype(np.float64), references[rows])
    np.testing.assert_allclose(cosines[real], expected[real], atol=1e-5)
    assert [len(set(line[line >= 0])) for line in rows] == real.sum(axis=1).tolist()


@pytest.mark.parametrize("factory", ["Flat", "IVF4,Flat", GRAPH, CODES])
def test_every_kind_is_saved_loaded_and_grows(tmp_path: Path, factory: str):
    references, more, queries = random_unit(1, 400, 16), random_unit(2, 30, 16), random_unit(3, 20, 16)
    build_vectors(references, factory).save(tmp_path)
    vectors = load_vectors(tmp_path)
    assert (len(vectors), vectors.dim) == (400, 16)
    np.testing.assert_array_equal(vectors.rows(), references)
    vectors.add(more)
    both = np.concatenate([references, more])
    np.testing.assert_array_equal(vectors.rows(), both)
    picked = np.array([429, 3, 400, 3, 399, 0])
    np.testing.assert_array_equal(vectors.take(picked), both[picked])
    live = np.arange(430) % 3 > 0
    _, rows = vectors.search(both[live][::20], 1, live)
    assert np.array_equal(rows[:, 0], np.flatnonzero(live)[::20])  # each finds itself
    similarity, rows = vectors.search(queries, 10, live)
    assert (rows >= 0).all()
    assert live[rows].all()
    np.testing.assert_allclose(similarity, np.einsum("qd,qkd->qk", queries, both[rows]), atol=1e-5)


def test_the_graph_has_a_recall_of_95_percent():
    """Rows without clusters, the hardest case; also when half of them, or most, are removed."""
    references, queries = random_unit(1, 4_000, 64), random_unit(2, 200, 64)
    vectors = Vectors.build(references, GRAPH)
    for one_in in (1, 2, 10):
        live = np.arange(4_000) % one_in == 0
        _, expected = plain_search(queries, references, 10, live)
        _, rows = vectors.search(queries, 10, live)
        assert live[rows].all()
        shared = [len(set(a) & set(b)) for a, b in zip(rows.tolist(), expected.tolist(), strict=True)]
        assert np.mean(shared) >= 9.5


def test_no_vectors_or_no_queries():
    vectors = Vectors.build(random_unit(1, 3, 4), "Flat")
    similarity, rows = vectors.search(np.empty((0, 4), np.float32), 5)
    assert similarity.shape == rows.shape == (0, 0)
    _, rows = vectors.search(random_unit(2, 2, 4), 5, np.zeros(3, bool))
    assert (rows == -1).all()


def test_factory_by_size():
    sizes = (1, 200_000, 200_001, 1_000_000, 10_000_000)
    assert [factory_for("auto", genomes) for genomes in sizes] == [
        "Flat",
        "Flat",
        "IVF1024,RaBitQfs",
        "IVF4096,RaBitQfs",
        "IVF8192,RaBitQfs",
    ]
    assert factory_for("IVF8,Flat", 10**6) == "IVF8,Flat"


def test_faiss_errors_are_translated(tmp_path: Path):
    with pytest.raises(UsageError, match=r"'IVF8,Flat' for 3 vectors: .*choose another --faiss"):
        Vectors.build(random_unit(1, 3, 4), "IVF8,Flat")
    with pytest.raises(UsageError, match=r"'IVF8,RaBitQfs' for 3 vectors: .*choose another --faiss"):
        build_vectors(random_unit(1, 3, 4), CODES)
    (tmp_path / FILE).write_bytes(b"not an index")
    with pytest.raises(IndexDamaged, match="FAISS cannot read it"):
        load_vectors(tmp_path)


def relatives(seed: int, species: int, each: int, dim: int) -> np.ndarray:
    """Rows in clusters, as genomes of species are."""
    draws = np.random.default_rng(seed)
    centres = draws.standard_normal((species, dim)).astype(np.float32)
    own = draws.standard_normal((species, each, dim)).astype(np.float32)
    return unit((centres[:, None] + 0.5 * own).reshape(-1, dim))


def test_codes_find_the_relatives_that_exact_search_finds():
    references = relatives(1, 1_000, 6, 64)
    queries = unit(
        references[::60] + 0.02 * np.random.default_rng(2).standard_normal((100, 64)).astype(np.float32)
    )
    codes = build_vectors(references, "IVF64,RaBitQfs")
    for one_in in (1, 2):
        live = np.arange(len(references)) % one_in == 0
        expected, expected_rows = plain_search(queries, references, 3, live)
        similarity, rows = codes.search(queries, 3, live)
        assert live[rows].all()
        shared = [len(set(a) & set(b)) for a, b in zip(rows.tolist(), expected_rows.tolist(), strict=True)]
        assert np.mean(shared) >= 2.9
        np.testing.assert_allclose(similarity[:, 0], expected[:, 0], atol=1e-5)  # by the vectors themselves


def test_the_nearest_others_of_new_vectors_by_codes_are_those_of_exact_search():
    references = relatives(1, 300, 4, 64)
    rows, live = np.arange(1_100, 1_200), np.arange(1_200) % 5 > 0
    found = []
    for factory in ("IVF16,RaBitQfs", "Flat"):
        vectors = build_vectors(references[:1_100], factory)
        vectors.add(references[1_100:])
        similarity, near = nearest_others(vectors, references[rows], rows, live, 3)
        assert near.shape == (100, 3)
        assert live[near].all()
        assert (near != rows[:, None]).all()
        found.append(near[:, 0])
        np.testing.assert_allclose(
            similarity, np.einsum("qd,qkd->qk", references[rows], references[near]), atol=1e-5
        )
    assert np.mean(found[0] == found[1]) >= 0.99


def test_lists_that_are_not_read_cost_neighbours(monkeypatch: pytest.MonkeyPatch):
    references = random_unit(1, 4_000, 32)
    _, expected = plain_search(references[:50], references, 10, np.ones(4_000, bool))
    _, rows = build_vectors(references, "IVF64,RaBitQfs").search(references[:50], 10)
    monkeypatch.setattr("genome_index.index.vectors.quantised.LISTS_READ", 2)
    _, fewer = build_vectors(references, "IVF64,RaBitQfs").search(references[:50], 10)
    found = [
        np.mean([len(set(a) & set(b)) for a, b in zip(each, expected, strict=True)]) for each in (rows, fewer)
    ]
    assert found[0] > found[1] + 2


def test_new_vectors_are_found_without_codes_and_files_that_stay_are_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("genome_index.index.vectors.vector_rows.JOINED_ROWS", 0)
    monkeypatch.setattr("genome_index.index.vectors.quantised.MOST_UNCODED", 50)
    references = relatives(1, 100, 6, 16)
    folders = [tmp_path / str(rows) for rows in (540, 560, 562, 600)]
    for folder, before, rows in zip(folders, (None, *folders), (540, 560, 562, 600), strict=False):
        folder.mkdir()
        if before is None:
            build_vectors(references[:540], CODES).save(folder)
            continue
        vectors = load_vectors(before)
        vectors.add(references[len(vectors) : rows])
        vectors.save(folder)
    files = [sorted(file.name for file in folder.iterdir()) for folder in folders]
    more = ["vectors.1.npy", "vectors.2.npy"]
    assert files == [[*more[:count], "vectors.faiss", "vectors.npy"] for count in (0, 1, 2, 1)]
    for folder in folders[1:3]:
        assert (folder / FILE).samefile(folders[0] / FILE)
        assert (folder / ROWS).samefile(folders[0] / ROWS)
    assert not (folders[3] / FILE).samefile(folders[0] / FILE)  # 60 vectors got codes
    for folder in folders:
        vectors = load_vectors(folder)
        live = np.arange(len(vectors)) % 4 > 0
        asked = references[: len(vectors)][live]
        similarity, rows = vectors.search(asked, 2, live)
        assert np.array_equal(rows[:, 0], np.flatnonzero(live))  # each finds itself, coded or not
        np.testing.assert_allclose(similarity, np.einsum("qd,qkd->qk", asked, references[rows]), atol=1e-5)
        np.testing.assert_array_equal(vectors.rows(), references[: len(vectors)])


def test_codes_and_vectors_that_do_not_belong_together_are_damaged(tmp_path: Path):
    build_vectors(random_unit(1, 400, 16), CODES).save(tmp_path)
    loaded = load_vectors(tmp_path)
    assert isinstance(loaded, QuantisedVectors)
    assert isinstance(loaded.rows(), np.memmap)
    np.save(tmp_path / ROWS, random_unit(1, 399, 16))
    with pytest.raises(
        IndexDamaged, match=r"vectors.faiss: codes of 400 vectors, but vectors.\*.npy have 399"
    ):
        load_vectors(tmp_path)
    (tmp_path / ROWS).write_bytes((tmp_path / ROWS).read_bytes()[:1000])
    with pytest.raises(IndexDamaged, match=r"vectors.npy: cannot be read"):
        load_vectors(tmp_path)


# -- nearest, with excluded rows ----------------------------------------------------------------------------


def plain_nearest(queries, references, k, excluded):
    """Compare pair by pair."""
    found = []
    for i, query in enumerate(queries):
        allowed = [row for row in range(len(references)) if row not in set(excluded[i])]
        cosines = [
            (float(query.astype(np.float64) @ references[row].astype(np.float64)), row) for row in allowed
        ]
        found.append((sorted(cosines, reverse=True) + [(-np.inf, -1)] * k)[:k])
    return np.array([[pair[0] for pair in line] for line in found]), np.array(
        [[pair[1] for pair in line] for line in found]
    )


@st.composite
def searches_with_excluded_rows(draw):
    rows, queries = draw(st.integers(1, 30)), draw(st.integers(1, 6))
    excluded = draw(
        st.lists(st.lists(st.integers(0, rows - 1), max_size=rows), min_size=queries, max_size=queries)
    )
    return draw(SEEDS), rows, queries, draw(st.integers(1, 40)), [np.array(one, np.int64) for one in excluded]


def by_faiss(queries, references, k, excluded):
    """The search on a GPU, with FAISS's function of the same signature on the CPU."""
    out = [excluded(i) for i in range(len(queries))]
    search = functools.partial(faiss.knn, metric=faiss.METRIC_INNER_PRODUCT)
    similarity, rows = by_search(queries, references, min(k, len(references)), out, search)
    return similarity, np.where(np.isneginf(similarity), -1, rows)


@pytest.mark.parametrize("nearest", [nearest, by_faiss])
@given(search=searches_with_excluded_rows())
@settings(max_examples=150, deadline=None)
def test_nearest_agrees_with_a_loop(nearest, search):
    seed, rows, count, k, excluded = search
    references, queries = random_unit(seed, rows, 12), random_unit(seed + 1, count, 12)
    similarity, found = nearest(queries, references, k, lambda i: excluded[i])
    expected, expected_rows = plain_nearest(queries, references, min(k, rows), excluded)
    assert_same_hits(similarity, found, queries, references, expected, expected_rows)
    assert np.isneginf(similarity[found < 0]).all()
    for line, hidden in zip(found, excluded, strict=True):
        assert not set(line.tolist()) & set(hidden.tolist())


def test_nearest_on_a_gpu_is_nearest_on_a_cpu():
    if not faiss.get_num_gpus():
        pytest.skip("FAISS sees no GPU here")
    references = random_unit(1, 5_000, 64)
    out = [np.arange(i, i + 3) for i in range(300)]
    similarity, rows = nearest(references[:300], references, 50, lambda i: out[i])
    expected, _ = by_product(references[:300], references, 50, out)
    assert np.abs(similarity - expected).max() < 1e-5
    assert not any(set(line) & set(hidden) for line, hidden in zip(rows.tolist(), out, strict=True))


def test_an_exact_search_uses_one_copy_on_the_gpu_until_vectors_are_added(monkeypatch):
    vectors = Vectors.build(random_unit(1, 500, 16), "Flat")
    expected = vectors.search(random_unit(2, 9, 16), 5)
    copied = []

    def to_gpu(resources, device, index):
        copied.append(resources)
        return faiss.clone_index(index)

    monkeypatch.setattr("genome_index.index.vectors.faiss_index.gpu", lambda: Gpu("resources"))
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", to_gpu, raising=False)
    for _ in range(2):
        found = vectors.search(random_unit(2, 9, 16), 5)
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))
        assert copied == ["resources"]
    vectors.add(random_unit(2, 9, 16))  # the copy has none of these
    assert vectors.search(random_unit(2, 9, 16), 1)[1].ravel().tolist() == list(range(500, 509))
    assert len(copied) == 2


def test_a_gpu_that_failed_is_not_used_again(monkeypatch):
    """After a failure, such as no free memory, FAISS would crash the process."""
    vectors, asked, one = Vectors.build(random_unit(1, 500, 16), "Flat"), [], Gpu("resources")
    queries, out = random_unit(2, 9, 16), [np.array([row]) for row in range(9)]
    expected = [*vectors.search(queries, 5), *nearest(queries, vectors.rows(), 3, lambda i: out[i])]

    def full(*given, **settings):
        asked.append(given)
        raise RuntimeError("StandardGpuResources: alloc fail type TemporaryMemoryOverflow: out of memory")

    monkeypatch.setattr("genome_index.index.vectors.faiss_index.gpu", lambda: one)
    monkeypatch.setattr("genome_index.index.vectors.exact_search.gpu", lambda: one)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", full, raising=False)
    monkeypatch.setattr(faiss, "knn_gpu", full, raising=False)
    for _ in range(2):
        found = [*nearest(queries, vectors.rows(), 3, lambda i: out[i]), *vectors.search(queries, 5)]
        assert all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(found, expected[2:] + expected[:2], strict=True)
        )
        assert len(asked) == 1


def test_blocks_of_queries_are_larger_on_a_gpu(monkeypatch):
    references, asked = random_unit(1, 700, 8), []

    def knn_gpu(resources, queries, rows, k, metric):
        asked.append(len(queries))
        return faiss.knn(queries, rows, k, metric=metric)

    expected = nearest(references, references, 3, lambda i: np.array([i]))
    monkeypatch.setattr("genome_index.index.vectors.exact_search.gpu", lambda: Gpu("resources"))
    monkeypatch.setattr(faiss, "knn_gpu", knn_gpu, raising=False)
    found = nearest(references, references, 3, lambda i: np.array([i]))
    assert asked == [700]
    assert_same_hits(*found, references, references, *expected)


def test_nearest_of_many_queries_works_in_blocks():
    """Each query has its own excluded row in whatever block it is."""
    references = random_unit(1, 700, 8)
    _, rows = nearest(references, references, 2, lambda i: np.array([i]))
    _, expected = plain_nearest(references[250:262], references, 2, [[i] for i in range(250, 262)])
    assert np.array_equal(rows[250:262], expected)
    assert (rows != np.arange(700)[:, None]).all()


# -- pairs ---------------------------------------------------------------------------------------------------

PAIRS = st.tuples(st.integers(0, 2**31 - 1) | st.integers(0, 12), st.integers(0, 12))


@given(st.lists(st.lists(PAIRS, max_size=12), max_size=6), st.lists(PAIRS, max_size=12))
@settings(deadline=None)
def test_pair_table_is_a_dictionary(batches, asked):
    table, known, number = PairTable(2), {}, 0.0
    for batch in batches:
        keys = table.missing(keys_of(*columns(batch)))
        new = sorted({(min(pair), max(pair)) for pair in batch} - known.keys())
        assert list(zip(*(rows.tolist() for rows in rows_of(keys)), strict=True)) == new
        values = [(number + i, -number - i) for i in range(len(new))]
        number += len(new)
        order = np.random.default_rng(len(new)).permutation(len(new))  # they may come in any order
        table.add(keys[order], np.array(values, np.float32).reshape(-1, 2)[order])
        known |= dict(zip(new, values, strict=True))
    found = table.get(keys_of(*columns(asked)))
    assert found.shape == (len(asked), 2)
    expected = [known.get((min(pair), max(pair)), (np.nan, np.nan)) for pair in asked]
    np.testing.assert_array_equal(found, np.array(expected, np.float32).reshape(-1, 2))
    kept = np.arange(13) % 2 > 0
    small = PairTable(2, table.keys[rows_of(table.keys)[1] < 13], table.values[rows_of(table.keys)[1] < 13])
    left = {pair for pair in known if max(pair) < 13 and kept[pair[0]] and kept[pair[1]]}
    a, b = rows_of(small.among(kept).keys)
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == left
    for pair, value in zip(zip(a.tolist(), b.tolist(), strict=True), small.among(kept).values, strict=True):
        assert tuple(value) == known[pair]


def columns(pairs) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def test_get_keeps_the_shape_of_the_keys():
    table = PairTable(1)
    table.add(keys_of(np.array([3]), np.array([1])), np.array([0.5]))
    asked = keys_of(np.array([[1, 3], [1, 2]]), np.array([[3, 1], [1, 3]]))
    np.testing.assert_array_equal(
        table.get(asked)[..., 0], np.array([[0.5, 0.5], [np.nan, np.nan]], np.float32)
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_of_threads_are_in_order(threads: int):
    assert list(in_threads(lambda i: i * i, 40, threads)) == [i * i for i in range(40)]
    assert list(in_threads(lambda i: i, 0, threads)) == []


# -- projection ----------------------------------------------------------------------------------------------


def spread_out(rows: int, dim: int, components: int) -> np.ndarray:
    """Rows whose first components have variances well apart, and little else; away from the origin."""
    rng = np.random.default_rng(5)
    axes = np.linalg.qr(rng.standard_normal((dim, components)))[0].T
    strength = 4.0 * 0.75 ** np.arange(components)
    noise = 1e-3 * rng.standard_normal((rows, dim))
    table = rng.standard_normal((rows, components)) * strength @ axes + noise + rng.standard_normal(dim)
    return table.astype(np.float32)


@pytest.mark.parametrize(("rows", "dim"), [(60, 300), (400, 100)], ids=["wide", "tall"])
@pytest.mark.parametrize("kept", [4, 12])
def test_projection_is_faiss_pca_with_power_a_quarter(rows: int, dim: int, kept: int):
    """With whitening 0.5: components are divided by their variance to the power 0.25."""
    features, others = np.split(spread_out(rows + 50, dim, 12), [rows])
    matrix = faiss.PCAMatrix(dim, kept, -0.25)
    matrix.train(features)
    expected = unit(matrix.apply(others))
    projection = fit_projection(features.copy(), kept, 0.5)
    assert projection.matrix.shape == (dim, kept)
    found = projection.apply(others)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-3)


def test_whitening_changes_the_neighbours():
    """Which shows that the comparison above can fail."""
    features = spread_out(60, 300, 12)
    half, none = (fit_projection(features.copy(), 12, share).apply(features) for share in (0.5, 0.0))
    assert np.abs(half @ half.T - none @ none.T).max() > 0.1
    full = fit_projection(features.copy(), 12, 1.0)
    coordinates = (features - full.mean) @ full.matrix
    np.testing.assert_allclose(coordinates.T @ coordinates / 60, np.eye(12), atol=1e-3)


def test_a_projection_is_saved_and_loaded(tmp_path: Path):
    features = spread_out(30, 50, 8)
    projection = fit_projection(features.copy(), 8, 0.5)
    projection.save(tmp_path / "projection")
    loaded = Projection.load(tmp_path / "projection")
    np.testing.assert_array_equal(loaded.apply(features), projection.apply(features))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_or_equal_rows_still_find_themselves(rows: int):
    one = np.abs(random_unit(1, 1, 40))
    same = np.repeat(one, rows, axis=0)
    np.testing.assert_allclose(fit_projection(same.copy(), 16, 0.5).apply(same), 1, atol=1e-5)
    features = np.abs(random_unit(1, rows, 40))
    found = fit_projection(features.copy(), 16, 0.5).apply(features)
    assert found.shape[1] == max(1, rows - 1)
    assert np.array_equal((found @ found.T).argmax(axis=1), np.arange(rows))


def test_equal_rows_get_no_components_from_rounding():
    """Their mean may differ from them in the last digit, and so may the centred rows."""
    for seed in range(50):
        same = np.repeat(np.abs(random_unit(seed, 1, 40)), 3, axis=0)
        found = fit_projection(same.copy(), 16, 0.5).apply(same)
        np.testing.assert_allclose(found @ found.T, 1, atol=1e-5)
