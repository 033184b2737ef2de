"""Places of bases among the tokens of a source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genome_index.encoders.protocol import Ids
from genome_index.lab.annotate.tokens.tokenizer import NO_BASES, Source


@dataclass(frozen=True)
class BasePlaces:
    """The source tokens that hold bases of a window, between the context on both sides.

    Bases are counted from the window's first one. A token at a border may hold bases of the context too.
    """

    source: Source
    before: int = 0  # bases of context in front of the window
    after: int = 0  # and behind it

    @cached_property
    def length_bp(self) -> int:
        """Of the window."""
        return int(self.source.ends.max()) - self.before - self.after

    @cached_property
    def origin(self) -> tuple[int, int]:
        """Where the window's first base lies, as `find` says it."""
        return self.find(0)

    @property
    def first(self) -> int:
        """The token of the window's first base."""
        return self.origin[0]

    @cached_property
    def end(self) -> int:
        """One beyond the token of the last base."""
        return self.find(self.length_bp - 1)[0] + 1

    @cached_property
    def _starts(self) -> tuple[int, Ids]:
        """The first token of bases, and the first base of each token from there on."""
        is_base = self.source.starts != NO_BASES
        return int(np.argmax(is_base)), self.source.starts[is_base]

    def start(self, token: int) -> int:
        """The first base of a token; negative where that is one of the context."""
        return int(self.source.starts[token]) - self.before

    def size(self, token: int) -> int:
        """The bases of a token."""
        return int(self.source.ends[token] - self.source.starts[token])

    def places(self, token: int) -> tuple[int, int]:
        """The places in a token, [low, high), that are bases of the window."""
        start = self.start(token)
        return max(0, -start), min(self.size(token), self.length_bp - start)

    def find(self, base: int) -> tuple[int, int]:
        """The token that a base lies in, and its place in that token."""
        first, starts = self._starts
        at = int(np.searchsorted(starts, base + self.before, side="right")) - 1
        return first + at, base + self.before - int(starts[at])
