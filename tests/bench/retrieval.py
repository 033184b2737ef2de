"""Which genomes are found first: candidates of gindex by vector, by k-mers and by both, against sourmash and GAMBIT.

    python tests/bench/retrieval.py [--sourmash PYTHON] [--gambit PYTHON] [--seed S] [SET[:GENOMES[:ASKED]] ...]

An index is built of a set, or of a sample of it (whole families where there are many). Genomes that have another of their
name are asked of it, each with its own genome left out: the share whose right name is first, among the first 10 and among
the first 50. The same questions and references for all; a reference that shares nothing is not found, and equal
scores are in random order. PYTHON is the interpreter of an environment that has the rival (`pip install sourmash`,
`pip install gambit`); without it its lines are left out. One thread, one after another, sketches and vectors of the
references in memory. "+" and "-": significantly more, or fewer, right than by the union (exact sign test of the
questions where one of the two is right, p < 0.05).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from common import machine
from reliability import Source, built, sources
from scipy.stats import binomtest
from small_collections import sample

from genome_index.classify.search import containments_of, embed, sketch_of
from genome_index.index.calibration.hits import kmer_identity, score, with_sharers
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import SHARERS
from genome_index.index.index import Index

RANKS = ("species", "genus", "family")
DEFAULT = ("bacteria", "virus:2000:400", "plasmid", "mito:2000:300")
SCALED = {"bacteria": 1_000}  # sourmash's default; for small genomes SMALL_SCALED
SMALL_SCALED = 10  # 1,600 k-mers of a mitogenome, 300 of a 3 kb virus
KMER_SIZES = (21, 31)  # of sourmash
DEPTHS = (1, 10, 50)
SURE = 0.05
UNION = "gindex, union by score"
RIVALS = Path(__file__).with_name("rivals.py")

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What one system finds for Q questions, and how long it takes."""

    system: str
    rows: Rows  # (Q, 50) best first, -1 where there are fewer
    prepare_ms: float  # mean of a question: sketch, vector
    search_ms: float  # mean of a question: comparison with the references

    def right(self, names: Sequence[str | None], asked: Sequence[int]) -> Flags:
        """Whether the name of each question is among the first 1, 10 and 50: (Q, 3)."""
        of_rows = np.array([*names, None], dtype=object)[self.rows]
        own = np.array(names, dtype=object)[list(asked)]
        same = of_rows == own[:, None]
        return np.stack([same[:, :depth].any(axis=1) for depth in DEPTHS], axis=1)


# -- gindex --------------------------------------------------------------------------------------------------


def by_gindex(index: Index, drawn: Sequence[Source], asked: Sequence[int]) -> list[Found]:
    """The candidates of real queries, by the functions that make them, with the own row hidden."""
    row_of = {entry.id: entry.row for entry in index.catalog.entries()}
    place = np.full(len(row_of) + 1, -1)  # of a row within `drawn`; the last for row -1
    for at, source in enumerate(drawn):
        place[row_of[source.genome.id]] = at
    answer(index, drawn[asked[0]], row_of[drawn[asked[0]].genome.id])  # compiles, reads files
    lines = [answer(index, drawn[at], row_of[drawn[at].genome.id]) for at in asked]
    clocks = 1_000 * np.mean([clock for _, clock in lines], axis=0)
    embedding, sketching, nearest, sharing, joining = clocks.tolist()
    columns = [place[np.stack([_filled(line[road]) for line, _ in lines])] for road in range(3)]
    return [
        Found("gindex, vectors", columns[0], embedding, nearest),
        Found("gindex, k-mers", columns[1], sketching, sharing),
        Found(UNION, columns[2], embedding + sketching, nearest + sharing + joining),
    ]


def answer(index: Index, source: Source, own: int) -> tuple[tuple[Rows, Rows, Rows], list[float]]:
    """Rows by vector, by k-mers and by both, best first, and the seconds of five steps."""
    live = index.model.live.copy()
    live[own] = False
    clock = [time.perf_counter()]
    vector = embed(index, [source.genome])
    clock.append(time.perf_counter())
    sketch = sketch_of(index, source.genome)
    clock.append(time.perf_counter())
    similarity, near = index.model.vectors.search(vector, CANDIDATES, live)
    clock.append(time.perf_counter())
    sharers = index.kmers.most_shared(sketch.hashes, sketch.limit, SHARERS, live).rows
    clock.append(time.perf_counter())
    cosine, rows = (
        column[0]
        for column in with_sharers(vector, similarity, near, sharers[None], index.model.vectors.take)
    )
    identity = kmer_identity(containments_of(index, sketch, rows), index.spec.sketch_k)
    best = np.argsort(np.where(rows >= 0, -score(cosine, identity), np.inf), kind="stable")[:CANDIDATES]
    clock.append(time.perf_counter())
    return (near[0], sharers, rows[best]), np.diff(clock).tolist()


def _filled(rows: Rows) -> Rows:
    return np.append(rows, np.full(DEPTHS[-1], -1))[: DEPTHS[-1]]


# -- rivals --------------------------------------------------------------------------------------------------


