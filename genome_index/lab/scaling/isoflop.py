"""The best size for each budget of operations, by a parabola: approach 2 of Hoffmann et al. 2022.

At one budget the loss is a parabola in the logarithm of the parameters. It is a check of the fitted law:
parabolas are biased where sizes are few or far from the best one (arXiv 2603.22339).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genome_index.lab.scaling.law import Floats

LEAST = 3  # sizes that a parabola is fitted to


@dataclass(frozen=True)
class Valley:
    """The lowest point of the parabola of one budget."""

    budget: float  # operations
    parameters: float
    loss: float
    inside: bool  # whether it lies between the sizes that were run


def valley(budget: float, parameters: Floats, losses: Floats) -> Valley | None:
    """The lowest point for runs of one budget: (R,), (R,); None where they have none."""
    sizes = np.log(parameters)
    if len(np.unique(parameters)) < LEAST:
        return None
    square, slope, level = np.polyfit(sizes, losses, 2)
    if square <= 0:
        return None
    lowest = -slope / (2 * square)
    inside = bool(sizes.min() <= lowest <= sizes.max())
    return Valley(budget, float(np.exp(lowest)), float(level + slope * lowest / 2), inside)
