"""Grammar of a target with pointers: what may come next, so that whatever is written can be read.

A line is its type, its strand, a pointer to its first base, one to its last, its phase, the number of its
gene and its biotype; a target ends where a type could stand. A mark stands for a pointer where a feature
begins before the window or ends behind it. Where a source token has several bases, the base's place in it
follows.

Starts do not decrease, an end is not before its start, and a gene has a number that was there before or the
next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from genome_index.encoders.networks.annotation.pointers import PointerKind
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.files.features import Phase, Strand
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.target_words import TargetWords


class Slot(IntEnum):
    """What stands at a place of a target."""

    TYPE = 0
    STRAND = 1
    START = 2
    START_PLACE = 3
    END = 4
    END_PLACE = 5
    PHASE = 6
    GENE = 7
    BIOTYPE = 8


class Choice(NamedTuple):
    """One step of a target: a token of the vocabulary, or a source token that is pointed at."""

    number: int
    is_pointer: bool = False


class Allowed(NamedTuple):
    """What may come next: tokens of the vocabulary, and source tokens in [low, high)."""

    tokens: tuple[int, ...]
    low: int = 0
    high: int = 0

    def has(self, choice: Choice) -> bool:
        """Whether a choice is among them."""
        if choice.is_pointer:
            return self.low <= choice.number < self.high
        return choice.number in self.tokens


@dataclass
class _Line:
    """A line that is being written; positions are 0-based."""

    type: str
    strand: Strand = "."
    start: int = 0
    begins_before: bool = False
    last: int = 0  # base, included
    ends_after: bool = False
    phase: Phase | None = None
    gene: int = 0


@dataclass
class PointerGrammar:
    """Reads one choice at a time and says which may follow; `lines` are those that are complete."""

    words: TargetWords
    places: BasePlaces
    most_lines: int = 500
    cds_has_phase: bool = False  # as GFF3 demands; corpora may lack it
    lines: list[TargetLine] = field(default_factory=list)
    slot: Slot = Slot.TYPE
    done: bool = False
    _line: _Line = field(default_factory=lambda: _Line(""))
    _genes: int = 0
    _from: tuple[int, int] = (0, 0)  # start of the last line: source token, place in it
    _pointed: int = 0  # source token of the pointer whose place follows

    def __post_init__(self) -> None:
        self._from = self.places.origin

    @property
    def complete_lines(self) -> int:
        return len(self.lines)

    @property
    def anchor(self) -> int:
        """The source token of the last start."""
        return self._from[0]

    @property
    def pointer_kind(self) -> PointerKind:
        return PointerKind.END if self.slot in (Slot.END, Slot.END_PLACE) else PointerKind.START

    def allowed(self) -> Allowed:
        """What may come next."""
        words = self.words
        match self.slot:
            case Slot.TYPE:
                types = words.type_ids if len(self.lines) < self.most_lines else ()
                return Allowed((words.end, *types))
            case Slot.STRAND:
                return Allowed(tuple(words.strand_ids))
            case Slot.START:
                at_start = self._from == self.places.origin
                return Allowed((words.before,) if at_start else (), self.anchor, self.places.end)
            case Slot.END:
                return Allowed((words.after,), self.anchor, self.places.end)
            case Slot.START_PLACE | Slot.END_PLACE:
                return Allowed(words.numbers[self._least_place() : self.places.places(self._pointed)[1]])
            case Slot.PHASE:
                return Allowed(words.phases_of(self._line.type if self.cds_has_phase else ""))
            case Slot.GENE:
                return Allowed(words.numbers[: self._genes + 1])
            case Slot.BIOTYPE:
                return Allowed(tuple(words.biotype_ids))

    def take(self, choice: Choice) -> None:
        """Go on by one choice, which must be among the allowed ones."""
        if choice.is_pointer:
            self._point(choice.number)
        elif choice.number in (self.words.before, self.words.after) and self.slot in (Slot.START, Slot.END):
            self._cut()
        else:
            self._take_word(choice.number)

    def _take_word(self, number: int) -> None:
        match self.slot:
            case Slot.TYPE:
                self._begin_line(number)
            case Slot.STRAND:
                self._line.strand, self.slot = self.words.strand_ids[number], Slot.START
            case Slot.START_PLACE | Slot.END_PLACE:
                self._place(int(self.words.word(number)))
            case Slot.PHASE:
                self._line.phase, self.slot = self.words.phase_ids[number], Slot.GENE
            case Slot.GENE:
                self._line.gene = int(self.words.word(number))
                self._genes, self.slot = max(self._genes, self._line.gene + 1), Slot.BIOTYPE
            case _:
                self._end_line(self.words.biotype_ids[number])

    def _begin_line(self, number: int) -> None:
        if number == self.words.end:
            self.done = True
        else:
            self._line, self.slot = _Line(self.words.type_ids[number]), Slot.STRAND

    def _cut(self) -> None:
        """The feature begins before the window, or ends behind it."""
        if self.slot == Slot.START:
            self._line.begins_before, self.slot = True, Slot.END
        else:
            self._line.ends_after, self.slot = True, Slot.PHASE
            self._line.last = self.places.length_bp - 1

    def _point(self, token: int) -> None:
        self._pointed = token
        if self.places.size(token) > 1:
            self.slot = Slot.START_PLACE if self.slot == Slot.START else Slot.END_PLACE
        else:
            self._place(0)

    def _place(self, place: int) -> None:
        base = self.places.start(self._pointed) + place
        if self.slot in (Slot.START, Slot.START_PLACE):
            self._line.start, self._from = base, (self._pointed, place)
            self.slot = Slot.END
        else:
            self._line.last, self.slot = base, Slot.PHASE

    def _end_line(self, biotype: str) -> None:
        line = self._line
        self.lines.append(
            TargetLine(
                line.type, line.start, line.last + 1, line.strand, line.phase, line.gene, biotype,
                line.begins_before, line.ends_after,
            )
        )  # fmt: skip
        self.slot = Slot.TYPE

    def _least_place(self) -> int:
        """The first allowed place in the token that was pointed at."""
        low, _ = self.places.places(self._pointed)
        return max(low, self._from[1]) if self._pointed == self._from[0] else low
