"""Choice of the hidden layers for a vector: `last`, one by number, `mean:a-b`, `concat:a,b`, or `all`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genome_index.errors import UsageError

ALL = "all"  # a vector a layer, in files; an index has one vector a genome
MEAN = re.compile(r"mean:(-?\d+)-(-?\d+)")
CONCAT = re.compile(r"concat:(-?\d+(?:,-?\d+)*)")


@dataclass(frozen=True)
class Layers:
    """Layers of a model, ascending; 0 is the embedding layer, the last one comes after the final norm."""

    numbers: tuple[int, ...]
    joined: bool = False  # concatenated instead of averaged
    apart: bool = False  # each by itself, as it is

    @property
    def parts(self) -> int:
        """Width of the vector in hidden states."""
        return len(self.numbers) if self.joined or self.apart else 1


def parse_layers(text: str, blocks: int) -> Layers:
    """The layers that `--layer` names, of a model with so many blocks.

    Negative numbers count from the last layer, -1.

    Raises
    ------
    UsageError
        The text has none of the forms, or names a layer that the model does not have.

    >>> parse_layers("mean:2-4", blocks=6)
    Layers(numbers=(2, 3, 4), joined=False, apart=False)
    """
    if text == "last":
        return Layers((blocks,))
    if text == ALL:
        return Layers(tuple(range(blocks + 1)), apart=True)
    if re.fullmatch(r"-?\d+", text):
        return Layers((_layer(text, text, blocks),))
    if match := MEAN.fullmatch(text):
        first, last = (_layer(number, text, blocks) for number in match.groups())
        if first < last:
            return Layers(tuple(range(first, last + 1)))
    if match := CONCAT.fullmatch(text):
        numbers = sorted({_layer(number, text, blocks) for number in match[1].split(",")})
        return Layers(tuple(numbers), joined=True)
    raise UsageError(
        f"--layer {text}: this names no layers; give last, a number from 0 to {blocks}, "
        "mean:A-B with A below B, or concat:A,B"
    )


def _layer(number: str, text: str, blocks: int) -> int:
    layer = int(number) if int(number) >= 0 else blocks + 1 + int(number)
    if not 0 <= layer <= blocks:
        raise UsageError(
            f"--layer {text}: there is no layer {number}; this model has 0 (the embedding layer) to {blocks}"
        )
    return layer
