"""How good are the calls of this index? Its own genomes are asked about, by the very path of `query`.

With folds, projection, neighbours, thresholds and calibration are fitted on the other folds alone. With one
genome (or one whole taxon) left out at a time, the vectors stay as they are, the genome is barred from its
hits and from all that they rest on, and calibration is fitted on nine tenths of the taxa and used on the
rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from genome_index.classify.decision import Name, Verdict, decide, names_of
from genome_index.errors import UsageError
from genome_index.index.calibration.calibrate import calibrate
from genome_index.index.calibration.fit import fit_model, project
from genome_index.index.calibration.hits import HeldOut, Hits, NeighbourTable, nothing_held_out
from genome_index.index.calibration.model import CANDIDATES, Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.simulate import SimulatedQueries, simulate, simulate_all, within
from genome_index.index.calibration.thresholds import SpeciesNeighbours
from genome_index.index.index import Index
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import RANKS, Entry, Progress, counted, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level, level_named, levels_of

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

CROSS_FIT = 10  # parts of the taxa; each is answered with a calibration fitted on the nine others


@dataclass(frozen=True)
class Plan:
    """What is asked: genomes in folds, or with one genome, or one taxon of a rank, left out at a time."""

    folds: int = 0  # 0: one out at a time
    hold_out_rank: str | None = None  # whole taxa of this rank are left out, or kept in one fold
    rank: str | None = None  # a rank or label that must be among the answers; None: all that group genomes
    seed: int = 0
    threads: int = 1


@dataclass
class Answers:
    """One level's answers, one entry a genome asked about; codes are numbers of `names`."""

    names: tuple[str, ...]
    truth: Codes  # UNKNOWN where the genome has no name at this level
    fellow: npt.NDArray[np.bool_]  # the right name was there to be found
    guess: Codes  # the elected name, called or not
    sure: npt.NDArray[np.float64]  # its probability
    raw: Codes  # of the single nearest vector, unverified
    called: Codes  # the name that the call stands for; UNKNOWN where the call stopped above this level


@dataclass
class Evaluation:
    plan: Plan
    ids: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    levels: dict[str, Answers] = field(default_factory=dict)


def evaluate(index: Index, plan: Plan, progress: Progress = quiet) -> Evaluation:
    """Ask about every genome of an index.

    Raises
    ------
    UsageError
        The rank is unknown, or there are fewer genomes than folds.
    """
    entries = index.catalog.entries()
    index.prefetch([entry.row for entry in entries])
    comparer = Comparer(index.references, plan.threads, index.pairs())
    if plan.folds:
        return cross_validate(comparer, entries, plan, progress, str(index.path))
    levels = _levels(entries, plan, str(index.path))
    rows = np.array([entry.row for entry in entries])
    parts = _parts(levels, len(rows), plan)
    found = list(_one_out(comparer, index.model, rows, levels, plan, parts, progress))
    return _gathered(plan, [entry.id for entry in entries], levels, found)


def cross_validate(
    comparer: Comparer, entries: Sequence[Entry], plan: Plan, progress: Progress = quiet,
    where: str = "these genomes",
) -> Evaluation:  # fmt: skip
    """Ask about some references in folds; nothing of an index but what it keeps of each genome is used.

    Raises
    ------
    UsageError
        The rank is unknown, or there are fewer genomes than folds.
    """
    levels = _levels(entries, plan, where)
    rows = np.array([entry.row for entry in entries])
    molecules = np.array([entry.molecule for entry in entries])
    parts = _parts(levels, len(rows), plan)
    found = list(_by_folds(comparer, rows, levels, molecules, parts, progress))
    return _gathered(plan, [entry.id for entry in entries], levels, found)


@dataclass(frozen=True)
class _Part:
    """Some genomes' answers: where they stand, their hits, names and verdicts, and if there was a fellow."""

    at: Rows
    hits: Hits
    fellows: Mapping[str, npt.NDArray[np.bool_]]
    names: list[dict[str, Name]]
    verdicts: list[Verdict]
    levels: Mapping[str, Level]  # of the references the hits' rows number


