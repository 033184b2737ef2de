"""Generation of targets: the best choice that the grammar allows, step by step, for many windows at a time.

Shapes: B windows, T source tokens, V words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.decoder import DecoderCache
from genome_index.encoders.networks.annotation.routing import Routing
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.model.base_places import BasePlaces
from genome_index.lab.annotate.model.grammar import Allowed, Choice, PointerGrammar
from genome_index.lab.annotate.model.pointer_steps import EncodedSource, Steps, choice_scores
from genome_index.lab.annotate.model.target_words import TargetWords
from genome_index.lab.annotate.model.text_grammar import TextGrammar
from genome_index.lab.annotate.model.writing_record import Grammar, WritingRecord

BP_A_LINE, LEAST_LINES = 20, 20  # a window of 1,000 bp has at most 70 lines


class WrittenLine(NamedTuple):
    """A line, and the probability that the model gave it."""

    line: TargetLine
    probability: float  # product over its choices and those of lines of its gene before, of allowed ones


@dataclass
class _Target:
    """The target of one window while it is written."""

    grammar: Grammar
    _nats: list[float] = field(default_factory=lambda: [0.0])  # of each line, and of what follows them

    def take(self, choice: Choice, nats: float) -> None:
        """Go on by a choice with so much log probability."""
        self.grammar.take(choice)
        self._nats[-1] += nats
        if self.grammar.complete_lines == len(self._nats):
            self._nats.append(0.0)

    def written(self) -> list[WrittenLine]:
        """The lines of a target that is complete."""
        genes: dict[int, float] = {}
        lines = list[WrittenLine]()
        for line, nats in zip(self.grammar.lines, self._nats, strict=False):
            genes[line.gene] = genes.get(line.gene, 0.0) + nats
            lines.append(WrittenLine(line, math.exp(genes[line.gene])))
        return lines


@torch.inference_mode()
def generate(
    model: AnnotationModel, source: EncodedSource, places: Sequence[BasePlaces], words: TargetWords,
    record: WritingRecord | None = None,
) -> list[list[WrittenLine]]:  # fmt: skip
    """The lines of each window, one for 20 bp at most, after which a target ends; a record counts choices."""
    targets = [_Target(_grammar(model, words, own)) for own in places]
    grammars = [target.grammar for target in targets]
    cache, read = DecoderCache(), [Choice(words.begin)] * len(grammars)
    kinds, had_forbidden = [0] * len(grammars), [False] * len(grammars)
    while not all(grammar.done for grammar in grammars):
        routings: list[Routing] = []
        scores = _scores(model, source, grammars, read, kinds, cache, routings)
        kinds = [_pointer_kind(grammar) for grammar in grammars]
        hidden = _hidden(scores, grammars, model.config.vocabulary, words.end)
        if record is not None:
            record.add_routings("decoder", routings)
            forbidden = record.forbidden_in(scores, hidden, grammars)
            had_forbidden = [any(both) for both in zip(had_forbidden, forbidden, strict=True)]
        read, nats = _best(scores, hidden, model.config.vocabulary)
        for target, choice, own in zip(targets, read, nats, strict=True):
            if not target.grammar.done:
                target.take(choice, own)
    if record is not None:
        record.add_targets(had_forbidden, grammars)
    return [target.written() for target in targets]


def _grammar(model: AnnotationModel, words: TargetWords, places: BasePlaces) -> Grammar:
    most_lines = LEAST_LINES + places.length_bp // BP_A_LINE
    if model.pointers is None:
        return TextGrammar(words, places.length_bp, most_lines, cds_has_phase=True)
    return PointerGrammar(words, places, most_lines, cds_has_phase=True)


def _pointer_kind(grammar: Grammar) -> int:
    return int(grammar.pointer_kind) if isinstance(grammar, PointerGrammar) else 0


def _scores(
    model: AnnotationModel, source: EncodedSource, grammars: Sequence[Grammar], read: Sequence[Choice],
    kinds: Sequence[int], cache: DecoderCache, routings: list[Routing],
) -> Tensor:  # fmt: skip
    """Logits of the next choice: (B, V + T), of text (B, V). Experts read no windows that are done."""
    device = source.encoded.device
    mask = torch.tensor([[not grammar.done] for grammar in grammars], device=device)
    if model.pointers is None:
        ids = torch.tensor([[choice.number] for choice in read], device=device)
        embedded = model.embed(ids)
        states = model.decode(embedded, source.encoded, source.mask, None, cache, mask, routings)
        return model.logits(states)[:, -1].float()
    rows = [
        (choice.number, choice.is_pointer, kind, grammar.anchor, _pointer_kind(grammar))
        for grammar, choice, kind in zip(grammars, read, kinds, strict=True)
    ]
    columns = torch.tensor(rows, dtype=torch.long, device=device).T[..., None]
    steps = Steps(columns[0], columns[1].bool(), columns[2], columns[3], columns[4])
    return choice_scores(model, source, steps, cache, mask, routings)[:, -1].float()


def _hidden(scores: Tensor, grammars: Sequence[Grammar], words: int, end: int) -> Tensor:
    """What the grammar of each window forbids: (B, V + T); a window that is done has its end alone."""
    nothing = Allowed((end,))
    choices = [nothing if grammar.done else grammar.allowed() for grammar in grammars]
    hidden = np.ones(tuple(scores.shape), np.bool_)
    for row, allowed in zip(hidden, choices, strict=True):
        row[list(allowed.tokens)] = False
        row[words + allowed.low : words + allowed.high] = False
    return torch.from_numpy(hidden).to(scores.device)


def _best(scores: Tensor, hidden: Tensor, words: int) -> tuple[list[Choice], list[float]]:
    """The best choice of each window that is not hidden, and its log probability: (B, V + T), (B, V + T)."""
    best = scores.masked_fill(hidden, float("-inf")).log_softmax(-1).max(-1)
    choices = [Choice(at - words, True) if at >= words else Choice(at) for at in best.indices.tolist()]
    return choices, best.values.tolist()
