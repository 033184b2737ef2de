"""Simulated queries: references queried with nothing, their own genome, or a taxon of theirs held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.hits import HeldOut, Hits, nothing_held_out, with_sharers
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.store.pair_table import positions
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import RANKS, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NONE = np.empty(0, np.int64)
CALIBRATE_UP_TO = 8_000  # references that become queries; more do not change the curves
LEAST_QUANTILE = 0.001  # of similarities with the genus held out: 99.9 % of queries are nearer


@dataclass(frozen=True)
class SimulatedQueries:
    """The simulated queries of one regime, and their hits."""

    regime: str  # what is held out: nothing, genome, species, genus ...
    rows: Rows  # (Q,) of the references that are queries
    hits: Hits
    held: HeldOut


def simulate_all(
    comparer: Comparer, vectors: Floats, rows: Rows, levels: Mapping[str, Level], progress: Progress = quiet
) -> Iterator[SimulatedQueries]:
    """Query with each genome held out, with its ranks from species upwards, its labels, and with nothing."""
    queries = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), CALIBRATE_UP_TO)).astype(np.int64))
    held_out = held_out_levels(levels)
    regimes = [None, *(levels[name] for name in held_out)]
    progress.stage("querying with the genome held out", 0, len(held_out) + 1)
    sharers = comparer.sharers(rows[queries], rows, _barred(regimes, queries))
    genome_out = simulate(comparer, vectors, rows, queries, None, "genome", sharers[0])
    yield genome_out
    for number, name in enumerate(held_out, 1):
        progress.stage(f"querying with the {name} held out", number, len(held_out) + 1)
        is_named = levels[name].codes[queries] != UNKNOWN
        named, found = queries[is_named], sharers[number][is_named]
        yield simulate(comparer, vectors, rows, named, levels[name], name, found)
    yield with_own_genome(genome_out)


def held_out_levels(levels: Mapping[str, Level]) -> list[str]:
    """The levels that are held out: ranks from species upwards, then labels."""
    ranks = [rank for rank in reversed(RANKS[:-1]) if rank in levels]
    return [*ranks, *(name for name in levels if name not in RANKS)]


def simulate(
    comparer: Comparer, vectors: Floats, rows: Rows, queries: Rows, level: Level | None, regime: str,
    sharers: npt.NDArray[np.integer] | None = None,
) -> SimulatedQueries:  # fmt: skip
    """Query references (positions within `rows`) with themselves, and all of their code, held out.

    The candidates are those of a real query, the nearest vectors and the `sharers` of most k-mers, which are
    counted here if they have not been.
    """
    codes = level.codes if level is not None else np.full(len(rows), UNKNOWN, np.int32)
    barred = _barred([level], queries)
    hits = candidate_hits(comparer, rows[queries], vectors[queries], rows, vectors, barred, sharers)
    return SimulatedQueries(regime, queries, within(hits, rows), HeldOut(queries, codes, codes[queries]))


def candidate_hits(
    comparer: Comparer, queries: Rows, vectors: Floats, rows: Rows, references: Floats,
    barred: Callable[[int], list[Rows]], sharers: npt.NDArray[np.integer] | None = None,
) -> Hits:  # fmt: skip
    """Hits of some genomes among others, by the candidates of a real query.

    Parameters
    ----------
    queries, vectors
        Rows of the queries, and their vectors: (Q,), (Q, d).
    rows, references
        Rows of the references, and their vectors: (n,), (n, d).
    barred
        Query i -> of one regime, positions within `rows` that it must not find.
    sharers
        Positions of those that share most k-mers with each query; counted here if they are not given.
    """
    if sharers is None:
        [sharers] = comparer.sharers(queries, rows, barred)
    similarity, near = nearest(vectors, references, CANDIDATES, lambda i: barred(i)[0])
    most = near.shape[1]
    similarity, near = with_sharers(
        vectors, similarity, near, sharers.astype(np.int64), lambda found: references[found]
    )
    return comparer.hits(queries, similarity, np.where(near >= 0, rows[near], -1)).first(most)


def _barred(regimes: Sequence[Level | None], queries: Rows) -> Callable[[int], list[Rows]]:
    """Query i -> for each regime the positions of all that are held out: the query, and those of its name."""
    members = [level.members() if level is not None else {} for level in regimes]

    def barred(i: int) -> list[Rows]:
        own = queries[i : i + 1]
        return [
            np.append(rows.get(int(level.codes[own[0]]), NONE), own) if level is not None else own
            for level, rows in zip(regimes, members, strict=True)
        ]

    return barred


def with_own_genome(genome_out: SimulatedQueries) -> SimulatedQueries:
    """The same queries with their own genome as the first hit: ANI 100 over 100 %, and nothing held out."""
    rows, hits, held = genome_out.rows, genome_out.hits, genome_out.held
    first = Hits(
        rows[:, None], *(np.full((len(rows), 1), value, np.float32) for value in (1, 1, 100, 100, 100))
    )
    pairs = ((getattr(first, field.name), getattr(hits, field.name)) for field in fields(Hits))
    joined = Hits(*(np.concatenate([own, others], axis=1)[:, :CANDIDATES] for own, others in pairs))
    return SimulatedQueries("nothing", rows, joined, nothing_held_out(len(rows), len(held.codes)))


def within(hits: Hits, rows: Rows) -> Hits:
    """The same hits with positions within `rows` instead of rows."""
    position = positions(rows, int(rows.max()) + 1)
    return Hits(
        position[hits.rows], hits.similarity, hits.kmer_identity, hits.ani, hits.af_query, hits.af_reference
    )


def least_similarity(simulated: Sequence[SimulatedQueries]) -> float:
    """The similarity to the nearest hit that 99.9 % of queries exceed with their genus held out.

    A query below it that shares no k-mer is comparable with nothing here. -1, the least cosine, if no query
    has a hit.
    """
    genus_out = next((queries for queries in simulated if queries.regime == "genus"), simulated[0])
    similarity = np.where(genus_out.hits.rows >= 0, genus_out.hits.similarity, np.nan)
    has_hit = ~np.isnan(similarity).all(axis=1)
    if not has_hit.any():
        return -1.0
    return float(np.quantile(np.nanmax(similarity[has_hit], axis=1), LEAST_QUANTILE))
