"""Accuracy of the nearest vector in repeated folds: each genome is a query while its fold is left out.

A comparison rests on the same queries for all encoders: folds depend on names and seed alone. The vectors
themselves are read once; centring and half-whitening are fitted on the other folds of each seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.species_out import may_answer
from genome_index.taxonomy.levels import Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Shares = npt.NDArray[np.float64]
Similarity = Callable[[Rows, Rows], Floats]  # queries, references -> (Q, R); a fit knows the references alone

FOLDS = 4
SEEDS = 10  # divisions into folds; one alone moves an accuracy by one to three points (RESULTS.md)


@dataclass(frozen=True)
class Names:
    """The names by which genomes are compared."""

    levels: Mapping[str, Level]  # ranks, broadest first, and labels
    species: Level  # all UNKNOWN where no genome has a species name


def right_shares(similarity: Similarity, names: Names) -> dict[str, Shares]:
    """By rank or label, the share of the seeds in which a genome's nearest reference has its name: (N,).

    NaN for a genome that is never a query: no genome that may answer has its name in another fold.
    """
    genomes = len(names.species.codes)
    queries = {name: np.zeros(genomes) for name in names.levels}
    right = {name: np.zeros(genomes) for name in names.levels}
    for seed in range(SEEDS):
        fold = folds_of(names, seed)
        for part in range(FOLDS):
            references, test = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
            if len(references) and len(test):
                near = similarity(test, references)
                for name, level in names.levels.items():
                    rows, hits = _answers(level, names.species, test, references, near)
                    queries[name][rows] += 1
                    right[name][rows] += hits
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, for a genome that is never a query
        return {name: right[name] / queries[name] for name in names.levels}


def _answers(
    level: Level, species: Level, test: Rows, references: Rows, near: Floats
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The queries among the genomes left out, and whether their nearest reference has their name."""
    may = may_answer(level, species, test, references)
    same = level.codes[test][:, None] == level.codes[references][None, :]
    asked = (may & same).any(axis=1)
    best = np.where(may, near, -np.inf).argmax(axis=1)
    return test[asked], same[np.arange(len(test)), best][asked]


def folds_of(names: Names, seed: int) -> Rows:
    """The fold of each genome, stratified by the names of every rank at once: (N,).

    Genomes in the order of their lineages, names and genomes shuffled within each name above them, are dealt
    out in turn.
    """
    generator = np.random.default_rng(seed)
    shuffled = [generator.random(len(level.names) + 1)[level.codes] for level in names.levels.values()]
    genomes = len(names.species.codes)
    order = np.lexsort([generator.random(genomes), *reversed(shuffled)])  # the last key counts first
    folds = np.empty(genomes, np.int64)
    folds[order] = np.arange(genomes) % FOLDS
    return folds
