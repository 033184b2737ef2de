"""The inverted index of k-mers, against a comparison of all pairs of sketches with `containment`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import IndexDamaged
from genome_index.index.store import kmer_index, kmer_part
from genome_index.index.store.kmer_index import FILES, ROW_ARRAYS, STEM, KmerIndex
from genome_index.index.store.kmer_part import PART_ARRAYS, file_of
from genome_index.index.store.references import References
from genome_index.index.store.sketches import containment
from genome_index.spec import IndexSpec

Hashes = npt.NDArray[np.uint64]

FINE, COARSE = 2**61, 2**61 // 25  # limits: one of 8 and one of 200


class Sketches:
    """References that are nothing but sketches; the first of each pair says whether it is sampled finely."""

    def __init__(self, genomes: list[tuple[bool, Hashes]]) -> None:
        self.genomes, self.spec = genomes, IndexSpec()

    def hashes(self, row: int) -> Hashes:
        fine, hashes = self.genomes[row]
        return hashes[hashes < np.uint64(FINE if fine else COARSE)]

    def limit(self, row: int) -> int:
        return FINE if self.genomes[row][0] else COARSE

    def let_go(self) -> None:
        pass


def as_references(sketches: Sketches) -> References:
    return cast(References, sketches)


# Few distinct hashes, so that they are shared; the lowest tenth is in coarse sketches too.
KMERS = [number * (COARSE // 5) + 1 for number in range(8)] + [COARSE + 7 * number for number in range(60)]
SKETCH = st.tuples(
    st.booleans(), st.sets(st.sampled_from(KMERS)).map(lambda kmers: np.array(sorted(kmers), np.uint64))
)
GENOMES = st.lists(SKETCH, min_size=1, max_size=12)


def dull_ranking(
    sketches: Sketches, rows: list[int], query: Hashes, limit: int
) -> list[tuple[int, int, float]]:
    """All pairs compared by `containment`: row, k-mers in common and containment, ranked."""
    ranked = []
    for row in rows:
        coarser = np.uint64(min(limit, sketches.limit(row)))
        shared = len(np.intersect1d(query, sketches.hashes(row)))
        share = np.float32(containment(query, sketches.hashes(row), coarser))
        if share > 0:
            mine = int(np.searchsorted(query, coarser))
            ranked.append((-shared / mine, -float(share), row, shared))
    return [(row, shared, -share) for _, share, row, shared in sorted(ranked)]


@settings(deadline=None, max_examples=60)
@given(GENOMES, SKETCH, st.integers(1, 13), st.data())
def test_most_shared_is_what_a_comparison_of_all_pairs_finds(
    genomes: list[tuple[bool, Hashes]], query: tuple[bool, Hashes], k: int, data: st.DataObject
) -> None:
    sketches, asked = Sketches(genomes), Sketches([query])
    rows = data.draw(st.sets(st.sampled_from(range(len(genomes))), min_size=1))
    live = np.array(data.draw(st.lists(st.booleans(), min_size=len(genomes), max_size=len(genomes))))
    index = KmerIndex.build(as_references(sketches), np.array(sorted(rows)))
    found = index.most_shared(asked.hashes(0), asked.limit(0), k, live)
    expected = dull_ranking(
        sketches, [row for row in sorted(rows) if live[row]], asked.hashes(0), asked.limit(0)
    )
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected[:k]


@settings(deadline=None, max_examples=60)
@given(GENOMES, SKETCH)
def test_shared_counts_are_those_of_the_intersections(
    genomes: list[tuple[bool, Hashes]], query: tuple[bool, Hashes]
) -> None:
    sketches, asked = Sketches(genomes), Sketches([query]).hashes(0)
    rows, counts = KmerIndex.build(as_references(sketches), np.arange(len(genomes))).shared(asked)
    expected = [len(np.intersect1d(asked, sketches.hashes(row))) for row in range(len(genomes))]
    assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == {
        row: count for row, count in enumerate(expected) if count
    }
    assert rows.tolist() == sorted(rows.tolist())


def example(genomes: int = 30, seed: int = 1) -> Sketches:
    """Genomes of one to three thousand hashes each, of which relatives share some."""
    rng = np.random.default_rng(seed)
    pool = np.unique(rng.integers(0, FINE, 9_000, dtype=np.uint64))
    return Sketches([
        (bool(number % 3), np.sort(rng.choice(pool, int(rng.integers(1_000, 3_000)), replace=False)))
        for number in range(genomes)
    ])  # fmt: skip


def test_an_index_is_the_same_built_in_parts_and_by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    references, rows = as_references(example()), np.arange(30)
    whole = KmerIndex.build(references, rows)
    monkeypatch.setattr(kmer_part, "SORTED_HASHES", 1_000)
    assert_same(KmerIndex.build(references, rows, threads=3), whole)


@settings(deadline=None, max_examples=60)
@given(GENOMES, st.integers(0, 12))
def test_an_index_with_further_rows_is_the_one_built_of_all(
    genomes: list[tuple[bool, Hashes]], first: int
) -> None:
    references, first = as_references(Sketches(genomes)), min(first, len(genomes))
    whole = KmerIndex.build(references, np.arange(len(genomes)))
    half = KmerIndex.build(references, np.arange(first))
    assert_same(half.extended(references, np.arange(first, len(genomes))), whole)


def assert_same(found: KmerIndex, expected: KmerIndex) -> None:
    for name in ROW_ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for part, other in zip(found.parts, expected.parts, strict=True):
        for name in PART_ARRAYS:
            np.testing.assert_array_equal(getattr(part, name), getattr(other, name))


def test_an_index_in_parts_counts_as_one_and_shares_the_files_of_its_larger_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kmer_index, "JOINED_POSTINGS", 0)
    sketches = example()
    references = as_references(sketches)
    whole, grown = KmerIndex.build(references, np.arange(30)), KmerIndex.build(references, np.arange(20))
    folders = [tmp_path / str(rows) for rows in (20, 24, 25, 26, 30)]
    for folder, last in zip(folders, (20, 24, 25, 26, 30), strict=True):
        folder.mkdir()
        if last > 20:
            grown = KmerIndex.load(folders[folders.index(folder) - 1])
            grown = grown.extended(references, np.arange(len(grown.limits), last))
        grown.save(folder)
    sizes = [len(KmerIndex.load(folder).parts) for folder in folders]
    assert sizes == [1, 2, 3, 2, 1]  # 20; 20 + 4; 20 + 4 + 1; 20 + 6; all joined
    first = file_of(STEM, "rows")
    assert (folders[1] / first).samefile(folders[0] / first)
    assert not (folders[4] / first).samefile(folders[0] / first)
    for folder in folders[1:4]:
        index = KmerIndex.load(folder)
        rows = len(index.limits)
        expected = whole.counts(sketches.hashes(7))[:rows]
        np.testing.assert_array_equal(index.counts(sketches.hashes(7)), expected)
    assert_same(KmerIndex.load(folders[4]), whole)
    (folders[2] / file_of(f"{STEM}.2", "hashes")).unlink()
    with pytest.raises(IndexDamaged, match="do not belong together"):
        KmerIndex.load(folders[2])


def test_an_index_is_mapped_from_its_files_and_answers_the_same(tmp_path: Path) -> None:
    sketches = example()
    built = KmerIndex.build(as_references(sketches), np.arange(30))
    built.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(FILES)
    loaded = KmerIndex.load(tmp_path)
    hashes = loaded.parts[0].hashes
    assert isinstance(hashes.base, np.memmap) or isinstance(hashes.base.base, np.memmap)
    for one, other in zip(*(index.most_shared(sketches.hashes(4), FINE, 9, np.ones(30, bool))
                            for index in (built, loaded)), strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)
    assert loaded.most_shared(sketches.hashes(4), FINE, 9, np.ones(30, bool)).rows[0] == 4


def test_an_index_of_genomes_without_kmers_finds_nothing(tmp_path: Path) -> None:
    empty = Sketches([(True, np.empty(0, np.uint64))] * 2)
    built = KmerIndex.build(as_references(empty), np.arange(2))
    built.save(tmp_path)
    for index in (built, KmerIndex.load(tmp_path)):
        assert index.most_shared(np.array([1, 2], np.uint64), FINE, 5, np.ones(2, bool)).rows.tolist() == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_cut_short_or_of_another_index_is_damaged(tmp_path: Path, name: str) -> None:
    KmerIndex.build(as_references(example()), np.arange(30)).save(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(IndexDamaged, match="cannot be read"):
        KmerIndex.load(tmp_path)
    (other := tmp_path / "other").mkdir()
    KmerIndex.build(as_references(example(29)), np.arange(29)).save(other)
    (other / name).replace(path)
    with pytest.raises(IndexDamaged, match="do not belong together"):
        KmerIndex.load(tmp_path)


@pytest.mark.parametrize("name", [file_of(STEM, name) for name in PART_ARRAYS])
def test_a_damaged_file_of_the_right_length_cannot_lead_the_search_out_of_memory(
    tmp_path: Path, name: str
) -> None:
    sketches = example()
    KmerIndex.build(as_references(sketches), np.arange(30)).save(tmp_path)
    array = np.load(tmp_path / name)
    array[1:-1] = np.random.default_rng(2).integers(0, 2**31, len(array) - 2).astype(array.dtype)
    np.save(tmp_path / name, array)
    rows, _ = KmerIndex.load(tmp_path).shared(sketches.hashes(4))
    assert set(rows.tolist()) <= set(range(30))
