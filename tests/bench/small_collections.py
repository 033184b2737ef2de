"""Indexes of few and of many genomes: how often is a name called that is there, and one that is not there?

    python tests/bench/small_collections.py [--seeds N] [--index SET=FOLDER ...] [SET:GENOMES ...]

An index is built of a sample of a set; of a set of many families, whole ones, so that names repeat. `bacteria:68` is all of it.
Its genomes are queried with their own genome, species, genus and family left out, as `gindex evaluate` does it: calibration
is nested. Counts of all seeds are pooled. "There": a reference that was not left out has the right name; "not there": none
has, so that every call is false. The promise is 5 % false at each rank and size.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import machine
from reliability import THREADS, Source, built, sources

from genome_index.evaluate.answers import Answers, Plan
from genome_index.evaluate.cross_validation import evaluate
from genome_index.evaluate.metrics import wilson
from genome_index.index.index import Index
from genome_index.taxonomy.levels import UNKNOWN

RANKS = ("species", "genus", "family")
LEFT_OUT = (None, *RANKS)
DEFAULT = ("bacteria:20", "bacteria:68", "virus:300", "mito:300")
PROMISE = 0.05
MANY_FAMILIES = 100


@dataclass
class Counts:
    """Calls at one rank with one regime."""

    there: int = 0
    called: int = 0  # of those whose name is there
    wrong: int = 0  # of these calls
    absent: int = 0
    false: int = 0  # calls of names that are not there

    def add(self, answers: Answers) -> None:
        named, called = answers.truth != UNKNOWN, answers.called != UNKNOWN
        there, absent = named & answers.has_reference, named & ~answers.has_reference
        self.there += int(there.sum())
        self.called += int((there & called).sum())
        self.wrong += int((there & called & (answers.called != answers.truth)).sum())
        self.absent += int(absent.sum())
        self.false += int((absent & called).sum())

    def text(self) -> str:
        there = f"{self.there:,} | {_percent(self.called, self.there)} | {_percent(self.wrong, self.there)}"
        ends = wilson(self.false, self.absent)
        interval = f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})" if ends else ""
        mark = "**" if self.absent and self.false > PROMISE * self.absent else ""
        return f"{there} | {self.absent:,} | {mark}{_percent(self.false, self.absent)}{mark}{interval}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def sample(all_sources: Sequence[Source], wanted: int, seed: int) -> list[Source]:
    """Random genomes; of a set of MANY_FAMILIES, whole families until there are so many, of the last one a part."""
    if wanted >= len(all_sources):
        return list(all_sources)
    generator = np.random.default_rng(seed)
    families = Counter(str(one.name("family")) for one in all_sources)
    mixed = [all_sources[at] for at in generator.permutation(len(all_sources))]
    if len(families) < MANY_FAMILIES:
        return mixed[:wanted]
    place = {family: number for number, family in enumerate(generator.permutation(sorted(families)).tolist())}
    return sorted(mixed, key=lambda one: place[str(one.name("family"))])[:wanted]


def count(index: Index, found: dict[tuple[str | None, str], Counts]) -> None:
    """Add the answers of one index, with nothing but the genome and with each rank left out."""
    for left_out in LEFT_OUT:
        if left_out is None or left_out in index.model.levels:
            answers = evaluate(index, Plan(hold_out_rank=left_out, threads=THREADS))
            for rank in (rank for rank in RANKS if rank in answers.levels):
                found.setdefault((left_out, rank), Counts()).add(answers.levels[rank])


def indexes(name: str, wanted: int, seeds: int, folder: Path, given: Path | None) -> Iterator[Index]:
    if given is not None:
        yield Index.open(given)
        return
    all_sources = list(sources(name))
    for seed in range(1 if wanted >= len(all_sources) else seeds):
        yield built(sample(all_sources, wanted, seed), name, folder / f"{name}-{wanted}-{seed}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--index", action="append", default=[], help="SET=FOLDER, an index of the whole set")
    parser.add_argument("sets", nargs="*", default=list(DEFAULT))
    wanted = parser.parse_args()
    given = {name: Path(path) for name, _, path in (one.partition("=") for one in wanted.index)}
    print(f"{machine()}: small_collections.py {' '.join(sys.argv[1:])}\n")
    print("| genomes | left out | rank | there | called % | wrong % | not there | called falsely % (95 %) |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as made:
        for one in wanted.sets:
            start = time.monotonic()
            name, _, size = one.partition(":")
            found: dict[tuple[str | None, str], Counts] = {}
            for index in indexes(name, int(size or 10**9), wanted.seeds, Path(made), given.get(name)):
                count(index, found)
            for (left_out, rank), counts in found.items():
                print(f"| {one} | {left_out or 'genome'} | {rank} | {counts.text()} |", flush=True)
            print(f"{one}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
