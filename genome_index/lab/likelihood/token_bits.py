"""Bits of each token of a sequence by a causal network, in memory that does not depend on its length.

A token is predicted among those that stand for bases: where an N is, is taken as known. A token of N is read,
but not scored. The bits of a token belong to the bases that it adds to those before it, and are spread evenly
over them: over all k bases of a k-mer side by side, over the last base of an overlapping k-mer (over all of
the first one).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.likelihood.causal_model import CausalModel
from genome_index.lab.tokenizers.bpe import Bpe
from genome_index.lab.tokenizers.kmers import KmersOverlapping, LabTokenizer
from genome_index.lab.tokenizers.special_ids import CLS, SPECIAL, Ids

BLOCK_BP = 65_536  # tokenised at once
PIECE = 512  # tokens that the network reads at once, as in training

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class TokenBits(NamedTuple):
    """Scored tokens of a sequence, in order, and the bases that their bits belong to: (T,) each."""

    starts: Rows  # 0-based
    lengths: Rows  # bp
    bits: Doubles


def token_bits(model: CausalModel, codes: Codes, context: int = 0) -> Iterator[TokenBits]:
    """Score a sequence, a block of bases after the other: (L,) codes -> the tokens of each block.

    `context` is the number of tokens after which the network starts anew; 0: never.
    """
    reader = _Reader(model, context)
    for ids, starts, lengths in token_blocks(model.tokenizer, codes, BLOCK_BP):
        bits, scored = reader.bits(ids), model.allowed[ids]
        yield TokenBits(starts[scored], lengths[scored], bits[scored])


def nats_of(network: SlimPerformer, hidden: Tensor, targets: Tensor, allowed: Tensor) -> Tensor:
    """Nats of tokens, predicted among the allowed ones: (..., width), (...), (V,) -> (...).

    A target that is not allowed has infinitely many.
    """
    logits = network.logits(hidden)
    logits = logits if logits.dtype == torch.float64 else logits.float()
    chances = logits.masked_fill(~allowed, float("-inf")).log_softmax(-1)
    return -chances.gather(-1, targets[..., None]).squeeze(-1)


def token_blocks(tokenizer: LabTokenizer, codes: Codes, block_bp: int) -> Iterator[tuple[Ids, Rows, Rows]]:
    """Tokens with the bases that they add, block by block: as the tokens of the whole sequence.

    k bases decide a k-mer token, so those beyond a block are looked at. Byte-pair encoding, whose tokens
    depend on more, gets the whole sequence at once.
    """
    k = getattr(tokenizer, "k", 1)
    block_bp = len(codes) if isinstance(tokenizer, Bpe) else block_bp
    at, after_kmer = 0, False
    while at < len(codes):
        ids = tokenizer.ids(codes[at : at + block_bp + k])
        lengths = tokenizer.lengths[ids]
        starts = at + np.cumsum(lengths) - lengths
        kept = starts < at + block_bp
        ids, starts, lengths = ids[kept], starts[kept], lengths[kept]
        at = int(starts[-1] + lengths[-1])
        if isinstance(tokenizer, KmersOverlapping):
            kmer = (ids >= len(SPECIAL)) & (ids < len(SPECIAL) + 4**k)
            follows = np.concatenate([[after_kmer], kmer[:-1]])
            after_kmer = bool(kmer[-1])
            starts, lengths = (
                starts + np.where(kmer & follows, k - 1, 0),
                np.where(kmer & ~follows, k, 1),
            )
        yield ids, starts, lengths


class _Reader:
    """A network that goes on reading; it carries its sums and the last token."""

    def __init__(self, model: CausalModel, context: int) -> None:
        self._network, self._context = model.network, context
        self._device = model.network.embedding.weight.device
        self._allowed = torch.from_numpy(model.allowed).to(self._device)
        self._start()

    def _start(self) -> None:
        self._state, self._last = self._network.start(1), CLS

    @torch.inference_mode()
    def bits(self, ids: Ids) -> Doubles:
        """(T,) -> (T,)."""
        at, parts = 0, list[Doubles]()
        while at < len(ids):
            if self._context and self._state.position == self._context:
                self._start()
            most = min(PIECE, self._context - self._state.position) if self._context else PIECE
            parts.append(self._piece(ids[at : at + most]))
            at += most
        return np.concatenate([np.empty(0), *parts])

    def _piece(self, ids: Ids) -> Doubles:
        inputs = torch.from_numpy(np.concatenate([[self._last], ids[:-1]])).to(self._device)
        hidden, self._state = self._network.step(inputs[None], self._state)
        self._last = int(ids[-1])
        targets = torch.from_numpy(ids).to(self._device)
        nats = nats_of(self._network, hidden[0], targets, self._allowed)
        return nats.double().cpu().numpy() / math.log(2)
