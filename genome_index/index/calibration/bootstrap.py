"""Bootstrap intervals of means over genomes. Species are redrawn whole: their genomes are not independent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DRAWS = 1000
CELLS = 1 << 20  # drawn species in memory at a time

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def interval(values: Values, species: Codes, seed: int = 0, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % interval of a mean, in the unit of `values`: values (Q,), species (Q,) -> low, high."""
    _, codes = np.unique(species, return_inverse=True)
    sums, sizes = np.bincount(codes, values), np.bincount(codes)
    generator, means = np.random.default_rng(seed), np.empty(draws)
    step = max(1, CELLS // len(sums))
    for start in range(0, draws, step):
        drawn = generator.integers(len(sums), size=(min(step, draws - start), len(sums)))
        means[start : start + step] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
