"""Bases that each token stands for: where tokens begin in a sequence, and the k-mers there.

Shapes: B sequences, T tokens, V tokens of the vocabulary, L bases of a sequence, M of the longest token.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

BASES, CODON = "ACGT", 3
NO_BASE = -1


class TokenBases(nn.Module):
    """Tells the phase and the k-mer of each token from ids alone."""

    lengths: Tensor  # (V,) int64, 0 for tokens of no bases
    codes: Tensor  # (V, M) int64: places in BASES, 4 for N, -1 behind the token

    def __init__(self, vocabulary: Mapping[str, int], rows: int) -> None:
        super().__init__()
        tokens = {
            number: token
            for token, number in vocabulary.items()
            if number < rows and not set(token) - set(BASES + "N")
        }
        longest = max(map(len, tokens.values()), default=1)
        codes = torch.full((rows, longest), NO_BASE, dtype=torch.int64)
        for number, token in tokens.items():
            places = [BASES.find(base) for base in token]
            codes[number, : len(token)] = torch.tensor([4 if at < 0 else at for at in places])
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("lengths", (codes != NO_BASE).sum(1), persistent=False)

    def phases(self, ids: Tensor) -> Tensor:
        """The position of each token's first base modulo 3, -1 for tokens of no bases: (B, T) -> (B, T)."""
        return (self._starts(ids) % CODON).masked_fill(self.lengths[ids] == 0, NO_BASE)

    def contexts(self, ids: Tensor, k: int) -> Tensor:
        """The k-mers at both ends of each token, as in `AnnotationModel.encode`: (B, T) -> (B, T, 2)."""
        rows = [self._contexts(own, starts, k) for own, starts in zip(ids, self._starts(ids), strict=True)]
        return torch.stack(rows).masked_fill((self.lengths[ids] == 0)[..., None], NO_BASE)

    def _starts(self, ids: Tensor) -> Tensor:
        lengths = self.lengths[ids]
        return lengths.cumsum(1) - lengths

    def _contexts(self, ids: Tensor, starts: Tensor, k: int) -> Tensor:
        codes = self.codes[ids]
        bases = codes[codes != NO_BASE]  # (L,)
        none = bases.new_full((k,), len(BASES))
        # (L + k + 1, k), the first k-mer before the sequence and the last one behind it
        kmers = torch.cat([none, bases, none]).unfold(0, k, 1)
        powers = len(BASES) ** torch.arange(k - 1, -1, -1, device=ids.device)
        numbers = (kmers * powers).sum(1)
        unknown = (kmers == len(BASES)).any(1)
        begin, end = starts + k, starts + self.lengths[ids]
        return torch.stack(
            [
                numbers[begin].masked_fill(unknown[begin], NO_BASE),
                (numbers[end] + len(BASES) ** k).masked_fill(unknown[end], NO_BASE),
            ],
            dim=1,
        )
