"""Exact gradients of a causal SLiM Performer in memory that does not depend on a sequence's length.

    forward    pieces 1 2 3 ... n, without gradients: only the sums that attention carries are kept
    backward   pieces n ... 3 2 1, each read once more with gradients: its share of the loss, and what all
               later pieces want of the sums it hands on (G), go back through it; what comes out is the next G

Likhosherstov et al. 2021, arXiv 2012.11346. It costs one more forward pass, and is the same gradient as
that of the whole sequence at once but for rounding: 1e-15 of it in float64, some 2e-7 in float32.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from genome_index.encoders.networks.performer import SlimPerformer, State
from genome_index.errors import UsageError

# Where the sums before a piece come from. subtract: what the piece adds is taken away again, so that only one
# state is kept. store: one state a piece is kept, which does grow with the length, if slowly.
Mode = Literal["subtract", "store"]
IGNORED = -100  # targets that do not count, as torch has it


def exact_gradients(
    model: SlimPerformer, ids: Tensor, targets: Tensor, chunk: int, mode: Mode = "subtract"
) -> float:
    """Mean cross-entropy (nats) of the targets; its gradient is added to the parameters' `.grad`.

    Parameters
    ----------
    ids, targets
        (B, L); a target is what should follow the id at its place. Those that are `IGNORED` do not count.
    chunk
        Positions read at a time. Memory grows with it, and below some 256 time is lost on small matrices.

    Raises
    ------
    UsageError
        A chunk below 1, no target at all, or a network that sees both ways.
    """
    count = int((targets != IGNORED).sum())
    if chunk < 1 or count == 0 or mode not in get_args(Mode):
        raise UsageError(
            f"a chunk of {chunk} in mode {mode!r} with {count} targets gives no gradient; "
            f"it takes 1 or more positions, {' or '.join(get_args(Mode))}, and at least one target"
        )
    pieces = [slice(at, at + chunk) for at in range(0, ids.shape[1], chunk)]
    states = _forward(model, ids, pieces, keep=mode == "store")
    loss, wanted = 0.0, tuple[Tensor, ...]()
    for piece in reversed(pieces):
        hidden, end, start = _again(model, ids[:, piece], states, mode)
        share = _summed_loss(model.logits(hidden), targets[:, piece]) / count
        ends = end.sums if wanted else ()  # nothing comes after the last piece
        torch.autograd.backward([share, *ends], [torch.ones_like(share), *wanted])
        wanted = tuple(one.grad for one in start.sums if one.grad is not None)
        loss += share.item()
    return loss


def whole_gradients(model: SlimPerformer, ids: Tensor, targets: Tensor) -> float:
    """The same with the graph of the whole sequence in memory: what `exact_gradients` must agree with."""
    logits = model.logits(model(ids))
    loss = _summed_loss(logits, targets) / (targets != IGNORED).sum()
    torch.autograd.backward([loss])
    return loss.item()


def _forward(model: SlimPerformer, ids: Tensor, pieces: list[slice], keep: bool) -> list[State]:
    """The states before each piece, or the one after the last."""
    state, kept = model.start(len(ids)), []
    with torch.no_grad():
        for piece in pieces:
            kept += [state] if keep else []
            _, state = model.step(ids[:, piece], state)
    torch.clear_autocast_cache()  # older torch would use weights again that were cast without gradients
    return kept or [state]


def _again(model: SlimPerformer, ids: Tensor, states: list[State], mode: Mode) -> tuple[Tensor, State, State]:
    """Read a piece with gradients -> hidden states, the state after it, and the one before it, a leaf."""
    known = states.pop()
    if mode == "subtract":
        hidden, end, start = model.step_back(ids, known)
        states.append(State(start.position, tuple(one.detach() for one in start.sums)))
        return hidden, end, start
    start = State(known.position, tuple(one.requires_grad_() for one in known.sums))
    return *model.step(ids, start), start


def _summed_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
