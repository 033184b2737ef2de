"""Evaluation of an index's calls: its own genomes are queried, by the same path as `gindex query`.

With folds, projection, neighbours, thresholds and calibration are fitted on the other folds alone; without,
leave_one_out.py leaves out one genome, or one taxon, at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.answers import Evaluation, PartAnswers, Plan, gathered, part_answers
from genome_index.evaluate.leave_one_out import leave_one_out
from genome_index.evaluate.partition import levels_for, partition
from genome_index.index.calibration.fit import fit_model, project
from genome_index.index.calibration.hits import nothing_held_out
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.simulate import candidate_hits, within
from genome_index.index.index import Index
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.records import Entry, InterleavedNames, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NOTHING_BARRED = np.empty(0, np.int64)


def evaluate(index: Index, plan: Plan, progress: Progress = quiet) -> Evaluation:
    """Query every genome of an index.

    Raises
    ------
    UsageError
        The rank is unknown, or there are fewer genomes than folds.
    """
    entries = index.catalog.entries()
    index.prefetch([entry.row for entry in entries])
    comparer = Comparer(index.references, plan.threads, index.pairs(), kmers=index.kmers)
    if plan.folds:
        return cross_validate(comparer, entries, plan, progress, str(index.path), index.interleaved)
    levels = levels_for(entries, plan, str(index.path))
    rows = np.array([entry.row for entry in entries])
    parts = partition(levels, len(rows), plan)
    answers = list(
        leave_one_out(comparer, index.model, rows, levels, plan, parts, index.interleaved, progress)
    )
    return gathered(plan, [entry.id for entry in entries], levels, answers)


def cross_validate(
    comparer: Comparer, entries: Sequence[Entry], plan: Plan, progress: Progress = quiet,
    where: str = "these genomes", interleaved: Sequence[InterleavedNames] = (),
) -> Evaluation:  # fmt: skip
    """Query some references in folds; of the index only what it stores of each genome is used.

    Raises
    ------
    UsageError
        The rank is unknown, or there are fewer genomes than folds.
    """
    levels = levels_for(entries, plan, where)
    rows = np.array([entry.row for entry in entries])
    molecules = np.array([entry.molecule for entry in entries])
    parts = partition(levels, len(rows), plan)
    answers = list(_by_folds(comparer, rows, levels, molecules, parts, interleaved, progress))
    return gathered(plan, [entry.id for entry in entries], levels, answers)


def _by_folds(
    comparer: Comparer, rows: Rows, levels: Mapping[str, Level], molecules: npt.NDArray[np.str_],
    parts: Rows, interleaved: Sequence[InterleavedNames], progress: Progress,
) -> Iterator[PartAnswers]:  # fmt: skip
    comparer.kmers = comparer.kmers or KmerIndex.build(comparer.references, rows, comparer.threads)
    for number, part in enumerate(np.unique(parts)):
        progress.stage("folds", number, len(np.unique(parts)))
        train, test = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        known = {name: level.only(train) for name, level in levels.items()}
        model = fit_model(comparer, rows[train], known, molecules[train])
        vectors = project(comparer.references, rows[test], model.projection)
        references = model.vectors.rows()
        hits = candidate_hits(
            comparer, rows[test], vectors, rows[train], references, lambda _: [NOTHING_BARRED]
        )
        hits = within(hits, rows[train])
        has_reference = {
            name: np.isin(levels[name].codes[test], level.codes[level.codes != UNKNOWN])
            for name, level in known.items()
        }
        held = nothing_held_out(len(test), len(train))
        yield part_answers(model, hits, held, test, has_reference, interleaved)
