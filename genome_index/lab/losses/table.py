"""The losses by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from genome_index.errors import UsageError
from genome_index.lab.losses.chaos_game import chaos_game
from genome_index.lab.losses.headless import Headless
from genome_index.lab.losses.kmer_spectrum import KmerSpectrum
from genome_index.lab.losses.likelihood import (
    complement,
    cross_entropy,
    reverse_complement,
    strand_consistency,
    teacherless,
)
from genome_index.lab.losses.line import GaussianLine, SquaredLine
from genome_index.lab.losses.persistence import persistence
from genome_index.lab.losses.reading import Reading
from genome_index.lab.losses.walks import WALKS

Loss = Callable[[Reading], Tensor]  # -> ()

PLAIN: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "complement": complement,
    "reverse-complement": reverse_complement,
    "strand-consistency": strand_consistency,
    "teacherless": teacherless,
    "chaos-game": chaos_game,
    "persistence": persistence,
    "headless": Headless(),
    "headless-distinct": Headless(distinct=True),
}
# With a setting after a colon: a length of k-mers, or a walk.
SET: dict[str, tuple[Callable[[str], Loss], str, str]] = {
    "spectrum": (lambda k: KmerSpectrum(int(k)), "3", "spectrum:K, K from 1 to 6"),
    "line-mse": (SquaredLine, "yau", f"line-mse:WALK, one of {', '.join(WALKS)}"),
    "line-gaussian": (GaussianLine, "yau", "line-gaussian:WALK"),
    "line-gaussian-learned": (
        lambda walk: GaussianLine(walk, learned=True),
        "yau",
        "line-gaussian-learned:WALK",
    ),
}


def loss_of(name: str) -> Loss:
    """A loss by its name, with or without a setting: `line-mse`, `line-mse:gates`, `spectrum:4`.

    Raises
    ------
    UsageError
    """
    kind, colon, setting = name.partition(":")
    if kind in PLAIN and not colon:
        return PLAIN[kind]
    if kind in SET:
        make, default, usage = SET[kind]
        try:
            return make(setting if colon else default)
        except ValueError as error:
            raise UsageError(f"the loss {name!r}: give {usage}") from error
    raise UsageError(f"no loss is called {name!r}; choose one of {', '.join([*PLAIN, *SET])}")
