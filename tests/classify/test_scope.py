"""Scope: queries no nearer than random sequence, and warnings for what may be a fragment."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import (
    MemoryIndex,
    MemoryReferences,
    composition,
    entries,
    genome,
    hits,
    join_hits,
    levels,
    model,
    no_projection,
    vectors,
)

from genome_index.classify import scope
from genome_index.classify.decision import Verdict
from genome_index.classify.reasons import maybe_fragment_warning, no_nearer_than_random
from genome_index.classify.scope import (
    fragment_warnings,
    in_scope,
    out_of_scope_reason,
    random_genome,
    random_similarity,
)
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec, Reading

LEVELS = levels(species=["a", "b", "c", "d"])
NOVEL = Verdict("novel", "because", closest=1)
QUERY = genome("ACGGTACCGT" * 50)  # 500 bp, 60 % G and C


def index(lengths: list[int] | int = 1_000, spec: IndexSpec | None = None) -> MemoryIndex:
    rows = vectors([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1], [0.2, 0.3, 0.3, 0.2]])
    live = np.array([True, True, True, False])
    made = model(LEVELS, projection=no_projection(), vectors=rows, live=live)
    return MemoryIndex(made, MemoryReferences(spec or IndexSpec(), [[]] * 4), entries(LEVELS, lengths))


def similarity_of_random(length_bp: int, gc: float) -> float:
    """By hand: the highest cosine of three random compositions to the live references."""
    table = np.array([composition(random_genome(length_bp, gc, seed)) for seed in range(3)])
    table = table / np.linalg.norm(table, axis=1, keepdims=True)
    references = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    return float((table @ references.T).max())


# -- random genomes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gc", [0.0, 0.3, 0.5, 0.72, 1.0])
def test_a_random_genome_has_its_length_and_gc(gc: float) -> None:
    found = random_genome(20_000, gc, seed=1)
    [contig] = found.contigs
    assert found.length_bp == 20_000
    assert set(contig.sequence) <= set(b"ACGT")
    a, c, g, t = composition(found)
    assert c + g == pytest.approx(gc, abs=0.02)
    assert a == pytest.approx(t, abs=0.02)
    assert c == pytest.approx(g, abs=0.02)


def test_seeds_give_different_genomes_and_each_the_same_again() -> None:
    assert random_genome(100, 0.5, 1) == random_genome(100, 0.5, 1)
    assert random_genome(100, 0.5, 1) != random_genome(100, 0.5, 2)


@pytest.mark.parametrize("sequence", ["ACGGTACCGT" * 50, "acggtaccgt" * 50, "ACGGTNCCGT" * 50])
def test_random_similarity_is_that_of_the_nearest_random_genome(sequence: str) -> None:
    found = random_similarity(index(), genome(sequence))  # type: ignore[arg-type]
    assert found == pytest.approx(similarity_of_random(500, 0.6), abs=1e-6)


def test_gc_is_that_of_all_contigs() -> None:
    parts = Genome("q", (Contig("a", b"GGGG" * 50), Contig("b", b"ACTT" * 50), Contig("c", b"AAAT")), "-")
    expected = similarity_of_random(404, (200 + 50) / 404)
    assert random_similarity(index(), parts) == pytest.approx(expected, abs=1e-6)  # type: ignore[arg-type]


def test_long_genomes_are_compared_with_shorter_random_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (scope.MOST_BP, scope.MOST_READ_BP, scope.DRAWS) == (5_000_000, 60_000, 3)
    monkeypatch.setattr(scope, "MOST_BP", 400)
    assert random_similarity(index(), QUERY) == pytest.approx(similarity_of_random(400, 0.6), abs=1e-6)  # type: ignore[arg-type]
    monkeypatch.setattr(scope, "MOST_READ_BP", 200)
    spec = IndexSpec(encoder="model", model="somewhere", reading=Reading())
    found = random_similarity(index(spec=spec), QUERY)  # type: ignore[arg-type]
    assert found == pytest.approx(similarity_of_random(200, 0.6), abs=1e-6)


# -- out of scope --------------------------------------------------------------------------------------------

RANDOM = similarity_of_random(500, 0.6)


@pytest.mark.parametrize(
    ("rows", "similarity", "identity", "out"),
    [
        ([0, 1], RANDOM - 0.01, 0.6, True),
        ([0, 1], RANDOM + 0.01, 0.6, False),
        ([0, 1], [RANDOM - 0.01, RANDOM + 0.01], 0.6, False),
        ([0, 1], RANDOM - 0.01, [0.6, 0.61], False),
        ([-1, -1], 0.0, 0.6, False),
    ],
)
def test_a_query_without_shared_kmers_must_be_nearer_than_random_sequence(
    rows: list[int], similarity: list[float] | float, identity: list[float] | float, out: bool
) -> None:
    table = join_hits(hits([0, 1], 0.99, 0.99), hits(rows, similarity, identity))
    reason = out_of_scope_reason(index(), QUERY, table, 1)  # type: ignore[arg-type]
    assert reason == (no_nearer_than_random(RANDOM - 0.01, RANDOM) if out else "")


def test_as_near_as_random_sequence_is_not_near_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "random_similarity", lambda *_: 0.5)
    assert out_of_scope_reason(index(), QUERY, hits([0], 0.5, 0.6), 0)  # type: ignore[arg-type]
    assert not out_of_scope_reason(index(), QUERY, hits([0], 0.501, 0.6), 0)  # type: ignore[arg-type]


def test_a_verdict_out_of_scope_keeps_its_closest_hit_and_nothing_else() -> None:
    far, near = hits([0, 1], RANDOM - 0.1, 0.6), hits([0, 1], RANDOM + 0.1, 0.6)
    reason = no_nearer_than_random(RANDOM - 0.1, RANDOM)
    verdict = Verdict("genus", "because", "genus", "A", 0.9, "species", 1, 0, ("m",), ("w",))
    expected = Verdict("out_of_scope", reason, closest=1)
    assert in_scope(index(), QUERY, far, 0, verdict) == expected  # type: ignore[arg-type]
    assert in_scope(index(), QUERY, near, 0, verdict) is verdict  # type: ignore[arg-type]
    before = Verdict("out_of_scope", "for another reason", closest=0)
    assert in_scope(index(), QUERY, far, 0, before) is before  # type: ignore[arg-type]


# -- fragments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "lengths", "warned"),
    [
        (NOVEL, [1_000] * 4, True),
        (NOVEL, [715] * 4, True),  # 500 is less than 0.7 of it by a hair
        (NOVEL, [500 / 0.7] * 4, False),
        (Verdict("genus", "because", "genus"), [1_000] * 4, True),
        (Verdict("out_of_scope", "because"), [1_000] * 4, True),
        (Verdict("species", "because", "species"), [1_000] * 4, False),
        (Verdict("ambiguous", "because"), [1_000] * 4, False),
        (NOVEL, [100, 600, 900, 1_000], False),  # the median of rows 0, 1 and 2 is 600
    ],
)
def test_a_short_query_without_a_species_may_be_a_fragment(
    verdict: Verdict, lengths: list[int], warned: bool
) -> None:
    table = join_hits(hits([3, 3, 3, 3]), hits([0, 1, -1, 2]))
    found = fragment_warnings(index(lengths), QUERY, table, 1, verdict)  # type: ignore[arg-type]
    assert found == ((maybe_fragment_warning(500, lengths[0]),) if warned else ())


def test_without_hits_nothing_is_known_of_the_length() -> None:
    assert fragment_warnings(index(), QUERY, hits([-1, -1]), 0, NOVEL) == ()  # type: ignore[arg-type]
