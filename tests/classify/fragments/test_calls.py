"""Calls of fragments from hits and names made by hand, names of records, and the whole way in memory."""

from __future__ import annotations

from collections.abc import Iterator

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

from genome_index.classify.elected_names import Name
from genome_index.classify.fragments import calls as module
from genome_index.classify.fragments import reasons
from genome_index.classify.fragments.calls import (
    FragmentEvidence,
    answer_fragments,
    query_fragments,
    with_unique_names,
)
from genome_index.classify.fragments.reasons import NOT_MEASURED, UNCALIBRATED, SharedPart
from genome_index.classify.settings import QuerySettings
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import Hits
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Call, Evidence, Failure, Genome, Lineage, quiet
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import Level

LEVELS = levels(
    genus=["A", "A", "B", "B"], species=["A una", "A dua", "B una", None], subtype=["x", "y", "x", None]
)
NAMES = {
    "genus": Name(0, 0.93, 0.8),
    "species": Name(1, 0.97, 0.9),
    "subtype": Name(1, 0.85, 0.8),
}
SPEC = IndexSpec()
FRAGMENT = genome("ACGT" * 200)


def index(by_level: dict[str, Level] | None = None) -> MemoryIndex:
    by_level = by_level or LEVELS
    return MemoryIndex(model(by_level), MemoryReferences(SPEC, [[]] * 4), entries(by_level))


def call(table: Hits, rank: str | None, k: int = 5, made: MemoryIndex | None = None) -> Call:
    """The call of the second line of hits."""
    both = join_hits(hits([3] * table.rows.shape[1]), table)
    return FragmentEvidence(made or index(), both, 1, 120, NAMES).call(FRAGMENT, rank, k)  # type: ignore[arg-type]


def shared(row: int, identity: float, species: str | None) -> SharedPart:
    identity = float(np.float32(identity))
    return SharedPart(f"g{row}", species, identity**21, identity)


NEAR = hits([1, 0, 2, -1], [0.5, 0.4, 0.3, 0], [0.95, 0.9, 0.6, 0.6], [95, 90, np.nan, np.nan])


def test_a_called_species_rests_on_its_first_hit() -> None:
    found = call(NEAR, "species")
    assert (found.query, found.source, found.length_bp) == ("query", "query.fa", 800)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("species", "species", "A una", 0.97)
    assert found.lineage == Lineage({"genus": "A", "species": "A una"})
    assert found.closest is not None
    assert (found.closest.id, found.closest.evidence) == ("g0", Evidence(reason=NOT_MEASURED))
    assert found.closest.kmer_identity == pytest.approx(0.9)
    assert found.runner_up is not None
    assert found.runner_up.id == "g1"
    assert found.reason == reasons.called(
        120, shared(0, 0.9, "A una"), shared(1, 0.95, "A dua"), "species", "A una", 0.97
    )
    assert found.next_rank is None
    assert found.labels == {"subtype": ("y", 0.85)}
    assert [hit.id for hit in found.hits] == ["g1", "g0", "g2"]
    assert {hit.evidence.reason for hit in found.hits} == {NOT_MEASURED}
    assert found.warnings == ()


def test_a_called_genus_misses_the_species() -> None:
    found = call(NEAR, "genus", k=1)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("genus", "genus", "A", 0.93)
    assert found.lineage == Lineage({"genus": "A"})
    assert found.next_rank == "species"
    assert found.closest is not None
    assert found.closest.id == "g1"
    assert found.runner_up is not None
    assert found.runner_up.id == "g0"
    assert [hit.id for hit in found.hits] == ["g1"]


def test_without_a_rank_the_fragment_is_novel() -> None:
    found = call(NEAR, None)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("novel", None, None, None)
    assert found.lineage == Lineage()
    assert found.reason == reasons.not_called(120, shared(1, 0.95, "A dua"), shared(0, 0.9, "A una"))
    assert found.closest is not None
    assert found.closest.id == "g1"
    assert found.next_rank == "species"
    assert found.labels == {"subtype": ("y", 0.85)}