def _levels(entries: Sequence[Entry], plan: Plan, where: str) -> dict[str, Level]:
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


def _parts(levels: Mapping[str, Level], count: int, plan: Plan) -> Rows:
    """The part each genome belongs to: stratified by the asked rank, or whole held-out taxa together."""
    parts = plan.folds or CROSS_FIT
    generator = np.random.default_rng(plan.seed)
    together = plan.hold_out_rank or (None if plan.folds else _kept_together(levels, parts))
    if together is not None and together in levels:
        codes = levels[together].codes
        whole = np.where(codes == UNKNOWN, len(levels[together].names) + np.arange(count), codes)
        place = generator.permutation(int(whole.max()) + 1)
        return np.asarray(place[whole] % parts)
    stratum = levels[plan.rank].codes if plan.rank else np.zeros(count, np.int32)
    order = np.lexsort((generator.random(count), stratum))
    found = np.empty(count, np.int64)
    found[order] = np.arange(count) % parts
    return found


def _kept_together(levels: Mapping[str, Level], parts: int) -> str | None:
    """Species, so that a calibration is used on none it was fitted on; where there are enough of them."""
    return "species" if "species" in levels and len(levels["species"].names) >= parts else None


def _by_folds(
    comparer: Comparer,
    rows: Rows,
    levels: Mapping[str, Level],
    molecules: npt.NDArray[np.str_],
    parts: Rows,
    progress: Progress,
) -> Iterator[_Part]:
    for number, part in enumerate(np.unique(parts)):
        progress.stage("folds", number, len(np.unique(parts)))
        train, test = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        known = {name: level.only(train) for name, level in levels.items()}
        model = fit_model(comparer, rows[train], known, molecules[train])
        vectors = project(comparer.references, rows[test], model.projection)
        similarity, near = nearest(vectors, model.vectors.rows(), CANDIDATES, lambda _: np.empty(0, np.int64))
        hits = within(comparer.hits(rows[test], similarity, rows[train][near]), rows[train])
        fellows = {
            name: np.isin(levels[name].codes[test], level.codes[level.codes != UNKNOWN])
            for name, level in known.items()
        }
        yield _answered(model, hits, nothing_held_out(len(test), len(train)), test, fellows)


def _one_out(
    comparer: Comparer,
    model: Model,
    rows: Rows,
    levels: Mapping[str, Level],
    plan: Plan,
    parts: Rows,
    progress: Progress,
) -> Iterator[_Part]:
    """Leave one genome, or one taxon, out at a time; positions are those of `rows`."""
    vectors = model.vectors.rows()[rows]
    model = _renumbered(model, rows, levels)
    barred = levels[plan.hold_out_rank] if plan.hold_out_rank else None
    asked = simulate(comparer, vectors, rows, np.arange(len(rows)), barred, plan.hold_out_rank or "genome")
    samples = list(simulate_all(comparer, vectors, rows, levels, progress))
    fellows = {name: _has_fellow(level, barred) for name, level in levels.items()}
    for number, part in enumerate(np.unique(parts)):
        progress.stage("calibrating without a part", number, len(np.unique(parts)))
        at = np.flatnonzero(parts == part)
        others = [_asked_at(one, parts[one.rows] != part) for one in samples]
        fitted = {
            name: calibrate(levels, name, others, model.neighbours, model.thresholds) for name in levels
        }
        nested = replace(model, calibrators={name: one for name, one in fitted.items() if one is not None})
        some = _asked_at(asked, parts == part)
        yield _answered(
            nested, some.hits, some.held, at, {name: flags[at] for name, flags in fellows.items()}
        )


