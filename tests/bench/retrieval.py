"""Which genomes are found first: candidates of gindex by vector, by k-mers and by both, against sourmash and GAMBIT.

    python tests/bench/retrieval.py [--sourmash PYTHON [--scaled N]] [--gambit PYTHON] [--hold-out RANK] [--seed S] [SET[:GENOMES[:ASKED]] ...]

An index is built of a set, or of a sample of it (whole families where there are many). Genomes that have another of their
name are asked of it, each with its own genome left out (with --hold-out species: all of its species): the percentage whose
right name is first, among the first 10 and among the first 50. The same questions and references for all; a reference that
shares nothing is not found, and equal scores are in random order. PYTHON is the interpreter of an environment that has the
rival (`pip install sourmash`, `pip install gambit`); without it its lines are left out. One thread, one after another,
sketches and vectors of the references in memory. "+" and "-": significantly more, or fewer, right than by the union (exact
sign test of the questions where one of the two is right, p < 0.05).
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
from genome_index.taxonomy.levels import UNKNOWN, level_named

RANKS = ("species", "genus", "family")
DEFAULT = ("bacteria", "virus::400", "virus_dev", "plasmid", "mito:2000:300")
SCALED = {"bacteria": 1_000}  # sourmash's default; for small genomes SMALL_SCALED
SMALL_SCALED = 10  # 1,600 k-mers of a mitogenome, 300 of a 3 kb virus
KMER_SIZES = (21, 31)  # of sourmash
DEPTHS = (1, 10, 50)
SURE = 0.05
UNION = "gindex, union by score"
RIVALS = Path(__file__).with_name("rivals.py")

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Names = list[str | None]  # of all genomes at one rank


@dataclass(frozen=True)
class Found:
    """What one system finds for Q questions, and how long it takes."""

    system: str
    rows: Rows  # (Q, 50) best first, -1 where there are fewer
    prepare_ms: float  # mean of a question: sketch, vector
    search_ms: float  # mean of a question: comparison with the references

    def right(self, names: Names, asked: Sequence[int]) -> Flags:
        """Whether the name of each question is among the first 1, 10 and 50: (Q, 3)."""
        of_rows = np.array([*names, None], dtype=object)[self.rows]
        own = np.array(names, dtype=object)[list(asked)]
        same = of_rows == own[:, None]
        return np.stack([same[:, :depth].any(axis=1) for depth in DEPTHS], axis=1)


@dataclass(frozen=True)
class Quiz:
    """Genomes, their names as an index takes them, and which are asked with which others hidden."""

    drawn: list[Source]
    names: dict[str, Names]
    asked: list[int]  # (Q,) positions within `drawn`
    hidden: list[Rows]  # for each question, positions that it must not find: its own, and those of its name

    def has_answer(self, rank: str) -> Flags:
        """Whether a genome that is not hidden has the name of each question: (Q,)."""
        names = self.names[rank]
        counts = Counter(names)
        found = [
            names[at] is not None
            and counts[names[at]] > sum(names[other] == names[at] for other in hidden.tolist())
            for at, hidden in zip(self.asked, self.hidden, strict=True)
        ]
        return np.array(found, bool)


def quiz_of(drawn: list[Source], held_out: str | None, most: int, generator: np.random.Generator) -> Quiz:
    """A random sample of the genomes whose right name can be found at some rank."""
    names = {rank: names_of(drawn, rank) for rank in RANKS}
    own = names[held_out] if held_out else [str(at) for at in range(len(drawn))]
    members: dict[str | None, list[int]] = {}
    for at, name in enumerate(own):
        members.setdefault(name, []).append(at)
    named = [at for at, name in enumerate(own) if name is not None]
    everything = Quiz(drawn, names, named, [np.array(members[own[at]]) for at in named])
    able = np.flatnonzero(np.any([everything.has_answer(rank) for rank in RANKS], axis=0))
    chosen = np.sort(generator.permutation(able)[:most]).tolist()
    return Quiz(drawn, names, [named[i] for i in chosen], [everything.hidden[i] for i in chosen])


def names_of(drawn: Sequence[Source], rank: str) -> Names:
    """The names at a rank; None where an index takes a name for none, such as one with "sp."."""
    level = level_named(rank, [source.taxon for source in drawn])
    return [level.names[code] if code != UNKNOWN else None for code in level.codes.tolist()]


# -- gindex --------------------------------------------------------------------------------------------------


def by_gindex(index: Index, quiz: Quiz) -> list[Found]:
    """The candidates of real queries, by the functions that make them, with some rows hidden."""
    row_of = {entry.id: entry.row for entry in index.catalog.entries()}
    rows = np.array([row_of[source.genome.id] for source in quiz.drawn])
    place = np.full(len(rows) + 1, -1)  # of a row within `drawn`; the last for row -1
    place[rows] = np.arange(len(rows))
    answer(index, quiz.drawn[quiz.asked[0]], rows[quiz.hidden[0]])  # compiles, reads files
    lines = [
        answer(index, quiz.drawn[at], rows[hidden])
        for at, hidden in zip(quiz.asked, quiz.hidden, strict=True)
    ]
    clocks = 1_000 * np.mean([clock for _, clock in lines], axis=0)
    embedding, sketching, nearest, sharing, joining = clocks.tolist()
    columns = [place[np.stack([_filled(line[road]) for line, _ in lines])] for road in range(3)]
    return [
        Found("gindex, vectors", columns[0], embedding, nearest),
        Found("gindex, k-mers", columns[1], sketching, sharing),
        Found(UNION, columns[2], embedding + sketching, nearest + sharing + joining),
    ]


def answer(index: Index, source: Source, hidden: Rows) -> tuple[tuple[Rows, Rows, Rows], list[float]]:
    """Rows by vector, by k-mers and by both, best first, and the seconds of five steps."""
    live = index.model.live.copy()
    live[hidden] = False
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


def by_rival(python: str, name: str, words: Sequence[str], folder: Path, quiz: Quiz) -> list[Found]:
    """The rankings of a rival, one for each of its measures; `name` is put before that of the measure."""
    out = folder / "scores.npz"
    command = [python, str(RIVALS), *words, "--folder", str(folder), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    with np.load(out) as tables:
        clocks = [1_000 * float(tables[step].mean()) for step in ("prepare_s", "search_s")]
        measures = [each for each in tables.files if not each.endswith("_s")]
        return [Found(f"{name}, {each}", ranked(tables[each], quiz.hidden), *clocks) for each in measures]


def ranked(scores: npt.NDArray[np.float32], hidden: Sequence[Rows]) -> Rows:
    """The rows with the highest scores, without hidden ones and those of score 0: (Q, N) -> (Q, 50)."""
    scores = scores.copy()
    for line, out in zip(scores, hidden, strict=True):
        line[out] = 0
    order = np.argsort(-scores, axis=1, kind="stable")[:, : DEPTHS[-1]]
    rows = np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
    return np.pad(rows, ((0, 0), (0, DEPTHS[-1] - rows.shape[1])), constant_values=-1)


def rivals(wanted: argparse.Namespace, name: str, folder: Path, quiz: Quiz) -> Iterator[Found]:
    if wanted.sourmash:
        scaled = str(wanted.scaled or SCALED.get(name, SMALL_SCALED))
        for k in map(str, KMER_SIZES):
            words = ("sourmash", "--k", k, "--scaled", scaled)
            yield from by_rival(wanted.sourmash, f"sourmash k={k}, 1 of {scaled}", words, folder, quiz)
    if wanted.gambit:
        yield from by_rival(wanted.gambit, "GAMBIT", ["gambit"], folder, quiz)


def save(quiz: Quiz, folder: Path) -> None:
    """One FASTA file for each genome, in order, and the numbers of those that are asked."""
    for number, source in enumerate(quiz.drawn):
        contigs = source.genome.contigs
        text = "".join(f">{at}\n{contig.sequence.decode()}\n" for at, contig in enumerate(contigs))
        (folder / f"{number:06d}.fa").write_text(text)
    (folder / "questions.txt").write_text("\n".join(map(str, quiz.asked)))


# -- table ---------------------------------------------------------------------------------------------------


def mark(right: Flags, union: Flags) -> str:
    """Whether a system is right significantly more, or less, often than the union: (Q,), (Q,)."""
    more, fewer = int((right & ~union).sum()), int((union & ~right).sum())
    if not more + fewer or binomtest(more, more + fewer).pvalue >= SURE:
        return ""
    return "+" if more > fewer else "-"


def table(name: str, quiz: Quiz, ranks: Sequence[str], found: Sequence[Found]) -> Iterator[str]:
    """A line for each system."""
    columns = [(quiz.names[rank], quiz.has_answer(rank)) for rank in ranks]
    depths = ", ".join(map(str, DEPTHS))
    heads = [f"{rank} of {has.sum()}: {depths}" for rank, (_, has) in zip(ranks, columns, strict=True)]
    yield f"| {name}, {len(quiz.drawn):,} genomes | {' | '.join(heads)} | prepare, ms | search, ms |"
    yield f"|{'---|' * (len(ranks) + 3)}"
    union = next(one for one in found if one.system == UNION)
    for one in found:
        cells = [
            cell(one.right(names, quiz.asked)[has], union.right(names, quiz.asked)[has])
            for names, has in columns
        ]
        yield f"| {one.system} | {' | '.join(cells)} | {one.prepare_ms:.1f} | {one.search_ms:.1f} |"


def cell(right: Flags, union: Flags) -> str:
    """Percent right at each depth: (Q, 3), (Q, 3)."""
    if not len(right):
        return "-"
    return ", ".join(
        f"{100 * own.mean():.1f}{mark(own, its)}" for own, its in zip(right.T, union.T, strict=True)
    )


def compared(wanted: argparse.Namespace, name: str, genomes: int, most: int, folder: Path) -> Iterator[str]:
    generator = np.random.default_rng(wanted.seed)
    some = sample(list(sources(name)), genomes, wanted.seed)
    drawn = [some[at] for at in generator.permutation(len(some))]  # equal scores are in random order
    quiz = quiz_of(drawn, wanted.hold_out, most, generator)
    files = folder / f"{name}-fasta"
    files.mkdir()
    save(quiz, files)
    found = by_gindex(built(drawn, name, folder / name), quiz)
    found += rivals(wanted, name, files, quiz)
    ranks = RANKS[RANKS.index(wanted.hold_out) + 1 :] if wanted.hold_out else RANKS
    return table(name, quiz, ranks, found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sourmash", help="the Python of an environment with sourmash")
    parser.add_argument("--scaled", type=int, help="of so many k-mers sourmash keeps one; else by the set")
    parser.add_argument("--gambit", help="the Python of an environment with GAMBIT")
    parser.add_argument(
        "--hold-out", choices=RANKS[:-1], help="hide all of this rank's own name, not the own genome only"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("sets", nargs="*", default=list(DEFAULT))
    wanted = parser.parse_args()
    print(
        f"{machine()}: retrieval.py {' '.join(wanted.sets)}{f', {wanted.hold_out} held out' if wanted.hold_out else ''}"
    )
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
