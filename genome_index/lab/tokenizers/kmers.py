"""Tokenizers for training, which also decode: single bases, k-mers at every base, k-mers side by side.

Ids come from genome_index.encoders.tokenizers.kmers; here they are turned back into bases. Sequence of either
case is read, U as T, and any other character as N; decoding gives upper-case A, C, G, T and N. The first ids
of each tokenizer are special and stand for no base. Byte-pair encoding, which is learned, is in bpe.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genome_index.encoders.tokenizers.kmers import SINGLES, BaseTokenizer, KmerTokenizer, KnownBaseTokenizer
from genome_index.encoders.tokenizers.saved import BASES as SINGLE_BASES
from genome_index.encoders.tokenizers.saved import KNOWN_BASES, MOST_K, OVERLAPPING, SIDE_BY_SIDE
from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file
from genome_index.io.checksums import json_object
from genome_index.lab.corpus.packing import OTHER, Codes, bases_of, codes_of
from genome_index.lab.tokenizers.bpe import Bpe
from genome_index.lab.tokenizers.special_ids import CLS as CLS
from genome_index.lab.tokenizers.special_ids import EOS as EOS
from genome_index.lab.tokenizers.special_ids import MASK as MASK
from genome_index.lab.tokenizers.special_ids import PAD as PAD
from genome_index.lab.tokenizers.special_ids import SPECIAL, Ids, checked


class LabTokenizer(Protocol):
    """`codes(ids(c))` is `c`, for any codes 0 to 4, an empty array among them."""

    kind: str

    @property
    def vocabulary(self) -> int:
        """How many ids there are, special ones included."""
        ...

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The bases that each token stands for in `codes`: (V,), 0 for special ones."""
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


def encode(tokenizer: LabTokenizer, sequence: bytes) -> Ids:
    """Sequence -> (T,) ids, without special ones.

    >>> encode(Bases(), b"ACGtn").tolist()
    [4, 5, 6, 7, 8]
    """
    return tokenizer.ids(codes_of(sequence))


def decode(tokenizer: LabTokenizer, ids: Ids) -> bytes:
    """(T,) ids -> upper-case bases.

    >>> decode(KmersApart(3), encode(KmersApart(3), b"acgtNNrACGTA"))
    b'ACGTNNNACGTA'
    """
    return bases_of(tokenizer.codes(ids))


class Bases:
    """One token a base."""

    kind = SINGLE_BASES
    vocabulary = BaseTokenizer.vocabulary
    lengths = np.repeat(np.array([0, 1], np.int64), [len(SPECIAL), SINGLES])

    def ids(self, codes: Codes) -> Ids:
        return BaseTokenizer().ids_of_codes(codes)

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        codes: Codes = (ids[ids >= len(SPECIAL)] - len(SPECIAL)).astype(np.uint8)
        return codes

    def settings(self) -> dict[str, object]:
        return {}


class KnownBases(Bases):
    """One token a base, in a vocabulary of eight: N is <mask>."""

    kind = KNOWN_BASES
    vocabulary = KnownBaseTokenizer.vocabulary
    lengths = np.array([0, 1, 0, 0, 1, 1, 1, 1], np.int64)

    def ids(self, codes: Codes) -> Ids:
        return KnownBaseTokenizer().ids_of_codes(codes)

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        ids = ids[self.lengths[ids] > 0]
        codes: Codes = np.where(ids == MASK, OTHER, ids - len(SPECIAL)).astype(np.uint8)
        return codes


class _Kmers:
    """A `KmerTokenizer` and the place of its ids: special ones, 4 ** k k-mers, A, C, G, T, N."""

    def __init__(self, k: int, overlapping: bool) -> None:
        if not 1 <= k <= MOST_K:
            raise UsageError(f"k-mers of {k}: choose a k from 1 to {MOST_K}")
        self.k = k
        self._tokenizer = KmerTokenizer(k, overlapping)
        self._single = self.vocabulary - SINGLES  # id of A by itself

    @property
    def vocabulary(self) -> int:
        return self._tokenizer.vocabulary

    def settings(self) -> dict[str, object]:
        return {"k": self.k}

    def ids(self, codes: Codes) -> Ids:
        return self._tokenizer.ids_of_codes(codes)

    def _bases(self, ids: Ids) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """(T,) ids that are not special -> (T, k) codes, and which of them count."""
        single = ids >= self._single
        kmers = (ids - len(SPECIAL))[:, None] >> 2 * np.arange(self.k - 1, -1, -1) & 3
        kmers[single, 0] = ids[single] - self._single
        counts = ~single[:, None] | (np.arange(self.k) == 0)
        return kmers.astype(np.uint8), counts


class KmersOverlapping(_Kmers):
    """One token a base: the k-mer that begins there, or the base itself before an N and before the end.

    >>> [len(encode(KmersOverlapping(6), sequence)) for sequence in (b"ACGTACG", b"ACN", b"")]
    [7, 3, 0]
    """

    kind = OVERLAPPING

    def __init__(self, k: int) -> None:
        super().__init__(k, overlapping=True)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.array([0, 1], np.int64), [len(SPECIAL), self.vocabulary - len(SPECIAL)])

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        ids = ids[ids >= len(SPECIAL)]
        first = (ids - len(SPECIAL)) >> 2 * (self.k - 1)
        codes: Codes = np.where(ids >= self._single, ids - self._single, first).astype(np.uint8)
        return codes


class KmersApart(_Kmers):
    """K-mers side by side, from the start and from behind each N; the rest is single bases.

    Each N is a token of its own. The same frame as the Nucleotide Transformer's.
    """

    kind = SIDE_BY_SIDE

    def __init__(self, k: int) -> None:
        super().__init__(k, overlapping=False)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.repeat(np.array([0, self.k, 1], np.int64), [len(SPECIAL), 4**self.k, SINGLES])

    def codes(self, ids: Ids) -> Codes:
        ids = checked(ids, self.vocabulary)
        codes, counts = self._bases(ids[ids >= len(SPECIAL)])
        return codes[counts]


def tokenizer_of(name: str) -> LabTokenizer:
    """A tokenizer that needs no training: bases, bases-known, kmers-overlapping:K or kmers-apart:K.

    >>> tokenizer_of("kmers-apart:6").vocabulary
    4105
    """
    kind, _, k = name.partition(":")
    for bases in (Bases, KnownBases):
        if kind == bases.kind and not k:
            return bases()
    for tokenizer in (KmersOverlapping, KmersApart):
        if kind == tokenizer.kind and k.isdecimal():
            return tokenizer(int(k))
    raise UsageError(
        f"no tokenizer is called {name!r}; choose bases, bases-known, kmers-overlapping:K or kmers-apart:K"
    )


def save_tokenizer(tokenizer: LabTokenizer, path: Path) -> None:
    """Write it as JSON, for instance beside the weights that were trained with it."""
    content = json.dumps({"kind": tokenizer.kind, **tokenizer.settings()}, sort_keys=True)
    write_file(path, content.encode())


def load_tokenizer(path: Path) -> LabTokenizer:
    """Read what `save_tokenizer` wrote.

    Raises
    ------
    ModelError : it cannot be read, or holds no such tokenizer
    """
    try:
        values = json_object(path.read_bytes())
        if values.get("kind") == Bpe.kind:
            return Bpe(json.dumps(values["tokenizer"]))
        k = f":{values['k']}" if "k" in values else ""
        return tokenizer_of(f"{values['kind']}{k}")
    except (OSError, ValueError, LookupError, UsageError) as error:
        raise ModelError(str(path), f"not a tokenizer of this lab ({error}); save it again") from error
