"""Generation with a cache, for windows at once, beside one window at a time that is read anew."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("tokenizers", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.config import AnnotationConfig
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.generation import generate
from genome_index.lab.annotate.model.grammar import Choice, PointerGrammar
from genome_index.lab.annotate.model.pointer_steps import Steps, choice_scores
from genome_index.lab.annotate.model.target_words import words_of
from genome_index.lab.annotate.model.text_grammar import TextGrammar
from genome_index.lab.annotate.model.upcycle import random_model
from genome_index.lab.annotate.tokens.files import files_of
from genome_index.lab.annotate.tokens.token_lists import first_tokens
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.tokens.triplets import triplets
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


def one_by_one(model, sequence: str) -> list[TargetLine]:
    """The best allowed choice of each step; the whole target is read again, and choices are tried in turn."""
    source = TOKENIZER.source(sequence)
    places = BasePlaces(source, BEFORE)
    most = 20 + places.length_bp // 20
    kind = PointerGrammar if model.pointers is not None else TextGrammar
    grammar = kind(
        WORDS, places if model.pointers is not None else places.length_bp, most, cds_has_phase=True
    )
    encoded = sources_of([source], TOKENIZER.pad, 2).encode(model)
    read, kinds, anchors, targets = [Choice(WORDS.begin)], [0], list[int](), list[int]()
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
        best = max(possible, key=lambda own: float(scores[own.number + (words if own.is_pointer else 0)]))
        kinds.append(int(grammar.pointer_kind) if model.pointers is not None else 0)
        grammar.take(best)
        read.append(best)
    return grammar.lines


@pytest.mark.parametrize("coordinates", ["pointers", "text"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generation_is_that_of_one_window_at_a_time_without_a_cache(coordinates: str, seed: int) -> None:
    model, sequences = model_of(coordinates, seed), windows(seed)
    sources = [TOKENIZER.source(sequence) for sequence in sequences]
    with torch.inference_mode():
        encoded = sources_of(sources, TOKENIZER.pad, 2).encode(model)
        written = generate(model, encoded, [BasePlaces(source, BEFORE) for source in sources], WORDS)
        assert written == [one_by_one(model, sequence) for sequence in sequences]
    assert any(written)
