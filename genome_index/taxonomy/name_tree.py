"""How many genomes, or queries, bear each name: a tree from the broadest rank down, as a flat table.

A name that is unknown at a rank is passed over, and what is named no further ends where it ends: a parent
counts more than its children together. The same name below two parents is two nodes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genome_index.records import RANKS, Call, Entry, Lineage, counted

SHOWN = RANKS[: RANKS.index("species") + 1]
UNNAMED, VERDICT, JOINED = "no name", "verdict", "joined"  # what stands for a rank where a node has none

Path = tuple[tuple[str, str], ...]  # (rank, name) from the root down


@dataclass(frozen=True)
class Counts:
    """The nodes: the root first, a parent before its children, and of these the largest first."""

    labels: tuple[str, ...]
    ranks: tuple[str, ...]  # of RANKS, or UNNAMED, VERDICT, JOINED; "" of the root
    parents: tuple[int, ...]  # a node's place in the table, -1 of the root
    counts: tuple[int, ...]
    noun: str  # what is counted
    least: int = 1  # names with fewer are joined into one node a parent

    @property
    def branches(self) -> list[int]:
        """For each node the one below the first parting of ways that it belongs to; -1 at and above that."""
        children = Counter(self.parents)
        trunk, found = {-1}, []
        for at, parent in enumerate(self.parents):
            if parent in trunk and children[parent] == 1:
                trunk.add(at)
                found.append(-1)
            else:
                found.append(at if parent in trunk else found[parent])
        return found

    def starts(self, sizes: Sequence[float]) -> list[float]:
        """Where each node starts beside its parent's start, if the nodes are of these sizes."""
        taken: list[float] = []
        free: dict[int, float] = {-1: 0.0}
        for at, parent in enumerate(self.parents):
            taken.append(free[parent])
            free[at] = free[parent]
            free[parent] += sizes[at]
        return taken


def counts_of_entries(entries: Iterable[Entry], ranks: Sequence[str] = SHOWN) -> Counts:
    """The taxonomy of a collection."""
    return tree_of_counts((_names(entry.lineage, ranks) for entry in entries), "genome")


def counts_of_calls(calls: Iterable[Call], ranks: Sequence[str] = SHOWN) -> Counts:
    """What queries were called; those without a name are counted by their verdict."""
    return tree_of_counts((_answer(call, ranks) for call in calls), "input")


def _names(lineage: Lineage, ranks: Sequence[str]) -> Path:
    found = tuple((rank, name) for rank in ranks if (name := lineage.name(rank)))
    return found or ((UNNAMED, UNNAMED),)


def _answer(call: Call, ranks: Sequence[str]) -> Path:
    if call.verdict not in RANKS:
        return ((VERDICT, call.verdict.replace("_", " ")),)
    own = {call.rank: call.name} if call.rank and call.name else {}
    return _names(Lineage({**call.lineage.names, **own}), ranks)


def tree_of_counts(paths: Iterable[Path], noun: str) -> Counts:
    """Count paths, and every beginning of one."""
    found: Counter[Path] = Counter()
    for path, count in Counter(paths).items():
        for depth in range(len(path) + 1):
            found[path[:depth]] += count
    children: dict[Path, list[Path]] = {}
    for path in found:
        if path:
            children.setdefault(path[:-1], []).append(path)
    return _table(found, children, noun)


def _table(found: Mapping[Path, int], children: Mapping[Path, list[Path]], noun: str) -> Counts:
    total = found.get((), 0)
    rows = [(counted(total, noun), "", -1, total)]
    todo = [(path, 0) for path in _smallest_first(children.get((), []), found)]
    while todo:
        path, parent = todo.pop()
        todo += [(child, len(rows)) for child in _smallest_first(children.get(path, []), found)]
        rows.append((path[-1][1], path[-1][0], parent, found[path]))
    return _counts(rows, noun)


def _counts(rows: Iterable[tuple[str, str, int, int]], noun: str, least: int = 1) -> Counts:
    labels, ranks, parents, counts = zip(*rows, strict=True)
    return Counts(labels, ranks, parents, counts, noun, least)


def _smallest_first(paths: Iterable[Path], found: Mapping[Path, int]) -> list[Path]:
    """By count, and those of one count from the end of the alphabet."""
    by_name = sorted(paths, key=lambda path: path[-1][::-1], reverse=True)
    return sorted(by_name, key=lambda path: found[path])


def thinned(counts: Counts, most: int) -> Counts:
    """The same tree with at most so many nodes, two at least; `least` is as small as it can be."""
    sizes = sorted({1, *counts.counts, counts.counts[0] + 1})
    # With a larger least there are never more nodes: one that goes takes along what was joined below it.
    at = bisect_left(sizes, -most, key=lambda size: -len(joined(counts, size).labels))
    return joined(counts, sizes[min(at, len(sizes) - 1)])


def joined(counts: Counts, least: int) -> Counts:
    """The same tree where those of fewer than `least` are one node a parent, its last; verdicts stay."""
    rows: list[tuple[str, str, int, int]] = []
    place: dict[int, int] = {-1: -1}  # of nodes that are kept
    names: Counter[int] = Counter()  # parent -> children that are joined, and what they count
    sums: Counter[int] = Counter()
    for at, row in enumerate(zip(counts.labels, counts.ranks, counts.parents, counts.counts, strict=True)):
        label, rank, parent, count = row
        if parent not in place:
            continue
        if count >= least or rank in ("", VERDICT, UNNAMED):
            place[at] = len(rows)
            rows.append((label, rank, place[parent], count))
        else:
            names[parent] += 1
            sums[parent] += count
    rows += [(f"{names[at]:,} more", JOINED, place[at], sums[at]) for at in names]
    return _counts(rows, counts.noun, least)
