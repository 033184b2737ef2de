"""Fitting a model of a few references from made-up features and sketches, without genomes."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import MemoryReferences, genome, levels

from genome_index.index.calibration import fit as module
from genome_index.index.calibration import pairwise
from genome_index.index.calibration.calibrate import calibrate
from genome_index.index.calibration.fit import fit_model, fit_on, project
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.reference_neighbours import neighbour_table
from genome_index.index.calibration.simulate import least_similarity, simulate_all
from genome_index.index.vectors.projection import fit_projection
from genome_index.records import Evidence
from genome_index.spec import IndexSpec

SPEC = IndexSpec(dim=3, sketch_k=3)
# Rows 0 and 1 are not of this model; rows 2 to 13 are three genera of two species, two genomes each.
ROWS = np.arange(2, 14)
LEVELS = levels(
    genus=[f"G{i // 4}" for i in range(12)],
    species=[f"G{i // 4} s{i // 2 % 2}" for i in range(12)],
    subtype=["x", *[None] * 11],
)


class Stages:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def stage(self, name: str, done: int, total: int) -> None:
        self.seen.append((name, done, total))


def features() -> np.ndarray:
    rng = np.random.default_rng(4)
    genus, species = rng.normal(size=(3, 8)), rng.normal(size=(6, 8))
    table = [genus[i // 4] * 3 + species[i // 2] + 0.3 * rng.normal(size=8) for i in range(12)]
    return np.concatenate([rng.normal(size=(2, 8)), table]).astype(np.float32)


def references() -> MemoryReferences:
    sketches = [[1], [2], *[[10 * (i // 4), 100 + i // 2, 200 + i // 2, 300 + i] for i in range(12)]]
    genomes = [genome("ACGT", str(row)) for row in range(14)]
    return MemoryReferences(SPEC, sketches, None, genomes, features())


@pytest.fixture
def comparer(monkeypatch: pytest.MonkeyPatch) -> Comparer:
    def measure(query: object, candidates: list) -> list[Evidence]:
        rows = [int(candidate.blob) - 2 for candidate in candidates]
        own = int(query.id) - 2  # type: ignore[attr-defined]
        return [Evidence(98.0 if row // 2 == own // 2 else 88.0, 90.0, 80.0) for row in rows]

    monkeypatch.setattr(pairwise, "measure", measure)
    return Comparer(references())  # type: ignore[arg-type]


@pytest.fixture
def model(comparer: Comparer) -> Model:
    return fit_model(comparer, ROWS, LEVELS, np.full(12, "virus"))


@pytest.mark.parametrize("block", [5, 128])
def test_project_is_the_projection_of_the_features(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROJECT_GENOMES", block)
    some, stages = references(), Stages()
    projection = fit_on(some, ROWS)  # type: ignore[arg-type]
    expected = fit_projection(features()[ROWS], 3, SPEC.whitening)
    assert projection.matrix == pytest.approx(expected.matrix)
    assert projection.mean == pytest.approx(expected.mean)
    found = project(some, ROWS, projection, stages)  # type: ignore[arg-type]
    assert found == pytest.approx(expected.apply(features()[ROWS]), abs=1e-6)
    assert found.dtype == np.float32
    assert stages.seen == [("projecting", start, 12) for start in range(0, 12, block)]
    assert some.released == 1


def test_an_even_sample_of_many_references_fits_the_projection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIT_GENOMES", 4)
    found = fit_on(references(), ROWS)  # type: ignore[arg-type]
    expected = fit_projection(features()[[2, 5, 9, 13]], 3, SPEC.whitening)
    assert found.matrix == pytest.approx(expected.matrix)


def test_everything_is_learned_in_positions(model: Model, comparer: Comparer) -> None:
    projection = fit_projection(features()[ROWS], 3, SPEC.whitening)
    vectors = projection.apply(features()[ROWS])
    assert model.projection.matrix == pytest.approx(projection.matrix)
    assert model.vectors.rows() == pytest.approx(vectors, abs=1e-6)
    assert model.live.tolist() == [True] * 12
    assert model.fitted == 12
    assert model.molecules.tolist() == ["virus"] * 12
    assert model.levels is LEVELS
    near = neighbour_table(comparer, model.vectors.rows(), ROWS)
    assert model.neighbours.rows.tolist() == near.rows.tolist()
    assert model.species_neighbours.same.tolist() == [98] * 12
    assert model.species_neighbours.same_row.tolist() == [i ^ 1 for i in range(12)]
    assert model.species_neighbours.other.tolist() == [88] * 12


def test_calibrators_and_least_similarity_come_from_the_simulated_queries(
    model: Model, comparer: Comparer
) -> None:
    simulated = list(simulate_all(comparer, model.vectors.rows(), ROWS, LEVELS))
    assert model.least_similarity == pytest.approx(least_similarity(simulated))
    assert set(model.calibrators) == {"genus", "species"}  # one genome has a subtype
    for name, found in model.calibrators.items():
        expected = calibrate(LEVELS, name, simulated, model.neighbours, model.thresholds)
        assert expected is not None
        assert found.to_json() == expected.to_json()


def test_progress_names_the_stages(comparer: Comparer) -> None:
    stages = Stages()
    fit_model(comparer, ROWS, LEVELS, np.full(12, "virus"), stages)  # type: ignore[arg-type]
    assert stages.seen == [
        ("fitting", 0, 1),
        ("projecting", 0, 12),
        ("neighbours", 0, 12),
        ("querying with the genome held out", 0, 4),
        ("querying with the species held out", 1, 4),
        ("querying with the genus held out", 2, 4),
        ("querying with the subtype held out", 3, 4),
        ("calibrating genus", 0, 3),
        ("calibrating species", 1, 3),
        ("calibrating subtype", 2, 3),
    ]
