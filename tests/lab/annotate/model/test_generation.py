"""Generation with a cache, for windows at once, beside one window at a time that is read anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("tokenizers", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.model import generation
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.generation import generate
from genome_index.lab.annotate.model.grammar import Choice, PointerGrammar, Slot
from genome_index.lab.annotate.model.pointer_steps import Steps, choice_scores
from genome_index.lab.annotate.model.target_words import words_of
from genome_index.lab.annotate.model.text_grammar import TextGrammar
from genome_index.lab.annotate.model.upcycle import random_model
from genome_index.lab.annotate.model.writing_record import LayerLoad, WritingRecord
from genome_index.lab.annotate.tokens.files import files_of
from genome_index.lab.annotate.tokens.token_lists import TAB, first_tokens
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.tokens.triplets import triplets
from genome_index.lab.annotate.training.free_words import free_words
from genome_index.lab.annotate.training.pointer_batches import sources_of

TOKENIZER = AnnotationTokenizer(files_of(triplets()).with_tokens(first_tokens(), "gindex", "test"), "test")
WORDS = words_of(TOKENIZER)
LENGTHS, BEFORE = (40, 25, 33), 3  # of windows with context, and of the context in front


def model_of(coordinates: str, seed: int):
    config = AnnotationConfig(
        TOKENIZER.vocabulary, 16, 2, 2, 2, 32, experts=2, top_k=1, moe_every=1, coordinates=coordinates,
        context=2,
    )  # fmt: skip
    return random_model(config, seed).double().eval()


def windows(seed: int) -> list[str]:
    draws = np.random.default_rng(seed)
    return ["".join(draws.choice(list("ACGT"), length)) for length in LENGTHS]


def may_be_free(choice: Choice, grammar: PointerGrammar | TextGrammar) -> bool:
    """Whether a model is trained to choose this here, whatever was written before."""
    if isinstance(grammar, TextGrammar):
        return choice.number in TOKENIZER.target_tokens.values()
    if choice.is_pointer:
        return grammar.slot in (Slot.START, Slot.END)
    return choice.number in {
        Slot.TYPE: (WORDS.end, *WORDS.type_ids), Slot.STRAND: WORDS.strand_ids, Slot.START: (WORDS.before,),
        Slot.END: (WORDS.after,), Slot.PHASE: WORDS.phase_ids, Slot.BIOTYPE: WORDS.biotype_ids,
    }.get(grammar.slot, WORDS.numbers)  # fmt: skip


def one_by_one(
    model, sequence: str, forbidden: list[bool] | None = None, least_lines: int = 20
) -> list[tuple[TargetLine, float]]:
    """The best allowed choice of each step; the whole target is read again, and choices are tried in turn.

    To `forbidden` is added for each step whether a choice that may be free is better. A line comes with the
    product of the probabilities of its choices and those of its gene's lines before.
    """
    source = TOKENIZER.source(sequence)
    places = BasePlaces(source, BEFORE)
    most = least_lines + places.length_bp // 20
    kind = PointerGrammar if model.pointers is not None else TextGrammar
    grammar = kind(
        WORDS, places if model.pointers is not None else places.length_bp, most, cds_has_phase=True
    )
    encoded = sources_of([source], TOKENIZER.pad, 2).encode(model)
    read, kinds, anchors, targets = [Choice(WORDS.begin)], [0], list[int](), list[int]()
    steps_of_line, probabilities = 1.0, list[float]()
    genes, written = dict[int, float](), list[tuple[TargetLine, float]]()
    while not grammar.done:
        if model.pointers is None:
            ids = torch.tensor([[choice.number for choice in read]])
            scores = model.logits(model.decode(model.embed(ids), encoded.encoded))[0, -1]
        else:
            targets.append(int(grammar.pointer_kind))
            anchors.append(grammar.anchor)
            columns = ([choice.number for choice in read], [choice.is_pointer for choice in read], kinds)
            steps = Steps(*(torch.tensor([column]) for column in (*columns, anchors, targets)))
            scores = choice_scores(model, encoded, steps)[0, -1]
        words, tokens = model.config.vocabulary, len(source.ids)
        every = [Choice(number) for number in range(words)] + [
            Choice(number, True) for number in range(tokens)
        ]
        allowed = grammar.allowed()
        possible = [choice for choice in every if allowed.has(choice)]
        values = scores.tolist()

        def score(own: Choice, values=values, words=words) -> float:
            return values[own.number + (words if own.is_pointer else 0)]

        best = max(possible, key=score)
        if forbidden is not None:
            free = max((own for own in every if may_be_free(own, grammar)), key=score)
            forbidden.append(score(free) > score(best))
        kinds.append(int(grammar.pointer_kind) if model.pointers is not None else 0)
        grammar.take(best)
        read.append(best)
        steps_of_line /= sum(math.exp(score(choice) - score(best)) for choice in possible)
        if grammar.complete_lines > len(probabilities):
            probabilities.append(steps_of_line)
            steps_of_line = 1.0
    for line, own in zip(grammar.lines, probabilities, strict=True):
        genes[line.gene] = genes.get(line.gene, 1.0) * own
        written.append((line, genes[line.gene]))
    return written


@pytest.mark.parametrize("coordinates", ["pointers", "text"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generation_is_that_of_one_window_at_a_time_without_a_cache(coordinates: str, seed: int) -> None:
    model, sequences = model_of(coordinates, seed), windows(seed)
    sources = [TOKENIZER.source(sequence) for sequence in sequences]
    with torch.inference_mode():
        encoded = sources_of(sources, TOKENIZER.pad, 2).encode(model)
        written = generate(model, encoded, [BasePlaces(source, BEFORE) for source in sources], WORDS)
        alone = [one_by_one(model, sequence) for sequence in sequences]
    assert [[each.line for each in own] for own in written] == [[line for line, _ in own] for own in alone]
    for own, expected in zip(written, alone, strict=True):
        assert [each.probability for each in own] == pytest.approx([value for _, value in expected])
    assert any(written)


def record_of(model, sequences: list[str]) -> WritingRecord:
    """The record of windows that are written at once."""
    record = WritingRecord(model.config, free_words(model, TOKENIZER, WORDS))
    sources, routings = [TOKENIZER.source(sequence) for sequence in sequences], []
    with torch.inference_mode():
        encoded = sources_of(sources, TOKENIZER.pad, 2).encode(model, routings)
        generate(model, encoded, [BasePlaces(source, BEFORE) for source in sources], WORDS, record)
    record.add_routings("encoder", routings)
    return record


@pytest.mark.parametrize("coordinates", ["pointers", "text"])
@pytest.mark.parametrize("seed", [1, 2])
def test_forbidden_choices_are_those_of_one_window_at_a_time(
    coordinates: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "LEAST_LINES", 3)  # saves time
    model, sequences = model_of(coordinates, seed), windows(seed)
    with torch.no_grad():
        model.head.bias[WORDS.id(TAB)] = 1_000  # of text, tabs where they are due are all that is free
    steps: list[list[bool]] = [[] for _ in sequences]
    with torch.inference_mode():
        for sequence, forbidden in zip(sequences, steps, strict=True):
            one_by_one(model, sequence, forbidden, least_lines=3)
    record = record_of(model, sequences)
    assert record.choices == sum(map(len, steps))
    assert record.forbidden == sum(map(sum, steps))
    assert 0 < record.forbidden < record.choices
    assert (record.windows, record.windows_with_forbidden) == (3, sum(map(any, steps)))


@pytest.mark.parametrize("coordinates", ["pointers", "text"])
def test_experts_load_is_that_of_one_window_at_a_time(
    coordinates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither padding nor windows that are done count: a step of the decoder is a choice."""
    monkeypatch.setattr(generation, "LEAST_LINES", 3)  # saves time
    model, sequences = model_of(coordinates, 1), windows(1)
    loads = record_of(model, sequences).layer_loads()
    alone = [record_of(model, [sequence]) for sequence in sequences]
    assert sorted((load.part, load.layer) for load in loads) == [
        ("decoder", 0), ("decoder", 1), ("encoder", 0), ("encoder", 1),
    ]  # fmt: skip
    expected = {
        (load.part, load.layer): np.sum([each.layer_loads()[at].choices for each in alone], axis=0).tolist()
        for at, load in enumerate(alone[0].layer_loads())
    }
    assert {(load.part, load.layer): list(load.choices) for load in loads} == expected
    tokens = {
        "encoder": sum(len(TOKENIZER.source(sequence).ids) for sequence in sequences),
        "decoder": sum(each.choices for each in alone),
    }
    assert all(sum(load.choices) == tokens[load.part] for load in loads)


