"""Byte-pair encoding learned from fragments by the library `tokenizers`: frequent stretches become tokens.

A token never holds N: sequences are cut there before they are learned from or read, and N is a token of its
own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from genome_index.encoders.tokenizers.library import library_ids, library_of
from genome_index.encoders.tokenizers.saved import BPE
from genome_index.errors import UsageError, need_installed
from genome_index.lab.corpus.packing import OTHER, Codes, bases_of, codes_of
from genome_index.lab.corpus.sampling import Fragment
from genome_index.lab.tokenizers.special_ids import BASES, SPECIAL, Ids, checked

LEARNED_BP = 128  # pieces to learn from: each merge reads a whole piece, and tokens are far shorter
LONGEST_BP = 32  # of a token: a repeat would otherwise become one of hundreds of bases


class Bpe:
    """A tokenizer learned from a corpus; `text` is the library's own JSON."""

    kind = BPE

    def __init__(self, text: str) -> None:
        need_installed("byte-pair encoding", "tokenizers", extra="neural")
        self._text, self._library = text, library_of(text)
        by_id = {number: token for token, number in self._library.get_vocab().items()}
        if sorted(by_id) != list(range(len(by_id))) or [by_id[at] for at in range(len(SPECIAL))] != [
            *SPECIAL
        ]:
            raise ValueError("its ids are not those of a tokenizer that gindex lab learned")
        self._tokens = [codes_of(by_id[at].encode()) for at in range(len(by_id))]
        self._tokens[: len(SPECIAL)] = [np.empty(0, np.uint8)] * len(SPECIAL)
        self._n = self._library.token_to_id("N")

    @property
    def vocabulary(self) -> int:
        return len(self._tokens)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.array([len(codes) for codes in self._tokens], np.int64)

    def settings(self) -> dict[str, object]:
        return {"tokenizer": json.loads(self._text)}

    def ids(self, codes: Codes) -> Ids:
        """(L,) -> (T,); long stretches are read in pieces, which can change the few tokens beside a cut."""
        ids: list[Ids] = [np.empty(0, np.int64)]
        for start, end in _stretches(codes):
            if codes[start] == OTHER:
                ids.append(np.full(end - start, self._n))
            else:
                ids.append(library_ids(self._library, bases_of(codes[start:end])))
        return np.concatenate(ids)

    def codes(self, ids: Ids) -> Codes:
        tokens = (self._tokens[number] for number in checked(ids, self.vocabulary).tolist())
        return np.concatenate([np.empty(0, np.uint8), *tokens])


def learn_bpe(fragments: Iterable[Fragment], count: int, vocabulary: int) -> Bpe:
    """Learn so many tokens, special ones included, from the first `count` fragments: the same each time."""
    need_installed("byte-pair encoding", "tokenizers", extra="neural")
    from tokenizers import Tokenizer, models, trainers

    least = len(SPECIAL) + len(BASES)
    if vocabulary < least:
        raise UsageError(
            f"a vocabulary of {vocabulary}: {least} are special tokens and single bases; give a larger one"
        )
    library = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[*SPECIAL], initial_alphabet=[*BASES],
        max_token_length=LONGEST_BP + 1, show_progress=False,
    )  # fmt: skip
    library.train_from_iterator(_pieces(islice(fragments, count)), trainer)
    return Bpe(library.to_str())


def _pieces(fragments: Iterable[Fragment]) -> Iterator[str]:
    for fragment in fragments:
        for start, end in _stretches(fragment.codes):
            if fragment.codes[start] != OTHER:
                for at in range(start, end, LEARNED_BP):
                    yield bases_of(fragment.codes[at : min(end, at + LEARNED_BP)]).decode()


def _stretches(codes: Codes) -> Iterator[tuple[int, int]]:
    """Start and end of each run of bases and of each run of N, in order."""
    edges = np.flatnonzero(np.diff(codes == OTHER)) + 1
    ends = [0, *edges.tolist(), len(codes)]
    return ((start, end) for start, end in zip(ends, ends[1:], strict=False) if end > start)
