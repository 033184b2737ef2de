"""Routing of tokens to experts: the router's choice, capacity, its two losses, and the experts' load.

A token's experts are the top k of the router's probabilities, softmax(x W) in float32, and their weights are
those probabilities divided by their sum. So experts that are copies of one another give what one of them
gives; without the division, 8 equal experts of which 2 are taken give some 0.29 of it.

Shapes: N tokens, E experts, k choices of a token, C choices in all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Choices(NamedTuple):
    """The experts of each token."""

    experts: Tensor  # (N, k), the likeliest first
    weights: Tensor  # (N, k) float32, of sum 1
    routing: Routing


@dataclass(frozen=True)
class Routing:
    """What one layer of experts did with the tokens of a batch: its losses and its load."""

    balance: Tensor  # Switch load-balance loss, before its weight: 1 where the load is equal
    router_z: Tensor  # z-loss, before its weight: the mean square of log sum exp of the logits
    load: Tensor  # (E,) int64, choices of each expert; capacity is not counted here
    dropped: Tensor  # int64, choices beyond the capacity of their expert


@dataclass(frozen=True)
class LoadReport:
    """The load of experts over some layers and batches."""

    entropy: float  # nats; log E where the load is equal, 0 where one expert has all
    max_over_mean: float  # 1 where the load is equal, E where one expert has all
    dropped_share: float  # of choices


def choose(logits: Tensor, top_k: int) -> Choices:
    """The experts of each token by the router's logits: (N, E) float32 -> (N, k).

    `Routing.dropped` is 0 here: `within_capacity` says what is dropped.
    """
    probabilities = logits.softmax(dim=-1)
    top, experts = probabilities.topk(top_k, dim=-1)
    load = torch.bincount(experts.flatten(), minlength=logits.shape[-1])
    routing = Routing(
        balance_loss(probabilities, load), z_loss(logits), load, torch.zeros((), dtype=torch.int64)
    )
    return Choices(experts, top / top.sum(-1, keepdim=True), routing)


def balance_loss(probabilities: Tensor, load: Tensor) -> Tensor:
    """E sum_i f_i P_i (Fedus et al. 2022): f_i the share of choices, P_i the mean probability of expert i.

    Each of k choices is counted and the sum divided by k, so that an equal load gives 1.
    """
    share = load / load.sum().clamp(min=1)
    return len(load) * (share * probabilities.mean(0)).sum()


def z_loss(logits: Tensor) -> Tensor:
    """Mean over tokens of (log sum_i exp r_i)^2 (Zoph et al. 2022): (N, E) -> scalar."""
    return logits.logsumexp(dim=-1).square().mean()


def capacity(tokens: int, experts: int, top_k: int, factor: float | None) -> int | None:
    """Choices that one expert takes, ceil(k N / E factor); None for no limit.

    >>> capacity(10, 8, 2, 1.25), capacity(10, 8, 2, None)
    (4, None)
    """
    return None if factor is None else math.ceil(top_k * tokens / experts * factor)


def by_expert(experts: Tensor, load: Tensor, most: int | None) -> list[Tensor]:
    """The choices that each expert takes, as places in the flattened (N, k): E of (at most `most`,).

    An expert that is full takes the tokens that come first, and all choices of a token stand together: no
    token loses a place to a later one, so that a causal network stays causal.
    """
    order = experts.flatten().sort(stable=True).indices
    groups = torch.split(order, load.tolist())
    return [group[:most] for group in groups]


def router_loss(routings: Sequence[Routing], load_balance: float, router_z: float) -> Tensor:
    """The sum over layers of both losses, each with its weight; 0 for no layers."""
    losses = [load_balance * each.balance + router_z * each.router_z for each in routings]
    return torch.stack(losses).sum() if losses else torch.zeros(())


def load_report(routings: Sequence[Routing]) -> LoadReport:
    """The mean over layers of the entropy and of max / mean, and the dropped share of all choices."""
    loads = torch.stack([each.load for each in routings]).double().cpu()
    shares = loads / loads.sum(-1, keepdim=True).clamp(min=1)
    entropy = -torch.special.xlogy(shares, shares).sum(-1).mean()
    dropped = sum(int(each.dropped) for each in routings)
    return LoadReport(
        float(entropy),
        float((shares.max(-1).values * loads.shape[-1]).mean()),
        dropped / max(1, int(loads.sum())),
    )


def logits_of(states: Tensor, router: Tensor) -> Tensor:
    """The router's logits in float32, under autocast too: (N, H), (E, H) -> (N, E)."""
    with torch.autocast(states.device.type, enabled=False):
        return functional.linear(states.float(), router.float())
