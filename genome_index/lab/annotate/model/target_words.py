"""Words of a target and their ids: what may stand for a type, a strand, a phase, a number, a biotype."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from genome_index.errors import UsageError
from genome_index.lab.annotate.files.features import PHASES, STRANDS, Phase, Strand
from genome_index.lab.annotate.tokens.token_lists import (
    BOS,
    CUT_END,
    CUT_START,
    EOS,
    NEWLINE,
    NONE,
    NUMBERS,
    TAB,
)
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer

NAME = re.compile(r"\w*[A-Za-z]\w.*")  # no number, sign or mark


@dataclass(frozen=True)
class TargetWords:
    """The ids of a tokenizer for the words of targets.

    Parameters
    ----------
    id_of
        The id of a word that is one token; None if it is none.
    types, biotypes
        Those that a model may write.
    """

    id_of: Callable[[str], int | None]
    types: Sequence[str]
    biotypes: Sequence[str]

    def id(self, word: str) -> int:
        """The id of a word.

        Raises
        ------
        UsageError
            The tokenizer has no such word.
        """
        number = self.id_of(word)
        if number is None:
            raise UsageError(
                f"the tokenizer has no token {word!r}; add it with `gindex lab annotate tokens append`, "
                "then resize the model"
            )
        return number

    def word(self, number: int) -> str:
        """The word of an id that some word of targets has."""
        return self._words[number]

    @cached_property
    def _words(self) -> dict[int, str]:
        others = (BOS, EOS, CUT_START, CUT_END, TAB, NEWLINE)
        kinds = (
            self.type_ids,
            self.strand_ids,
            {self.id(phase_word(each)): phase_word(each) for each in (*PHASES, None)},
        )
        table = {number: str(at) for at, number in enumerate(self.numbers)} | self.ids(others)
        for kind in kinds:
            table |= kind
        return table | {number: biotype or NONE for number, biotype in self.biotype_ids.items()}

    def ids(self, words: Sequence[str]) -> dict[int, str]:
        """Words by their ids."""
        return {self.id(word): word for word in words}

    @cached_property
    def type_ids(self) -> dict[int, str]:
        return self.ids(self.types)

    @cached_property
    def strand_ids(self) -> dict[int, Strand]:
        return {self.id(strand): strand for strand in STRANDS}

    @cached_property
    def phase_ids(self) -> dict[int, Phase | None]:
        return {self.id(phase_word(phase)): phase for phase in (*PHASES, None)}

    def phases_of(self, kind: str) -> tuple[int, ...]:
        """The ids of the phases that a feature of a type may have: a CDS has one."""
        needed = kind.lower() == "cds"
        return tuple(number for number, phase in self.phase_ids.items() if not (needed and phase is None))

    @cached_property
    def biotype_ids(self) -> dict[int, str]:
        return {self.id(biotype or NONE): biotype for biotype in (*self.biotypes, "")}

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The ids of 0 to 999."""
        return tuple(self.ids([str(number) for number in range(NUMBERS)]))

    @cached_property
    def begin(self) -> int:
        return self.id(BOS)

    @cached_property
    def end(self) -> int:
        return self.id(EOS)

    @cached_property
    def before(self) -> int:
        return self.id(CUT_START)

    @cached_property
    def after(self) -> int:
        return self.id(CUT_END)


def words_of(tokenizer: AnnotationTokenizer) -> TargetWords:
    """The words of a tokenizer: each name that is one token may be a type or a biotype."""
    names = [token for token in tokenizer.target_tokens if NAME.fullmatch(token)]
    return TargetWords(tokenizer.target_tokens.get, names, names)


def phase_word(phase: Phase | None) -> str:
    """The word of a phase."""
    return NONE if phase is None else str(phase)
