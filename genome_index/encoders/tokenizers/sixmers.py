"""The tokeniser of the Nucleotide Transformer, exactly: six bases a token, single ones where six do not fit.

The published one (a trie in Python) is too slow for genomes; this gives the same ids in one compiled pass,
tests/bench/tokenise.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from numba import njit

from genome_index.encoders.protocol import Ids
from genome_index.io.bases import is_base

BASES = "ATCG"  # in the order of the published list
K = 6
WORDS = len(BASES) ** K
SPECIAL = {
    1: ("<unk>", "<pad>", "<mask>", "<cls>"),
    2: ("<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>"),
}
"""What comes before the words, by version. No version sets an `<eos>` after a sequence."""

Bytes = npt.NDArray[np.uint8]


class SixMers:
    """The tokeniser of the Nucleotide Transformer v1 or v2; v2 has two special tokens more.

    >>> SixMers(1).words(b"ACGTACGTA").tolist()  # one six-mer, and G, T, A
    [726, 4103, 4101, 4100]
    """

    pad = 1
    before: tuple[int, ...] = (3,)  # <cls>
    after: tuple[int, ...] = ()

    def __init__(self, version: int) -> None:
        self._first = len(SPECIAL[version])  # id of AAAAAA
        self.vocabulary = self._first + WORDS + len(BASES) + 1

    def words(self, sequence: bytes) -> Ids:
        """Ids without `<cls>`: (L,) letters -> (T,).

        Either case is read, U as T, and any other letter as N. Each N is a token of its own, and six-mers
        start anew behind it; fewer than six bases before an N or the end are single tokens.
        """
        ids = np.empty(len(sequence), np.int64)  # as many as there can be; memory that is not written is free
        return ids[: _tokenise(np.frombuffer(sequence, np.uint8), self._first, ids)].copy()


def is_sixmers(lines: Sequence[str]) -> int:
    """Which version of the Nucleotide Transformer a vocabulary is, token by token: 1 or 2; 0 for neither."""
    words = ["".join(word) for word in product(BASES, repeat=K)]
    for version, special in SPECIAL.items():
        if list(lines) == [*special, *words, *BASES, "N"]:
            return version
    return 0


@njit(cache=True, nogil=True)
def _tokenise(sequence: Bytes, first: int, ids: Ids) -> int:
    """Write ids and return how many: (L,) letters, (L,) ids.

    A letter that does not begin six bases is a token by itself. That alone gives the tails, the N, and the
    new start behind each N.
    """
    single = first + WORDS  # id of A; T, C, G and N follow
    at = found = 0
    while at < sequence.size:
        word, bases = 0, 0
        while bases < K and at + bases < sequence.size and is_base(sequence[at + bases]):
            word = 4 * word + _digit(sequence[at + bases])
            bases += 1
        if bases == K:
            ids[found] = first + word
            at += K
        else:
            ids[found] = single + (_digit(sequence[at]) if bases else 4)
            at += 1
        found += 1
    return found


@njit(cache=True, nogil=True)
def _digit(letter: int) -> int:
    """A 0, T and U 1, C 2, G 3, in either case: bits 1 and 2 of the ASCII code, exchanged."""
    return (letter & 2) | ((letter >> 2) & 1)
