"""Hits of fragments: k-mers in place of ANI, joined with the nearest vectors."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import (
    MemoryIndex,
    MemoryReferences,
    composition,
    entries,
    genome,
    level,
    model,
    no_projection,
    vectors,
)

from genome_index.classify.fragments import hits as module
from genome_index.classify.fragments.hits import Fragments, ReferenceTable, fragments_of, hits_of
from genome_index.index.calibration.hits import HeldOut, nothing_held_out
from genome_index.index.store.sketches import hash_sketch
from genome_index.spec import IndexSpec

SPEC = IndexSpec(sketch_k=7, small_bp=90, small_scaled=2, large_scaled=4)
SPECIES = level("species", ["a", "a", "b", "c", None])
VECTORS = [[1.0, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 1, 0, 0], [0, 0.6, 0.8, 0], [0, 0, 0, 1]]
SKETCHES = [[1, 2, 3, 4, 5], [1, 2, 3, 40], [1, 2, 60, 70, 80], [90, 91], [1, 2, 3, 4]]
LIMIT = 2**62


def table(live: list[bool] | None = None, lengths: list[int] | None = None) -> ReferenceTable:
    made = model(
        {"species": SPECIES}, vectors=vectors(VECTORS), projection=no_projection(),
        live=np.array(live or [True] * 5),
    )  # fmt: skip
    references = MemoryReferences(SPEC, SKETCHES, [LIMIT] * 5)
    index = MemoryIndex(made, references, entries(made.levels, lengths or [100, 200, 400, 800, 1_600]))
    return ReferenceTable.of(index)  # type: ignore[arg-type]


def fragments(*kmers: list[int], length: int = 300) -> Fragments:
    """Fragments whose vector is that of row 0."""
    size = len(kmers)
    vector = np.tile(np.array([1, 0, 0, 0], np.float32), (size, 1))
    sketches = [np.array(each, np.uint64) for each in kmers]
    return Fragments(np.full(size, length), vector, sketches, np.full(size, LIMIT, np.uint64))


def identity(shared: int, size: int) -> float:
    return float(max(0.6, (shared / size) ** (1 / 7)))


def test_the_table_has_the_genomes_that_are_in_the_index_now() -> None:
    found = table(live=[True, False, True, True, False])
    assert found.rows.tolist() == [0, 2, 3]
    assert found.length_bp.tolist() == [100, 200, 400, 800, 1_600]
    assert found.vectors == pytest.approx(np.array(VECTORS))


def test_fragments_are_embedded_and_sketched_at_the_density_of_their_length() -> None:
    index = table().index
    genomes = [genome("ACGTTGCAAGGCTATTCCGA" * 4 + "ACGTACGTAC"), genome("ACGTTGCAAGGCTATTCCGA" * 5)]
    assert [each.length_bp for each in genomes] == [90, 100]
    found = fragments_of(index, genomes)
    assert found.length_bp.tolist() == [90, 100]
    expected = np.array([composition(each) for each in genomes])
    assert found.vectors == pytest.approx(
        expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6
    )
    assert [kmers.tolist() for kmers in found.kmers] == [hash_sketch(each, SPEC).tolist() for each in genomes]
    assert found.limits.tolist() == [2**63, 2**62]


def test_hits_are_by_score_each_reference_once() -> None:
    found = hits_of(table(), fragments([1, 2, 3, 4]), nothing_held_out(1, 5))
    # Shared k-mers of rows 0 to 4: 4, 3, 2, 0, 4 of four; cosines 1, 0.8, 0, 0, 0.
    identities = dict(zip(range(5), (1, identity(3, 4), identity(2, 4), 0.6, 1), strict=True))
    cosine = dict(zip(range(5), (1, 0.8, 0, 0, 0), strict=True))
    order = sorted(range(5), key=lambda row: -(cosine[row] + 8 * (identities[row] - 0.6)))
    rows = found.rows[0]
    assert rows[:5].tolist() == order == [0, 1, 4, 2, 3]
    assert set(rows[5:].tolist()) == {-1}
    assert found.kmer_identity[0, :5] == pytest.approx([identities[row] for row in order])
    assert found.similarity[0, :5] == pytest.approx([cosine[row] for row in order])
    assert found.ani[0, :4] == pytest.approx([100 * identities[row] for row in order[:4]])
    assert np.isnan(found.ani[0, 4])
    assert np.isnan(found.af_query).all()
    lengths = dict(zip(range(5), (100, 200, 400, 800, 1_600), strict=True))
    assert found.af_reference[0, :5] == pytest.approx([100 * min(1, 300 / lengths[row]) for row in order])
    assert found.similarity[0, 5:].tolist() == [0] * (len(rows) - 5)
    assert {found.ani.dtype, found.af_reference.dtype, found.similarity.dtype} == {np.dtype(np.float32)}


def test_no_more_than_the_candidates_are_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.CANDIDATES == 50
    monkeypatch.setattr(module, "CANDIDATES", 2)
    found = hits_of(table(), fragments([1, 2, 3, 4]), nothing_held_out(1, 5))
    assert found.rows.tolist() == [[0, 4]]  # the two with most k-mers, then row 1 by vector is no nearer


def test_a_fragment_without_shared_kmers_has_the_nearest_vectors() -> None:
    found = hits_of(table(), fragments([500, 501], []), nothing_held_out(2, 5))
    assert found.rows[:, :2].tolist() == [[0, 1], [0, 1]]
    assert (found.kmer_identity == np.float32(0.6)).all()
    assert np.isnan(found.ani).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_held_out_is_neither_shared_nor_near(threads: int) -> None:
    held = HeldOut(np.array([2, 4]), SPECIES.codes, np.array([0, -1], np.int32))
    found = hits_of(table(), fragments([1, 2, 3, 4], [1, 2, 3, 4]), held, threads)
    assert set(found.rows[0].tolist()) == {3, 4, -1}  # neither row 2 itself nor rows 0 and 1, of code 0
    assert set(found.rows[1].tolist()) == {0, 1, 2, 3, -1}  # an unknown code bars no other


def test_rows_are_those_of_the_index_though_some_genomes_are_gone() -> None:
    live = [False, True, True, True, True]
    held = HeldOut(np.array([1]), SPECIES.codes, np.array([-1], np.int32))
    found = hits_of(table(live), fragments([500, 501]), held)
    assert found.rows[0, :3].tolist() == [2, 3, 4]
    assert 0 not in found.rows
    assert 0 not in hits_of(table(live), fragments([1, 2, 3]), nothing_held_out(1, 5)).rows
