"""Confidence for fragments: learned from pieces cut from the index's own genomes, for each length apart.

    INDEX/fragments/000007-b2d4b8a6f0c4.json    of snapshot 7; its own sha256 follows

What holds for whole genomes does not hold for a thousand bp of them: a gene may be alike in a whole genus. So
pieces of five lengths are cut, each is asked about with its genome, its species, its genus ... left out, and
each length has calibrators and thresholds of its own. Bases are needed for that: large genomes have theirs
only in an index built with --keep-sequence. What is fitted is kept as maps are: whoever may not write there,
or finds it damaged, fits anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.classify.fragments.hits import Table, hits_of, pieces_of
from genome_index.errors import StorageError
from genome_index.index.cache import cache_path, keep, read_cached
from genome_index.index.calibration.calibrate import LEAST_NAMES, LEAST_SAMPLES, best_vote
from genome_index.index.calibration.calibrator import Calibrator, Samples, fit_calibrator
from genome_index.index.calibration.call_threshold import NEVER, with_threshold
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut
from genome_index.index.calibration.samples import join_samples, mixture_for, relatives, samples_of
from genome_index.index.calibration.simulate import SimulatedQueries
from genome_index.index.index import Index
from genome_index.io.quality import LEAST_BP, complaint
from genome_index.io.sequence import drawn_window
from genome_index.records import RANKS, Contig, Genome, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]

LENGTHS = (
    500,
    1_000,
    3_000,
    10_000,
    30_000,
)  # bp; a fragment goes by the nearest, on the scale of logarithms
PIECES = 600  # of each length; each is asked about once for each rank left out
LEAST_GENOMES = 6  # with bases, as long as the pieces; with fewer a length has no calibrators
TRIES = 3  # to cut a piece that is not mostly N
HOW = f"{LENGTHS} {PIECES} 1"  # what was kept and made in another way is made anew

Calibrators = Mapping[int, Mapping[str, Calibrator]]  # length -> level -> calibrator


@dataclass(frozen=True)
class Cut:
    """Pieces of references, with the rows they were cut from."""

    rows: Rows
    pieces: list[Genome]


def length_class(length_bp: int, known: Sequence[int] = LENGTHS) -> int:
    """The length whose calibrators a fragment goes by.

    >>> [length_class(bp) for bp in (500, 700, 720, 5_400, 5_500, 4_000_000)]
    [500, 500, 1000, 3000, 10000, 30000]
    """
    return min(known, key=lambda one: abs(np.log(length_bp / one)))


def calibrators_of(index: Index, progress: Progress = quiet, threads: int = 1) -> Calibrators:
    """The calibrators of an index, as they were kept, or fitted now; none where no bases are kept."""
    kept = _read(index)
    if kept is not None:
        return kept
    table = Table.of(index)
    made = fit(table, table.rows, progress, threads)
    with suppress(StorageError):  # it is only kept for the next time
        _keep(index, made)
    return made


def fit(table: Table, rows: Rows, progress: Progress = quiet, threads: int = 1, seed: int = 0) -> Calibrators:
    """Calibrators from pieces of the references `rows`, asked of all of the index."""
    found: dict[int, dict[str, Calibrator]] = {}
    for number, length in enumerate(LENGTHS):
        progress.stage("learning from fragments", number, len(LENGTHS))
        taken = cut(table, rows, length, PIECES, seed)
        if len(taken.pieces) >= LEAST_SAMPLES:
            asked = list(ask(table, taken, threads))
            fellows = _among_fellows(table, rows, length, seed, threads)
            fitted = {
                name: _calibrator(
                    table, name, [*fellows, *asked[1:]] if fellows and name == "species" else asked
                )
                for name in table.index.model.levels
            }
            found[length] = {name: one for name, one in fitted.items() if one is not None}
    return found


def _among_fellows(table: Table, rows: Rows, length: int, seed: int, threads: int) -> list[SimulatedQueries]:
    """Pieces of genomes whose species has others: where most have none, too few are drawn by chance."""
    taken = cut(table, with_fellows(table, rows), length, PIECES // 2, seed + 1)
    return list(ask(table, taken, threads, ("genome",))) if len(taken.pieces) >= LEAST_SAMPLES else []


def with_fellows(table: Table, rows: Rows) -> Rows:
    """Those of some references whose species has another genome in the index."""
    species = table.index.model.levels.get("species")
    if species is None:
        return rows[:0]
    own, codes = species.codes[rows], species.codes[table.rows]
    counts = np.bincount(codes[codes != UNKNOWN], minlength=len(species.names))
    return np.asarray(rows[(own != UNKNOWN) & (counts[own] > 1)])


def cut(table: Table, rows: Rows, length: int, count: int, seed: int) -> Cut:
    """Pieces of about this length from some references that have so much, spread evenly among them."""
    low, high = _reach(length)
    spec, generator = table.index.spec, np.random.default_rng((seed, length))
    enough = table.length_bp[rows] >= low
    kept = (table.length_bp[rows] <= spec.small_bp) | spec.keep_sequence
    able = rows[enough & kept]
    found = Cut(np.empty(0, np.int64), [])
    if len(able) < LEAST_GENOMES:
        return found
    order = np.concatenate([generator.permutation(able) for _ in range(-(-count // len(able)))])[:count]
    taken: list[int] = []
    for row in np.sort(order).tolist():
        wanted = int(np.exp(generator.uniform(np.log(low), np.log(high))))
        genome = table.index.references.genome(row)
        piece = None if genome is None else _piece(genome, low, wanted, generator)
        if piece is not None:
            taken.append(row)
            found.pieces.append(piece)
    table.index.references.let_go()
    return replace(found, rows=np.array(taken, np.int64))


def _reach(length: int) -> tuple[int, int]:
    """The lengths that go by this one: half-way to its neighbours on the scale of logarithms."""
    at = LENGTHS.index(length)
    low = int((LENGTHS[at - 1] * length) ** 0.5) + 1 if at else LEAST_BP
    high = int((LENGTHS[at + 1] * length) ** 0.5) if at + 1 < len(LENGTHS) else int(length * 3**0.5)
    return low, high


def _piece(genome: Genome, low: int, wanted: int, generator: np.random.Generator) -> Genome | None:
    """A piece of one contig, all of it if it is no longer than wanted; None where it cannot be called."""
    long = [contig.sequence for contig in genome.contigs if len(contig.sequence) >= low]
    if not long:
        return None
    lengths = [len(one) for one in long]
    for _ in range(TRIES):
        at, start = drawn_window(lengths, wanted, generator)
        name = f"{genome.id}:{start}"
        piece = Genome(name, (Contig(name, long[at][start : start + wanted]),), genome.source)
        if not complaint(piece):
            return piece
    return None


def kin_halves(table: Table, seed: int) -> tuple[Rows, Rows]:
    """The references in two halves, no genus in both: to teach calibrators, and to ask about."""
    kin = np.unique(relatives(table.index.model.levels, table.rows), return_inverse=True)[1]
    first = np.random.default_rng(seed).random(int(kin.max()) + 1) < 0.5
    return table.rows[first[kin]], table.rows[~first[kin]]


def ask(
    table: Table, taken: Cut, threads: int = 1, regimes: Sequence[str] = ("genome", *reversed(RANKS[:-1]))
) -> Iterator[SimulatedQueries]:
    """Ask about pieces with their own genome left out, then with each of its ranks the index knows."""
    levels = table.index.model.levels
    pieces = pieces_of(table.index, taken.pieces)
    nothing = np.full(len(table.length_bp), UNKNOWN, np.int32)
    for regime in (one for one in regimes if one == "genome" or one in levels):
        codes = levels[regime].codes if regime != "genome" else nothing
        held = HeldOut(taken.rows, codes, codes[taken.rows])
        hits = hits_of(table, pieces, held, threads)
        # What shares no word is never called, and what has no name at the rank cannot be left out with it.
        some = (hits.kmer_identity > KMER_FLOOR).any(axis=1) & ((held.own != UNKNOWN) | (regime == "genome"))
        held = HeldOut(taken.rows[some], codes, held.own[some])
        yield SimulatedQueries(regime, taken.rows[some], hits.only(some), held)


def _calibrator(table: Table, name: str, asked: Sequence[SimulatedQueries]) -> Calibrator | None:
    """One level's calibrator for one length, or None where there is too little to learn it from."""
    model, shares = table.index.model, mixture_for(name)
    vote = best_vote(model.levels, name, asked)
    parts = [
        samples_of(model.levels, name, one, model.neighbours, model.thresholds, vote, shares[one.regime])
        for one in asked
        if one.regime in shares and len(one.rows)
    ]
    samples = join_samples([_all_eligible(part) for part in parts if part is not None])
    if samples is None or len(samples.right) < LEAST_SAMPLES or not samples.right.any():
        return None
    fitted = with_threshold(fit_calibrator(samples, vote), samples)
    named = name not in RANKS[: RANKS.index("species")] or len(model.levels[name].members()) >= LEAST_NAMES
    return fitted if named else replace(fitted, threshold=NEVER)


def _all_eligible(samples: Samples) -> Samples:
    """No ANI decides over fragments: every answer may become a call."""
    return replace(samples, eligible=np.ones(len(samples.right), bool))


# -- keeping -------------------------------------------------------------------------------------------------


def _path(index: Index) -> Path:
    return cache_path(index, "fragments", ".json")


def _read(index: Index) -> Calibrators | None:
    """What is kept; None where there is nothing that can be relied on."""
    content = read_cached(_path(index))
    if content is None:
        return None
    found = json.loads(content)
    if found["how"] != HOW:
        return None
    return {
        int(length): {name: Calibrator.from_json(values) for name, values in one.items()}
        for length, one in found["lengths"].items()
    }


def _keep(index: Index, made: Calibrators) -> None:
    lengths = {
        str(length): {name: calibrator.to_json() for name, calibrator in one.items()}
        for length, one in made.items()
    }
    keep(index, _path(index), json.dumps({"how": HOW, "lengths": lengths}).encode())
