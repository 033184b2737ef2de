"""Loader of a language model's folder; config.json decides the kind of network."""

from __future__ import annotations

from pathlib import Path

from genome_index.encoders.checkpoint import read_config
from genome_index.encoders.networks.dnabert2 import is_dnabert2, open_dnabert2
from genome_index.encoders.networks.nucleotide_transformer import is_nucleotide, open_nucleotide
from genome_index.encoders.networks.performer_folder import is_slim, open_slim
from genome_index.encoders.networks.prenorm_bert import is_prenorm_bert, open_prenorm_bert
from genome_index.encoders.networks.transformers_native import open_native
from genome_index.encoders.protocol import LanguageModel

MOST_NAMED = 5  # unused tensors in a warning


def open_model(folder: Path) -> tuple[LanguageModel, list[str]]:
    """The model in a folder, on the CPU in float32 and in evaluation mode, and warnings about it.

    Raises
    ------
    ModelError
        It cannot be read, is not of one piece, or would have to run code of its own.
    """
    config = read_config(folder)
    model: LanguageModel
    if is_nucleotide(config):
        model, unexpected = open_nucleotide(folder, config)
    elif is_dnabert2(config):
        model, unexpected = open_dnabert2(folder, config)
    elif is_prenorm_bert(config):
        model, unexpected = open_prenorm_bert(folder, config)
    elif is_slim(config):
        model, unexpected = open_slim(folder, config)
    else:
        model, unexpected = open_native(folder, config)
    return model.eval().requires_grad_(False), _warnings(folder, unexpected)


def _warnings(folder: Path, unexpected: list[str]) -> list[str]:
    if not unexpected:
        return []
    more = f" and {len(unexpected) - MOST_NAMED:,} more" if len(unexpected) > MOST_NAMED else ""
    return [f"{folder}: weights that the model does not use: {', '.join(unexpected[:MOST_NAMED])}{more}"]
