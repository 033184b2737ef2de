"""How sure a mean over genomes is, where genomes of one species are not independent: species are redrawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DRAWS = 1000
CELLS = 1 << 20  # drawn species that are held at a time, so that memory does not grow with them

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def interval(values: Values, species: Codes, seed: int = 0) -> tuple[float, float]:
    """95 % of the mean over redrawn species, in points of percent: (Q,), (Q,) -> low, high."""
    _, codes = np.unique(species, return_inverse=True)
    sums, sizes = np.bincount(codes, values), np.bincount(codes)
    generator, means = np.random.default_rng(seed), np.empty(DRAWS)
    step = max(1, CELLS // len(sums))
    for start in range(0, DRAWS, step):
        drawn = generator.integers(len(sums), size=(min(step, DRAWS - start), len(sums)))
        means[start : start + step] = 100 * sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
