"""Exact gradients of a causal SLiM Performer in memory that does not depend on a sequence's length.

    forward    pieces 1 2 3 ... n, without gradients: only the sums of attention are stored
    backward   pieces n ... 3 2 1, each read once more with gradients: the gradients of its share of the loss
               and of the sums after it (G) pass through it and give G for the piece before it

Likhosherstov et al. 2021, arXiv 2012.11346. It costs one more forward pass. The gradient is that of the whole
sequence at once but for rounding: 1e-15 of it in float64, about 2e-7 in float32.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.networks.performer import SlimPerformer, State
from genome_index.errors import UsageError

# Source of the sums before a piece. subtract: the sums after it less its own, so that one state is stored.
# store: one stored state per piece, which grows slowly with the length.
Mode = Literal["subtract", "store"]
IGNORED = -100  # a target that does not count, torch's own value


def exact_gradients(
    model: SlimPerformer, ids: Tensor, targets: Tensor, chunk: int, mode: Mode = "subtract"
) -> float:
    """Mean cross-entropy (nats) of the targets; its gradient is added to the parameters' `.grad`.

    Parameters
    ----------
    ids, targets
        (B, L); a target is the id after the one at its position. Targets that are `IGNORED` do not count.
    chunk
        Positions read at a time. Memory grows with it; below about 256, small matrices cost time.

    Raises
    ------
    UsageError
        A chunk below 1, no target, or a bidirectional network.
    """
    count = int((targets != IGNORED).sum())
    if chunk < 1 or count == 0 or mode not in get_args(Mode):
        raise UsageError(
            f"a chunk of {chunk} in mode {mode!r} with {count} targets gives no gradient; "
            f"it takes 1 or more positions, {' or '.join(get_args(Mode))}, and at least one target"
        )
    pieces = [slice(at, at + chunk) for at in range(0, ids.shape[1], chunk)]
    states = _forward(model, ids, pieces, keep=mode == "store")
    loss, gradients = 0.0, tuple[Tensor, ...]()
    for piece in reversed(pieces):
        hidden, end, start = _read_again(model, ids[:, piece], states, mode)
        share = _summed_loss(model.logits(hidden), targets[:, piece]) / count
        ends = end.sums if gradients else ()  # the last piece has no gradients from later ones
        torch.autograd.backward([share, *ends], [torch.ones_like(share), *gradients])
        gradients = tuple(sums.grad for sums in start.sums if sums.grad is not None)
        loss += share.item()
    return loss


def whole_gradients(model: SlimPerformer, ids: Tensor, targets: Tensor) -> float:
    """The same with the graph of the whole sequence in memory; `exact_gradients` must agree with it."""
    logits = model.logits(model(ids))
    loss = _summed_loss(logits, targets) / (targets != IGNORED).sum()
    torch.autograd.backward([loss])
    return loss.item()


def _forward(model: SlimPerformer, ids: Tensor, pieces: list[slice], keep: bool) -> list[State]:
    """The states before each piece, or the state after the last piece."""
    state, stored = model.start(len(ids)), []
    with torch.no_grad():
        for piece in pieces:
            stored += [state] if keep else []
            _, state = model.step(ids[:, piece], state)
    torch.clear_autocast_cache()  # older torch would reuse weights that were cast without gradients
    return stored or [state]


def _read_again(
    model: SlimPerformer, ids: Tensor, states: list[State], mode: Mode
) -> tuple[Tensor, State, State]:
    """Read a piece with gradients -> hidden states, the state after it, and the state before it, a leaf."""
    known = states.pop()
    if mode == "subtract":
        hidden, end, start = model.step_back(ids, known)
        states.append(State(start.position, tuple(sums.detach() for sums in start.sums)))
        return hidden, end, start
    start = State(known.position, tuple(sums.requires_grad_() for sums in known.sums))
    return *model.step(ids, start), start


def _summed_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