def test_a_target_that_does_not_end_reaches_the_limit_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "LEAST_LINES", 3)  # saves time
    model, sequences = model_of("pointers", 1), windows(1)
    with torch.no_grad():
        model.head.bias[WORDS.end] = -1_000
    record = record_of(model, sequences)
    assert (record.windows, record.windows_at_limit, record.windows_with_forbidden) == (3, 3, 3)
    alone = [record_of(model, [sequence]) for sequence in sequences]
    assert len({each.choices for each in alone}) > 1  # some are done before others
    assert record.forbidden == sum(each.forbidden for each in alone)
    with torch.no_grad():
        model.head.bias[WORDS.end] = 1_000
    record = record_of(model, sequences)
    assert (record.choices, record.forbidden, record.windows_at_limit) == (3, 0, 0)


def test_shares_and_entropy_of_a_layer() -> None:
    load = LayerLoad("encoder", 1, (3, 1, 0, 0), 2)
    assert load.shares == (0.75, 0.25, 0.0, 0.0)
    assert load.entropy == pytest.approx(0.5623351446188083)
    assert LayerLoad("encoder", 1, (2, 2), 0).entropy == pytest.approx(np.log(2))
    assert LayerLoad("encoder", 1, (0, 0), 0).shares == (0.0, 0.0)
