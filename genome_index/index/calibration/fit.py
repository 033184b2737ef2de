"""Fitting: references -> Model. One function builds an index, refits it, and fits an evaluation's folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import (
    LEAST_NAMES,
    NEVER,
    Calibrator,
    fit_calibrator,
    mixture_for,
    with_threshold,
)
from genome_index.index.calibration.hits import NeighbourTable, score
from genome_index.index.calibration.model import CANDIDATES, Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.simulate import (
    SimulatedQueries,
    join_samples,
    least_similarity,
    samples_of,
    simulate_all,
)
from genome_index.index.calibration.thresholds import SpeciesNeighbours, SpeciesThresholds, nearest_by_species
from genome_index.index.calibration.vote import Vote, elect
from genome_index.index.store.pair_table import PairTable, positions, rows_of
from genome_index.index.store.references import References
from genome_index.index.vectors.exact_search import nearest
from genome_index.index.vectors.faiss_index import Vectors, factory_for
from genome_index.index.vectors.projection import FIT_GENOMES, Projection, fit_projection
from genome_index.records import RANKS, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

PROJECT_GENOMES = 128  # projected at a time
NEIGHBOUR_GENOMES = 8_192  # whose neighbours are compared at a time
LEAST_SAMPLES = 8  # for a calibrator; an index with fewer has none at that level
VOTES = tuple(
    Vote(weight, temperature) for temperature in (0.05, 0.02, 0.1, 0.2) for weight in (8.0, 2.0, 0.0)
)
"""Ways to elect a name that a level chooses from, the default first."""


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
    """The projection of some references, from an even sample of them where they are many."""
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
    """Learn everything from these references: (N,) rows, with their levels and kinds in the same order.

    In the model a reference is its position within `rows`.
    """
    progress.stage("fitting", 0, 1)
    projection = fit_on(comparer.references, rows)
    vectors = project(comparer.references, rows, projection, progress)
    return learn(comparer, rows, levels, molecules, projection, vectors, progress)


def learn(
    comparer: Comparer, rows: Rows, levels: Mapping[str, Level], molecules: npt.NDArray[np.str_],
    projection: Projection, vectors: Floats, progress: Progress = quiet,
) -> Model:  # fmt: skip
    """Thresholds and calibration of references that are already projected."""
    neighbours = neighbour_table(comparer, vectors, rows, progress)
    asked = list(simulate_all(comparer, vectors, rows, levels, progress))
    species_neighbours = measured_species_neighbours(comparer.ani, rows, levels)
    thresholds = SpeciesThresholds(species_neighbours, levels, molecules)
    calibrators: dict[str, Calibrator] = {}
    for name in levels:
        progress.stage(f"calibrating {name}", len(calibrators), len(levels))
        fitted = calibrate(levels, name, asked, neighbours, thresholds)
        if fitted is not None:
            calibrators[name] = fitted
    kind = factory_for(comparer.references.spec.faiss, len(rows))
    live = np.ones(len(rows), bool)
    least = least_similarity(asked)
    index = Vectors.build(vectors, kind)
    return Model(
        projection,
        index,
        live,
        molecules,
        levels,
        neighbours,
        species_neighbours,
        calibrators,
        least,
        len(rows),
    )


def neighbour_table(
    comparer: Comparer, vectors: Floats, rows: Rows, progress: Progress = quiet
) -> NeighbourTable:
    """Each reference's nearest CANDIDATES others by score: positions within `rows`."""
    shape = len(rows), min(CANDIDATES, len(rows))
    found = NeighbourTable(np.empty(shape, np.int32), np.empty(shape, np.float32))
    for start in range(0, len(rows), NEIGHBOUR_GENOMES):
        progress.stage("neighbours", start, len(rows))
        asked = np.arange(start, min(start + NEIGHBOUR_GENOMES, len(rows)))
        found.rows[asked], found.score[asked] = _nearest_by_score(comparer, vectors, rows, asked)
    return found


def _nearest_by_score(comparer: Comparer, vectors: Floats, rows: Rows, asked: Rows) -> tuple[Rows, Floats]:
    """Neighbours of the references at `asked`, and their scores: (Q,) -> (Q, K), 0 where there are fewer."""
    similarity, near = nearest(vectors[asked], vectors, CANDIDATES, lambda i: asked[i : i + 1])
    words = comparer.kmer_identity(rows[asked, None], np.where(near >= 0, rows[near], -1))
    scores = np.where(near >= 0, score(similarity, words), -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    return np.take_along_axis(near, order, axis=1), np.where(np.isfinite(ordered), ordered, 0)


def measured_species_neighbours(
    pairs: PairTable, rows: Rows, levels: Mapping[str, Level]
) -> SpeciesNeighbours:
    """Nearest species_neighbours among these references, from the pairs measured so far."""
    kept = np.zeros(int(rows.max()) + 1, bool)
    kept[rows] = True
    a, b = rows_of(pairs.keys)
    inside = (
        (np.maximum(a, b) <= rows.max()) & kept[np.minimum(a, rows.max())] & kept[np.minimum(b, rows.max())]
    )
    position = positions(rows, int(rows.max()) + 1)
    species = levels.get("species") or Level("species", (), np.full(len(rows), UNKNOWN, np.int32))
    return nearest_by_species(species, position[a[inside]], position[b[inside]], pairs.values[inside, 0])


def calibrate(
    levels: Mapping[str, Level],
    name: str,
    asked: Sequence[SimulatedQueries],
    neighbours: NeighbourTable,
    thresholds: SpeciesThresholds,
) -> Calibrator | None:
    """One level's calibrator, or None where the index has too little to learn it from."""
    vote = best_vote(levels, name, asked)
    shares = mixture_for(name)
    parts = [
        samples_of(levels, name, one, neighbours, thresholds, vote, shares[one.regime])
        for one in asked
        if one.regime in shares
    ]
    samples = join_samples([part for part in parts if part is not None])
    if samples is None or len(samples.right) < LEAST_SAMPLES or not samples.right.any():
        return None
    fitted = with_threshold(fit_calibrator(samples, vote), samples)
    callable_ = name not in RANKS[: RANKS.index("species")] or len(levels[name].members()) >= LEAST_NAMES
    return fitted if callable_ else replace(fitted, threshold=NEVER)


def best_vote(levels: Mapping[str, Level], name: str, asked: Sequence[SimulatedQueries]) -> Vote:
    """The way of voting that is right most often where there is a right answer; the default on a tie."""
    level = levels[name]
    counts = np.bincount(level.codes[level.codes != UNKNOWN], minlength=len(level.names))
    one = asked[0]
    own = level.codes[one.rows]
    has_fellow = (own != UNKNOWN) & (counts[own] > 1)
    some = has_fellow & (np.arange(len(own)) % max(1, int(has_fellow.sum()) // 2_000 + 1) == 0)
    if not some.any():
        return VOTES[0]
    hits = one.hits.only(some)
    right = [int((elect(hits, level, vote)[0] == own[some]).sum()) for vote in VOTES]
    return VOTES[int(np.argmax(right))]
