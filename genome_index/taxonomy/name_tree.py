"""Numbers of genomes, or queries, under each name: a tree from the broadest rank down, as a flat table.

A rank without a name is skipped, and a genome counts down to its last name, so that a parent may count more
than its children together. The same name below two parents is two nodes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from genome_index.records import RANKS, Call, Entry, Lineage, counted

SHOWN = RANKS[: RANKS.index("species") + 1]
UNNAMED, VERDICT, JOINED = "no name", "verdict", "joined"  # in place of a rank, for nodes without one

Path = tuple[tuple[str, str], ...]  # (rank, name) from the root down


@dataclass(frozen=True)
class Counts:
    """The nodes: the root first, parents before their children, children by descending count."""

    labels: tuple[str, ...]
    ranks: tuple[str, ...]  # of RANKS, or UNNAMED, VERDICT, JOINED; "" of the root
    parents: tuple[int, ...]  # places in the table, -1 for the root
    counts: tuple[int, ...]
    noun: str  # of the things counted
    least: int = 1  # names with a smaller count are joined into one node for each parent

    @property
    def branches(self) -> list[int]:
        """Each node's ancestor, or itself, just below the first node with several children; -1 above."""
        children = Counter(self.parents)
        trunk, branches = {-1}, []
        for at, parent in enumerate(self.parents):
            if parent in trunk and children[parent] == 1:
                trunk.add(at)
                branches.append(-1)
            else:
                branches.append(at if parent in trunk else branches[parent])
        return branches

    def starts(self, sizes: Sequence[float]) -> list[float]:
        """The start of each node in a layout where children follow each other from their parent's start."""
        starts: list[float] = []
        free: dict[int, float] = {-1: 0.0}  # node -> start of its next child
        for at, parent in enumerate(self.parents):
            starts.append(free[parent])
            free[at] = free[parent]
            free[parent] += sizes[at]
        return starts


def counts_of_entries(entries: Iterable[Entry], ranks: Sequence[str] = SHOWN) -> Counts:
    """The taxonomy of a collection."""
    return tree_of_counts((_names(entry.lineage, ranks) for entry in entries), "genome")


def counts_of_calls(calls: Iterable[Call], ranks: Sequence[str] = SHOWN) -> Counts:
    """The names of calls; calls without a name count under their verdict."""
    return tree_of_counts((_answer(call, ranks) for call in calls), "input")


def _names(lineage: Lineage, ranks: Sequence[str]) -> Path:
    path = tuple((rank, name) for rank in ranks if (name := lineage.name(rank)))
    return path or ((UNNAMED, UNNAMED),)


def _answer(call: Call, ranks: Sequence[str]) -> Path:
    if call.verdict not in RANKS:
        return ((VERDICT, call.verdict.replace("_", " ")),)
    own = {call.rank: call.name} if call.rank and call.name else {}
    return _names(Lineage({**call.lineage.names, **own}), ranks)


def tree_of_counts(paths: Iterable[Path], noun: str) -> Counts:
    """The tree of some paths, each of which counts at all its nodes."""
    counts: Counter[Path] = Counter()
    for path, count in Counter(paths).items():
        for depth in range(len(path) + 1):
            counts[path[:depth]] += count
    children: dict[Path, list[Path]] = {}
    for path in counts:
        if path:
            children.setdefault(path[:-1], []).append(path)
    return _table(counts, children, noun)


def _table(counts: Mapping[Path, int], children: Mapping[Path, list[Path]], noun: str) -> Counts:
    total = counts.get((), 0)
    rows = [(counted(total, noun), "", -1, total)]
    todo = [(path, 0) for path in _smallest_first(children.get((), []), counts)]
    while todo:
        path, parent = todo.pop()
        todo += [(child, len(rows)) for child in _smallest_first(children.get(path, []), counts)]
        rows.append((path[-1][1], path[-1][0], parent, counts[path]))
    return _counts(rows, noun)


def _counts(rows: Iterable[tuple[str, str, int, int]], noun: str, least: int = 1) -> Counts:
    labels, ranks, parents, counts = zip(*rows, strict=True)
    return Counts(labels, ranks, parents, counts, noun, least)


def _smallest_first(paths: Iterable[Path], counts: Mapping[Path, int]) -> list[Path]:
    """Paths by ascending count, those with the same count in reverse alphabetical order."""
    by_name = sorted(paths, key=lambda path: path[-1][::-1], reverse=True)
    return sorted(by_name, key=lambda path: counts[path])


def thinned(counts: Counts, most: int) -> Counts:
    """The tree with at most `most` nodes, or two, by the smallest `least` for which that holds."""
    sizes = sorted({1, *counts.counts, counts.counts[0] + 1})
    # A larger least never gives more nodes: a node that is joined takes the joined node below it along.
    at = bisect_left(sizes, -most, key=lambda size: -len(joined(counts, size).labels))
    return joined(counts, sizes[min(at, len(sizes) - 1)])


def joined(counts: Counts, least: int) -> Counts:
    """The tree with nodes below `least` joined into the last child of their parent; verdicts stay."""
    rows: list[tuple[str, str, int, int]] = []
    place: dict[int, int] = {-1: -1}  # old -> new place of the nodes that stay
    names: Counter[int] = Counter()  # parent -> number of joined children, and the sum of their counts
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
