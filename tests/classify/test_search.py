"""Vectors of genomes and shared k-mers, on references in memory."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import (
    CompositionEncoder,
    MemoryIndex,
    MemoryReferences,
    composition,
    entries,
    genome,
    levels,
    model,
    no_projection,
)

from genome_index.classify import search
from genome_index.classify.search import containments, embed, embed_with_shares
from genome_index.index.store.sketches import hash_sketch
from genome_index.spec import IndexSpec

LEVELS = levels(species=["a", "b"])
SPEC = IndexSpec(sketch_k=5, small_bp=60, small_scaled=2, large_scaled=4)
SEQUENCE = "ACGTTGCAAGGCTATTCCGAGTACCGATGCATTTGACGATCGGATCCTA"


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def index(sketches: list[list[int]] | None = None, limits: list[int] | None = None) -> MemoryIndex:
    references = MemoryReferences(SPEC, sketches or [[], []], limits)
    return MemoryIndex(model(LEVELS, projection=no_projection()), references, entries(LEVELS))


def test_vectors_are_projected_features_of_length_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BATCH_GENOMES", 2)
    made, notes = index(), Notes()
    made.references.encoder = CompositionEncoder(read=0.25)
    genomes = [genome(bases) for bases in ("AAAC", "GGTT", "ACGT", "TTTT", "CC")]
    vectors, shares = embed_with_shares(made, genomes, notes)  # type: ignore[arg-type]
    expected = np.array([composition(each) for each in genomes])
    assert vectors == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    assert shares.tolist() == [0.25] * 5
    assert made.references.encoder.batches == [2, 2, 1]
    assert notes.notes == ["encoding 2", "encoding 2", "encoding 1"]
    assert embed(made, genomes) == pytest.approx(vectors)  # type: ignore[arg-type]


def test_containment_is_a_share_of_the_smaller_sketch() -> None:
    query = genome(SEQUENCE)
    own = hash_sketch(query, SPEC).tolist()
    everything = 2**64 - 1
    made = index([own[:4], [*own, 2**63 + 1, 2**63 + 3]], [everything, everything])
    found = containments(made, query, np.array([0, -1, 1]))  # type: ignore[arg-type]
    assert found.tolist() == [1.0, 0.0, 1.0]
    half = index([[*own[:4], *range(4)], [7]], [everything, everything])
    assert containments(half, query, np.array([0, 1])).tolist() == [0.5, 0.0]  # type: ignore[arg-type]
    assert found.dtype == np.float32


@pytest.mark.parametrize(("length", "scaled"), [(60, 2), (61, 4)])
def test_sketches_are_compared_at_the_coarser_density(length: int, scaled: int) -> None:
    query = genome((SEQUENCE * 2)[:length])
    own = hash_sketch(query, SPEC)
    coarse = 2**64 // 8
    sampled = [int(each) for each in own if each < coarse]
    assert len(sampled) > 1
    made = index([[*sampled[1:], 2**62], [2**62]], [coarse, 2**64 - 1])
    found = containments(made, query, np.array([0]))  # type: ignore[arg-type]
    assert found.tolist() == pytest.approx([1.0])
    assert own.max() < 2**64 // scaled
    # Of a reference that is sampled more densely, hashes beyond the query's own limit do not count.
    beyond = 2**64 // scaled + 5
    dense = [*own[:3].tolist(), *range(beyond, beyond + 50)]
    assert containments(index([dense, []], [2**64 - 1] * 2), query, np.array([0])).tolist() == [1.0]  # type: ignore[arg-type]
