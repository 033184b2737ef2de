"""`gindex fit-pool`: a pool trained on an index's own chunks, adopted only if it beats the present pooling.

Species are divided into three parts; a genome without a species name is in the part of its near relatives.
Pools are trained on the first; the second chooses the better pool and when to stop; on the third, which had
no part in either, it is compared with the index's present pooling: the mean, or a pool fitted before. It wins
if the lower end of a paired 95 % bootstrap interval over species is above zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.encoders import encoder_of
from genome_index.encoders.chunk_grid import evenly
from genome_index.errors import UsageError, need_installed
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.changes import fit_again
from genome_index.index.commit import ChangeSettings, ChangeSummary
from genome_index.index.index import Index, writing
from genome_index.index.pool_training import SEED, TrainingData, nearest_has_name, pooled, train_pool
from genome_index.index.store.pair_table import positions
from genome_index.records import RANKS, counted
from genome_index.taxonomy.levels import UNKNOWN, Level, levels_of

if TYPE_CHECKING:
    from torch import nn

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

SHARES = (0.6, 0.8)  # of the species: up to here for training, up to here for choosing, the rest for the test
MOST_GENOMES = 4_000  # for training and test, evenly taken
RESAMPLES = 2_000
LEAST_TESTED = 20  # genomes whose name another part has too, and ...
LEAST_SPECIES = 10  # ... their species; fewer cannot tell which pooling is better
NEAR_IDENTITY = 0.9  # by shared k-mers: below the 0.95 of a species, for drafts share fewer than they could
MOST_BYTES = 2_000_000_000  # of all chunks, which are in memory


@dataclass(frozen=True)
class PoolReport:
    """The comparison of a trained pool with the present pooling, on species that had no part in training.

    Shares are of tested genomes whose nearest reference, of another species, has their name.
    """

    rank: str
    kind: str  # the better of the two
    rounds: int  # of training, of 25 batches each
    tested: int  # genomes
    species: int  # of the tested genomes
    now_right: float
    pool_right: float
    gain_low: float  # 95 % interval of pool_right - now_right, paired, over species
    gain_high: float
    now: str = "the mean"  # the present pooling of the index

    @property
    def wins(self) -> bool:
        return self.gain_low > 0

    def lines(self) -> list[str]:
        """The report as text."""
        rounds = counted(self.rounds, "round")
        trained = f"after {rounds}" if self.rounds else "which training did not improve"
        return [
            f"{self.kind}, {trained}: of {counted(self.tested)} of {self.species:,} species "
            f"{self.pool_right:.1%} find their {self.rank}; by {self.now} {self.now_right:.1%}",
            f"gain {100 * (self.pool_right - self.now_right):+.1f} points, 95 % interval "
            f"{100 * self.gain_low:+.1f} to {100 * self.gain_high:+.1f}, on species that had no part in "
            "training or choosing: " + ("it wins" if self.wins else f"it does not win, and {self.now} stays"),
        ]


def fit_pool(path: Path, rank: str, settings: ChangeSettings) -> tuple[PoolReport, ChangeSummary | None]:
    """Train pools on an index's chunks and names; commit the better one if it wins, else change nothing.

    Raises
    ------
    UsageError
        The index has no chunks, or too few genomes with a name at this rank.
    """
    need_installed("gindex fit-pool", "torch", "scipy", extra="neural")
    with writing(path, settings.wait_s):
        index = Index.open(path)
        if index.spec.reading is None:
            raise UsageError(
                f"{path}: its encoder is {index.spec.encoder}, which has no chunks to pool; "
                "build an index with a language model (`gindex build --encoder MODEL`)"
            )
        data = _training_data(index, rank)
        now = encoder_of(index.spec, str(path)).features(data.chunks)
        report, module = train_and_test(data, rank, settings, now, pooling_name(index.spec.reading.chunks))
        if not report.wins:
            return report, None
        from genome_index.encoders.learned_pooling import save_pool

        name = save_pool(module, report.kind, path)
        spec = replace(index.spec, reading=replace(index.spec.reading, chunks=name))
        return report, fit_again(index, spec, settings, f"fit-pool {name}")


def pooling_name(chunks: str) -> str:
    """The present pooling, for a sentence."""
    fitted = f"the {chunks.partition(':')[0]} that was fitted before"
    return {"weighted": "the mean", "mean": "the plain mean"}.get(chunks, fitted)


def train_and_test(
    data: TrainingData, rank: str, settings: ChangeSettings, now: Floats, now_name: str = "the mean"
) -> tuple[PoolReport, nn.Module]:
    """Train a pool of each kind and test the better one against the vectors `now` of the present pooling."""
    from genome_index.encoders.learned_pooling import KINDS

    references, test = np.flatnonzero(data.part < 2), data.rows(2)
    queries = test[np.isin(data.names[test], data.names[references])]
    species = len(np.unique(data.species[queries]))
    if len(queries) < LEAST_TESTED or species < LEAST_SPECIES:
        raise UsageError(
            f"of the test part, {counted(len(queries))} of {species:,} species have a relative of their "
            f"{rank} elsewhere; {LEAST_TESTED} of {LEAST_SPECIES} are needed to say whether a fitted pool "
            f"is better than {now_name}"
        )
    pool = max((train_pool(kind, data, settings.progress) for kind in KINDS), key=lambda each: each.right)
    pool_right = nearest_has_name(pooled(pool.module, data.chunks), data.names, references, queries)
    now_right = nearest_has_name(now, data.names, references, queries)
    gain = pool_right.astype(float) - now_right
    low, high = interval(gain, data.species[queries], SEED, RESAMPLES)
    return PoolReport(
        rank, pool.kind, pool.rounds, len(queries), species,
        float(now_right.mean()), float(pool_right.mean()), low, high, now_name,
    ), pool.module  # fmt: skip


def _training_data(index: Index, rank: str) -> TrainingData:
    entries = index.catalog.entries()
    levels = levels_of([entry.taxon for entry in entries])
    if rank not in levels:
        raise UsageError(
            f"{index.path}: no genome has a name at rank {rank!r}; there are: {', '.join(levels)}"
        )
    if rank in RANKS[RANKS.index("species") :]:
        raise UsageError(
            f"--rank {rank}: whole species are set apart for the test, so none of them could find its own "
            "name; choose a rank above species"
        )
    named = np.flatnonzero(levels[rank].codes != UNKNOWN)
    places = named[np.array(evenly(len(named), min(MOST_GENOMES, _most_in_memory(index, named))))]
    chunks = index.references.raw([entries[at].row for at in places.tolist()])
    has_chunks = np.array([len(rows) > 0 for rows in chunks])
    places, chunks = places[has_chunks], [rows for rows in chunks if len(rows)]
    rows = np.array([entries[at].row for at in places.tolist()], np.int64)
    species = _species_groups(index, levels.get("species"), places, rows)
    draws = np.random.default_rng(SEED).random(int(species.max(initial=0)) + 1)[species]
    return TrainingData(
        chunks, levels[rank].codes[places].astype(np.int64), species, np.digitize(draws, SHARES)
    )


def _most_in_memory(index: Index, places: Rows) -> int:
    """How many genomes' chunks fit into MOST_BYTES, estimated from 32 of them."""
    entries = index.catalog.entries()
    sample = index.references.raw([entries[places[at]].row for at in evenly(len(places), 32)])
    return max(1, int(MOST_BYTES / max(1.0, float(np.mean([rows.nbytes for rows in sample])))))


