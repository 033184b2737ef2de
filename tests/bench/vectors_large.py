"""Vectors of millions of genomes: time, memory, bytes, and whether the right species is among the candidates.

python tests/bench/vectors_large.py INDEX [GENOMES] [FOLDER]

INDEX is one of real genomes. The synthetic vectors have its spectrum of variances and its median cosines within
species, genera and families, so that neighbours are as hard to tell apart; sizes of groups are those of
GTDB (five genomes a species with a heavy tail, five species a genus). A query is a new genome of a species
that the index has. FOLDER keeps the vectors for the next run.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
from common import machine

from genome_index.encoders.pooling import unit
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.index import Index
from genome_index.index.vectors import quantised
from genome_index.index.vectors.kinds import factory_for
from genome_index.index.vectors.quantised import QuantisedVectors

Floats = npt.NDArray[np.float32]
RANKS = ("family", "genus", "species")
GENERA_OF_FAMILY, SPECIES_OF_GENUS = 5, 5
MOST_OF_SPECIES = 1_000
QUERIES = 1_000
EXACT_QUERIES = 200


class Model:
    """Variances of the vectors of an index, and the median over groups of the mean cosine of their members, by rank."""

    def __init__(self, index: Index) -> None:
        vectors, levels = index.model.vectors.rows(), index.model.levels
        self.deviation = np.sqrt(vectors.var(0) / vectors.var(0).sum()).astype(np.float32)
        self.cosines = [_median_cosine(vectors, levels[rank].codes) for rank in RANKS]
        steps = np.diff([0.0, *np.maximum.accumulate(self.cosines), 1.0])
        self.weights = np.sqrt(steps).astype(np.float32)

    def draws(self, draws: np.random.Generator, rank: int, number: int) -> Floats:
        """What groups of a rank add to the vectors of their members: (number, d)."""
        drawn = draws.standard_normal((number, len(self.deviation)), np.float32)
        return drawn * self.deviation * self.weights[rank]


def _median_cosine(vectors: Floats, codes: npt.NDArray[np.int64]) -> float:
    """Of two genomes of one group, each group once."""
    cosines = []
    for code in np.unique(codes[codes >= 0]):
        rows = np.flatnonzero(codes == code)[:50]
        if len(rows) > 1:
            products = vectors[rows] @ vectors[rows].T
            cosines.append((products.sum() - len(rows)) / (len(rows) * (len(rows) - 1)))
    return float(np.median(cosines))


def blocks(model: Model, genomes: int) -> Iterator[tuple[Floats, Floats, npt.NDArray[np.int64]]]:
    """Vectors of a family, a new genome of each of its species, and the genomes of each: until there are enough."""
    draws, made = np.random.default_rng(0), 0
    while made < genomes:
        centres = model.draws(draws, 0, 1)
        for rank, number in enumerate((GENERA_OF_FAMILY, SPECIES_OF_GENUS), 1):
            centres = np.repeat(centres, number, axis=0)
            centres = centres + model.draws(draws, rank, len(centres))
        sizes = np.minimum(draws.zipf(1.9, len(centres)), MOST_OF_SPECIES)
        members = np.repeat(centres, sizes, axis=0)
        yield (
            unit(members + model.draws(draws, len(RANKS), len(members))),
            unit(centres + model.draws(draws, len(RANKS), len(centres))),
            sizes,
        )
        made += len(members)


def write_vectors(model: Model, genomes: int, path: Path) -> None:
    """The vectors as a file of numpy, and the queries with the rows of their species beside it."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (genomes, len(model.deviation)))
    queries, ranges, start = [], [], 0
    for members, new, sizes in blocks(model, genomes):
        stop = min(genomes, start + len(members))
        out[start:stop] = members[: stop - start]
        ends = start + np.cumsum(sizes)
        queries.append(new[:1])
        ranges.append((ends[0] - sizes[0], min(ends[0], genomes)))
        start = stop
    out.flush()
    chosen = np.linspace(0, len(queries) - 1, QUERIES).astype(int)
    np.savez(
        path.with_suffix(".npz"), queries=np.concatenate(queries)[chosen], ranges=np.array(ranges)[chosen]
    )


