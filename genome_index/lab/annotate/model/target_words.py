"""Words of a target and their ids: what may stand for a type, a strand, a phase, a number, a biotype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from genome_index.errors import UsageError
from genome_index.lab.annotate.files.escapes import text_column, unescaped
from genome_index.lab.annotate.files.features import PHASES, STRANDS, Phase, Strand
from genome_index.lab.annotate.tokens.token_lists import (
    BOS,
    CUT_END,
    CUT_START,
    EOS,
    HIT,
    NEWLINE,
    NONE,
    NUMBERS,
    TAB,
    TASK,
)
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer

MARKS = frozenset((BOS, EOS, TASK, HIT, TAB, NEWLINE, NONE, CUT_START, CUT_END, *STRANDS))
"""Words that are no names."""


@dataclass(frozen=True)
class TargetWords:
    """The ids of a tokenizer for the words of targets.

    Parameters
    ----------
    id_of
        The id of a word that is one token; None if it is none.
    types, biotypes
        Those that a model may write; the tokenizer has them with the escapes of GFF3, as targets do.
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
        marks = (BOS, EOS, CUT_START, CUT_END, TAB, NEWLINE, NONE, *STRANDS)
        names = map(name_word, (*self.types, *self.biotypes))
        return self.ids([*map(str, range(NUMBERS)), *map(phase_word, PHASES), *marks, *names])

    def ids(self, words: Sequence[str]) -> dict[int, str]:
        """Words by their ids."""
        return {self.id(word): word for word in words}

    @cached_property
    def type_ids(self) -> dict[int, str]:
        return {self.id(name_word(kind)): kind for kind in self.types}

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
        return {self.id(name_word(biotype)): biotype for biotype in (*self.biotypes, "")}

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
    names = [unescaped(token) for token in tokenizer.target_tokens if _is_name(token)]
    return TargetWords(tokenizer.target_tokens.get, names, names)


def phase_word(phase: Phase | None) -> str:
    """The word of a phase."""
    return NONE if phase is None else str(phase)


def name_word(name: str) -> str:
    """The word of a type or a biotype; that of an empty name, which is none, is a dot.

    >>> name_word("5%_UTR"), name_word("")
    ('5%25_UTR', '.')
    """
    return text_column(name) or NONE


def _is_name(token: str) -> bool:
    """Whether a token is a name as targets write it."""
    return not (token in MARKS or token.isdecimal()) and name_word(unescaped(token)) == token
