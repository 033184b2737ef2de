"""What training lowers: same species near, others far. Each has a dull twin in tests/test_losses.py.

Sources: weighted SimCLR and MI-Mix, Zhou et al. 2024 (DNABERT-S, arXiv 2402.08777); pairs by distance,
Celikkanat et al. 2024 (arXiv 2411.02125); nested sizes, Kusupati et al. 2022 (Matryoshka, arXiv 2205.13147).
Vectors come at length 1, unless a function says otherwise; every loss is a mean, in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cross_entropy, normalize

TEMPERATURE = 0.05  # of DNABERT-S

PairLoss = Callable[[Tensor, Tensor], Tensor]  # (B, D), (B, D) -> ()


def weighted_simclr(left: Tensor, right: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Row i of `left` and of `right` are of one species: (B, D), (B, D) -> ().

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
    of the two pairs it was made of, each is the positive in its turn.
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
    """-log(pos / (pos + push)), all in logarithms."""
    return torch.logaddexp(positive, push) - positive


def contrast(left: Tensor, right: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Cross-entropy of finding each row's partner among the other side's rows, both ways: InfoNCE."""
    scores = left @ right.T / temperature
    rows = torch.arange(len(left), device=left.device)
    return (cross_entropy(scores, rows) + cross_entropy(scores.T, rows)) / 2


def distance_bce(left: Tensor, right: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of p = exp(-|a - b| ** 2), 1 for one species: (B, D), (B, D), (B,) -> ()."""
    distance = (left - right).square().sum(1)
    chance = torch.exp(-distance).clamp(1e-7, 1 - 1e-7)
    return binary_cross_entropy(chance, same.to(chance.dtype))


def nested(loss: PairLoss, left: Tensor, right: Tensor, sizes: Sequence[int]) -> Tensor:
    """Matryoshka: the mean of a loss over the first m entries, at length 1 again, for each m of `sizes`."""
    terms = [loss(normalize(left[:, :m], dim=1), normalize(right[:, :m], dim=1)) for m in sizes]
    return torch.stack(terms).mean()


def asked_and_answered(
    asked: Tensor, answers: Tensor, akin: Tensor, temperature: float = TEMPERATURE, back: float = 0.3
) -> Tensor:
    """As `contrast`, but pairs marked `akin` are no negatives of each other: (B, D), (B, D), (B, B) -> ().

    Finding the answer is what a search does; finding the question from it counts `back` as much.
    """
    scores = (asked @ answers.T / temperature).masked_fill(akin.to(asked.device), float("-inf"))
    rows = torch.arange(len(asked), device=asked.device)
    return (cross_entropy(scores, rows) + back * cross_entropy(scores.T, rows)) / (1 + back)
