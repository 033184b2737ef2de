"""Sequences -> ids and back, nothing lost: single bases, k-mers at every base, k-mers side by side.

All read letters of either case, U as T, and whatever is no base as N; what comes back is upper-case A, C, G,
T and N. The first ids of each are special, and stand for no letter. Byte-pair encoding, which is learned, is
in bpe.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file
from genome_index.io.checksums import json_object
from genome_index.lab.corpus.packing import OTHER, Codes, codes_of, letters_of
from genome_index.lab.tokenizers.bpe import Bpe
from genome_index.lab.tokenizers.special_ids import CLS as CLS
from genome_index.lab.tokenizers.special_ids import EOS as EOS
from genome_index.lab.tokenizers.special_ids import LETTERS, SPECIAL, Ids, checked
from genome_index.lab.tokenizers.special_ids import MASK as MASK
from genome_index.lab.tokenizers.special_ids import PAD as PAD

MOST_K = 10  # a million words, and an embedding for each


class Tokeniser(Protocol):
    """`codes(ids(c))` is `c`, for any codes 0 to 4, none at all among them."""

    kind: str

    @property
    def vocabulary(self) -> int:
        """How many ids there are, special ones included."""
        ...

    def ids(self, codes: Codes) -> Ids:
        """(L,) -> (T,), without special ids."""
        ...

    def codes(self, ids: Ids) -> Codes:
        """(T,) -> (L,); special ids are passed over."""
        ...

    def settings(self) -> dict[str, object]:
        """What is saved as JSON, beside the kind."""
        ...


def encode(tokeniser: Tokeniser, sequence: bytes) -> Ids:
    """Letters -> (T,) ids, without special ones.

    >>> encode(Bases(), b"ACGtn").tolist()
    [4, 5, 6, 7, 8]
    """
    return tokeniser.ids(codes_of(sequence))


def decode(tokeniser: Tokeniser, ids: Ids) -> bytes:
    """(T,) ids -> upper-case letters.

    >>> decode(KmersApart(3), encode(KmersApart(3), b"acgtNNrACGTA"))
    b'ACGTNNNACGTA'
    """
    return letters_of(tokeniser.codes(ids))


class Bases:
    """One token a letter."""

    kind = "bases"
    vocabulary = len(SPECIAL) + len(LETTERS)

    def ids(self, codes: Codes) -> Ids:
        return codes.astype(np.int64) + len(SPECIAL)

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        letters: Codes = (ids[ids >= len(SPECIAL)] - len(SPECIAL)).astype(np.uint8)
        return letters

    def settings(self) -> dict[str, object]:
        return {}


class _Kmers:
    """Ids: special ones, 4 ** k words in the order of the alphabet, then A, C, G, T, N by themselves."""

    def __init__(self, k: int) -> None:
        if not 1 <= k <= MOST_K:
            raise UsageError(f"k-mers of {k}: choose a k from 1 to {MOST_K}")
        self.k = k
        self._single: int = len(SPECIAL) + 4**k  # id of A by itself

    @property
    def vocabulary(self) -> int:
        return self._single + len(LETTERS)

    def settings(self) -> dict[str, object]:
        return {"k": self.k}

    def _words(self, codes: Codes, starts: Ids | slice) -> Ids:
        """Ids of the words that begin at some places, or at all of a slice: (S,)."""
        bases = codes & 3
        found = bases[starts].astype(np.int64)
        for at in range(1, self.k):
            moved = slice(at, at + len(found)) if isinstance(starts, slice) else starts + at
            found *= 4
            found += bases[moved]
        found += len(SPECIAL)
        return found

    def _letters(self, ids: Ids) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """(T,) ids that are not special -> (T, k) codes, and which of them count."""
        single = ids >= self._single
        words = (ids - len(SPECIAL))[:, None] >> 2 * np.arange(self.k - 1, -1, -1) & 3
        words[single, 0] = ids[single] - self._single
        counts = ~single[:, None] | (np.arange(self.k) == 0)
        return words.astype(np.uint8), counts


class KmersOverlapping(_Kmers):
    """One token a letter: the k-mer that begins there; where none does, before an N or the end, the letter.

    >>> [len(encode(KmersOverlapping(6), sequence)) for sequence in (b"ACGTACG", b"ACN", b"")]
    [7, 3, 0]
    """

    kind = "kmers-overlapping"

    def ids(self, codes: Codes) -> Ids:
        ids = codes.astype(np.int64) + self._single
        words = self._words(codes, slice(max(0, len(codes) - self.k + 1)))
        whole = _room(codes)[: len(words)] >= self.k
        ids[: len(words)][whole] = words[whole]
        return ids

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        ids = ids[ids >= len(SPECIAL)]
        first = (ids - len(SPECIAL)) >> 2 * (self.k - 1)
        letters: Codes = np.where(ids >= self._single, ids - self._single, first).astype(np.uint8)
        return letters


class KmersApart(_Kmers):
    """K-mers side by side, from the start and from behind each N; what is left over is single letters.

    Each N is a token of its own. The same frame as the Nucleotide Transformer's.
    """

    kind = "kmers-apart"

    def ids(self, codes: Codes) -> Ids:
        room, place = _room(codes), np.arange(len(codes))
        since = place - np.maximum.accumulate(np.where(codes == OTHER, place + 1, 0))  # since the last N
        begins = (since % self.k == 0) & (room >= self.k)
        tail = since + room - (since + room) % self.k  # where, since the last N, single letters begin
        kept = begins | (codes == OTHER) | (since >= tail)
        ids = codes.astype(np.int64) + self._single
        starts = np.flatnonzero(begins)
        ids[starts] = self._words(codes, starts)
        found: Ids = ids[kept]
        return found

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        letters, counts = self._letters(ids[ids >= len(SPECIAL)])
        return letters[counts]


def _room(codes: Codes) -> Ids:
    """How many bases there are from each letter on, itself included, up to the next N or the end: (L,)."""
    place = np.arange(len(codes))
    stops = np.where(codes == OTHER, place, len(codes))
    return np.minimum.accumulate(stops[::-1])[::-1] - place


def tokeniser_of(name: str) -> Tokeniser:
    """A tokeniser that needs no training, by name: bases, kmers-overlapping:K or kmers-apart:K.

    >>> tokeniser_of("kmers-apart:6").vocabulary
    4105
    """
    kind, _, k = name.partition(":")
    if kind == Bases.kind and not k:
        return Bases()
    for made in (KmersOverlapping, KmersApart):
        if kind == made.kind and k.isdecimal():
            return made(int(k))
    raise UsageError(f"no tokeniser is called {name!r}; choose bases, kmers-overlapping:K or kmers-apart:K")


def save_tokeniser(tokeniser: Tokeniser, path: Path) -> None:
    """Write it as JSON, for instance beside the weights that were trained with it."""
    content = json.dumps({"kind": tokeniser.kind, **tokeniser.settings()}, sort_keys=True)
    write_file(path, content.encode())


def load_tokeniser(path: Path) -> Tokeniser:
    """Read what `save_tokeniser` wrote.

    Raises
    ------
    ModelError : it cannot be read, or is nothing that was saved here
    """
    try:
        values = json_object(path.read_bytes())
        if values.get("kind") == Bpe.kind:
            return Bpe(json.dumps(values["tokenizer"]))
        k = f":{values['k']}" if "k" in values else ""
        return tokeniser_of(f"{values['kind']}{k}")
    except (OSError, ValueError, LookupError, UsageError) as error:
        raise ModelError(str(path), f"not a tokeniser of this lab ({error}); save it again") from error