def _species_groups(index: Index, level: Level | None, places: Rows, rows: Rows) -> Rows:
    """The number of each genome's species, of which all are in one part: (N,) places, (N,) rows -> (N,).

    A genome without a species name could be of any species. It joins the species of each genome that is
    nearly identical to it, for one of the two in training would betray the other in the test, and has a
    number of its own without such a genome. To keep all of them for training would not do: a twin there is
    what betrays a test genome.
    """
    codes = level.codes[places] if level is not None else np.full(len(places), UNKNOWN)
    own = len(level.names if level is not None else ()) + np.arange(len(places))
    number = np.unique(np.where(codes == UNKNOWN, own, codes), return_inverse=True)[1]
    a, b = _near_pairs(index, rows, np.flatnonzero(codes == UNKNOWN))
    return _joined(number, number[a], number[b])


def _near_pairs(index: Index, rows: Rows, subjects: Rows) -> tuple[Rows, Rows]:
    """Pairs of a subject and a genome nearly identical to it, as positions within `rows`: (P,), (P,)."""
    live, position = np.zeros(len(index.kmers.limits), bool), positions(rows, len(index.kmers.limits))
    live[rows] = True
    near = []
    for row in rows[subjects].tolist():
        hashes, limit = index.references.hashes(row), index.references.limit(row)
        sharers = index.kmers.most_shared(hashes, limit, len(rows), live)
        identity = kmer_identity(sharers.containment, index.spec.sketch_k)
        near.append(position[sharers.rows[identity >= NEAR_IDENTITY]])
    return np.repeat(subjects, [len(each) for each in near]), np.concatenate([np.empty(0, np.int64), *near])


def _joined(number: Rows, a: Rows, b: Rows) -> Rows:
    """Numbers of groups, each pair of a and b in one of them: (N,), (P,), (P,) -> (N,), from 0 on."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(number.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(a)), (a, b)), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1][number], np.int64)
