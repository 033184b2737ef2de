"""Both grammars: they allow every right target, and whatever they allow can be read."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.target_text import TargetLine, sorted_lines, target_text
from genome_index.lab.annotate.files.escapes import text_column
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.grammar import Choice, PointerGrammar
from genome_index.lab.annotate.model.pointer_script import choices_of, script_of
from genome_index.lab.annotate.model.target_words import TargetWords, words_of
from genome_index.lab.annotate.model.text_grammar import TextGrammar
from genome_index.lab.annotate.tokens.files import files_of
from genome_index.lab.annotate.tokens.token_lists import TYPES, first_tokens
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer, Source
from genome_index.lab.annotate.tokens.triplets import triplets

TOKENIZER = AnnotationTokenizer(files_of(triplets()).with_tokens(first_tokens(), "gindex", "test"), "test")
WORDS = TargetWords(TOKENIZER.target_tokens.get, ("CDS", "gene"), ("protein_coding",))


def places_of(sizes: list[int], before: int = 0, after: int = 0) -> BasePlaces:
    """A source whose tokens have so many bases each."""
    ends = np.cumsum(sizes)
    starts = np.concatenate([[-1, -1], ends - sizes, [-1]])
    ids = np.concatenate([[1, 5], np.full(len(sizes), 6), [2]])
    return BasePlaces(Source(ids, starts, np.concatenate([[-1, -1], ends, [-1]])), before, after)


@st.composite
def windows(draw: st.DrawFn) -> tuple[BasePlaces, tuple[TargetLine, ...]]:
    sizes = draw(st.lists(st.integers(1, 9), min_size=3, max_size=400))
    context = st.integers(0, sum(sizes) // 3)
    places = places_of(sizes, draw(context), draw(context))
    length, lines = places.length_bp, list[TargetLine]()
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, length - 1))
        end = draw(st.integers(start + 1, length))
        lines.append(
            TargetLine(
                draw(st.sampled_from(("CDS", "gene"))), start, end, draw(st.sampled_from("+-.?")),
                draw(st.sampled_from((0, 1, 2, None))), draw(st.integers(0, 5)),
                draw(st.sampled_from(("", "protein_coding"))), start == 0 and draw(st.booleans()),
                end == length and draw(st.booleans()),
            )
        )  # fmt: skip
    return places, sorted_lines(lines)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(windows())
def test_the_grammar_of_pointers_allows_every_target_and_gives_its_lines_back(window) -> None:
    places, lines = window
    grammar = PointerGrammar(WORDS, places)
    for choice in choices_of(lines, WORDS, places):
        assert grammar.allowed().has(choice)
        grammar.take(choice)
    assert grammar.done
    assert tuple(grammar.lines) == lines


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(windows())
def test_the_grammar_of_text_allows_every_target_and_gives_its_lines_back(window) -> None:
    places, lines = window
    grammar = TextGrammar(WORDS, places.length_bp)
    for number in TOKENIZER.target_ids(target_text(lines))[1:].tolist():
        assert number in grammar.allowed().tokens
        grammar.take(Choice(number))
    assert grammar.done
    assert tuple(grammar.lines) == lines


def written_at_random(grammar: PointerGrammar | TextGrammar, seed: int) -> list[TargetLine]:
    """What is written by one allowed choice after another."""
    draws = random.Random(seed)
    while not grammar.done:
        allowed = grammar.allowed()
        choices = [Choice(number) for number in allowed.tokens]
        choices += [Choice(number, True) for number in range(allowed.low, allowed.high)]
        grammar.take(draws.choice(choices))
    return grammar.lines


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 9), min_size=3, max_size=300), st.booleans())
def test_whatever_a_grammar_allows_is_within_the_window_and_in_order(
    seed: int, sizes: list[int], by_text: bool
) -> None:
    places = places_of(sizes, sizes[0] // 2, sizes[-1] // 2)
    length = places.length_bp
    grammar = (
        TextGrammar(WORDS, length, 6, cds_has_phase=True)
        if by_text
        else PointerGrammar(WORDS, places, 6, cds_has_phase=True)
    )
    lines = written_at_random(grammar, seed)
    assert len(lines) <= 6
    assert [line.start for line in lines] == sorted(line.start for line in lines)
    for number, line in enumerate(lines):
        assert 0 <= line.start < line.end <= length
        assert line.type != "CDS" or line.phase is not None
        assert not line.begins_before or line.start == 0
        assert not line.ends_after or line.end == length
        assert line.gene <= 1 + max((before.gene for before in lines[:number]), default=-1)


def test_the_steps_of_a_target_by_hand() -> None:
    """Tokens of 3, 1 and 5 bases behind [CLS] and [ATT]; a CDS from base 2 to the window's end and beyond."""
    places = places_of([3, 1, 5])
    line = TargetLine("CDS", 2, 9, "+", 1, 0, "", ends_after=True)
    script = script_of([line], WORDS, places)
    ids, numbers = WORDS.id, WORDS.numbers
    chosen = [ids("CDS"), ids("+"), 2, numbers[2], ids(">"), ids("1"), numbers[0], ids("."), ids("<eos>")]
    assert script.chosen.tolist() == chosen
    assert script.chooses_pointer.tolist() == [False, False, True, *[False] * 6]
    assert script.read.tolist() == [ids("<bos>"), *chosen[:-1]]
    assert script.anchors.tolist() == [2] * 9


