"""Each loss once more, in plain numpy: loops over sequences and positions, as the formulas are written.

The network is three tables: a token that is read has a row of logits, a row of states and an embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage

Array = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

MASK, CLS, FIRST = 1, 2, 4  # ids; A, C, G, T are 4 to 7


@dataclass(frozen=True)
class Tables:
    logits: Array  # (V, V)
    hidden: Array  # (V, H)
    table: Array  # (V, H)


@dataclass(frozen=True)
class Case:
    """A batch and its network."""

    ids: Ids  # (B, L)
    inputs: Ids
    chosen: npt.NDArray[np.bool_]  # positions that are predicted
    causal: bool
    tables: Tables

    def other(self, backwards: bool) -> Case:
        ids, inputs = (np.where(rows >= FIRST, 11 - rows, rows) for rows in (self.ids, self.inputs))
        chosen = self.chosen
        if backwards:
            ids, inputs, chosen = ids[:, ::-1], inputs[:, ::-1], chosen[:, ::-1]
            if self.causal:
                inputs = np.concatenate([np.full((len(ids), 1), CLS), ids[:, :-1]], axis=1)
        return Case(ids, inputs, chosen, self.causal, self.tables)

    def blind(self) -> Case:
        inputs = np.full_like(self.inputs, MASK)
        inputs[:, 0] = CLS
        return Case(self.ids, inputs, self.chosen, self.causal, self.tables)


def softmax(row: Array) -> Array:
    return np.exp(row) / np.exp(row).sum()


def places(case: Case) -> list[tuple[int, int]]:
    return [(b, t) for b, t in np.ndindex(*case.ids.shape) if case.chosen[b, t] and case.ids[b, t] >= FIRST]


def cross_entropy(case: Case) -> float:
    nats = [-log(softmax(case.tables.logits[case.inputs[b, t]])[case.ids[b, t]]) for b, t in places(case)]
    return sum(nats) / len(nats)


def complement(case: Case) -> float:
    return cross_entropy(case) + cross_entropy(case.other(backwards=False))


def reverse_complement(case: Case) -> float:
    return (cross_entropy(case) + cross_entropy(case.other(backwards=True))) / 2


def strand_consistency(case: Case) -> float:
    other, length, terms = case.other(backwards=True), case.ids.shape[1], []
    for b, t in places(case):
        own = softmax(case.tables.logits[case.inputs[b, t]][FIRST:])
        there = softmax(case.tables.logits[other.inputs[b, length - 1 - t]][FIRST:])[::-1]
        terms.append(sum((p - q) * (log(p) - log(q)) for p, q in zip(own, there, strict=True)) / 2)
    return reverse_complement(case) + sum(terms) / len(terms)


def teacherless(case: Case) -> float:
    return cross_entropy(case.blind())


def probabilities(case: Case) -> Array:
    """(B, L, 4): predicted ones, the label elsewhere."""
    bases = labels(case)
    for b, t in places(case):
        bases[b, t] = softmax(case.tables.logits[case.inputs[b, t]][FIRST:])
    return bases


def labels(case: Case) -> Array:
    bases = np.zeros((*case.ids.shape, 4))
    for b, t in np.ndindex(*case.ids.shape):
        if case.ids[b, t] >= FIRST:
            bases[b, t, case.ids[b, t] - FIRST] = 1
    return bases


CORNERS = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])


def chaos_path(bases: Array) -> Array:
    points, at = [], np.array([0.5, 0.5])
    for row in bases:
        drawn = row @ CORNERS + (1 - row.sum()) * 0.5
        at = (at + drawn) / 2
        points.append(at)
    return np.array(points)


def chaos_game(case: Case) -> float:
    known, terms = case.ids >= FIRST, []
    for own, true, counted in zip(probabilities(case), labels(case), known, strict=True):
        apart = ((chaos_path(own) - chaos_path(true)) ** 2).sum(1)
        terms += apart[counted].tolist()
    return float(np.mean(terms))


def spectrum(case: Case, k: int) -> float:
    def shares(bases: Array) -> Array:
        counts = [
            sum(
                np.prod([bases[t + j, base] for j, base in enumerate(word)])
                for t in range(len(bases) - k + 1)
            )
            for word in product(range(4), repeat=k)
        ]
        return np.array(counts) / sum(counts)

    def divergence(p: Array, q: Array) -> float:
        return sum(a * log(a / b) for a, b in zip(p, q, strict=True) if a > 0)

    values = []
    for own, true in zip(probabilities(case), labels(case), strict=True):
        p, q = shares(own), shares(true)
        middle = (p + q) / 2
        values.append((divergence(p, middle) + divergence(q, middle)) / 2)
    return float(np.mean(values))


def persistence(case: Case) -> float:
    """Heights of single linkage are the edges of the minimum spanning tree."""
    values = []
    for own, true in zip(probabilities(case), labels(case), strict=True):
        heights = [np.sort(linkage(chaos_path(bases), "single")[:, 2]) for bases in (own, true)]
        values.append(np.abs(heights[0] - heights[1]).mean())
    return float(np.mean(values))


def headless(case: Case, distinct: bool) -> float:
    batch = [int(case.ids[b, t]) for b, t in places(case)]
    negatives = sorted(set(batch)) if distinct else batch
    nats = []
    for b, t in places(case):
        state = case.tables.hidden[case.inputs[b, t]]
        right = state @ case.tables.table[case.ids[b, t]]
        nats.append(log(sum(np.exp(state @ case.tables.table[token]) for token in negatives)) - right)
    return sum(nats) / len(nats)


H = sqrt(3) / 2
STEPS: dict[str, Callable[[int], list[tuple[float, float]]]] = {
    "yau": lambda base: [((0.5, -H), (H, 0.5), (H, -0.5), (0.5, H))[base]],
    "yau-bp": lambda base: [((1, -1), (1, 0.5), (1, -0.5), (1, 1))[base]],
    "squiggle": lambda base: [(0.5, (0.5, -0.5, 0.5, -0.5)[base]), (0.5, (-0.5, 0.5, 0.5, -0.5)[base])],
    "gates": lambda base: [((0, -1), (-1, 0), (1, 0), (0, 1))[base]],
    "nandy": lambda base: [((-1, 0), (0, 1), (1, 0), (0, -1))[base]],
    "purine": lambda base: [(1, (1, -1, 1, -1)[base])],
    "skew": lambda base: [(1, (0, -1, 1, 0)[base])],
}


def walk(bases: Array, name: str) -> Array:
    """(L, 4) -> (L * S, 2)."""
    points, at = [], np.zeros(2)
    for row in bases:
        if name == "randic":
            at = np.array([at[0] + row.sum(), row @ [3, 0, 1, 2]])
            points.append(at)
            continue
        for stop in range(len(STEPS[name](0))):
            at = at + sum(row[base] * np.array(STEPS[name](base)[stop]) for base in range(4))
            points.append(at)
    return np.array(points)


def line_squares(case: Case, name: str) -> list[tuple[int, float]]:
    """The number of known bases so far and the squared distance, of each known base."""
    pairs = []
    for ids, own, true in zip(case.ids, probabilities(case), labels(case), strict=True):
        apart = ((walk(own, name) - walk(true, name)) ** 2).sum(1).reshape(len(ids), -1).mean(1)
        known = ids >= FIRST
        pairs += list(zip(known.cumsum()[known].tolist(), apart[known].tolist(), strict=True))
    return pairs


def line_mse(case: Case, name: str) -> float:
    return float(np.mean([square for _, square in line_squares(case, name)]))


def line_gaussian(case: Case, name: str, log_variance: float = 0.0) -> float:
    terms = []
    for t, square in line_squares(case, name):
        variance = np.exp(log_variance) * t
        terms.append((square / variance + 2 * log(variance)) / 2)
    return float(np.mean(terms))
