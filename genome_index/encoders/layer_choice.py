"""Which hidden layers make a vector: `last`, one by number, `mean:a-b`, or `concat:a,b`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genome_index.errors import UsageError

MEAN = re.compile(r"mean:(-?\d+)-(-?\d+)")
CONCAT = re.compile(r"concat:(-?\d+(?:,-?\d+)*)")


@dataclass(frozen=True)
class Layers:
    """Layers of a model, ascending; 0 is the embedding layer, the last one comes after the final norm."""

    wanted: tuple[int, ...]
    joined: bool = False  # set side by side instead of averaged

    @property
    def parts(self) -> int:
        """How many times as wide as a hidden state the vector is."""
        return len(self.wanted) if self.joined else 1


def parse_layers(text: str, blocks: int) -> Layers:
    """What `--layer` asks of a model with so many blocks.

    Negative numbers count from the last layer, -1.

    Raises
    ------
    UsageError
        Not one of the forms, or no such layer.

    >>> parse_layers("mean:2-4", blocks=6)
    Layers(wanted=(2, 3, 4), joined=False)
    """
    if text == "last":
        return Layers((blocks,))
    if re.fullmatch(r"-?\d+", text):
        return Layers((_layer(text, text, blocks),))
    if found := MEAN.fullmatch(text):
        first, last = (_layer(number, text, blocks) for number in found.groups())
        if first < last:
            return Layers(tuple(range(first, last + 1)))
    if found := CONCAT.fullmatch(text):
        numbers = sorted({_layer(number, text, blocks) for number in found[1].split(",")})
        return Layers(tuple(numbers), joined=True)
    raise UsageError(
        f"--layer {text}: this names no layers; say last, a number from 0 to {blocks}, "
        "mean:A-B with A below B, or concat:A,B"
    )


def _layer(number: str, text: str, blocks: int) -> int:
    layer = int(number) if int(number) >= 0 else blocks + 1 + int(number)
    if not 0 <= layer <= blocks:
        raise UsageError(
            f"--layer {text}: there is no layer {number}; this model has 0 (the embedding layer) to {blocks}"
        )
    return layer
