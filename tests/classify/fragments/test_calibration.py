"""Calibration for fragments, on references in memory: regimes, halves, calibrators and their cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.handmade import (
    MemoryIndex,
    MemoryReferences,
    calibrator,
    composition,
    entries,
    levels,
    model,
    no_projection,
    vectors,
)

from genome_index.classify.fragments import calibration as module
from genome_index.classify.fragments.calibration import (
    METHOD,
    calibrators_of,
    fit,
    genus_halves,
    rows_of_shared_species,
    simulate_fragments,
)
from genome_index.classify.fragments.cutting import LENGTHS, CutFragments, cut_fragments
from genome_index.classify.fragments.hits import ReferenceTable
from genome_index.errors import StorageError
from genome_index.index.calibration.calibrate import fit_level
from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.simulate import SimulatedQueries
from genome_index.index.calibration.vote import Vote
from genome_index.index.store.sketches import hash_sketch
from genome_index.records import Contig, Genome, quiet
from genome_index.spec import IndexSpec

RNG = np.random.default_rng(12)
BASES = np.frombuffer(b"ACGT", np.uint8)
SPEC = IndexSpec(small_scaled=2)
# Genera A (rows 0 to 3), B (4 to 7) and C (8, 9); species of two genomes each, but row 9 has none, row 8 one.
LEVELS = levels(
    genus=["A"] * 4 + ["B"] * 4 + ["C"] * 2,
    species=["A a"] * 2 + ["A b"] * 2 + ["B a"] * 2 + ["B b"] * 2 + ["C a", None],
)


def mutated(sequence: np.ndarray, share: float) -> np.ndarray:
    found = sequence.copy()
    at = np.flatnonzero(RNG.random(len(found)) < share)
    found[at] = BASES[RNG.integers(0, 4, len(at))]
    return found


def genomes() -> list[Genome]:
    found = []
    for row in range(10):
        if row % 4 == 0:
            genus = BASES[RNG.integers(0, 4, 2_500)]
        if row % 2 == 0:
            species = mutated(genus, 0.08)
        found.append(Genome(f"g{row}", (Contig("c", bytes(mutated(species, 0.01))),), f"{row}.fa"))
    return found


GENOMES = genomes()


class Snapshots(MemoryIndex):
    """An index in memory with a folder for its cache."""

    path = Path("nowhere")


def index() -> MemoryIndex:
    references = MemoryReferences(SPEC, [hash_sketch(each, SPEC).tolist() for each in GENOMES], None, GENOMES)
    made = model(LEVELS, projection=no_projection(), vectors=vectors([composition(each) for each in GENOMES]))
    return MemoryIndex(made, references, entries(LEVELS, 2_500))


@pytest.fixture
def table() -> ReferenceTable:
    return ReferenceTable.of(index())  # type: ignore[arg-type]


def regimes(table: ReferenceTable, cut: CutFragments) -> dict[str, SimulatedQueries]:
    return {queries.regime: queries for queries in simulate_fragments(table, cut)}


def test_each_regime_holds_out_its_rank(table: ReferenceTable) -> None:
    cut = cut_fragments(table, table.rows, 500, 20, seed=1)
    found = regimes(table, cut)
    assert list(found) == ["genome", "species", "genus"]
    for regime, queries in found.items():
        for row, line in zip(queries.rows.tolist(), queries.hits.rows, strict=True):
            seen = set(line[line >= 0].tolist())
            assert row not in seen
            if regime != "genome":
                codes = LEVELS[regime].codes
                assert not {int(codes[other]) for other in seen} & {int(codes[row])}
        assert queries.held.self_rows.tolist() == queries.rows.tolist()
        assert (queries.hits.kmer_identity > 0.6).any(axis=1).all()
    assert set(found["genome"].rows.tolist()) >= set(range(8))
    assert 9 not in found["species"].rows  # without a species it cannot be held out with it
    assert found["species"].held.own.tolist() == LEVELS["species"].codes[found["species"].rows].tolist()
    assert len(found["genus"].rows) < len(found["genome"].rows)  # most share nothing beyond their genus
    assert [queries.regime for queries in simulate_fragments(table, cut, 2, ("genome",))] == ["genome"]


def test_genomes_of_shared_species_are_those_with_another_genome(table: ReferenceTable) -> None:
    assert rows_of_shared_species(table, table.rows).tolist() == list(range(8))
    assert rows_of_shared_species(table, np.array([1, 8, 9])).tolist() == [1]
    gone = ReferenceTable(table.index, np.array([1, 2, 3, 8, 9]), table.vectors, table.length_bp)
    assert rows_of_shared_species(gone, gone.rows).tolist() == [2, 3]  # row 0 is not in the index now
    nameless = MemoryIndex(model({"genus": LEVELS["genus"]}), index().references, entries(LEVELS))
    other = ReferenceTable(nameless, table.rows, table.vectors, table.length_bp)  # type: ignore[arg-type]
    assert rows_of_shared_species(other, table.rows).tolist() == []


def test_halves_share_no_genus(table: ReferenceTable) -> None:
    genus = LEVELS["genus"].codes
    sizes = set()
    for seed in range(6):
        first, second = genus_halves(table, seed)
        assert sorted([*first.tolist(), *second.tolist()]) == list(range(10))
        assert not set(genus[first].tolist()) & set(genus[second].tolist())
        assert genus_halves(table, seed)[0].tolist() == first.tolist()
        sizes.add(len(first))
    assert len(sizes) > 1


# -- fitting -------------------------------------------------------------------------------------------------


class Stages:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def stage(self, name: str, done: int, total: int) -> None:
        self.seen.append((name, done, total))


def test_lengths_that_the_references_have_get_calibrators(
    table: ReferenceTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAGMENTS", 20)
    stages = Stages()
    found = fit(table, table.rows, stages)  # type: ignore[arg-type]
    assert set(found) == {500, 1_000, 3_000}  # genomes of 2,500 bp are long enough for 1,733 to 5,477
    assert stages.seen == [("learning from fragments", number, 5) for number in range(5)]
    assert set(found[500]) == {"genus", "species"}
    assert all(each.samples >= 8 for by_level in found.values() for each in by_level.values())


def test_a_level_is_fitted_on_its_mixture_and_species_on_answerable_queries(
    table: ReferenceTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAGMENTS", 20)
    simulated = list(simulate_fragments(table, cut_fragments(table, table.rows, 500, 20, seed=0)))
    answerable = list(
        simulate_fragments(table, cut_fragments(table, np.arange(8), 500, 10, seed=1), 1, ("genome",))
    )
    fitted: list[tuple[str, list[SimulatedQueries]]] = []
    monkeypatch.setattr(module, "_calibrator", lambda _, name, queries: fitted.append((name, list(queries))))
    fit(table, table.rows)
    by_name = dict(fitted[:2])
    assert [queries.regime for queries in by_name["genus"]] == ["genome", "species", "genus"]
    assert by_name["genus"][0].rows.tolist() == simulated[0].rows.tolist()
    assert [queries.regime for queries in by_name["species"]] == ["genome", "species", "genus"]
    assert by_name["species"][0].rows.tolist() == answerable[0].rows.tolist()
    assert by_name["species"][1].rows.tolist() == simulated[1].rows.tolist()


def test_too_few_answerable_queries_leave_species_to_all(
    table: ReferenceTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAGMENTS", 14)  # seven of them answerable; eight are required
    fitted: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(
        module, "_calibrator", lambda _, name, queries: fitted.append((name, queries[0].rows.tolist()))
    )
    fit(table, table.rows)
    assert fitted[0][1] == fitted[1][1]


def test_every_answer_of_a_fragment_is_eligible(
    table: ReferenceTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = list(simulate_fragments(table, cut_fragments(table, table.rows, 500, 40, seed=0)))
    seen: dict[str, object] = {}

    def noting(level: object, samples: object, vote: object) -> None:
        seen[level.name] = samples  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "fit_level", noting)
    for name in LEVELS:
        module._calibrator(table, name, simulated)
    for samples in seen.values():
        assert samples.eligible.all()  # type: ignore[attr-defined]
        assert samples.weight.sum() == pytest.approx(len(samples.right))  # type: ignore[attr-defined]
    species = seen["species"]
    assert (species.features[:, FEATURES.index("ani")] < 0).any()  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "fit_level", fit_level)
    found = module._calibrator(table, "genus", simulated)
    assert found is not None
    assert found.to_json() == fit_level(LEVELS["genus"], seen["genus"], found.vote).to_json()  # type: ignore
    assert isinstance(found.vote, Vote)


def test_a_regime_without_queries_has_no_part(table: ReferenceTable) -> None:
    simulated = list(simulate_fragments(table, cut_fragments(table, table.rows, 500, 40, seed=0)))
    empty = SimulatedQueries(
        "genus", np.empty(0, np.int64), simulated[2].hits.only(slice(0, 0)), simulated[2].held
    )
    found = module._calibrator(table, "genus", [simulated[0], simulated[1], empty])
    without = module._calibrator(table, "genus", simulated[:2])
    assert found is not None
    assert without is not None
    assert found.to_json() == without.to_json()


# -- cache ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A cache in memory, by path."""
    files: dict[str, bytes] = {}

    def write(index: object, path: str, content: bytes) -> None:
        assert isinstance(index, MemoryIndex)
        files[path] = content

    def path_of(index: object, folder: str, ending: str) -> str:
        assert isinstance(index, MemoryIndex)
        return f"{folder}/7{ending}"

    monkeypatch.setattr(module, "cache_path", path_of)
    monkeypatch.setattr(module, "read_cached", files.get)
    monkeypatch.setattr(module, "write_cached", write)
    monkeypatch.setattr(module, "fit", fitted_as({500: 0.7}))
    return files


