"""Tokenizer of an annotation model: sequences by byte-pair encoding, targets by added tokens alone.

T tokens of a source, U tokens of a target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Ids
from genome_index.encoders.tokenizers.library import library_of
from genome_index.errors import ModelError, UsageError
from genome_index.lab.annotate.tokens.files import TokenizerFiles, open_tokenizer_files
from genome_index.lab.annotate.tokens.token_lists import BOS, EOS, LONGEST_N, NEWLINE, TAB, TASK, escaped

CODON = 3  # bases
NO_BASES = -1  # in `starts` and `phases`: the token is none of bases
Codes = npt.NDArray[np.int8]
CODES: Codes = np.full(256, NO_BASES, np.int8)
CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)
OTHERS = re.compile(r"[^ACGTN]")
CLS, SEP, PAD, UNK = "[CLS]", "[SEP]", "[PAD]", "[UNK]"
APPEND = "add it with `gindex lab annotate tokens append LIST TOKENIZER`"


@dataclass(frozen=True)
class Source:
    """A window of sequence as tokens, special ones included: all (T,)."""

    ids: Ids
    starts: Ids  # 0-based first base of each token in the window; -1 for a token of no bases
    ends: Ids  # exclusive; -1 for a token of no bases
    bases: str = ""  # of the window, in upper case

    @property
    def phases(self) -> Ids:
        """The position of each token's first base modulo 3; -1 for a token of no bases."""
        return np.where(self.starts == NO_BASES, NO_BASES, self.starts % CODON)

    def contexts(self, bases: int) -> Codes:
        """The bases before each token's first one and from there on: (T, 2 x `bases`).

        They are places in ACGT; -1 for N, beyond the window, and for a token of no bases.
        """
        codes = CODES[np.frombuffer(self.bases.encode(), np.uint8)]
        padded = np.pad(codes, bases, constant_values=NO_BASES)
        around: Codes = np.lib.stride_tricks.sliding_window_view(padded, 2 * bases)[self.starts]
        return np.where(self.starts[:, None] == NO_BASES, np.int8(NO_BASES), around)


class AnnotationTokenizer:
    """Reads a tokenizer.json with the tokens of targets.

    Raises
    ------
    ModelError
        A token is missing that every model has.
    """

    def __init__(self, files: TokenizerFiles, where: str) -> None:
        self._library = library_of(files.text)
        self._library.no_truncation()
        self._library.no_padding()
        self.where = where
        vocabulary = self._library.get_vocab(with_added_tokens=True)
        missing = [token for token in (CLS, SEP, PAD, UNK, BOS, EOS, TASK, "N") if token not in vocabulary]
        if missing:
            raise ModelError(where, f"its tokenizer has no token {escaped(missing[0])}; {APPEND}")
        self.vocabulary = 1 + max(vocabulary.values())
        self.cls, self.sep, self.pad, self.unk, self.bos, self.eos, self.task = (
            vocabulary[token] for token in (CLS, SEP, PAD, UNK, BOS, EOS, TASK)
        )
        self.tokens = {number: token for token, number in vocabulary.items()}

    @cached_property
    def target_tokens(self) -> dict[str, int]:
        """The tokens that a target may have, runs of N left out."""
        runs = {"N" * length for length in range(1, LONGEST_N + 1)}
        added = self._library.get_added_tokens_decoder()
        return {
            token.content: number
            for number, token in sorted(added.items())
            if not token.special and token.content not in runs
        }

    def source(self, sequence: str) -> Source:
        """[CLS] [ATT] tokens [SEP] of a window: (L,) bases -> (T,).

        Lower case is read as upper, and every letter but A, C, G and T as N.

        Raises
        ------
        ModelError
            The tokenizer does not know a base.
        """
        bases = OTHERS.sub("N", sequence.upper())
        encoding = self._library.encode(bases, add_special_tokens=False)
        ids = np.array([self.cls, self.task, *encoding.ids, self.sep], np.int64)
        places = [(NO_BASES, NO_BASES), (NO_BASES, NO_BASES), *encoding.offsets, (NO_BASES, NO_BASES)]
        starts, ends = np.array(places, np.int64).T
        if (ids == self.unk).any():
            at = int(starts[ids == self.unk][0])
            raise ModelError(self.where, f"its tokenizer does not know {bases[at]!r}; give that of DNABERT-2")
        return Source(ids, starts, ends, bases)

    def target_ids(self, text: str) -> Ids:
        """The ids of a target's text, which `target_text` gives back: (U,).

        Raises
        ------
        UsageError
            No token stands for a part of the text.
        """
        encoding = self._library.encode(text, add_special_tokens=False)
        known = self._target_ids
        end = 0
        for number, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if start != end or number not in known:
                self._refuse(text, end)
            end = stop
        if end != len(text):
            self._refuse(text, end)
        return np.array(encoding.ids, np.int64)

    def target_text(self, ids: Ids) -> str:
        """The text of a target: (U,) -> text."""
        return "".join(self.tokens.get(number, UNK) for number in np.asarray(ids).tolist())

    @cached_property
    def _target_ids(self) -> frozenset[int]:
        return frozenset(self.target_tokens.values())

    def _refuse(self, text: str, at: int) -> None:
        ends = rf"[{TAB}{NEWLINE}]|{BOS}|{EOS}"
        piece = re.split(ends, text[:at])[-1] + re.split(ends, text[at:])[0]
        raise UsageError(f"{self.where}: the tokenizer has no token for {piece!r} of a target; {APPEND}")


def open_annotation_tokenizer(path: Path) -> AnnotationTokenizer:
    """The tokenizer of a model folder, or of a tokenizer.json.

    Raises
    ------
    ModelError
    """
    return AnnotationTokenizer(open_tokenizer_files(path), str(path))
