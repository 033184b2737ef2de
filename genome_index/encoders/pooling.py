"""Pooling of token states to chunk vectors and of chunk vectors to genome vectors; normalisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

GEM_POWER = 3.0  # Radenovic et al. 2018, arXiv 1711.02512; 1 is the mean, infinity the maximum


def unit(vectors: Floats) -> Floats:
    """Rows of length 1, so that an inner product is a cosine: (N, D) -> (N, D). A row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


# -- tokens -> chunk: (B, T, H) states, (B, T) True for tokens that are sequence -> (B, H) -------------------


def mean_of_tokens(states: Tensor, real: Tensor) -> Tensor:
    weights = real.to(states.dtype)[:, :, None]
    return (states * weights).sum(1) / weights.sum(1)


def max_of_tokens(states: Tensor, real: Tensor) -> Tensor:
    return states.masked_fill(~real[:, :, None], float("-inf")).amax(1)


def first_token(states: Tensor, real: Tensor) -> Tensor:
    """The special token before the sequence; its content depends on the model's training."""
    return states[:, 0]


def gem_of_tokens(states: Tensor, real: Tensor) -> Tensor:
    """Generalised mean; powers keep the sign of the hidden states."""
    mean = mean_of_tokens(states.sign() * states.abs() ** GEM_POWER, real)
    return mean.sign() * mean.abs() ** (1 / GEM_POWER)


TOKEN_POOLS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": mean_of_tokens,
    "max": max_of_tokens,
    "cls": first_token,
    "gem": gem_of_tokens,
}

# -- chunks -> genome: (C, H) vectors, (C,) tokens -> (H,) ---------------------------------------------------


def weighted_chunks(vectors: Floats, tokens: Counts) -> Floats:
    """Mean weighted by the tokens of each chunk: a tail must not weigh as much as a full chunk.

    Summed in float64, so that the order of chunks does not change the result.
    """
    return np.asarray((tokens / tokens.sum()) @ vectors.astype(np.float64), np.float32)


def plain_chunks(vectors: Floats, tokens: Counts) -> Floats:
    return np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)


CHUNK_POOLS: Mapping[str, Callable[[Floats, Counts], Floats]] = {
    "weighted": weighted_chunks,
    "mean": plain_chunks,
}
