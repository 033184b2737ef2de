"""The inverted index of the k-mers in each snapshot of an index, and in the cache of older ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import simulated
from helpers.simulated import answers, built, relatives, shown_ids

from genome_index import ChangeSettings, Index
from genome_index.errors import IndexDamaged
from genome_index.index import build, changes
from genome_index.index.snapshots import write_manifest
from genome_index.index.store.kmer_index import FILES, ROW_ARRAYS, KmerIndex
from genome_index.index.store.kmer_part import PART_ARRAYS

SETTINGS = ChangeSettings()
KNOWN = simulated.collection(3, 2, 3)
MORE = simulated.collection(2, 1, 2, seed=7, prefix="n")
QUERIES = relatives(KNOWN, 2)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kmers") / "index"
    built(path, KNOWN)
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "index"))


def assert_same(found: KmerIndex, expected: KmerIndex) -> None:
    for name in ROW_ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for part, other in zip(found.parts, expected.parts, strict=True):
        for name in PART_ARRAYS:
            np.testing.assert_array_equal(getattr(part, name), getattr(other, name))


def of_all(index: Index) -> KmerIndex:
    return KmerIndex.build(index.references, np.flatnonzero(index.model.live))


def older(path: Path) -> Path:
    """The index as a gindex before left it: its snapshot has no inverted index."""
    index = Index.open(path)
    files = {name: value for name, value in index.snapshot.files.items() if name not in FILES}
    for name in sorted(FILES):
        (index.folder / name).unlink()
    object.__setattr__(index.snapshot, "files", files)
    write_manifest(index.folder, index.snapshot)
    return path


def test_a_snapshot_has_the_kmers_of_its_genomes(path: Path) -> None:
    index = Index.open(path)
    assert set(index.snapshot.files) > FILES
    assert_same(index.kmers, of_all(index))
    assert index.kmers.parts[0].origin == (index.folder, "kmers")
    assert not (path / "kmers").exists()


def test_new_genomes_are_added_to_it_and_a_refit_builds_it_again(path: Path) -> None:
    build.add(path, MORE.genomes(), MORE.taxonomy, SETTINGS)
    index = Index.open(path)
    assert_same(index.kmers, of_all(index))
    changes.remove(path, [index.entry(0).id], SETTINGS)
    changes.refit(path, SETTINGS)
    index = Index.open(path)
    assert len(index.kmers.limits) == len(KNOWN) + len(MORE) - 1
    assert_same(index.kmers, of_all(index))


def test_a_removed_genome_never_comes_up_and_the_files_are_shared(path: Path) -> None:
    before = Index.open(path)
    gone = before.entry(4)
    sketch, limit = before.references.hashes(4), before.references.limit(4)
    assert before.kmers.most_shared(sketch, limit, 3, before.model.live).rows[0] == 4
    changes.remove(path, [gone.id], SETTINGS)
    after = Index.open(path)
    assert 4 not in after.kmers.most_shared(sketch, limit, 50, after.model.live).rows
    for name in sorted(FILES - {"kmers.sizes.npy", "kmers.limits.npy"}):
        assert (after.folder / name).samefile(before.folder / name)
    assert gone.id not in shown_ids(path, QUERIES)
    assert after.damage() == []


def test_an_older_snapshot_gets_one_in_the_cache(path: Path) -> None:
    expected = answers(path, QUERIES)
    index = Index.open(older(path))
    assert answers(path, QUERIES) == expected
    [folder] = (path / "kmers").iterdir()
    assert folder.name == f"000001-{index.snapshot.fingerprint}"
    assert_same(KmerIndex.load(folder), of_all(index))
    (folder / "kmers.rows.npy").write_bytes(b"")
    assert answers(path, QUERIES) == expected  # built again
    assert_same(KmerIndex.load(folder), of_all(index))


def test_an_older_snapshot_in_a_folder_that_cannot_be_written_is_answered(path: Path) -> None:
    expected = answers(path, QUERIES)
    (older(path) / "kmers").write_text("a file in the place of the folder")
    assert answers(path, QUERIES) == expected


def test_the_cache_of_a_snapshot_ends_with_it(path: Path) -> None:
    answers(older(path), QUERIES)
    (path / "kmers" / "000009-0123456789ab").mkdir()
    changes.remove(path, [Index.open(path).entry(0).id], SETTINGS)
    assert [folder.name[:6] for folder in (path / "kmers").iterdir()] == ["000001"]
    assert set(Index.open(path).snapshot.files) > FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_damaged_file_is_named(path: Path, name: str) -> None:
    file = Index.open(path).folder / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(IndexDamaged, match=f"{file}: {len(whole) - 1} bytes, expected {len(whole)}"):
        _ = Index.open(path).kmers
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert Index.open(path).damage() == [f"{file}: does not match its checksum"]
    file.unlink()
    with pytest.raises(IndexDamaged, match=f"{file}: missing"):
        _ = Index.open(path).kmers


def test_damage_of_a_file_that_snapshots_share_is_not_described_as_whole(path: Path) -> None:
    """A change links the file; a checksum made anew would match the damage."""
    file = Index.open(path).folder / "kmers.rows.npy"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    changes.remove(path, [Index.open(path).entry(0).id], SETTINGS)
    index = Index.open(path)
    assert index.damage() == [f"{index.folder / file.name}: does not match its checksum"]
