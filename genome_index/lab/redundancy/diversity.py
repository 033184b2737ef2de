"""How many genomes a collection is worth: Hill numbers of its groups, and the Vendi score of its vectors.

Hill 1973 (Ecology 54, 427): with shares p of groups, the number of order q is (sum of p^q)^(1 / (1 - q)): the
groups themselves for q = 0, the exponential of Shannon's entropy for q = 1, the inverse of the chance that
two genomes are of one group for q = 2. Friedman and Dieng 2022 (arXiv 2210.02410): the Vendi score is the
exponential of the entropy of the eigenvalues of K / n, K the cosines of n vectors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def hill_number(counts: npt.ArrayLike, order: float) -> float:
    """The effective number of groups of those sizes: (G,).

    >>> round(hill_number([5, 5, 5], 2), 6), round(hill_number([98, 1, 1], 1), 2)
    (3.0, 1.12)
    """
    shares = np.asarray(counts, np.float64)
    shares = shares[shares > 0] / shares.sum()
    if order == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float((shares**order).sum() ** (1 / (1 - order)))


def vendi_score(vectors: npt.ArrayLike) -> float:
    """The effective number of vectors: (N, D), from 1 (all alike) to N (all at right angles)."""
    rows = np.asarray(vectors, np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    # The eigenvalues of K / n are those of the smaller one of both products.
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    values = np.linalg.eigvalsh(gram / len(rows))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
