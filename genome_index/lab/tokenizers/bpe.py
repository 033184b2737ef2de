"""Byte-pair encoding learned from fragments: frequent stretches become words. By the library `tokenizers`.

A word never holds N: sequences are cut there before anything is learned or read, and N is a token of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from genome_index.encoders.tokenizers.folder import PIECE_BP
from genome_index.errors import UsageError, need_installed
from genome_index.lab.corpus.packing import OTHER, Codes, codes_of, letters_of
from genome_index.lab.corpus.sampling import Fragment
from genome_index.lab.tokenizers.special_ids import LETTERS, SPECIAL, Ids, checked

LEARNED_BP = 128  # pieces that are learned from: of longer ones each merge reads all; words are far shorter
LONGEST_BP = 32  # of a word: a repeat would otherwise become one of hundreds of bases


class Bpe:
    """A tokeniser that was learned; `text` is the library's own JSON."""

    kind = "bpe"

    def __init__(self, text: str) -> None:
        need_installed("byte-pair encoding", "tokenizers", extra="neural")
        from tokenizers import Tokenizer

        self._text = text
        try:
            self._library = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing more exact
            raise ValueError(f"the library `tokenizers` cannot read it: {error}") from error
        by_id = {number: word for word, number in self._library.get_vocab().items()}
        if sorted(by_id) != list(range(len(by_id))) or [by_id[at] for at in range(len(SPECIAL))] != [
            *SPECIAL
        ]:
            raise ValueError("its ids are not those of a tokeniser that was learned here")
        self._words = [codes_of(by_id[at].encode()) for at in range(len(by_id))]
        self._words[: len(SPECIAL)] = [np.empty(0, np.uint8)] * len(SPECIAL)
        self._n = self._library.token_to_id("N")

    @property
    def vocabulary(self) -> int:
        return len(self._words)

    def settings(self) -> dict[str, object]:
        return {"tokenizer": json.loads(self._text)}

    def ids(self, codes: Codes) -> Ids:
        """(L,) -> (T,); long stretches are read in pieces, which can change the few tokens beside a cut."""
        found: list[Ids] = [np.empty(0, np.int64)]
        for start, end in _stretches(codes):
            if codes[start] == OTHER:
                found.append(np.full(end - start, self._n))
                continue
            for at in range(start, end, PIECE_BP):
                letters = letters_of(codes[at : min(end, at + PIECE_BP)]).decode()
                found.append(np.array(self._library.encode(letters, add_special_tokens=False).ids, np.int64))
        return np.concatenate(found)

    def codes(self, ids: Ids) -> Codes:
        return np.concatenate(
            [
                np.empty(0, np.uint8),
                *(self._words[number] for number in checked(ids, self.vocabulary).tolist()),
            ]
        )


def learn_bpe(fragments: Iterable[Fragment], count: int, vocabulary: int) -> Bpe:
    """Learn so many tokens, special ones included, from the first `count` fragments: the same each time."""
    need_installed("byte-pair encoding", "tokenizers", extra="neural")
    from tokenizers import Tokenizer, models, trainers

    least = len(SPECIAL) + len(LETTERS)
    if vocabulary < least:
        raise UsageError(
            f"a vocabulary of {vocabulary}: {least} are special tokens and letters; ask for more"
        )
    library = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[*SPECIAL], initial_alphabet=[*LETTERS],
        max_token_length=LONGEST_BP + 1, show_progress=False,
    )  # fmt: skip
    library.train_from_iterator(_pieces(islice(fragments, count)), trainer)
    return Bpe(library.to_str())


def _pieces(fragments: Iterable[Fragment]) -> Iterator[str]:
    for fragment in fragments:
        for start, end in _stretches(fragment.codes):
            if fragment.codes[start] != OTHER:
                for at in range(start, end, LEARNED_BP):
                    yield letters_of(fragment.codes[at : min(end, at + LEARNED_BP)]).decode()


def _stretches(codes: Codes) -> Iterator[tuple[int, int]]:
    """Start and end of each run of bases and of each run of N, in order."""
    edges = np.flatnonzero(np.diff(codes == OTHER)) + 1
    ends = [0, *edges.tolist(), len(codes)]
    return ((start, end) for start, end in zip(ends, ends[1:], strict=False) if end > start)
