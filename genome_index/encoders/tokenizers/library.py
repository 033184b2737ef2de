"""Sequences read with the library `tokenizers`, in pieces that its byte-pair encoding reads fast."""

from __future__ import annotations

from functools import cached_property
from hashlib import shake_256
from typing import TYPE_CHECKING

import numpy as np

from genome_index.encoders.protocol import Ids, Layout

if TYPE_CHECKING:
    import tokenizers

TOKENIZER_FILE = "tokenizer.json"  # the library's own, in a model folder
PIECE_BP, NEW_PIECE_BP = 100_000, 2_000
"""The most bases that byte-pair encoding gets at once, in indexes of before and in new ones. It holds a whole
piece in one heap, which outgrows the caches: in pieces of 2 kbp it is faster, for 0.18 % more tokens
(tests/bench/RESULTS.md). A cut can change the few tokens beside it, as the end of each chunk does."""
TOGETHER_BP = 1_000_000  # in one call of the library, which keeps 60 bytes and more for each of their tokens
RANDOM_DNA = b"".join(
    b"ACGT"[byte >> at & 3 :][:1] for byte in shake_256(b"DNA").digest(5_000) for at in (0, 2, 4, 6)
)  # 20,000 bases


def library_of(text: str) -> tokenizers.Tokenizer:
    """A tokenizer from the library's own JSON.

    Raises
    ------
    ValueError
        The library cannot read it.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more exact
        raise ValueError(f"the library `tokenizers` cannot read it: {error}") from error


class LibraryTokenizer:
    """A tokenizer of the library: the part that all of them share.

    Parameters
    ----------
    piece_bp
        Bases that it gets at once; 0: PIECE_BP, as all indexes had that were built before `NEW_PIECE_BP`.
    """

    layout: Layout | None = None  # where its tokens lie depends on the sequence

    def __init__(self, library: tokenizers.Tokenizer, piece_bp: int = 0) -> None:
        self._library, self._piece_bp = library, piece_bp

    def token_ids(self, sequence: bytes) -> Ids:
        """Ids of a sequence, piece by piece, without special ones: (L,) bases -> (T,)."""
        return library_ids(self._library, sequence, self._piece_bp)

    def starts(self, sequence: bytes) -> Ids:
        """The first base of each token: (L,) -> (T,)."""
        at = 0
        starts = [np.empty(0, np.int64)]
        for piece in _pieces(sequence, self._piece_bp):
            offsets = self._library.encode(piece, add_special_tokens=False).offsets
            starts.append(at + np.array([start for start, _ in offsets], np.int64))
            at += len(piece)
        return np.concatenate(starts)

    def window_bp(self, tokens: int) -> int:
        """Bases of a window of about so many tokens, as of random DNA; 0 for the pieces of before.

        Real DNA has a few bases a token more, so that hardly a window has too many tokens.
        """
        return max(1, tokens * len(RANDOM_DNA) // self._random_tokens) if self._piece_bp else 0

    @cached_property
    def _random_tokens(self) -> int:
        """Tokens of RANDOM_DNA."""
        return len(self.token_ids(RANDOM_DNA))

    def names(self, ids: Ids) -> list[str]:
        """The tokens as text: (T,) -> T; "" for an id that the library does not know."""
        return [self._library.id_to_token(number) or "" for number in ids.tolist()]


def library_ids(library: tokenizers.Tokenizer, sequence: bytes, piece_bp: int = 0) -> Ids:
    """Ids of a sequence, piece by piece, without special ones: (L,) bases -> (T,)."""
    pieces = _pieces(sequence, piece_bp)
    together = max(1, TOGETHER_BP // (piece_bp or PIECE_BP))
    ids = [np.empty(0, np.int64)]
    for start in range(0, len(pieces), together):
        # The fast way leaves out the offsets; the ids are the same.
        batch = library.encode_batch_fast(pieces[start : start + together], add_special_tokens=False)
        ids += [np.array(one.ids, np.int64) for one in batch]
    return np.concatenate(ids)


def _pieces(sequence: bytes, piece_bp: int) -> list[str]:
    bases, size = sequence.decode("ascii"), piece_bp or PIECE_BP
    return [bases[start : start + size] for start in range(0, len(bases), size)]
