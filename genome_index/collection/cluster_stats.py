"""Statistics of groups: medoid, diameter, nearest group and purity, and agreement with the names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.collection.clusters import Edges, Grouping
from genome_index.taxonomy.levels import UNKNOWN, Level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

SILHOUETTE_GENOMES = 5_000  # all pairs are compared; of a larger collection an even sample
SEED = 0


@dataclass(frozen=True)
class Group:
    """One group; positions among the grouped genomes."""

    number: int
    members: Rows
    medoid: int  # the member with most edges within the group, then the least mean length
    diameter: float | None  # of the longest edge within; None for one genome
    nearest: int | None  # number of the nearest other group, None without an edge to one
    gap: float | None  # to it
    names: tuple[tuple[str, int], ...]  # of the rank with their counts, commonest first
    purity: float | None  # share of the commonest name among the named members


@dataclass(frozen=True)
class Agreement:
    """Agreement of groups and names, over the genomes with a name."""

    named: int
    rand: float | None  # adjusted Rand index, 1 is the same
    v_measure: float | None
    silhouette: float | None  # of the names, cosine, -1 to 1
    split: tuple[tuple[str, int], ...]  # names in more than one group, with how many groups
    merged: tuple[tuple[int, int], ...]  # groups of more than one name, with how many names


def groups_of(grouping: Grouping, names: Sequence[str | None]) -> list[Group]:
    """Every group, largest first; `names` are the genomes' at the grouped rank: (L,)."""
    edges, number = grouping.edges, grouping.number
    across = number[edges.a] != number[edges.b]
    nearest = _nearest_other(edges, number, across)
    medoids, widest = _medoids(edges, number, ~across), _widest(edges, number, ~across)
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    return [
        _group(at, members, medoids[at], widest.get(at), nearest.get(at), [names[m] for m in members])
        for at, members in enumerate(parts)
    ]


def _group(
    number: int, members: Rows, medoid: int, widest: float | None, nearest: tuple[int, float] | None,
    names: Sequence[str | None],
) -> Group:  # fmt: skip
    counts = Counter(name for name in names if name)
    other, gap = nearest or (None, None)
    purity = counts.most_common(1)[0][1] / counts.total() if counts else None
    return Group(number, members, medoid, widest, other, gap, tuple(counts.most_common()), purity)


def _nearest_other(edges: Edges, number: Rows, across: npt.NDArray[np.bool_]) -> dict[int, tuple[int, float]]:
    """Group -> nearest other group by the shortest edge, and its length."""
    nearest: dict[int, tuple[int, float]] = {}
    order = np.flatnonzero(across)[np.argsort(-edges.length[across], kind="stable")]
    for at in order.tolist():  # the nearest is written last
        one, other = int(number[edges.a[at]]), int(number[edges.b[at]])
        nearest[one], nearest[other] = (other, float(edges.length[at])), (one, float(edges.length[at]))
    return nearest


def _medoids(edges: Edges, number: Rows, inside: npt.NDArray[np.bool_]) -> list[int]:
    """The medoid of each group: most edges within it, then the least mean length."""
    degree, total = np.zeros(len(number)), np.zeros(len(number))
    for end in (edges.a[inside], edges.b[inside]):
        np.add.at(degree, end, 1)
        np.add.at(total, end, edges.length[inside])
    mean = total / np.maximum(degree, 1)
    order = np.lexsort((np.arange(len(number)), mean, -degree, number))
    first = np.concatenate([[True], np.diff(number[order]) != 0])
    return [int(at) for at in order[first]]


def _widest(edges: Edges, number: Rows, inside: npt.NDArray[np.bool_]) -> dict[int, float]:
    longest: dict[int, float] = {}
    for at, length in zip(number[edges.a[inside]].tolist(), edges.length[inside].tolist(), strict=True):
        longest[at] = max(longest.get(at, 0.0), length)
    return longest


def agreement(grouping: Grouping, level: Level | None, rows: Rows, vectors: Floats) -> Agreement:
    """Agreement of groups with the names of a level, for genomes with these rows and vectors, (L, d)."""
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    codes = level.codes[rows] if level is not None else np.full(len(rows), UNKNOWN, np.int32)
    named = np.flatnonzero(codes != UNKNOWN)
    if level is None or not len(named):
        return Agreement(0, None, None, None, (), ())
    own, number = codes[named], grouping.number[named]
    some = named[np.linspace(0, len(named) - 1, min(len(named), SILHOUETTE_GENOMES)).astype(int)]
    split = _more_than_one(own, number)
    merged = _more_than_one(number, own)
    return Agreement(
        len(named), float(adjusted_rand_score(own, number)), float(v_measure_score(own, number)),
        silhouette(vectors[some], codes[some]), tuple((level.names[code], count) for code, count in split),
        tuple(merged),
    )  # fmt: skip


def _more_than_one(of: npt.NDArray[np.integer], among: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """Values of one labelling that occur with several of the other, and how many; most first."""
    pairs = np.unique(np.stack([of, among], axis=1), axis=0)
    values, counts = np.unique(pairs[:, 0], return_counts=True)
    several = [(int(one), int(count)) for one, count in zip(values, counts, strict=True) if count > 1]
    return sorted(several, key=lambda pair: (-pair[1], pair[0]))


def silhouette(vectors: Floats, codes: npt.NDArray[np.int32]) -> float | None:
    """Cosine silhouette, -1 to 1: (N, d), (N,); None without two names, one of them with two genomes."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(codes)) < len(codes):
        return None
    return float(silhouette_score(vectors, codes, metric="cosine"))