def _renumbered(model: Model, rows: Rows, levels: Mapping[str, Level]) -> Model:
    """The model with rows of removed genomes taken out, so that positions and rows are the same."""
    place = np.full(len(model.live) + 1, -1, np.int32)
    place[rows] = np.arange(len(rows))
    near, species = model.neighbours, model.species_neighbours
    return replace(
        model,
        live=np.ones(len(rows), bool),
        molecules=model.molecules[rows],
        levels=levels,
        neighbours=NeighbourTable(place[near.rows[rows]], near.score[rows]),
        species_neighbours=SpeciesNeighbours(
            species.same[rows], place[species.same_row[rows]].astype(np.int64),
            species.other[rows], place[species.other_row[rows]].astype(np.int64),
        ),
    )  # fmt: skip


def _asked_at(asked: SimulatedQueries, kept: npt.NDArray[np.bool_]) -> SimulatedQueries:
    held = HeldOut(asked.held.self_rows[kept], asked.held.codes, asked.held.own[kept])
    return SimulatedQueries(asked.regime, asked.rows[kept], asked.hits.only(kept), held)


def _has_fellow(level: Level, barred: Level | None) -> npt.NDArray[np.bool_]:
    """Whether another genome bears the same name and is not barred."""
    named = level.codes != UNKNOWN
    counts = np.bincount(level.codes[named], minlength=len(level.names))[level.codes]
    if barred is None:
        return np.asarray(named & (counts > 1))
    both = level.codes.astype(np.int64) * (len(barred.names) + 1) + barred.codes
    _, inverse, together = np.unique(both, return_inverse=True, return_counts=True)
    gone = np.where(barred.codes == UNKNOWN, 1, together[inverse])
    return np.asarray(named & (counts > gone))


def _answered(
    model: Model, hits: Hits, held: HeldOut, at: Rows, fellows: Mapping[str, npt.NDArray[np.bool_]]
) -> _Part:
    names = names_of(model, hits, held)
    thresholds = model.thresholds
    verdicts = [decide(model, thresholds, hits, i, names[i], int(held.self_rows[i])) for i in range(len(at))]
    return _Part(at, hits, fellows, names, verdicts, model.levels)


def _gathered(plan: Plan, ids: list[str], levels: Mapping[str, Level], parts: list[_Part]) -> Evaluation:
    found = Evaluation(plan, ids, [parts[0].verdicts[0]] * len(ids))
    wanted = [plan.rank] if plan.rank else [name for name in levels if len(levels[name].names) > 1]
    for name in wanted:
        blank = np.full(len(ids), UNKNOWN, np.int32)
        found.levels[name] = Answers(
            levels[name].names,
            levels[name].codes,
            np.zeros(len(ids), bool),
            blank.copy(),
            np.zeros(len(ids)),
            blank.copy(),
            blank.copy(),
        )
    for part in parts:
        for i, place in enumerate(part.at.tolist()):
            found.verdicts[place] = part.verdicts[i]
        for name, answers in found.levels.items():
            _enter(answers, name, part)
    return found


def _enter(answers: Answers, name: str, part: _Part) -> None:
    level = part.levels[name]
    codes = np.where(part.hits.rows >= 0, level.codes[part.hits.rows], UNKNOWN)
    answers.fellow[part.at] = part.fellows[name]
    answers.guess[part.at] = [names[name].code for names in part.names]
    answers.sure[part.at] = [names[name].probability for names in part.names]
    nearest_hit = np.where(part.hits.rows >= 0, part.hits.similarity, -np.inf).argmax(axis=1)
    answers.raw[part.at] = np.take_along_axis(codes, nearest_hit[:, None], axis=1)[:, 0]
    answers.called[part.at] = [
        _called(name, verdict, names, codes[i])
        for i, (verdict, names) in enumerate(zip(part.verdicts, part.names, strict=True))
    ]


def _called(level: str, verdict: Verdict, names: Mapping[str, Name], codes: Codes) -> int:
    """The code a call stands for: at its own rank and, by its closest hit's lineage, at all ranks above."""
    if level not in RANKS:
        return names[level].code if names[level].probability >= names[level].threshold else UNKNOWN
    if verdict.rank is None or RANKS.index(verdict.rank) < RANKS.index(level) or verdict.closest is None:
        return UNKNOWN
    return int(codes[verdict.closest])
