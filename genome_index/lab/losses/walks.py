"""Walks of a sequence in the plane, of known bases or of probabilities.

    yau       unit steps: A (1/2, -sqrt(3)/2), C (sqrt(3)/2, 1/2), G (sqrt(3)/2, -1/2), T (1/2, sqrt(3)/2);
              Yau et al. 2003 (Nucleic Acids Res. 31, 3078). The "2D line" of learning-nucleotides
    yau-bp    one to the right each; A down by 1, T up by 1, G down by 1/2, C up by 1/2; Lee 2019 (squiggle,
              Bioinformatics 35, 1425), as are the two below
    squiggle  two half steps to the right each: A up, down; C down, up; T down, down; G up, up, by 1/2 each
    randic    one to the right each, at height 3, 0, 1, 2 for A, C, G, T; Randic et al. 2003
    gates     A down, C left, G right, T up; Gates 1986
    nandy     A left, C up, G right, T down; Nandy 1994
    purine    one to the right each, up for A and G, down for C and T; Peng et al. 1992
    skew      one to the right each, up for G, down for C: the cumulative GC skew

A base that is not known takes no step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genome_index.errors import UsageError

HIGH = 3**0.5 / 2
Place = tuple[float, float]


@dataclass(frozen=True)
class Walk:
    """The moves of A, C, G and T: one, or two of a half each."""

    moves: tuple[tuple[Place, ...], ...]  # (4, S, 2)
    heights: tuple[float, ...] = ()  # (4,) of each base, in place of a sum of moves

    @property
    def stops(self) -> int:
        """Points of a base."""
        return len(self.moves[0])

    def path(self, bases: Tensor) -> Tensor:
        """The points after each move: probabilities of bases (B, L, 4) -> (B, L * S, 2)."""
        moves = torch.tensor(self.moves).to(bases)
        steps = torch.einsum("blc,csd->blsd", bases, moves).flatten(1, 2)
        path = steps.cumsum(1)
        if not self.heights:
            return path
        return torch.stack([path[..., 0], bases @ torch.tensor(self.heights).to(bases)], dim=-1)


def _single(*moves: Place) -> tuple[tuple[Place, ...], ...]:
    return tuple((move,) for move in moves)


def _halves(*turns: tuple[float, float]) -> tuple[tuple[Place, ...], ...]:
    return tuple(((0.5, first), (0.5, second)) for first, second in turns)


WALKS = {
    "yau": Walk(_single((0.5, -HIGH), (HIGH, 0.5), (HIGH, -0.5), (0.5, HIGH))),
    "yau-bp": Walk(_single((1, -1), (1, 0.5), (1, -0.5), (1, 1))),
    "squiggle": Walk(_halves((0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (-0.5, -0.5))),
    "randic": Walk(_single((1, 0), (1, 0), (1, 0), (1, 0)), heights=(3, 0, 1, 2)),
    "gates": Walk(_single((0, -1), (-1, 0), (1, 0), (0, 1))),
    "nandy": Walk(_single((-1, 0), (0, 1), (1, 0), (0, -1))),
    "purine": Walk(_single((1, 1), (1, -1), (1, 1), (1, -1))),
    "skew": Walk(_single((1, 0), (1, -1), (1, 1), (1, 0))),
}


def walk_of(name: str) -> Walk:
    """A walk by its name; UsageError for an unknown one."""
    if name not in WALKS:
        raise UsageError(f"no walk is called {name!r}; choose one of {', '.join(WALKS)}")
    return WALKS[name]
