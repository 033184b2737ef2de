"""Curricula: what the stages of a training read, in equal shares of its steps.

    none           fragments as the plan draws them
    short-first    a quarter of the length, then a half, then all of it; as many bases in each step
    easy-first     the easiest of four fragments, then of two, then any: easy by a Markov model of order 4
    common-first   all genomes are equally likely, then the roots of their species' numbers, then species

The last stage of the first three is the plan itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.lab.corpus.packing import OTHER, Codes

ORDER = 4  # of the Markov model that says what is easy
PSEUDOCOUNT = 1.0

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stage:
    """What a stage of a training changes."""

    share: float = 1.0  # of the length of fragments
    temperature: float | None = None  # None: the plan's
    drawn: int = 1  # fragments of which the easiest is taken


CURRICULA = {
    "none": (Stage(),),
    "short-first": (Stage(share=0.25), Stage(share=0.5), Stage()),
    "easy-first": (Stage(drawn=4), Stage(drawn=2), Stage()),
    "common-first": (Stage(temperature=1.0), Stage(temperature=0.5), Stage(temperature=0.0)),
}


def curriculum_of(name: str) -> tuple[Stage, ...]:
    """The stages of a curriculum; UsageError for an unknown one."""
    if name not in CURRICULA:
        raise UsageError(f"no curriculum is called {name!r}; choose one of {', '.join(CURRICULA)}")
    return CURRICULA[name]


def stage_at(name: str, step: int, steps: int) -> Stage:
    """The stage of a step among so many; steps beyond the last are of the last stage."""
    stages = curriculum_of(name)
    return stages[min(len(stages) - 1, step * len(stages) // steps)]


class MarkovModel:
    """Probabilities of a base after ORDER others, from some fragments."""

    def __init__(self, fragments: list[Codes]) -> None:
        counts = np.full((4**ORDER, 4), PSEUDOCOUNT)
        for codes in fragments:
            np.add.at(counts, _contexts(codes), 1)
        self._bits: Doubles = -np.log2(counts / counts.sum(1, keepdims=True))

    def bits(self, codes: Codes) -> float:
        """The mean bits of a base; 2 where none has a whole context."""
        bits = self._bits[_contexts(codes)]
        return float(bits.mean()) if len(bits) else 2.0


def _contexts(codes: Codes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The contexts and bases of a fragment, without those that hold an N."""
    windows = np.lib.stride_tricks.sliding_window_view(codes.astype(np.int64), ORDER + 1)
    windows = windows[(windows != OTHER).all(1)]
    return windows[:, :-1] @ 4 ** np.arange(ORDER)[::-1], windows[:, -1]