def fitted_as(thresholds: dict[int, float], asked: list[list[int]] | None = None) -> Callable[..., object]:
    """A `fit` that has calibrators for some lengths, and notes for which it is asked."""

    def fit(*_: object, lengths: Sequence[int]) -> dict[int, dict[str, Calibrator]]:
        if asked is not None:
            asked.append(list(lengths))
        return {
            length: {"genus": calibrator({"best": 1.5}, thresholds[length])}
            for length in lengths
            if length in thresholds
        }

    return fit


def thresholds(lengths: Sequence[int] = LENGTHS) -> dict[int, float]:
    """Length -> threshold, as `calibrators_of` gives them."""
    found = calibrators_of(index(), lengths=lengths)  # type: ignore[arg-type]
    return {length: by_level["genus"].threshold for length, by_level in found.items()}


def test_calibrators_come_from_the_cache(cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = calibrators_of(index())  # type: ignore[arg-type]
    assert list(cache) == ["fragments/7.json"]
    monkeypatch.setattr(module, "fit", None)
    again = calibrators_of(index())  # type: ignore[arg-type]
    assert list(again) == [500]
    assert again[500]["genus"].to_json() == fitted[500]["genus"].to_json()


def test_lengths_that_are_missing_are_fitted_and_the_others_kept(
    cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    monkeypatch.setattr(module, "fit", fitted_as({500: 0.7, 3_000: 0.8, 10_000: 0.9}, asked))
    assert thresholds([3_000]) == {3_000: 0.8}
    monkeypatch.setattr(module, "fit", fitted_as({500: 0.71, 3_000: 0.81, 10_000: 0.91}, asked))
    assert thresholds([3_000]) == {3_000: 0.8}
    assert thresholds([500, 3_000]) == {3_000: 0.8, 500: 0.71}
    assert thresholds([3_000]) == {3_000: 0.8, 500: 0.71}
    assert thresholds() == {3_000: 0.8, 500: 0.71, 10_000: 0.91}
    assert asked == [[3_000], [500], [1_000, 10_000, 30_000]]


def test_a_length_that_cannot_be_learned_is_not_tried_again(
    cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    monkeypatch.setattr(module, "fit", fitted_as({}, asked))
    assert thresholds([500]) == {}
    assert thresholds([500]) == {}
    assert asked == [[500]]


def test_a_cache_of_another_method_is_not_used(cache: dict[str, bytes]) -> None:
    calibrators_of(index())  # type: ignore[arg-type]
    assert METHOD == "(500, 1000, 3000, 10000, 30000) 600 2"
    content = cache["fragments/7.json"]
    assert f'"how": "{METHOD}"'.encode() in content
    cache["fragments/7.json"] = content.replace(b"600 2", b"600 1").replace(b"0.7", b"0.9")
    assert calibrators_of(index())[500]["genus"].threshold == 0.7  # type: ignore[arg-type]
    assert cache["fragments/7.json"] == content


def test_a_cache_that_cannot_be_written_is_done_without(
    cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("nowhere", "no space left")

    monkeypatch.setattr(module, "write_cached", full)
    assert calibrators_of(index())[500]["genus"].threshold == 0.7  # type: ignore[arg-type]


def test_progress_and_threads_go_to_the_fit(cache: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(module, "fit", lambda *given, lengths: seen.extend(given) or {})
    stages = Stages()
    assert calibrators_of(index(), stages, 3) == {}  # type: ignore[arg-type]
    assert seen[2:] == [stages, 3]
    assert seen[1].tolist() == seen[0].rows.tolist() == list(range(10))  # type: ignore[attr-defined]
    seen.clear()
    cache.clear()
    calibrators_of(index())  # type: ignore[arg-type]
    assert seen[2:] == [quiet, 1]
