"""Resizing: a row of embeddings and of the head for each token that the tokenizer has and the model lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from genome_index.encoders.checkpoint import fill
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.errors import ModelError
from genome_index.lab.annotate.model.folder import open_annotation, origin_of, write_annotation
from genome_index.lab.annotate.model.vocabulary import grown, grown_bias
from genome_index.lab.annotate.tokens.files import TokenizerFiles, open_tokenizer_files

ROWS = ("bert.embeddings.word_embeddings.weight", "head.weight")


def resized(model: AnnotationModel, vocabulary: int, seed: int = 0) -> AnnotationModel:
    """A model with rows for so many tokens: old rows to the bit, new ones the mean of them and noise.

    A tied head stays tied, and the head's bias grows as well.
    """
    config = replace(model.config, vocabulary=vocabulary)
    generator, weights = torch.Generator().manual_seed(seed), dict(model.state_dict())
    for name in ROWS:
        if name in weights:
            weights[name] = grown(weights[name], vocabulary, generator)
    weights["head.bias"] = grown_bias(weights["head.bias"], vocabulary)
    with torch.device("meta"):
        larger = AnnotationModel(config)
    fill(larger, weights, "the resized model", ())
    return larger.train(model.training)


def resize(folder: Path, tokenizer: Path, seed: int = 0) -> tuple[int, int]:
    """Give a model in a folder the rows of a tokenizer, and the folder this tokenizer: rows before, after.

    Raises
    ------
    ModelError
        The model or the tokenizer cannot be read, or the tokenizer gives a token of the model another id.
    """
    model, files = open_annotation(folder), open_tokenizer_files(tokenizer)
    _check_same(files, folder, tokenizer)
    rows = model.config.vocabulary
    vocabulary = max(rows, 1 + max(files.vocabulary().values()))
    origin = {**origin_of(folder), "resized": f"from {rows:,} to {vocabulary:,} rows"}
    write_annotation(folder, resized(model, vocabulary, seed), files, origin)
    return rows, vocabulary


def _check_same(files: TokenizerFiles, folder: Path, tokenizer: Path) -> None:
    """Refuse a tokenizer in which a token of the model has another id, or none."""
    now = files.vocabulary()
    for token, number in sorted(open_tokenizer_files(folder).vocabulary().items(), key=lambda pair: pair[1]):
        if now.get(token) != number:
            raise ModelError(
                str(tokenizer),
                f"{token!r} has the id {now.get(token)}, but {number} in {folder}; give the tokenizer of "
                "this model with more tokens appended",
            )
