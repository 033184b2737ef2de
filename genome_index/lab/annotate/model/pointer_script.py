"""Targets as choices for training: what the decoder reads at each step, and what it has to choose.

Every target goes through the grammar that generation is bound to, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.grammar import Choice, PointerGrammar
from genome_index.lab.annotate.model.target_words import TargetWords, name_word, phase_word

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Script:
    """The choices of one target: (U,) each. Step u reads choice u - 1, the first one `<bos>`."""

    read: Numbers  # token of the vocabulary, or source token
    reads_pointer: npt.NDArray[np.bool_]
    read_kinds: Numbers  # `PointerKind` of a pointer that is read
    anchors: Numbers  # source token of the last start before the step
    kinds: Numbers  # `PointerKind` of a pointer that is chosen
    slots: Numbers
    chosen: Numbers  # token of the vocabulary, or source token
    chooses_pointer: npt.NDArray[np.bool_]


def choices_of(lines: Sequence[TargetLine], words: TargetWords, places: BasePlaces) -> Iterator[Choice]:
    """The choices that write the lines, the end included.

    Raises
    ------
    UsageError
        The tokenizer has no token for a word of a line.
    """
    for line in lines:
        yield Choice(words.id(name_word(line.type)))
        yield Choice(words.id(line.strand))
        if line.begins_before:
            yield Choice(words.before)
        else:
            yield from _pointer(line.start, words, places)
        if line.ends_after:
            yield Choice(words.after)
        else:
            yield from _pointer(line.end - 1, words, places)
        yield Choice(words.id(phase_word(line.phase)))
        yield Choice(words.numbers[line.gene])
        yield Choice(words.id(name_word(line.biotype)))
    yield Choice(words.end)


def _pointer(base: int, words: TargetWords, places: BasePlaces) -> Iterator[Choice]:
    token, place = places.find(base)
    yield Choice(token, is_pointer=True)
    if places.size(token) > 1:
        yield Choice(words.numbers[place])


def script_of(lines: Sequence[TargetLine], words: TargetWords, places: BasePlaces) -> Script:
    """The steps of a target.

    Raises
    ------
    ValueError
        The grammar does not allow the lines: they are out of order or outside of the window.
    """
    grammar = PointerGrammar(words, places, most_lines=len(lines))
    before, before_kind = Choice(words.begin), 0
    steps: list[tuple[int, ...]] = []
    for choice in choices_of(lines, words, places):
        if not grammar.allowed().has(choice):
            raise ValueError(f"line {len(grammar.lines) + 1}: {choice} may not stand in {grammar.slot.name}")
        kind = int(grammar.pointer_kind)
        steps.append((*before, before_kind, grammar.anchor, kind, int(grammar.slot), *choice))
        grammar.take(choice)
        before, before_kind = choice, kind
    table = np.array(steps, np.int64).T
    return Script(
        table[0], table[1].astype(bool), table[2], table[3], table[4], table[5], table[6],
        table[7].astype(bool),
    )  # fmt: skip
