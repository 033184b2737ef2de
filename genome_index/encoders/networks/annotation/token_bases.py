"""Bases that each token stands for: where tokens begin in a sequence, and what lies around.

Shapes: B sequences, T tokens, V tokens of the vocabulary, L bases of a sequence, M of the longest token.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

BASES, CODON = "ACGT", 3
NO_BASE = -1


class TokenBases(nn.Module):
    """Tells the phase of each token and the bases around it from ids alone."""

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

    def contexts(self, ids: Tensor, bases: int) -> Tensor:
        """The bases around each token, as in `AnnotationModel.encode`: (B, T) -> (B, T, 2 x `bases`)."""
        rows = [self._around(own, starts, bases) for own, starts in zip(ids, self._starts(ids), strict=True)]
        return torch.stack(rows).masked_fill((self.lengths[ids] == 0)[..., None], NO_BASE)

    def _starts(self, ids: Tensor) -> Tensor:
        lengths = self.lengths[ids]
        return lengths.cumsum(1) - lengths

    def _around(self, ids: Tensor, starts: Tensor, bases: int) -> Tensor:
        codes = self.codes[ids]
        sequence = codes[codes != NO_BASE]  # (L,)
        none = sequence.new_full((bases,), NO_BASE)
        known = sequence.masked_fill(sequence == len(BASES), NO_BASE)
        return torch.cat([none, known, none]).unfold(0, 2 * bases, 1)[starts]