def test_a_token_between_context_and_window_gives_the_windows_bases_alone() -> None:
    places = places_of([4, 4, 4], before=6, after=3)
    assert (places.length_bp, places.find(0), places.find(2), places.first, places.end) == (
        3,
        (3, 2),
        (4, 0),
        3,
        5,
    )
    assert (places.places(3), places.places(4)) == ((2, 4), (0, 1))


def test_lines_out_of_order_are_refused() -> None:
    lines = [TargetLine("CDS", 5, 8, "+"), TargetLine("CDS", 2, 4, "+")]
    with pytest.raises(ValueError, match="line 2: .* may not stand in START"):
        script_of(lines, WORDS, places_of([1] * 10))


def test_a_word_that_the_tokenizer_lacks_is_named_with_the_cure() -> None:
    with pytest.raises(UsageError) as refused:
        list(choices_of([TargetLine("transposon_fragment", 0, 1, "+")], WORDS, places_of([1, 1, 1])))
    assert str(refused.value) == (
        "the tokenizer has no token 'transposon_fragment'; add it with `gindex lab annotate tokens append`, "
        "then resize the model"
    )


@pytest.mark.parametrize("name", ["5%_UTR", "a\tb", "3'-UTR", ".", "x", "two words"])
def test_names_with_characters_that_gff3_escapes_are_written_by_both_grammars(name: str) -> None:
    files = files_of(triplets()).with_tokens([*first_tokens(), text_column(name)], "bake", "test")
    tokenizer, places = AnnotationTokenizer(files, "test"), places_of([3, 3, 3])
    words, lines = words_of(tokenizer), (TargetLine(name, 1, 8, "+", None, 0, name),)
    grammar = PointerGrammar(words, places)
    for choice in choices_of(lines, words, places):
        assert grammar.allowed().has(choice)
        grammar.take(choice)
    text = TextGrammar(words, places.length_bp)
    for number in tokenizer.target_ids(target_text(lines))[1:].tolist():
        assert number in text.allowed().tokens
        text.take(Choice(number))
    assert (tuple(grammar.lines), tuple(text.lines)) == (lines, lines)


def test_marks_and_numbers_are_no_names() -> None:
    assert list(words_of(TOKENIZER).types) == list(
        dict.fromkeys(casing for name in TYPES for casing in (name, name.lower()))
    )
