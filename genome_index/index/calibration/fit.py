"""Fitting: references -> Model. One function serves a build, a refit and the folds of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrate import calibrate
from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.reference_neighbours import measured_species_neighbours, neighbour_table
from genome_index.index.calibration.simulate import SimulatedQueries, least_similarity, simulate_all
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.store.references import References
from genome_index.index.vectors.kinds import build_vectors, factory_for
from genome_index.index.vectors.projection import FIT_GENOMES, Projection, fit_projection
from genome_index.records import Progress, quiet
from genome_index.taxonomy.levels import Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

PROJECT_GENOMES = 128  # projected at a time


def project(references: References, rows: Rows, projection: Projection, progress: Progress = quiet) -> Floats:
    """Vectors of some references: (n,) rows -> (n, d)."""
    vectors = np.empty((len(rows), projection.dim), np.float32)
    for start in range(0, len(rows), PROJECT_GENOMES):
        progress.stage("projecting", start, len(rows))
        block = slice(start, start + PROJECT_GENOMES)
        vectors[block] = projection.apply(references.features(rows[block]))
    references.let_go()
    return vectors


def fit_on(references: References, rows: Rows) -> Projection:
    """The projection of some references; of more than FIT_GENOMES, an even sample is used."""
    if len(rows) > FIT_GENOMES:
        rows = rows[np.linspace(0, len(rows) - 1, FIT_GENOMES).astype(np.int64)]
    raw = references.features(rows[:1])
    table = np.empty((len(rows), raw.shape[1]), np.float32)
    for start in range(0, len(rows), PROJECT_GENOMES):
        table[start : start + PROJECT_GENOMES] = references.features(rows[start : start + PROJECT_GENOMES])
    return fit_projection(table, references.spec.dim, references.spec.whitening)


def fit_model(
    comparer: Comparer,
    rows: Rows,
    levels: Mapping[str, Level],
    molecules: npt.NDArray[np.str_],
    progress: Progress = quiet,
) -> Model:
    """Learn everything from some references: (N,) rows, with levels and kinds of molecule in the same order.

    In the model, the row of a reference is its position within `rows`.
    """
    progress.stage("fitting", 0, 1)
    projection = fit_on(comparer.references, rows)
    vectors = project(comparer.references, rows, projection, progress)
    return learn(comparer, rows, levels, molecules, projection, vectors, progress)


def learn(
    comparer: Comparer, rows: Rows, levels: Mapping[str, Level], molecules: npt.NDArray[np.str_],
    projection: Projection, vectors: Floats, progress: Progress = quiet,
) -> Model:  # fmt: skip
    """Learn neighbours, thresholds and calibrators of references that are projected: vectors (N, d)."""
    neighbours = neighbour_table(comparer, vectors, rows, progress)
    simulated = list(simulate_all(comparer, vectors, rows, levels, progress))
    species_neighbours = measured_species_neighbours(comparer.ani, rows, levels)
    thresholds = SpeciesThresholds(species_neighbours, levels, molecules)
    return Model(
        projection=projection,
        vectors=build_vectors(vectors, factory_for(comparer.references.spec.faiss, len(rows))),
        live=np.ones(len(rows), bool),
        molecules=molecules,
        levels=levels,
        neighbours=neighbours,
        species_neighbours=species_neighbours,
        calibrators=_calibrators(levels, simulated, neighbours, thresholds, progress),
        least_similarity=least_similarity(simulated),
        fitted=len(rows),
    )


def _calibrators(
    levels: Mapping[str, Level],
    simulated: list[SimulatedQueries],
    neighbours: NeighbourTable,
    thresholds: SpeciesThresholds,
    progress: Progress,
) -> dict[str, Calibrator]:
    calibrators: dict[str, Calibrator] = {}
    for name in levels:
        progress.stage(f"calibrating {name}", len(calibrators), len(levels))
        calibrator = calibrate(levels, name, simulated, neighbours, thresholds)
        if calibrator is not None:
            calibrators[name] = calibrator
    return calibrators
