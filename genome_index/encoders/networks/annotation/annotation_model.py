"""Annotation model: DNABERT-2 as an encoder-decoder, with experts in some of its feed-forward parts.

Weights have the names of DNABERT-2's published files where they are the same: `bert.` is the encoder, and a
layer of the decoder is named as one of the encoder. Embeddings of both parts, and by default the matrix of
the head, are one tensor.

Shapes: B sequences, T source tokens, U target tokens, H width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.encoders.networks.annotation.decoder import Decoder, DecoderCache, feed_forward
from genome_index.encoders.networks.annotation.experts import GatedExperts
from genome_index.encoders.networks.annotation.one_way import OneWayDnaBert2
from genome_index.encoders.networks.annotation.pointers import PointerHead
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.encoders.networks.annotation.token_bases import BASES, CODON
from genome_index.encoders.networks.dnabert2 import DnaBert2


class AnnotationModel(nn.Module):
    """Reads a window of sequence and predicts the tokens of its annotation, each from those before it."""

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = (OneWayDnaBert2 if config.one_way_heads else DnaBert2)(config.encoder_sizes)
        for at in config.expert_layers("encoder"):
            self.bert.encoder.layer[at].mlp = GatedExperts(config)
        self.decoder = Decoder(config)
        self.head = Head(config)
        self.phase = PlaceEmbedding(CODON, config.width) if config.codon_phase else None
        self.context = BasesAround(config) if config.context else None
        self.pointers = (
            PointerHead(config.width, config.epsilon) if config.coordinates == "pointers" else None
        )

    def embed(self, ids: Tensor) -> Tensor:
        """Layer 0 of the decoder: (B, U) -> (B, U, H)."""
        return self.bert.embeddings.of(ids)

    def layer_0(self, ids: Tensor, phase: Tensor | None, context: Tensor | None) -> Tensor:
        """Layer 0 of the encoder; see `encode`: (B, T) -> (B, T, H)."""
        added: list[Tensor] = []
        if self.phase is not None and phase is not None:
            added.append(self.phase(phase))
        if self.context is not None and context is not None:
            added.append(self.context(context))
        return self.bert.embeddings.of(ids, sum(added[1:], added[0]) if added else None)

    def encode(
        self, ids: Tensor, mask: Tensor | None = None, phase: Tensor | None = None,
        context: Tensor | None = None, routings: list[Routing] | None = None,
    ) -> Tensor:  # fmt: skip
        """The encoder's last states: (B, T) -> (B, T, H).

        Parameters
        ----------
        ids
            (B, T) source tokens, [CLS] and [SEP] included.
        mask
            (B, T), True for tokens and False for padding; None without padding.
        phase
            (B, T), the position of each token's first base modulo 3, and -1 for tokens that are no bases. It
            has an effect only in a model with `codon_phase`; None is -1 throughout.
        context
            (B, T, 2 w), the w bases before each token's first base and the w from there on, as places in ACGT
            and -1 where there is none of them. It has an effect only in a model with a `context` of w.
        routings
            A list to which each layer of experts appends what it did with the tokens.
        """
        states = self.layer_0(ids, phase, context)
        bias = self.bert.bias_of(states, mask)
        for block in self.bert.blocks():
            states = feed_forward(block.mlp, block.attention(states, bias), mask, routings)
        return states

    def decode(
        self, embedded: Tensor, encoded: Tensor, mask: Tensor | None = None,
        cross_bias: Tensor | None = None, cache: DecoderCache | None = None,
        target_mask: Tensor | None = None, routings: list[Routing] | None = None,
    ) -> Tensor:  # fmt: skip
        """The decoder's last states: (B, U, H), (B, T, H) -> (B, U, H).

        Parameters
        ----------
        embedded
            (B, U, H), what `embed` gives of target tokens, or other vectors in their places. With a cache,
            only those that the cache has not read.
        encoded, mask
            The encoder's states (B, T, H), and its mask (B, T) or None.
        cross_bias
            (1 or B, heads, U, T), added to the scores of cross-attention in every layer.
        cache
            Keys and values of the tokens before, which this call extends; None for a whole target at once.
            With a cache, experts have no limit of capacity.
        target_mask
            (B, U), False for padding after a target, which no expert reads.
        routings
            As in `encode`.
        """
        bias = _cross_bias(cross_bias, mask, encoded.dtype)
        states: Tensor = self.decoder(embedded, encoded, bias, target_mask, cache, routings)
        return states

    def logits(self, states: Tensor) -> Tensor:
        """Logits of the next token: (B, U, H) -> (B, U, V)."""
        own = self.head.weight
        weight = self.bert.embeddings.word_embeddings.weight if own is None else own
        return functional.linear(states, weight, self.head.bias)


class Head(nn.Module):
    """Predicts tokens; its matrix is None where that of the embeddings serves."""

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        shape = config.vocabulary, config.width
        self.weight = None if config.tie_weights else nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))


class PlaceEmbedding(nn.Module):
    """A vector for each number of a place in the sequence, zero at first: a new model computes the same.

    The position modulo 3 tells an encoder the reading frame.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, width))

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, T) of -1 to count - 1 -> (B, T, H); -1 gives 0."""
        vectors = functional.embedding(numbers.clamp(min=0), self.weight)
        return vectors.masked_fill((numbers < 0)[..., None], 0.0)


class BasesAround(nn.Module):
    """Reads the bases around each token's first one: motifs, and codons that two tokens share.

    A table of tokens learns a motif once for each way in which tokens can cut it, this part once.
    """

    def __init__(self, config: AnnotationConfig) -> None:
        super().__init__()
        self.read = nn.Linear(2 * config.context * len(BASES), config.inner)
        self.write = nn.Linear(config.inner, config.width)

    def forward(self, bases: Tensor) -> Tensor:
        """Bases as in `AnnotationModel.encode`: (B, T, 2 w) -> (B, T, H)."""
        one_hot = (bases[..., None] == torch.arange(len(BASES), device=bases.device)).flatten(2)
        states: Tensor = self.write(functional.gelu(self.read(one_hot.to(self.read.weight.dtype))))
        return states


def _cross_bias(given: Tensor | None, mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """What is added to scores of cross-attention: (1 or B, 1 or heads, 1 or U, T), or None for nothing.

    In the dtype of the states: torch's attention reads a bias of another one as if it were of theirs.
    """
    bias = None if given is None else given.to(dtype)
    if mask is None:
        return bias
    hidden = ~mask[:, None, None, :]
    base = torch.zeros(hidden.shape, dtype=dtype, device=mask.device) if bias is None else bias
    return base.masked_fill(hidden, float("-inf"))
