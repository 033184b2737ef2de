"""K-mer tokenizers: k-mers side by side or one at every base, and single bases where no k-mer fits.

Ids: special ones, the 4 ** k k-mers in the order of their bases, then the four bases and N by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Ids, Layout
from genome_index.encoders.tokenizers.fixed_tokens import FixedTokens
from genome_index.io.kernels.kernel import kernel

Codes = npt.NDArray[np.uint8]  # 0 to 3 for a base, OTHER for anything else

OTHER = 4
SINGLES = 5  # tokens of A, C, G, T and N by themselves
SPECIAL_TOKENS = ("<pad>", "<mask>", "<cls>", "<eos>")  # the first ids of gindex's own tokenizers


def code_table(bases: str) -> Codes:
    """Codes of all 256 bytes: a base's place in `bases`, in either case, U as T; OTHER for the rest.

    >>> code_table("ATCG")[list(b"acgUN")].tolist()
    [0, 2, 3, 1, 4]
    """
    table = np.full(256, OTHER, np.uint8)
    for code, base in enumerate(bases):
        characters = f"{base}{'U' if base == 'T' else ''}"
        table[list(f"{characters}{characters.lower()}".encode())] = code
    return table


class KmerTokenizer(FixedTokens):
    """K-mers as tokens, side by side or overlapping; each N is a token, and k-mers start anew after it.

    >>> KmerTokenizer(2).token_ids(b"ACGTA").tolist()
    [5, 15, 20]
    """

    def __init__(
        self, k: int, overlapping: bool = False, bases: str = "ACGT",
        special: Sequence[str] = SPECIAL_TOKENS, pad: int = 0, before: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.k, self.overlapping, self.pad, self.before = k, overlapping, pad, before
        self.after: tuple[int, ...] = ()
        self._table, self._first = code_table(bases).tobytes(), len(special)
        self._special, self._bases = tuple(special), bases
        self.vocabulary: int = len(special) + 4**k + SINGLES
        self.layout = Layout(k, overlapping)

    def token_ids(self, sequence: bytes) -> Ids:
        """Ids without special ones: (L,) bases in either case -> (T,)."""
        return self.ids_of_codes(np.frombuffer(sequence.translate(self._table), np.uint8))

    def ids_of_codes(self, codes: Codes) -> Ids:
        """The same from codes in the order of this tokenizer's bases: (L,) -> (T,)."""
        ids = np.empty(len(codes), np.int64)  # the most there can be; memory never written costs nothing
        if self.overlapping:
            _at_every_base(codes, self.k, self._first, ids)
            return ids
        return ids[: _side_by_side(codes, self.k, self._first, ids)].copy()

    def names(self, ids: Ids) -> list[str]:
        """The tokens as text: (T,) -> T."""
        words = map("".join, product(self._bases, repeat=self.k))
        tokens = [*self._special, *words, *self._bases, "N"]
        return [tokens[number] for number in ids.tolist()]


class BaseTokenizer(FixedTokens):
    """One token a base; N is a token too."""

    pad = 0
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    vocabulary = len(SPECIAL_TOKENS) + SINGLES
    layout = Layout(1)

    def __init__(self) -> None:
        self._table = code_table("ACGT").tobytes()

    def token_ids(self, sequence: bytes) -> Ids:
        """Ids without special ones: (L,) bases -> (L,)."""
        return self.ids_of_codes(np.frombuffer(sequence.translate(self._table), np.uint8))

    def ids_of_codes(self, codes: Codes) -> Ids:
        """The same from codes: (L,) -> (L,)."""
        return codes.astype(np.int64) + len(SPECIAL_TOKENS)

    def names(self, ids: Ids) -> list[str]:
        """The tokens as text: (T,) -> T."""
        return [[*SPECIAL_TOKENS, *"ACGTN"][number] for number in ids.tolist()]


class KnownBaseTokenizer(BaseTokenizer):
    """One token a base, in a vocabulary of eight: N is <mask>, for a base that is not known."""

    vocabulary = len(SPECIAL_TOKENS) + SINGLES - 1

    def ids_of_codes(self, codes: Codes) -> Ids:
        """The same from codes: (L,) -> (L,)."""
        ids = super().ids_of_codes(codes)
        ids[codes == OTHER] = SPECIAL_TOKENS.index("<mask>")
        return ids


@kernel
def _side_by_side(codes: Codes, k: int, first: int, ids: Ids) -> int:
    """Write ids and return how many: (L,) codes, (L,) ids; `first` is the id of the first k-mer.

    A base that does not begin k bases is a token by itself. That alone gives the tails, the N, and the new
    start after each N.
    """
    single = first + (1 << 2 * k)
    at = count = 0
    while at < codes.size:
        kmer, bases = 0, 0
        while bases < k and at + bases < codes.size and codes[at + bases] < OTHER:
            kmer = 4 * kmer + int(codes[at + bases])
            bases += 1
        if bases == k:
            ids[count] = first + kmer
            at += k
        else:
            ids[count] = single + codes[at]
            at += 1
        count += 1
    return count


@kernel
def _at_every_base(codes: Codes, k: int, first: int, ids: Ids) -> None:
    """Write the k-mer that begins at each base, or the base itself before an N or the end: (L,), (L,)."""
    kmers = 1 << 2 * k
    kmer = run = 0
    for at in range(codes.size):
        ids[at] = first + kmers + codes[at]
        run = run + 1 if codes[at] < OTHER else 0
        kmer = (4 * kmer + codes[at]) & (kmers - 1) if run else 0
        if run >= k:
            ids[at - k + 1] = first + kmer
