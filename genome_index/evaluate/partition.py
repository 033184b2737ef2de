"""Partition of genomes for an evaluation: the levels that name them, and the part of each genome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.evaluate.answers import Plan
from genome_index.records import Entry, counted
from genome_index.taxonomy.levels import UNKNOWN, Level, level_named, levels_of

Rows = npt.NDArray[np.int64]

CROSS_FIT = 10  # parts of the taxa: each is answered with a calibration fitted on the nine others


def levels_for(entries: Sequence[Entry], plan: Plan, where: str) -> dict[str, Level]:
    """The levels of some genomes, those that the plan names among them.

    Raises
    ------
    UsageError
        No genome has a name at a rank or label of the plan, or there are fewer genomes than folds.
    """
    taxa = [entry.taxon for entry in entries]
    levels = levels_of(taxa)
    for name in (plan.rank, plan.hold_out_rank):
        if name is not None and name not in levels:
            levels[name] = level_named(name, taxa)
            if not levels[name].names:
                known = ", ".join(
                    [*levels, *sorted({label for taxon in taxa for label in taxon.labels} - set(levels))]
                )
                raise UsageError(
                    f"{where}: no genome has a name at rank or label {name!r}; "
                    f"there are: {known.replace(name + ', ', '')}"
                )
    if plan.folds > len(entries):
        raise UsageError(f"{plan.folds} folds of {counted(len(entries))}: choose fewer, or --leave-one-out")
    return levels


def partition(levels: Mapping[str, Level], count: int, plan: Plan) -> Rows:
    """The part of each genome, (N,): stratified by the plan's rank, or with held-out taxa undivided."""
    parts = plan.folds or CROSS_FIT
    generator = np.random.default_rng(plan.seed)
    undivided = plan.hold_out_rank or (None if plan.folds else _undivided(levels, parts))
    if undivided is not None and undivided in levels:
        codes = levels[undivided].codes
        taxa = np.where(codes == UNKNOWN, len(levels[undivided].names) + np.arange(count), codes)
        order = generator.permutation(int(taxa.max()) + 1)
        return np.asarray(order[taxa] % parts)
    stratum = levels[plan.rank].codes if plan.rank else np.zeros(count, np.int32)
    order = np.lexsort((generator.random(count), stratum))
    assigned = np.empty(count, np.int64)
    assigned[order] = np.arange(count) % parts
    return assigned


def _undivided(levels: Mapping[str, Level], parts: int) -> str | None:
    """Species, where there are enough: no calibration is then used on a species it was fitted on."""
    return "species" if "species" in levels and len(levels["species"].names) >= parts else None
