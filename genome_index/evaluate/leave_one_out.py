"""Leave-one-out evaluation: each genome, or each taxon of a rank, is queried without itself as a reference.

The vectors stay as they are; the genome is excluded from its hits and from all that they rest on. Calibration
is nested: it is fitted on nine tenths of the taxa and used on the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.answers import PartAnswers, Plan, part_answers
from genome_index.index.calibration.calibrate import calibrate
from genome_index.index.calibration.hits import HeldOut, NeighbourTable
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.simulate import SimulatedQueries, simulate, simulate_all
from genome_index.index.calibration.thresholds import SpeciesNeighbours
from genome_index.records import InterleavedNames, Progress
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def leave_one_out(
    comparer: Comparer, model: Model, rows: Rows, levels: Mapping[str, Level], plan: Plan, parts: Rows,
    interleaved: Sequence[InterleavedNames], progress: Progress,
) -> Iterator[PartAnswers]:  # fmt: skip
    """The answers part by part; positions are those of `rows`."""
    vectors = model.vectors.rows()[rows]
    model = _renumbered(model, rows, levels)
    held_out = levels[plan.hold_out_rank] if plan.hold_out_rank else None
    regime = plan.hold_out_rank or "genome"
    queries = simulate(comparer, vectors, rows, np.arange(len(rows)), held_out, regime)
    samples = list(simulate_all(comparer, vectors, rows, levels, progress))
    has_reference = {name: _has_reference(level, held_out) for name, level in levels.items()}
    for number, part in enumerate(np.unique(parts)):
        progress.stage("calibrating without a part", number, len(np.unique(parts)))
        at = np.flatnonzero(parts == part)
        others = [_subset(sample, parts[sample.rows] != part) for sample in samples]
        fitted = {
            name: calibrate(levels, name, others, model.neighbours, model.thresholds) for name in levels
        }
        calibrators = {name: fit for name, fit in fitted.items() if fit is not None}
        own = _subset(queries, parts == part)
        yield part_answers(
            replace(model, calibrators=calibrators), own.hits, own.held, at,
            {name: flags[at] for name, flags in has_reference.items()}, interleaved,
        )  # fmt: skip


def _renumbered(model: Model, rows: Rows, levels: Mapping[str, Level]) -> Model:
    """The model without the rows of removed genomes, so that positions and rows are the same."""
    position = np.full(len(model.live) + 1, -1, np.int32)
    position[rows] = np.arange(len(rows))
    near, species = model.neighbours, model.species_neighbours
    return replace(
        model,
        live=np.ones(len(rows), bool),
        molecules=model.molecules[rows],
        levels=levels,
        neighbours=NeighbourTable(position[near.rows[rows]], near.score[rows]),
        species_neighbours=SpeciesNeighbours(
            species.same[rows], position[species.same_row[rows]].astype(np.int64),
            species.other[rows], position[species.other_row[rows]].astype(np.int64),
        ),
    )  # fmt: skip


def _subset(queries: SimulatedQueries, chosen: Flags) -> SimulatedQueries:
    held = HeldOut(queries.held.self_rows[chosen], queries.held.codes, queries.held.own[chosen])
    return SimulatedQueries(queries.regime, queries.rows[chosen], queries.hits.only(chosen), held)


def _has_reference(level: Level, held_out: Level | None) -> Flags:
    """Whether another genome has the same name and is not held out together with this one: (N,)."""
    named = level.codes != UNKNOWN
    counts = np.bincount(level.codes[named], minlength=len(level.names))[level.codes]
    if held_out is None:
        return np.asarray(named & (counts > 1))
    both = level.codes.astype(np.int64) * (len(held_out.names) + 1) + held_out.codes
    _, inverse, together = np.unique(both, return_inverse=True, return_counts=True)
    excluded = np.where(held_out.codes == UNKNOWN, 1, together[inverse])
    return np.asarray(named & (counts > excluded))
