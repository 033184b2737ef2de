"""The part that tokenizers share whose tokens have a fixed number of bases: k-mers and characters."""

from __future__ import annotations

from genome_index.encoders.protocol import Ids, Layout


class FixedTokens:
    """The part that tokenizers with a `Layout` share: windows are chosen by the place of their tokens."""

    layout: Layout

    def starts(self, sequence: bytes) -> Ids:
        """The first base of each token of a sequence without N: (L,) -> (T,)."""
        return self.layout.starts(len(sequence))

    def window_bp(self, tokens: int) -> int:
        """0: no window is chosen by bases."""
        return 0
