"""Sizes of networks: Pythia's ladder, and smaller ones of its kind for two cores."""

from __future__ import annotations

from dataclasses import dataclass

from genome_index.errors import UsageError


@dataclass(frozen=True)
class Shape:
    """Width, blocks, heads of attention, and the width within the feed-forward part."""

    width: int
    layers: int
    heads: int
    ffn: int


# Biderman et al. 2023 (arXiv 2304.01373), table 1; with 8 tokens they have 1.2 M to 302 M parameters.
LADDER = {
    "pythia-14m": Shape(128, 6, 4, 512),
    "pythia-31m": Shape(256, 6, 8, 1_024),
    "pythia-70m": Shape(512, 6, 8, 2_048),
    "pythia-160m": Shape(768, 12, 12, 3_072),
    "pythia-410m": Shape(1_024, 24, 16, 4_096),
}
# Below the ladder, for studies on two cores: 0.007 M to 0.6 M.
SMALL = {
    "pico": Shape(16, 2, 1, 64),
    "nano": Shape(32, 2, 2, 128),
    "micro": Shape(64, 3, 4, 256),
    "mini": Shape(96, 5, 4, 384),
}
SHAPES = {**SMALL, **LADDER}


def shape_of(name: str) -> Shape:
    """A shape by its name; UsageError for an unknown one."""
    if name not in SHAPES:
        raise UsageError(f"no size is called {name!r}; choose one of {', '.join(SHAPES)}")
    return SHAPES[name]
