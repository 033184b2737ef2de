"""Grammar of a target as text: which token may come next, so that whatever is written can be read.

The text is that of `corpus.target_text`. Coordinates are numbers of one token or more, within the window
and in order: starts do not decrease, an end is not before its start, and a gene has a number that was there
before or the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from genome_index.lab.annotate.corpus.target_text import TargetLine, lines_of
from genome_index.lab.annotate.model.grammar import Allowed, Choice
from genome_index.lab.annotate.model.target_words import TargetWords
from genome_index.lab.annotate.tokens.token_lists import BOS, NEWLINE, NUMBERS, TAB

MOST_DIGITS = 9  # of a coordinate
NUMERALS = np.arange(NUMBERS)
DIGITS = np.array([len(str(number)) for number in range(NUMBERS)])  # of each


class Column(IntEnum):
    """Where in the text the next token stands."""

    BEGIN_LINE = 0  # the line break before each line and before the end
    TYPE = 1
    START = 2
    END = 3
    STRAND = 4
    PHASE = 5
    GENE = 6
    BIOTYPE = 7


@dataclass
class TextGrammar:
    """Reads one token at a time and says which may follow; `lines` are those that are complete."""

    words: TargetWords
    length_bp: int  # of the window
    most_lines: int = 500
    cds_has_phase: bool = False  # as GFF3 demands; corpora may lack it
    column: Column = Column.BEGIN_LINE
    done: bool = False
    anchor: int = 0  # no pointers
    complete_lines: int = 0
    _text: list[str] = field(default_factory=lambda: [BOS])
    _type: str = ""  # of the line
    _number: str = ""  # digits of the number that is being written
    _is_marked: bool = False  # the coordinate has the mark of a cut
    _in_field: bool = False  # the field has its content, and a tab follows
    _start: int = 1  # 1-based, of the line
    _least_start: int = 1
    _genes: int = 0

    @property
    def lines(self) -> list[TargetLine]:
        """The lines so far.

        Raises
        ------
        ValueError
            The target is not complete.
        """
        return lines_of("".join(self._text))

    def allowed(self) -> Allowed:
        """What may come next; tokens of the vocabulary alone."""
        words = self.words
        match self.column:
            case Column.BEGIN_LINE:
                return Allowed((words.id(NEWLINE),))
            case Column.TYPE:
                return self._then_tab(self._types())
            case Column.START | Column.END | Column.GENE:
                return Allowed(self._number_tokens())
            case Column.STRAND:
                return self._then_tab(tuple(words.strand_ids))
            case Column.PHASE:
                return self._then_tab(words.phases_of(self._type if self.cds_has_phase else ""))
            case Column.BIOTYPE:
                return Allowed(tuple(words.biotype_ids))

    def _types(self) -> tuple[int, ...]:
        types = tuple(self.words.type_ids) if self.complete_lines < self.most_lines else ()
        return (self.words.end, *types)

    def _then_tab(self, tokens: tuple[int, ...]) -> Allowed:
        return Allowed((self.words.id(TAB),) if self._in_field else tokens)

    def _number_tokens(self) -> tuple[int, ...]:
        """Parts of a number that can still be one of the range, a mark where one may stand, the tab."""
        low, high = self._range()
        allowed = list(self._continuations(low, high))
        if self._number and low <= int(self._number) <= high:
            allowed.append(self.words.id(TAB))
        if not self._number and not self._is_marked:
            if self.column == Column.START and self._least_start == 1:
                allowed.append(self.words.before)
            if self.column == Column.END:
                allowed.append(self.words.after)
        return tuple(allowed)

    def _range(self) -> tuple[int, int]:
        """The least and the largest number that may be written."""
        match self.column:
            case Column.START:
                return (1, 1) if self._is_marked else (self._least_start, self.length_bp)
            case Column.END:
                return (self.length_bp if self._is_marked else self._start, self.length_bp)
            case _:
                return (0, self._genes)

    def _continuations(self, low: int, high: int) -> list[int]:
        """The tokens after which the digits so far still begin a number of the range."""
        if self._number == "0":
            return []
        value = int(self._number or 0) * 10**DIGITS + NUMERALS
        fits = np.zeros(NUMBERS, np.bool_)
        for more in range(MOST_DIGITS):
            first, last = value * 10**more, (value + 1) * 10**more - 1
            fits |= (first <= high) & (last >= low)
        if not self._number:
            fits[0] = low == 0  # no number but 0 begins with it
        return [self.words.numbers[at] for at in np.flatnonzero(fits)]

    def take(self, choice: Choice) -> None:
        """Go on by one token, which must be among the allowed ones."""
        number, words = choice.number, self.words
        self._text.append(words.word(number))
        if self.column == Column.BEGIN_LINE:
            self.column = Column.TYPE
        elif number == words.end:
            self.done = True
        elif number == words.id(TAB):
            self._end_field()
        elif self.column in (Column.START, Column.END) and number in (words.before, words.after):
            self._is_marked = True
        elif self.column in (Column.START, Column.END, Column.GENE):
            self._number += words.word(number)
        elif self.column == Column.BIOTYPE:
            self.column, self.complete_lines = Column.BEGIN_LINE, self.complete_lines + 1
        else:
            self._in_field = True
            self._type = words.type_ids[number] if self.column == Column.TYPE else self._type

    def _end_field(self) -> None:
        if self.column == Column.START:
            self._start = self._least_start = int(self._number)
        elif self.column == Column.GENE:
            self._genes = max(self._genes, int(self._number) + 1)
        self._number, self._is_marked, self._in_field = "", False, False
        self.column = Column(self.column + 1)
