"""The tokenisers that the lab saves beside its weights, for sequence that holds A, C, G and T alone.

The lab's own, genome_index/lab/tokenisers.py, know N too and read ids back. An encoder needs neither, and
must not need the lab; tests/test_pretraining.py holds the two together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import PIECE_BP, Ids, Tokenizer
from genome_index.errors import ModelError

if TYPE_CHECKING:
    import tokenizers

SPECIAL = 4  # ids before the words; the first of them fills batches up
SINGLES = 5  # A, C, G, T and N by themselves, after the words
_DIGIT: npt.NDArray[np.int64] = np.zeros(256, np.int64)
_DIGIT[list(b"ACGT")] = range(4)


class LabKmers:
    """K-mers side by side, the rest single letters; or one at every base. Bases are k-mers of 1."""

    pad = 0
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def __init__(self, k: int, overlapping: bool) -> None:
        self.k, self._overlapping = k, overlapping
        self._single = SPECIAL + 4**k
        self.vocabulary = self._single + SINGLES

    def words(self, sequence: bytes) -> Ids:
        """Ids without special ones: (L,) letters -> (T,).

        >>> LabKmers(2, overlapping=False).words(b"ACGTA").tolist()
        [5, 15, 20]
        """
        digits = _DIGIT[np.frombuffer(sequence, np.uint8)]
        count = max(0, len(digits) - self.k + 1) if self._overlapping else len(digits) // self.k
        step = 1 if self._overlapping else self.k
        words = np.zeros(count, np.int64)
        for at in range(self.k):
            words = 4 * words + digits[at : at + (count - 1) * step + 1 : step][:count]
        return np.concatenate([words + SPECIAL, digits[count * step :] + self._single])


class LabBases(LabKmers):
    """One token a letter."""

    def __init__(self) -> None:
        super().__init__(1, overlapping=False)
        self.vocabulary = SPECIAL + SINGLES


class LabBpe:
    """Byte-pair encoding that was learned from a corpus."""

    pad = 0
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def __init__(self, library: tokenizers.Tokenizer) -> None:
        self._library = library
        self.vocabulary = library.get_vocab_size()

    def words(self, sequence: bytes) -> Ids:
        """Ids without special ones, piece by piece: (L,) letters -> (T,)."""
        letters = sequence.decode("ascii")
        pieces = (letters[at : at + PIECE_BP] for at in range(0, len(letters), PIECE_BP))
        ids = [self._library.encode(piece, add_special_tokens=False).ids for piece in pieces]
        return np.concatenate([np.empty(0, np.int64), *(np.array(some, np.int64) for some in ids)])


def open_lab_words(path: Path) -> Tokenizer:
    """Read what the lab's `save_tokeniser` wrote.

    Raises
    ------
    ModelError
        It is nothing of that kind.
    """
    try:
        return _opened(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(
            str(path), f"not a tokeniser of gindex's lab ({error}); copy the whole model folder again"
        ) from error


def _opened(said: dict[str, Any]) -> Tokenizer:
    kind = said["kind"]
    if kind == "bpe":
        return _bpe(json.dumps(said["tokenizer"]))
    if kind == "bases":
        return LabBases()
    k = said["k"]
    if kind not in ("kmers-apart", "kmers-overlapping") or not isinstance(k, int) or not 1 <= k <= 10:
        raise ValueError(f"a tokeniser {kind!r} with k {k!r} is not known")
    return LabKmers(k, overlapping=kind == "kmers-overlapping")


def _bpe(text: str) -> LabBpe:
    from tokenizers import Tokenizer as Library

    try:
        return LabBpe(Library.from_str(text))
    except Exception as error:  # the library raises nothing more exact
        raise ValueError(f"the library `tokenizers` cannot read it: {error}") from error
