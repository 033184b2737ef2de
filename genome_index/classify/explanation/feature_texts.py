"""Features in words, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "ani": ("ANI of the best hit", "%"),
    "af": ("aligned fraction of the best hit", "%"),
    "ani lead": ("ANI lead over the next name", "points"),
    "k-mer identity": ("k-mer identity of the best hit", "%"),
    "score lead": ("score lead over the next name", "score"),
    "share": ("share of the votes", "%"),
    "hits of the name": ("hits of the name", ""),
    "above isolation": ("score above best hit's neighbours, other names", "score"),
    "above local isolation": ("score above ten hits' neighbours, other names", "score"),
    "above cohesion": ("score above best hit's neighbours, same name", "score"),
    "above local cohesion": ("score above ten hits' neighbours, same name", "score"),
    "above local nearest": ("score above ten hits' neighbours, any name", "score"),
    "alone": ("best hit is alone in its name", ""),
}
"""Text and unit of each feature (index/calibration/features.py)."""
SPECIES_ANI = ("ANI above the required", "points")  # at the level species the required ANI is subtracted
PERCENT_OF_ONE = ("k-mer identity", "share")  # features from 0 to 1, which are shown in percent
