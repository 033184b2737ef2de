"""Losses of contrastive training; tests/lab/test_losses.py has each as plain loops.

Sources: weighted SimCLR and MI-Mix, Zhou et al. 2024 (DNABERT-S, arXiv 2402.08777); pairs by distance,
Celikkanat et al. 2024 (arXiv 2411.02125); nested sizes, Kusupati et al. 2022 (Matryoshka, arXiv 2205.13147).
Vectors have length 1 unless a docstring differs; every loss is a mean, in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cross_entropy, normalize

TEMPERATURE = 0.05  # of DNABERT-S

PairLoss = Callable[[Tensor, Tensor], Tensor]  # (B, D), (B, D) -> ()


def weighted_simclr(left: Tensor, right: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Weighted SimCLR; row i of `left` and of `right` are of one species: (B, D), (B, D) -> ().

    An anchor's negatives are the 2B - 2 views of other pairs, n_j = exp(s_j / t) each, weighted by
    n_j / mean(n), so that near negatives count for more: -log(pos / (pos + sum n_j ** 2 / mean(n))).
    """
    pairs = len(left)
    views = torch.cat([left, right])
    scores = views @ views.T / temperature  # (2B, 2B)
    rows = torch.arange(2 * pairs, device=left.device)
    partner = (rows + pairs) % (2 * pairs)
    return _pull(scores[rows, partner], _push(scores, rows, partner)).mean()


def mixed_simclr(
    mixed: Tensor, right: Tensor, other: Tensor, share: Tensor, temperature: float = TEMPERATURE
) -> Tensor:
    """MI-Mix: `mixed` row i is share[i] of pair i and the rest of pair other[i]; `right` is not mixed.

    (B, D), (B, D), (B,), (B,) -> (). The anchor's negatives are the other rows of `mixed` and of `right`;
    each of its two pairs is the positive once, weighted by its share.
    """
    pairs = len(mixed)
    views = torch.cat([mixed, right])
    scores = mixed @ views.T / temperature  # (B, 2B)
    rows = torch.arange(pairs, device=mixed.device)
    push = _push(scores, rows, rows + pairs)
    own, others = scores[rows, rows + pairs], scores[rows, other + pairs]
    return (share * _pull(own, push) + (1 - share) * _pull(others, push)).mean()


def _push(scores: Tensor, self_: Tensor, partner: Tensor) -> Tensor:
    """Log of the weighted sum of the negatives: log(sum n ** 2 / mean n)."""
    hidden = torch.zeros_like(scores, dtype=torch.bool)
    rows = torch.arange(len(scores), device=scores.device)
    hidden[rows, self_] = hidden[rows, partner] = True
    negatives = scores.masked_fill(hidden, float("-inf"))
    number = scores.new_tensor(max(1, scores.shape[1] - 2))
    return (2 * negatives).logsumexp(1) - negatives.logsumexp(1) + number.log()


def _pull(positive: Tensor, push: Tensor) -> Tensor:
    """-log(pos / (pos + push)), from logarithms."""
    return torch.logaddexp(positive, push) - positive


def contrast(left: Tensor, right: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """InfoNCE: cross-entropy of each row's partner among the rows of the other side, in both directions."""
    scores = left @ right.T / temperature
    rows = torch.arange(len(left), device=left.device)
    return (cross_entropy(scores, rows) + cross_entropy(scores.T, rows)) / 2


def distance_bce(left: Tensor, right: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of p = exp(-|a - b| ** 2), 1 for one species: (B, D), (B, D), (B,) -> ()."""
    distance = (left - right).square().sum(1)
    probability = torch.exp(-distance).clamp(1e-7, 1 - 1e-7)
    return binary_cross_entropy(probability, same.to(probability.dtype))


def nested(loss: PairLoss, left: Tensor, right: Tensor, sizes: Sequence[int]) -> Tensor:
    """Matryoshka: the mean of a loss over the first m entries, normalised again, for each m of `sizes`."""
    terms = [loss(normalize(left[:, :m], dim=1), normalize(right[:, :m], dim=1)) for m in sizes]
    return torch.stack(terms).mean()


def retrieval_loss(
    queries: Tensor, targets: Tensor, related: Tensor, temperature: float = TEMPERATURE, back: float = 0.3
) -> Tensor:
    """As `contrast`, but pairs marked `related` are no negatives of each other: (B, D), (B, D), (B, B) -> ().

    Retrieving the target from the query is the task; the other direction has the weight `back`.
    """
    scores = (queries @ targets.T / temperature).masked_fill(related.to(queries.device), float("-inf"))
    rows = torch.arange(len(queries), device=queries.device)
    return (cross_entropy(scores, rows) + back * cross_entropy(scores.T, rows)) / (1 + back)