def opened_mb(index: Path) -> float:
    """Memory, that is no file's, of a process that has opened vectors and answered a query."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_opened_mb, index).result()


def _opened_mb(index: Path) -> float:
    before = _resident_mb()
    vectors = QuantisedVectors.load(index)
    vectors.search(vectors.take(np.zeros(1, np.int64)), CANDIDATES, np.arange(len(vectors)) > 0)
    return _resident_mb() - before


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def report(index: Path, queries: Floats, ranges: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> None:
    for lists in (16, 32, 64, 128):
        quantised.LISTS_READ = lists
        vectors = QuantisedVectors.load(index)
        live = np.ones(len(vectors), bool)
        live[::1000] = False  # as in an index from which genomes were removed
        vectors.search(queries[:50], CANDIDATES, live)
        start = time.process_time()
        found = np.concatenate([vectors.search(query[None], CANDIDATES, live)[1] for query in queries])
        cpu = time.process_time() - start
        right = ((found >= ranges[:, :1]) & (found < ranges[:, 1:])).any(1).mean()
        recall = np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=False)])
        print(
            f"{lists:4} lists read: {1e3 * cpu / len(queries):6.2f} ms CPU a query; species among {CANDIDATES} "
            f"candidates {100 * right:5.1f} %; recall@{CANDIDATES} of exact search {100 * recall:5.1f} %",
            flush=True,
        )


def exact(vectors: Floats, queries: Floats) -> npt.NDArray[np.int64]:
    """The nearest rows by all cosines, block by block."""
    best = np.full((len(queries), 0), -np.inf, np.float32), np.zeros((len(queries), 0), np.int64)
    for start in range(0, len(vectors), 1 << 17):
        cosines = queries @ np.asarray(vectors[start : start + (1 << 17)]).T
        similarity = np.concatenate([best[0], cosines], axis=1)
        rows = np.concatenate(
            [best[1], np.broadcast_to(start + np.arange(cosines.shape[1]), cosines.shape)], axis=1
        )
        order = np.argpartition(-similarity, CANDIDATES, axis=1)[:, :CANDIDATES]
        best = np.take_along_axis(similarity, order, 1), np.take_along_axis(rows, order, 1)
    return best[1]


def main() -> None:
    genomes = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[3] if len(sys.argv) > 3 else made)
        path = folder / f"{genomes}.npy"
        model = Model(Index.open(sys.argv[1]))
        print(machine(), f"cosines of {RANKS}: {np.round(model.cosines, 3)}")
        if not path.exists():
            write_vectors(model, genomes, path)
        given: Floats = np.load(path, mmap_mode="r")
        with np.load(path.with_suffix(".npz")) as arrays:
            queries, ranges = arrays["queries"], arrays["ranges"]
        factory = factory_for("auto", max(genomes, 200_001))
        start, before = time.perf_counter(), time.process_time()
        built = QuantisedVectors.build(given, factory)
        print(
            f"{genomes:,} vectors, {factory}: built in {time.perf_counter() - start:.0f} s, {time.process_time() - before:.0f} s CPU"
        )
        index = folder / f"{genomes}.index"
        index.mkdir(exist_ok=True)
        built.save(index)
        del built
        sizes = {file.name: file.stat().st_size for file in index.iterdir()}
        print(
            sizes,
            f"{sizes['vectors.faiss'] / genomes:.1f} B a vector in memory; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB with files",
        )
        start = time.perf_counter()
        opened = QuantisedVectors.load(index)
        seconds = time.perf_counter() - start
        print(f"{len(opened):,} opened in {seconds:.2f} s; {opened_mb(index):,.0f} MB of memory beside files")
        del opened
        truth = exact(given, queries[:EXACT_QUERIES])
        faiss.omp_set_num_threads(1)
        report(index, queries, ranges, truth)


if __name__ == "__main__":
    main()
