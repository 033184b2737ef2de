"""Where tokens of a fixed number of bases lie in a sequence of A, C, G and T, without reading it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genome_index.encoders.protocol import Ids


@dataclass(frozen=True)
class Layout:
    """K-mers side by side with single bases after the last whole one, or one at every base.

    >>> Layout(6).count(20), Layout(6).starts(20).tolist(), Layout(6).bases_of(20, 1, 4)
    (5, [0, 6, 12, 18, 19], (6, 19))
    """

    k: int  # 1: characters
    overlapping: bool = False

    def count(self, length: int) -> int:
        """Tokens of so many bases."""
        return length if self.overlapping else length // self.k + length % self.k

    def starts(self, length: int) -> Ids:
        """The first base of each token: (T,)."""
        tokens = np.arange(self.count(length))
        whole = tokens if self.overlapping else np.minimum(tokens, length // self.k)
        return (whole * (1 if self.overlapping else self.k) + tokens - whole).astype(np.int64)

    def bases_of(self, length: int, first: int, end: int) -> tuple[int, int]:
        """The bases that tokens `first` to `end` (exclusive) are read from: tokenized, they begin with them."""
        stop = min(length, end - 1 + self.k) if self.overlapping else self._start(length, end)
        return self._start(length, first), stop

    def _start(self, length: int, token: int) -> int:
        if self.overlapping:
            return token
        whole = min(token, length // self.k)
        return whole * self.k + token - whole


class FixedTokens:
    """The part that tokenizers with a `Layout` share: windows are chosen by the place of their tokens."""

    layout: Layout

    def starts(self, sequence: bytes) -> Ids:
        """The first base of each token of a sequence without N: (L,) -> (T,)."""
        return self.layout.starts(len(sequence))

    def window_bp(self, tokens: int) -> int:
        """0: no window is chosen by bases."""
        return 0