def test_a_runner_up_without_shared_kmers_shares_none() -> None:
    found = call(hits([0, 2], 0.5, [0.9, 0.6]), "species")
    assert found.reason == reasons.called(
        120, shared(0, 0.9, "A una"), SharedPart("g2", "B una", 0, 0), "species", "A una", 0.97
    )


def test_the_nearest_hit_may_share_no_kmers_though_another_does() -> None:
    found = call(hits([1, 0], 0.5, [0.6, 0.9]), None)
    assert found.verdict == "novel"
    assert found.reason == reasons.not_called(120, SharedPart("g1", "A dua", 0, 0), shared(0, 0.9, "A una"))


def test_an_index_of_labels_alone_misses_no_rank() -> None:
    found = call(NEAR, None, made=index({"subtype": LEVELS["subtype"]}))
    assert (found.verdict, found.next_rank, found.runner_up) == ("novel", None, None)


def test_without_another_species_there_is_no_runner_up() -> None:
    found = call(hits([0, 3, -1], 0.5, 0.9), "species")
    assert found.runner_up is None
    assert found.reason == reasons.called(120, shared(0, 0.9, "A una"), None, "species", "A una", 0.97)
    by_level = {"genus": LEVELS["genus"], "subtype": LEVELS["subtype"]}
    found = call(hits([0, 2], 0.5, 0.9), "genus", made=index(by_level))
    assert found.runner_up is None
    assert found.next_rank is None
    assert found.closest is not None


def test_a_closest_hit_without_a_species_says_so() -> None:
    found = call(hits([3, 0], 0.5, 0.9), None)
    assert found.reason == reasons.not_called(120, shared(3, 0.9, None), shared(0, 0.9, "A una"))


def test_without_a_shared_kmer_a_fragment_is_out_of_scope() -> None:
    found = call(hits([1, 0, -1], 0.5, 0.6), None)
    assert (found.verdict, found.reason) == ("out_of_scope", reasons.nothing_shared(120))
    assert (found.next_rank, found.labels, found.name) == (None, {}, None)
    assert found.closest is not None
    assert found.closest.id == "g1"
    assert found.runner_up is not None
    assert [hit.id for hit in found.hits] == ["g1", "g0"]


def test_without_hits_nothing_is_closest() -> None:
    found = call(hits([-1, -1], 0, 0.6), None)
    assert (found.verdict, found.reason) == ("out_of_scope", reasons.nothing_shared(120))
    assert (found.closest, found.runner_up, found.hits) == (None, None, ())


def test_warnings_of_the_genome_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "warnings_of", lambda given: (given.id,))
    assert call(NEAR, "species").warnings == ("query",)


# -- names of records ----------------------------------------------------------------------------------------


def test_names_differ_whatever_files_and_records_are_called() -> None:
    records = [
        Failure("a", "x.fa", ""), Failure("a", "y/x.fa", ""), Failure("a", "x.fa", ""),
        Failure("x:a", "z", ""),
        genome("ACGT", "b"), genome("ACGT", "b"), Failure("a", "x.fa", ""),
    ]  # fmt: skip
    assert [record.id for record in with_unique_names(records)] == [
        "a", "x:a", "x:a#2", "z:x:a", "b", "b:b", "x:a#3",
    ]  # fmt: skip


# -- the whole way -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
SEQUENCES = ["".join(RNG.choice(list("ACGT"), 900)) for _ in range(3)]


def whole() -> MemoryIndex:
    genomes = [genome(sequence, str(row)) for row, sequence in enumerate([*SEQUENCES, SEQUENCES[2]])]
    references = MemoryReferences(SPEC, [hash_sketch(each, SPEC).tolist() for each in genomes])
    made = model(LEVELS, projection=no_projection(), vectors=vectors([composition(each) for each in genomes]))
    return MemoryIndex(made, references, entries(LEVELS, 900))