def by_rival(python: str, name: str, words: Sequence[str], folder: Path, asked: Sequence[int]) -> list[Found]:
    """The rankings of a rival, one for each of its measures; `name` is put before that of the measure."""
    out = folder / "scores.npz"
    command = [python, str(RIVALS), *words, "--folder", str(folder), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    with np.load(out) as tables:
        clocks = [1_000 * float(tables[step].mean()) for step in ("prepare_s", "search_s")]
        measures = [each for each in tables.files if not each.endswith("_s")]
        return [Found(f"{name}, {each}", ranked(tables[each], asked), *clocks) for each in measures]


def ranked(scores: npt.NDArray[np.float32], asked: Sequence[int]) -> Rows:
    """The rows with the highest scores, without the own one and those of score 0: (Q, N) -> (Q, 50)."""
    scores = scores.copy()
    scores[np.arange(len(asked)), list(asked)] = 0
    order = np.argsort(-scores, axis=1, kind="stable")[:, : DEPTHS[-1]]
    rows = np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
    return np.pad(rows, ((0, 0), (0, DEPTHS[-1] - rows.shape[1])), constant_values=-1)


def rivals(wanted: argparse.Namespace, name: str, folder: Path, asked: Sequence[int]) -> Iterator[Found]:
    if wanted.sourmash:
        scaled = str(SCALED.get(name, SMALL_SCALED))
        for k in map(str, KMER_SIZES):
            words = ("sourmash", "--k", k, "--scaled", scaled)
            yield from by_rival(wanted.sourmash, f"sourmash k={k}, 1 of {scaled}", words, folder, asked)
    if wanted.gambit:
        yield from by_rival(wanted.gambit, "GAMBIT", ["gambit"], folder, asked)


def save(drawn: Sequence[Source], asked: Sequence[int], folder: Path) -> None:
    """One FASTA file for each genome, in order, and the numbers of those that are asked."""
    for number, source in enumerate(drawn):
        contigs = source.genome.contigs
        text = "".join(f">{at}\n{contig.sequence.decode()}\n" for at, contig in enumerate(contigs))
        (folder / f"{number:06d}.fa").write_text(text)
    (folder / "questions.txt").write_text("\n".join(map(str, asked)))


# -- table ---------------------------------------------------------------------------------------------------


def mark(right: Flags, union: Flags) -> str:
    """Whether a system is right significantly more, or less, often than the union: (Q,), (Q,)."""
    more, fewer = int((right & ~union).sum()), int((union & ~right).sum())
    if not more + fewer or binomtest(more, more + fewer).pvalue >= SURE:
        return ""
    return "+" if more > fewer else "-"


def table(name: str, drawn: Sequence[Source], asked: Sequence[int], found: Sequence[Found]) -> Iterator[str]:
    """A line for each system."""
    columns = [[source.name(rank) for source in drawn] for rank in RANKS]
    has_other = [np.array([_is_shared(names, at) for at in asked]) for names in columns]
    heads = [f"{rank} of {int(has.sum())}: {', '.join(map(str, DEPTHS))}" for rank, has in zip(RANKS, has_other, strict=True)]
    yield f"| {name}, {len(drawn):,} genomes | {' | '.join(heads)} | prepare, ms | search, ms |"
    yield "|---|---|---|---|---|---|"
    union = next(one for one in found if one.system == UNION)
    for one in found:
        cells = [
            ", ".join(
                f"{100 * mine.mean():.1f}{mark(mine, its)}"
                for mine, its in zip(
                    one.right(names, asked)[has].T, union.right(names, asked)[has].T, strict=True
                )
            )
            for names, has in zip(columns, has_other, strict=True)
        ]
        yield f"| {one.system} | {' | '.join(cells)} | {one.prepare_ms:.1f} | {one.search_ms:.1f} |"


def _is_shared(names: Sequence[str | None], at: int) -> bool:
    return bool(names[at]) and names.count(names[at]) > 1


def questions(drawn: Sequence[Source], most: int, generator: np.random.Generator) -> list[int]:
    """Genomes that share a name with another at some rank."""
    counts = [Counter(source.name(rank) for source in drawn) for rank in RANKS]
    able = [
        at
        for at, source in enumerate(drawn)
        if any((name := source.name(rank)) and count[name] > 1 for rank, count in zip(RANKS, counts, strict=True))
    ]
    return sorted(generator.permutation(able)[:most].tolist())


def compared(wanted: argparse.Namespace, name: str, genomes: int, most: int, folder: Path) -> Iterator[str]:
    generator = np.random.default_rng(wanted.seed)
    some = sample(list(sources(name)), genomes, wanted.seed)
    drawn = [some[at] for at in generator.permutation(len(some))]  # equal scores are in random order
    asked = questions(drawn, most, generator)
    files = folder / f"{name}-fasta"
    files.mkdir()
    save(drawn, asked, files)
    found = by_gindex(built(drawn, name, folder / name), drawn, asked)
    found += rivals(wanted, name, files, asked)
    return table(name, drawn, asked, found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sourmash", help="the Python of an environment with sourmash")
    parser.add_argument("--gambit", help="the Python of an environment with GAMBIT")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("sets", nargs="*", default=list(DEFAULT))
    wanted = parser.parse_args()
    print(f"{machine()}: retrieval.py {' '.join(wanted.sets)}")
    left_out = [tool for tool in ("sourmash", "gambit") if getattr(wanted, tool) is None]
    if left_out:
        print(f"left out, because no environment of it was given: {', '.join(left_out)}")
    for one in wanted.sets:
        name, _, sizes = one.partition(":")
        genomes, _, most = sizes.partition(":")
        with tempfile.TemporaryDirectory() as made:
            lines = compared(wanted, name, int(genomes or 10**9), int(most or 10**9), Path(made))
            print("", *lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
