"""Queries -> calls: candidates, identical references left out, hits by score, ANI, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from helpers.handmade import (
    CompositionEncoder,
    MemoryIndex,
    MemoryReferences,
    calibrator,
    composition,
    entries,
    genome,
    levels,
    model,
    no_projection,
    vectors,
)

from genome_index.classify import measured, reasons
from genome_index.classify import query as module
from genome_index.classify.query import answer
from genome_index.classify.reasons import BY_PRIOR
from genome_index.classify.search import embed
from genome_index.classify.settings import QuerySettings
from genome_index.index.store.skani import Candidate
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Call, Evidence, Failure, Genome, Lineage
from genome_index.spec import IndexSpec

SPEC = IndexSpec(sketch_k=11, small_scaled=2)
RNG = np.random.default_rng(8)
SEQUENCES = [
    "".join(RNG.choice(list("ACGT"), 700, p=p)) for p in ([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4])
]
UNA, BETA = SEQUENCES
# Rows: a genome, nearly the same again, a relative that shares half, another genus, and one that was removed.
REFERENCES = [UNA, UNA[:690] + "ACGTTGCATG", UNA[:350] + "".join(RNG.choice(list("ACGT"), 350)), BETA, UNA]
LEVELS = levels(
    genus=["A", "A", "A", "B", None],
    species=["A una", "A una", "A dua", "B una", None],
    subtype=["x", "x", "y", "y", None],
)


def index(read: float = 1.0) -> MemoryIndex:
    genomes = [genome(sequence, str(row)) for row, sequence in enumerate(REFERENCES)]
    references = MemoryReferences(SPEC, [hash_sketch(each, SPEC).tolist() for each in genomes])
    references.encoder = CompositionEncoder(read)
    live = np.array([True, True, True, True, False])
    made = model(
        LEVELS,
        projection=no_projection(),
        vectors=vectors([composition(each) for each in genomes]),
        live=live,
    )
    return MemoryIndex(made, references, entries(LEVELS, 700, [each.sha256 for each in genomes]))


@pytest.fixture(autouse=True)
def skani(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """ANI by row; what was measured for which query."""
    measured: list[tuple[str, list[int]]] = []
    by_row = {0: (99.5, 98.0, 97.0), 1: (98.0, 96.0, 95.0), 2: (90.0, 50.0, 49.0)}

    def measure(query: Genome, candidates: Sequence[Candidate]) -> list[Evidence]:
        rows = [int(candidate.blob) for candidate in candidates]
        measured.append((query.id, rows))
        return [Evidence(*by_row[row]) if row in by_row else Evidence(reason="floor") for row in rows]

    monkeypatch.setattr(module, "measure", measure)
    return measured


def calls(*genomes: Genome | Failure, made: MemoryIndex | None = None, **settings: object) -> list[Call]:
    return list(answer(made or index(), genomes, QuerySettings(**settings)))  # type: ignore[arg-type]


def test_a_known_genome_gets_its_species(skani: list[tuple[str, list[int]]]) -> None:
    [found] = calls(genome(UNA))
    assert (found.query, found.source, found.length_bp) == ("query", "query.fa", 700)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("species", "species", "A una", 0.95)
    assert found.reason == (
        "ANI 99.5 % to A una (aligned: 98 % of the query, 97 % of the reference); the species threshold is "
        f"95.0 %, and the next species, A dua, has 90.0 %; {BY_PRIOR}."
    )
    assert found.lineage == Lineage({"genus": "A", "species": "A una"})
    assert found.closest is not None
    assert found.closest.id == "g0"
    assert found.closest.evidence == Evidence(99.5, 98.0, 97.0)
    assert found.closest.kmer_identity == 1.0
    assert found.closest.similarity == pytest.approx(1)
    assert found.runner_up is not None
    assert found.runner_up.id == "g2"
    assert found.next_rank is None
    assert found.labels == {}
    assert found.warnings == ()
    assert [hit.id for hit in found.hits] == ["g0", "g1", "g2", "g3"]  # the removed genome is no hit
    assert skani == [("query", [0, 1, 2])]  # row 3 shares no k-mer


def test_hits_have_the_kmers_they_share() -> None:
    [found] = calls(genome(UNA))
    own = set(hash_sketch(genome(UNA), SPEC).tolist())
    for hit, row in zip(found.hits, (0, 1, 2, 3), strict=True):
        other = set(hash_sketch(genome(REFERENCES[row]), SPEC).tolist())
        share = len(own & other) / min(len(own), len(other))
        assert hit.kmer_identity == pytest.approx(max(0.6, share ** (1 / 11)), abs=1e-6)
    assert found.hits[3].evidence.ani is None
    assert found.hits[3].evidence.reason is not None


def test_a_reference_that_only_kmers_find_is_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANDIDATES", 1)
    mixed = UNA[350:560] + "".join(
        np.random.default_rng(1).choice(list("ACGT"), 490, p=[0.05, 0.15, 0.35, 0.45])
    )
    nearest = index().model.vectors.search(embed(index(), [genome(mixed)]), 1, index().model.live)[1]
    assert nearest.tolist() == [[3]]  # another genus
    [found] = calls(genome(mixed))
    assert [hit.id for hit in found.hits] == ["g1"]
    assert found.hits[0].similarity == pytest.approx(
        cosine(composition(genome(mixed)), composition(genome(REFERENCES[1])))
    )


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_shared_kmers_come_before_the_vector() -> None:
    mixed = UNA[350:560] + "".join(
        np.random.default_rng(1).choice(list("ACGT"), 490, p=[0.05, 0.15, 0.35, 0.45])
    )
    [found] = calls(genome(mixed))
    similarity = [hit.similarity for hit in found.hits]
    assert similarity != sorted(similarity, reverse=True)
    assert {hit.id for hit in found.hits[:2]} == {"g0", "g1"}
    score = [hit.similarity + 8 * (hit.kmer_identity - 0.6) for hit in found.hits]
    assert score == sorted(score, reverse=True)


def test_a_calibrated_level_has_its_probability() -> None:
    made = index()
    made.model = replace(made.model, calibrators={"subtype": calibrator({}, 0.5, intercept=1.0)})
    [found] = calls(genome(UNA), made=made)
    assert found.labels == {"subtype": ("x", pytest.approx(1 / (1 + np.exp(-1))))}


def test_k_is_the_number_of_hits_reported() -> None:
    assert [len(calls(genome(UNA), k=k)[0].hits) for k in (1, 2, 9)] == [1, 2, 4]


@pytest.mark.parametrize("threads", [1, 3])
def test_every_query_has_its_own_hits(threads: int) -> None:
    made = index()
    found = calls(
        genome(BETA, "b"),
        genome("AC", "c"),
        Failure("d", "-", "bad"),
        genome(UNA, "a"),
        made=made,
        threads=threads,
    )
    assert [call.query for call in found] == ["b", "c", "d", "a"]
    assert [call.verdict for call in found] == ["genus", "qc_fail", "failed", "species"]
    assert [call.hits[0].id if call.hits else None for call in found] == ["g3", None, None, "g0"]
    assert found[0].name == "B"
    assert made.prefetched[0] == [-1, 0, 1, 2, 3]  # row -1 for the removed one


def test_identical_references_can_be_left_out(
    skani: list[tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    [found] = calls(genome(UNA), exclude_identical=True)
    assert [hit.id for hit in found.hits] == ["g1", "g2", "g3"]
    assert found.closest is not None
    assert found.closest.id == "g1"
    assert found.reason.startswith("ANI 98.0 % to A una (aligned: 96 % of the query, 95 % of the ref")
    assert skani == [("query", [1, 2])]
    monkeypatch.setattr(module, "CANDIDATES", 2)
    [found] = calls(genome(UNA), exclude_identical=True)
    assert [hit.id for hit in found.hits] == ["g1", "g2"]  # another candidate takes the place
    monkeypatch.setattr(module, "IDENTICAL", 0)
    monkeypatch.setattr(module, "SHARERS", 1)
    [found] = calls(genome(UNA), exclude_identical=True)
    assert [hit.id for hit in found.hits] == ["g1"]


def test_only_the_first_candidates_are_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (module.CANDIDATES, module.IDENTICAL, measured.VERIFIED) == (50, 16, 10)
    monkeypatch.setattr(module, "CANDIDATES", 2)
    assert [hit.id for hit in calls(genome(UNA))[0].hits] == ["g0", "g1"]


def test_the_first_hits_and_the_best_of_each_next_species_get_an_ani(
    skani: list[tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "VERIFIED", 1)
    [found] = calls(genome(UNA))
    assert skani == [("query", [0, 2])]  # row 2 is the best of A dua; row 1 is another of A una
    assert [hit.evidence.ani for hit in found.hits if hit.id == "g2"] == [90.0]
    assert found.reason.endswith(f"the next species, A dua, has 90.0 %; {BY_PRIOR}.")
    monkeypatch.setattr(measured, "NEXT_NAMES", 0)
    skani.clear()
    calls(genome(UNA))
    assert skani == [("query", [0])]


def test_nothing_is_measured_without_a_shared_kmer(skani: list[tuple[str, list[int]]]) -> None:
    other = "".join(np.random.default_rng(9).choice(list("ACGT"), 700, p=[0.4, 0.3, 0.2, 0.1]))
    [found] = calls(genome(other))
    assert skani == []
    assert found.verdict in ("novel", "out_of_scope")
    assert all(hit.kmer_identity == pytest.approx(0.6) for hit in found.hits)


def test_a_query_out_of_scope_has_hits_but_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "called_labels", lambda *_: {"subtype": ("x", 1.0)})
    monkeypatch.setattr("genome_index.classify.scope.random_similarity", lambda *_: 1.0)
    other = "".join(np.random.default_rng(9).choice(list("ACGT"), 700))
    out, known = calls(genome(other, "other"), genome(UNA))
    assert (out.verdict, out.labels, out.name) == ("out_of_scope", {}, None)
    assert len(out.hits) == 4
    assert out.closest is not None
    assert known.labels == {"subtype": ("x", 1.0)}


def test_a_piece_has_hits_but_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "called_labels", lambda *_: {"subtype": ("x", 1.0)})
    monkeypatch.setattr(module, "as_piece", lambda *given: replace(given[4], verdict="piece"))
    [found] = calls(genome(UNA))
    assert (found.verdict, found.labels, len(found.hits)) == ("piece", {}, 4)


def test_warnings_of_genome_fragment_reading_contigs_and_reference_come_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "warnings_of", lambda _: ("genome",))
    monkeypatch.setattr(module, "fragment_warnings", lambda *_: ("fragment",))
    seen: list[tuple[int, list[int]]] = []

    def with_components(_: object, __: Genome, call: Call, row: int, hidden: Sequence[int]) -> Call:
        seen.append((row, list(hidden)))
        return add(call, "part")

    def add(call: Call, warning: str) -> Call:
        return replace(call, warnings=(*call.warnings, warning))

    monkeypatch.setattr(module, "with_components", with_components)
    monkeypatch.setattr(
        module, "with_reference_warning", lambda _, call, hits, query, verdict: add(call, f"suspect {query}")
    )
    found = calls(genome(UNA, "a"), genome(UNA, "b"), made=index(read=0.25))
    for query, call in enumerate(found):
        assert call.warnings == (
            "genome", "fragment", "part", f"suspect {query}", reasons.partly_read_warning(0.25),
        )  # fmt: skip
    assert seen == [(0, []), (0, [])]
    seen.clear()
    [found] = calls(genome(UNA, "a"), exclude_identical=True)
    assert seen == [(1, [0, 4])]  # the copies of the query explain nothing of it, be they removed or not


def test_a_genome_of_which_nothing_was_read_gets_a_warning() -> None:
    assert calls(genome(UNA), made=index(read=0))[0].warnings == (reasons.partly_read_warning(0),)
    assert calls(genome(UNA), made=index(read=1))[0].warnings == ()


def test_an_index_without_genomes_has_nothing_to_compare_with() -> None:
    made = index()
    made.model.live[:] = False
    [found] = calls(genome(UNA), made=made)
    assert (found.verdict, found.reason) == ("out_of_scope", reasons.EMPTY_INDEX)
    assert (found.closest, found.runner_up, found.hits) == (None, None, ())


def test_queries_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.BATCH_GENOMES == 256
    monkeypatch.setattr(module, "BATCH_GENOMES", 2)
    made = index()
    found = calls(*[genome(UNA, str(i)) for i in range(3)], made=made)
    assert [call.query for call in found] == ["0", "1", "2"]
    assert made.references.encoder.batches == [2, 1]


def test_progress_goes_to_the_encoder() -> None:
    class Notes:
        notes: list[str] = []

        def note(self, sentence: str) -> None:
            self.notes.append(sentence)

    calls(genome(UNA), progress=Notes())
    assert Notes.notes == ["encoding 1"]
