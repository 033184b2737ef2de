"""The words that a model is trained to choose from, whatever it chose before.

Shapes: V words, S slots.
"""

from __future__ import annotations

import torch
from torch import Tensor

from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.lab.annotate.model.target_words import TargetWords
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.training.pointer_batches import slot_words


def free_words(model: AnnotationModel, tokenizer: AnnotationTokenizer, words: TargetWords) -> Tensor:
    """With pointers the words of each slot, (S, V); with text all words of targets, (V,)."""
    if model.pointers is not None:
        return slot_words(words, model.config.vocabulary)
    allowed = torch.zeros(model.config.vocabulary, dtype=torch.bool)
    allowed[list(tokenizer.target_tokens.values())] = True
    return allowed
