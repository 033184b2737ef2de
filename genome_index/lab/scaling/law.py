"""A scaling law of the loss: L(N, D) = E + A / N^alpha + B / D^beta, and what is best for a budget.

Hoffmann et al. 2022 (arXiv 2203.15556), with N parameters, D tokens, and C = 6 N D operations of a training.
E is the loss that neither more parameters nor more tokens lower: the entropy rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError

OPERATIONS = 6  # of a parameter and token: 2 forward, 4 backward

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Optimum:
    """The best network for a budget of operations."""

    parameters: float
    tokens: float
    loss: float


@dataclass(frozen=True)
class ScalingLaw:
    """The five numbers of a law; losses are in the unit of those that it was fitted to."""

    floor: float  # E
    size_term: float  # A
    data_term: float  # B
    size_power: float  # alpha
    data_power: float  # beta

    def loss(self, parameters: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """The loss of networks: (R,), (R,) -> (R,)."""
        n, d = np.asarray(parameters, np.float64), np.asarray(tokens, np.float64)
        return np.asarray(
            self.floor + self.size_term * n**-self.size_power + self.data_term * d**-self.data_power
        )

    @property
    def size_share(self) -> float:
        """The power of the budget with which the best number of parameters grows."""
        return self.data_power / (self.size_power + self.data_power)

    @property
    def has_optimum(self) -> bool:
        """Whether size and data both lower the loss."""
        return min(self.size_term, self.data_term) > 0

    def optimum(self, operations: float) -> Optimum:
        """The best network for so many operations: where its loss has no slope along N D = C / 6.

        Raises
        ------
        UsageError
            A term is 0: the runs show no effect of the size, or of the data.
        """
        if not self.has_optimum:
            what = "the size" if not self.size_term else "the data"
            raise UsageError(f"the runs show no effect of {what} on the loss, so no size is best; run more")
        total = self.size_power + self.data_power
        ratio = (self.size_power * self.size_term) / (self.data_power * self.data_term)
        product = operations / OPERATIONS
        parameters = float(ratio ** (1 / total) * product**self.size_share)
        tokens = product / parameters
        return Optimum(parameters, tokens, float(self.loss(parameters, tokens)))
