"""Retrieval evaluation of an encoder: fragments of genomes are queries, the nearest vector answers.

No k-mers, no ANI and no calibration take part, so encoders can be compared: another index of the same genomes
gets the same queries. retrieval_queries.py has the queries, species_out.py says which references may answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.classify.search import embed
from genome_index.errors import UsageError
from genome_index.evaluate.retrieval_queries import (
    WHOLE,
    GenomeTable,
    RetrievalPlan,
    cut_fragment,
    genome_table,
    matching_rows,
    require_bases,
    with_answers,
)
from genome_index.evaluate.species_out import SPECIES_OUT, has_answer, species_units
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.calibration.fit import project
from genome_index.index.index import Index
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Genome, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

BATCH_GENOMES = 256  # whose fragments are in memory at a time


@dataclass(frozen=True)
class Estimate:
    """A percentage, or a difference of two, and its 95 % interval over species; None of a single species."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Accuracy:
    """The accuracy at one rank and one length."""

    rank: str
    length_bp: int  # or WHOLE
    queries: int
    species: int  # of the queries; a genome without a name counts as a species of its own
    accuracy: Estimate
    against: Estimate | None = None  # of the other index
    difference: Estimate | None = None  # paired by query; above 0 this index is better than the other


@dataclass(frozen=True)
class Retrieval:
    """The result of an evaluation; indexes in the order given, the one of --against last."""

    plan: RetrievalPlan
    indexes: tuple[Path, ...]
    encoders: tuple[str, ...]  # name and version of each index's
    genomes: int  # that are queries, whole or by their fragments
    missing: int  # ids of `plan.only` that are not in the index
    unnamed: int  # of `genomes`, those without a species name
    shorter: Mapping[int, int]  # length -> fragments that are shorter, being whole contigs
    results: tuple[Accuracy, ...]


def evaluate_retrieval(
    index: Index, plan: RetrievalPlan, against: Index | None = None, progress: Progress = quiet
) -> Retrieval:
    """Query an index with fragments of its own genomes; the same plan gives the same queries.

    Raises
    ------
    UsageError
        There is no query, the index does not store the bases of its genomes, or the other index has other
        genomes.
    """
    table = genome_table(index, plan)
    places = [(index, table.rows)] + ([(against, matching_rows(index, against))] if against else [])
    answerable = {rank: has_answer(level, table.species) for rank, level in table.levels.items()}
    table = with_answers(index, table, answerable)
    require_bases(index, table, plan)
    references = [opened.model.vectors.rows()[rows] for opened, rows in places]
    shorter, results = dict[int, int](), list[Accuracy]()
    for length in plan.lengths_bp:
        sources, vectors, shorter[length] = _queries(index, table, plan, length, places, progress)
        right = [_right(table, sources, *pair) for pair in zip(vectors, references, strict=True)]
        results += _results(table, sources, length, answerable, right, plan.seed)
    indexes = [opened for opened, _ in places]
    return Retrieval(
        plan,
        tuple(opened.path for opened in indexes),
        tuple(f"{opened.spec.encoder} {opened.spec.encoder_version}" for opened in indexes),
        len(table.queries),
        len(plan.only - set(table.ids)) if plan.only is not None else 0,
        int((table.species.codes[table.queries] == UNKNOWN).sum()),
        shorter,
        tuple(results),
    )


# -- queries -------------------------------------------------------------------------------------------------


def _queries(
    index: Index, table: GenomeTable, plan: RetrievalPlan, length_bp: int,
    places: Sequence[tuple[Index, Rows]], progress: Progress,
) -> tuple[Rows, list[Floats], int]:  # fmt: skip
    """Positions of the source genomes (Q,), vectors in each index (Q, d), and the number that is shorter."""
    if length_bp == WHOLE:
        whole = [
            project(opened.references, rows[table.queries], opened.model.projection)
            for opened, rows in places
        ]
        return table.queries, whole, 0
    shorter, vectors = 0, list[list[Floats]]()
    for start in range(0, len(table.queries), BATCH_GENOMES):
        progress.stage(f"fragments of {length_bp:,} bp", start, len(table.queries))
        rows = table.rows[table.queries[start : start + BATCH_GENOMES]]
        fragments = [piece for row in rows.tolist() for piece in _fragments(index, row, plan, length_bp)]
        shorter += sum(fragment.length_bp < length_bp for fragment in fragments)
        vectors.append([embed(opened, fragments) for opened, _ in places])
        index.references.let_go()
    return (
        np.repeat(table.queries, plan.each),
        [np.concatenate(batches) for batches in zip(*vectors, strict=True)],
        shorter,
    )


def _fragments(index: Index, row: int, plan: RetrievalPlan, length_bp: int) -> Iterator[Genome]:
    genome = index.references.genome(row)
    if genome is None:
        raise UsageError(f"{index.path}: the bases of genome {row} are missing; run `gindex check`")
    for number in range(plan.each):
        yield cut_fragment(genome, length_bp, plan.seed, number)


# -- answers -------------------------------------------------------------------------------------------------


def _right(table: GenomeTable, sources: Rows, vectors: Floats, references: Floats) -> dict[str, Flags]:
    """By rank, whether the nearest reference that may answer has the name of the query's genome: (Q,)."""
    species, members = table.species.codes, table.species.members()
    unnamed = np.flatnonzero(species == UNKNOWN)

    def own(i: int) -> Rows:
        return sources[i : i + 1]

    def own_species(i: int) -> Rows:
        same = members.get(int(species[sources[i]]), sources[i : i + 1])
        return np.concatenate([same, unnamed])

    excluded = {rank: own_species if rank in SPECIES_OUT else own for rank in table.levels}
    near = {rule: nearest(vectors, references, 1, rule)[1][:, 0] for rule in set(excluded.values())}
    return {
        rank: level.codes[near[excluded[rank]]] == level.codes[sources]
        for rank, level in table.levels.items()
    }


def _results(
    table: GenomeTable, sources: Rows, length_bp: int, answerable: Mapping[str, Flags],
    right: Sequence[Mapping[str, Flags]], seed: int,
) -> Iterator[Accuracy]:  # fmt: skip
    species = species_units(table.species)
    for rank, flags in answerable.items():
        some = flags[sources]
        if some.any():
            units, values = species[sources[some]], [index[rank][some].astype(float) for index in right]
            estimates = [_estimate(shares, units, seed) for shares in values]
            if len(values) > 1:
                estimates.append(_estimate(values[0] - values[1], units, seed))
            yield Accuracy(rank, length_bp, int(some.sum()), len(np.unique(units)), *estimates)


def _estimate(values: npt.NDArray[np.float64], species: Rows, seed: int) -> Estimate:
    several = len(np.unique(species)) > 1
    return Estimate(float(100 * values.mean()), interval(100 * values, species, seed) if several else None)
