"""What an index's encoder finds alone: pieces of its genomes are asked, and the nearest vector answers.

No words, no ANI and no calibration take part, so encoders can be compared: the same pieces can be asked of
another index of the same genomes. Who is asked and who may answer: questions.py.
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
    SPECIES_OUT,
    WHOLE,
    Ground,
    ProbePlan,
    answerable,
    cut,
    ground_of,
    require_bases,
    same_genomes,
    with_questions,
)
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.calibration.fit import project
from genome_index.index.index import Index
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Genome, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

TOGETHER = 256  # genomes whose pieces are in memory at a time


@dataclass(frozen=True)
class Figure:
    """Points of percent, and their 95 % interval over species; none of a single species."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Accuracy:
    """One rank at one length."""

    rank: str
    length_bp: int  # or WHOLE
    questions: int
    species: int  # that the questions are of; a genome without a name stands for itself
    accuracy: Figure
    against: Figure | None = None  # of the other index
    difference: Figure | None = None  # to the other index, question by question; above 0 this one is better


@dataclass(frozen=True)
class Probed:
    """All that was found; indexes as they were given, the other one last."""

    plan: ProbePlan
    indexes: tuple[Path, ...]
    encoders: tuple[str, ...]  # name and version of each index's
    asked: int  # genomes
    absent: int  # ids of `plan.only` that are no genome of the index
    nameless: int  # genomes asked about that have no species' name
    shorter: Mapping[int, int]  # length -> pieces that are whole contigs, for they are shorter
    results: tuple[Accuracy, ...]


def probe(index: Index, plan: ProbePlan, against: Index | None = None, progress: Progress = quiet) -> Probed:
    """Ask about pieces of an index's genomes; the same plan asks the same questions.

    Raises
    ------
    UsageError
        Nothing can be asked, genomes to cut pieces from are not kept, or the other index has other genomes.
    """
    ground = ground_of(index, plan)
    places = [(index, ground.rows)] + ([(against, same_genomes(index, against))] if against else [])
    questions = {name: answerable(ground, name) for name in ground.levels}
    ground = with_questions(index, ground, questions)
    require_bases(index, ground, plan)
    references = [one.model.vectors.rows()[rows] for one, rows in places]
    shorter, results = dict[int, int](), list[Accuracy]()
    for length in plan.lengths_bp:
        of, vectors, shorter[length] = _pieces(index, ground, plan, length, places, progress)
        right = [_right(ground, of, own, known) for own, known in zip(vectors, references, strict=True)]
        results += _results(ground, of, length, questions, right, plan.seed)
    opened = [one for one, _ in places]
    return Probed(
        plan,
        tuple(one.path for one in opened),
        tuple(f"{one.spec.encoder} {one.spec.encoder_version}" for one in opened),
        len(ground.asked),
        len(plan.only - set(ground.ids)) if plan.only is not None else 0,
        int((ground.species.codes[ground.asked] == UNKNOWN).sum()),
        shorter,
        tuple(results),
    )


# -- questions -----------------------------------------------------------------------------------------------


def _pieces(
    index: Index, ground: Ground, plan: ProbePlan, length_bp: int,
    places: Sequence[tuple[Index, Rows]], progress: Progress,
) -> tuple[Rows, list[Floats], int]:  # fmt: skip
    """Positions that pieces are of, (Q,), their vectors in each index, (Q, d), and how many were shorter."""
    if length_bp == WHOLE:
        kept = [project(one.references, rows[ground.asked], one.model.projection) for one, rows in places]
        return ground.asked, kept, 0
    shorter, made = 0, list[list[Floats]]()
    for start in range(0, len(ground.asked), TOGETHER):
        progress.stage(f"fragments of {length_bp:,} bp", start, len(ground.asked))
        rows = ground.rows[ground.asked[start : start + TOGETHER]]
        pieces = [piece for row in rows.tolist() for piece in _cuts(index, row, plan, length_bp)]
        shorter += sum(piece.length_bp < length_bp for piece in pieces)
        made.append([embed(one, pieces) for one, _ in places])
        index.references.let_go()
    return (
        np.repeat(ground.asked, plan.each),
        [np.concatenate(one) for one in zip(*made, strict=True)],
        shorter,
    )


def _cuts(index: Index, row: int, plan: ProbePlan, length_bp: int) -> Iterator[Genome]:
    genome = index.references.genome(row)
    if genome is None:
        raise UsageError(f"{index.path}: the bases of genome {row} are not kept; run `gindex check`")
    for number in range(plan.each):
        yield cut(genome, length_bp, plan.seed, number)


# -- answers -------------------------------------------------------------------------------------------------


def _right(ground: Ground, of: Rows, vectors: Floats, references: Floats) -> dict[str, Flags]:
    """By rank, whether the nearest that may answer has the name of the piece's genome: (Q,)."""
    species, members = ground.species.codes, ground.species.members()
    nameless = np.flatnonzero(species == UNKNOWN)

    def own(i: int) -> Rows:
        return of[i : i + 1]

    def own_species(i: int) -> Rows:
        mates = members.get(int(species[of[i]]), of[i : i + 1])
        return np.concatenate([mates, nameless])

    barred = {name: own_species if name in SPECIES_OUT else own for name in ground.levels}
    near = {one: nearest(vectors, references, 1, one)[1][:, 0] for one in set(barred.values())}
    return {name: level.codes[near[barred[name]]] == level.codes[of] for name, level in ground.levels.items()}


def _results(
    ground: Ground, of: Rows, length_bp: int, questions: Mapping[str, Flags],
    right: Sequence[Mapping[str, Flags]], seed: int,
) -> Iterator[Accuracy]:  # fmt: skip
    alone = len(ground.species.names) + np.arange(len(ground.ids))  # what has no name is like no other
    species = np.where(ground.species.codes == UNKNOWN, alone, ground.species.codes)
    for name, flags in questions.items():
        some = flags[of]
        if some.any():
            units, values = species[of[some]], [one[name][some].astype(float) for one in right]
            figures = [_figure(one, units, seed) for one in values]
            if len(values) > 1:
                figures.append(_figure(values[0] - values[1], units, seed))
            yield Accuracy(name, length_bp, int(some.sum()), len(np.unique(units)), *figures)


def _figure(values: npt.NDArray[np.float64], species: Rows, seed: int) -> Figure:
    several = len(np.unique(species)) > 1
    return Figure(float(100 * values.mean()), interval(values, species, seed) if several else None)
