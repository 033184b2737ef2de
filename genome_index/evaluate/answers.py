"""Answers of an evaluation: of each genome its true name, the elected name and the call, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genome_index.classify.decision import Verdict, decide
from genome_index.classify.elected_names import Name, names_of
from genome_index.index.calibration.hits import HeldOut, Hits
from genome_index.index.calibration.model import Model
from genome_index.records import RANKS, InterleavedNames
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """How genomes are left out: in folds, or one genome, or one taxon of a rank, at a time."""

    folds: int = 0  # 0: one genome at a time
    hold_out_rank: str | None = None  # whole taxa of this rank are left out, or stay in one fold
    rank: str | None = None  # the rank or label to evaluate; None: all with two names or more
    seed: int = 0
    threads: int = 1


@dataclass
class Answers:
    """The answers at one level, one entry a genome; codes are positions in `names`."""

    names: tuple[str, ...]
    truth: Codes  # UNKNOWN where the genome has no name at this level
    has_reference: Flags  # a reference that was not left out has the same name
    guess: Codes  # the elected name, called or not
    probability: npt.NDArray[np.float64]  # of the elected name
    nearest: Codes  # of the single nearest vector, unverified
    called: Codes  # the name that the call states; UNKNOWN where the call stopped above this level


@dataclass
class Evaluation:
    """The answers of all genomes, by level."""

    plan: Plan
    ids: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    levels: dict[str, Answers] = field(default_factory=dict)


@dataclass(frozen=True)
class PartAnswers:
    """The answers of some genomes, their hits and names, and whether a reference has the right name."""

    positions: Rows
    hits: Hits
    has_reference: Mapping[str, Flags]
    names: list[dict[str, Name]]
    verdicts: list[Verdict]
    levels: Mapping[str, Level]  # of the references that the hits' rows number


def part_answers(
    model: Model, hits: Hits, held: HeldOut, positions: Rows, has_reference: Mapping[str, Flags],
    interleaved: Sequence[InterleavedNames],
) -> PartAnswers:  # fmt: skip
    """Elect names and decide verdicts for some genomes from their hits; `interleaved` is of the index."""
    names, thresholds = names_of(model, hits, held), model.thresholds
    verdicts = [
        decide(model, thresholds, hits, i, names[i], int(held.self_rows[i]), interleaved)
        for i in range(len(positions))
    ]
    return PartAnswers(positions, hits, has_reference, names, verdicts, model.levels)


def gathered(
    plan: Plan, ids: list[str], levels: Mapping[str, Level], parts: Sequence[PartAnswers]
) -> Evaluation:
    """Put the answers of all parts together, in the order of the genomes."""
    evaluation = Evaluation(plan, ids, [parts[0].verdicts[0]] * len(ids))
    ranks = [plan.rank] if plan.rank else [name for name in levels if len(levels[name].names) > 1]
    for name in ranks:
        blank = np.full(len(ids), UNKNOWN, np.int32)
        evaluation.levels[name] = Answers(
            levels[name].names, levels[name].codes, np.zeros(len(ids), bool), blank.copy(),
            np.zeros(len(ids)), blank.copy(), blank.copy(),
        )  # fmt: skip
    for part in parts:
        for i, position in enumerate(part.positions.tolist()):
            evaluation.verdicts[position] = part.verdicts[i]
        for name, answers in evaluation.levels.items():
            _enter(answers, name, part)
    return evaluation


def _enter(answers: Answers, name: str, part: PartAnswers) -> None:
    """Write the answers of a part at one level into their positions."""
    level, at = part.levels[name], part.positions
    codes = np.where(part.hits.rows >= 0, level.codes[part.hits.rows], UNKNOWN)
    answers.has_reference[at] = part.has_reference[name]
    answers.guess[at] = [names[name].code for names in part.names]
    answers.probability[at] = [names[name].probability for names in part.names]
    nearest_hit = np.where(part.hits.rows >= 0, part.hits.similarity, -np.inf).argmax(axis=1)
    answers.nearest[at] = np.take_along_axis(codes, nearest_hit[:, None], axis=1)[:, 0]
    answers.called[at] = [
        _called(name, verdict, names, codes[i])
        for i, (verdict, names) in enumerate(zip(part.verdicts, part.names, strict=True))
    ]


def _called(level: str, verdict: Verdict, names: Mapping[str, Name], codes: Codes) -> int:
    """The code that a call states: at its own rank and, by its closest hit's lineage, at all ranks above."""
    if level not in RANKS:
        return names[level].code if names[level].probability >= names[level].threshold else UNKNOWN
    if verdict.rank is None or RANKS.index(verdict.rank) < RANKS.index(level) or verdict.closest is None:
        return UNKNOWN
    return int(codes[verdict.closest])
