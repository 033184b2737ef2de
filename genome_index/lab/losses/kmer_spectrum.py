"""Soft k-mer spectrum: the expected share of each k-mer if every base were drawn by itself.

The count of a k-mer w is the sum over positions t of the product over j of p[t + j, w_j]. On known bases
these are the counts of k-mers; k-mers with a base that is not known are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genome_index.errors import UsageError
from genome_index.lab.losses.reading import Reading

K, MOST_K = 3, 6
NOTHING = 1e-12  # added to shares before logarithms


def soft_counts(bases: Tensor, k: int) -> Tensor:
    """Expected counts of k-mers, first base most significant: (B, L, 4) -> (B, 4 ** k)."""
    length = bases.shape[1] - k + 1
    if length < 1:
        raise UsageError(f"sequences of {bases.shape[1]} bases have no {k}-mer; give longer ones")
    products = bases[:, :length]
    for at in range(1, k):
        products = (products[..., None] * bases[:, at : at + length, None]).flatten(2)
    return products.sum(1)


class KmerSpectrum:
    """Jensen-Shannon divergence between predicted and true spectra, mean of the sequences, in nats."""

    def __init__(self, k: int = K) -> None:
        if not 1 <= k <= MOST_K:
            raise UsageError(f"a spectrum of {k}-mers: choose a k from 1 to {MOST_K}")
        self.k = k

    def __call__(self, reading: Reading) -> Tensor:
        return spectrum_divergence(reading.probabilities, reading.labels, self.k)


def spectrum_divergence(bases: Tensor, others: Tensor, k: int) -> Tensor:
    """Jensen-Shannon divergence of the k-mers of both, mean of the sequences, nats: (B, L, 4) twice -> ()."""
    ours, theirs = (shares(soft_counts(each, k)) for each in (bases, others))
    middle = (ours + theirs) / 2
    return (_divergence(ours, middle) + _divergence(theirs, middle)).mean() / 2


def shares(counts: Tensor) -> Tensor:
    """Counts of each sequence as shares of their sum: (B, W) -> (B, W)."""
    return counts / counts.sum(1, keepdim=True).clamp(min=NOTHING)


def _divergence(own: Tensor, others: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each row, in nats: (B, W) twice -> (B,)."""
    terms = own * (torch.log(own + NOTHING) - torch.log(others + NOTHING))
    return terms.sum(1)
