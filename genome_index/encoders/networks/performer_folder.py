"""SLiM Performer in a model folder: reading it as a language model, and writing it after training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from genome_index.encoders.checkpoint import AGAIN, CONFIG, fill, read_weights
from genome_index.encoders.networks.length_cache import LengthCache
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file

KIND = "gindex-performer"
LONGEST = "most_tokens"  # in config.json: tokens of the longest fragment in training, and so of a chunk
HEAD = "head."  # predicts tokens; used only in training


class Slim(nn.Module):
    """A SLiM Performer as a `LanguageModel`; see there."""

    def __init__(self, network: SlimPerformer, most_tokens: int) -> None:
        super().__init__()
        self.network = network
        self.layers, self.width = network.config.layers, network.config.width
        self.most_tokens: int | None = most_tokens
        self.vocabulary = network.config.vocab
        self._positions = LengthCache()

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        x = self.network.embed(ids, positions=self._positions_like(ids))
        yield x
        for at in range(self.layers):
            x = self.network.through(x, mask, slice(at, at + 1))
            yield self.network.norm(x) if at == self.layers - 1 else x

    def _positions_like(self, ids: Tensor) -> Tensor:
        """Position embeddings: (B, T) -> (T, H / 2)."""
        weight, tokens = self.network.embedding.weight, ids.shape[1]
        positions = self._positions.at_least(tokens, self.network.positions, weight.device, weight.dtype)
        return positions[:tokens]


def is_slim(config: Mapping[str, Any]) -> bool:
    return config.get("model_type") == KIND


def open_slim(folder: Path, config: Mapping[str, Any]) -> tuple[Slim, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    where = str(folder)
    settings = {field.name: config[field.name] for field in fields(PerformerConfig) if field.name in config}
    try:
        network = SlimPerformer(PerformerConfig(**{**settings, "head": False}))
        longest = int(config[LONGEST])
    except (TypeError, ValueError, LookupError, UsageError, RuntimeError) as error:
        raise ModelError(where, f"{CONFIG} does not describe a model ({error}); {AGAIN}") from error
    unexpected = fill(network, read_weights(folder), where, [HEAD])
    return Slim(network, longest), unexpected


def write_slim(network: SlimPerformer, folder: Path, most_tokens: int) -> None:
    """Write config.json and model.safetensors, without the head; the caller writes the tokenizer."""
    from safetensors.torch import save

    config = {"model_type": KIND, **asdict(network.config), "head": False, LONGEST: most_tokens}
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith(HEAD)
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "model.safetensors", save(weights))
    write_file(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