@pytest.fixture
def uncalibrated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No calibrators; how often they were asked for."""
    fitted: list[int] = []

    def calibrators_of(index: object, progress: object, threads: int) -> dict[int, object]:
        assert isinstance(index, MemoryIndex)
        assert progress is quiet
        fitted.append(threads)
        return {}

    monkeypatch.setattr(module, "calibrators_of", calibrators_of)
    return fitted


def test_fragments_of_known_genomes_are_called(uncalibrated: list[int]) -> None:
    made = whole()
    inputs = [
        genome(SEQUENCES[1][100:800], "b"), Failure("f", "-", "bad"), genome("ACGT", "c"),
        genome(SEQUENCES[0][:600], "b"), genome("".join(RNG.choice(list("ACGT"), 600)), "n"),
    ]  # fmt: skip
    found = list(answer_fragments(made, inputs, QuerySettings(k=2, threads=3)))  # type: ignore[arg-type]
    assert [call.query for call in found] == ["b", "f", "c", "b:b", "n"]
    assert [call.verdict for call in found] == ["species", "failed", "qc_fail", "species", "out_of_scope"]
    assert [call.name for call in found] == ["A dua", None, None, "A una", None]
    assert found[0].warnings == (UNCALIBRATED,)
    assert found[4].warnings == ()
    assert [len(call.hits) for call in found] == [2, 0, 0, 2, 2]
    assert uncalibrated == [3]  # fitted once, with the threads of the settings
    assert made.prefetched == [[0, 1, 3]]  # rows of the first two hits of all


def test_with_calibrators_there_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "calibrators_of", lambda *_: {500: {}})
    [found] = answer_fragments(whole(), [genome(SEQUENCES[1][:700])], QuerySettings())  # type: ignore[arg-type]
    assert (found.name, found.warnings) == ("A dua", ())


def test_nothing_is_fitted_without_a_usable_record(uncalibrated: list[int]) -> None:
    found = list(answer_fragments(whole(), [genome("ACGT")], QuerySettings()))  # type: ignore[arg-type]
    assert [call.verdict for call in found] == ["qc_fail"]
    assert uncalibrated == []


def test_no_more_than_a_batch_is_read_ahead(uncalibrated: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.BATCH_FRAGMENTS == 512
    monkeypatch.setattr(module, "BATCH_FRAGMENTS", 2)
    read: list[int] = []

    def stream() -> Iterator[Genome]:
        for i in range(5):
            read.append(i)
            yield genome(SEQUENCES[0][i : i + 600], str(i))

    calls = answer_fragments(whole(), stream(), QuerySettings())  # type: ignore[arg-type]
    assert next(calls).query == "0"
    assert read == [0, 1]
    assert [call.query for call in calls] == ["1", "2", "3", "4"]


def test_files_are_read_record_by_record(uncalibrated: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def iter_genomes(*given: object) -> list[Genome]:
        seen.extend(given)
        return [genome(SEQUENCES[2][:700], "r")]

    monkeypatch.setattr(module, "iter_genomes", iter_genomes)
    monkeypatch.setattr(module.Index, "open", lambda path: whole() if path == "somewhere" else None)
    [found] = query_fragments("somewhere", ["a.fa"])
    assert (found.query, found.name) == ("r", "B una")
    assert seen == [["a.fa"], "record"]


def test_an_open_index_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = module.Index.__new__(module.Index)
    monkeypatch.setattr(module.Index, "open", None)
    monkeypatch.setattr(module, "answer_fragments", lambda index, *_: iter([index]))
    assert list(query_fragments(opened, [])) == [opened]


def test_identical_references_cannot_be_left_out() -> None:
    with pytest.raises(UsageError) as caught:
        query_fragments("somewhere", [], QuerySettings(exclude_identical=True))
    assert str(caught.value) == "--exclude-identical is for whole genomes; leave it out, or --fragments"
