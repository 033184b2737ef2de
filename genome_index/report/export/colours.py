"""Colours of names: distinct, and the same for the same set of names."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

NO_NAME_COLOUR = "#9e9e9e"


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name in alphabetical order: hues a golden angle apart, in nine tones."""
    colours = {}
    for number, name in enumerate(sorted(set(names))):
        depth, strength = (0.42, 0.56, 0.70)[number % 3], (0.45, 0.62, 0.80)[number // 3 % 3]
        rgb = colorsys.hls_to_rgb(number * 0.381966 % 1, depth, strength)
        colours[name] = "#" + "".join(f"{round(255 * one):02x}" for one in rgb)
    return colours
