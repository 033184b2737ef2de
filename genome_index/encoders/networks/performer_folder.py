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
HEAD = "head."  # predicts tokens; an encoder does without
PREDICTOR = "give a model of `gindex lab pretrain --objective next`"


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
    """The model in a folder, without its head, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    network = _network(folder, {**config, "head": False})
    unexpected = fill(network, read_weights(folder), str(folder), [HEAD])
    return Slim(network, longest_fragment(folder, config)), unexpected


def open_predictor(folder: Path, config: Mapping[str, Any]) -> SlimPerformer:
    """The causal network in a folder, with the head that predicts the next token.

    Raises
    ------
    ModelError
        It is not causal, or was saved without its head.
    """
    network = _network(folder, {**config, "head": True})
    weights = read_weights(folder)
    if not network.config.causal:
        raise ModelError(str(folder), f"it reads both directions, and so predicts no next token; {PREDICTOR}")
    if not any(name.startswith(HEAD) for name in weights):
        raise ModelError(
            str(folder),
            "an older gindex saved it without the head that predicts tokens; run its `gindex lab pretrain` "
            "again, which adds the head from the folder's checkpoint",
        )
    fill(network, weights, str(folder), [])
    return network


def longest_fragment(folder: Path, config: Mapping[str, Any]) -> int:
    """Tokens of the longest fragment in training.

    Raises
    ------
    ModelError
    """
    try:
        return int(config[LONGEST])
    except (LookupError, TypeError, ValueError) as error:
        raise _no_model(folder, error) from error


def _network(folder: Path, config: Mapping[str, Any]) -> SlimPerformer:
    """A network of that shape; its weights are random."""
    settings = {field.name: config[field.name] for field in fields(PerformerConfig) if field.name in config}
    try:
        return SlimPerformer(PerformerConfig(**settings))
    except (UsageError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise _no_model(folder, error) from error


def _no_model(folder: Path, error: Exception) -> ModelError:
    return ModelError(str(folder), f"{CONFIG} does not describe a model ({error}); {AGAIN}")


def write_slim(network: SlimPerformer, folder: Path, most_tokens: int) -> None:
    """Write config.json and model.safetensors; the caller writes the tokenizer.

    A causal network keeps its head, which gives bits a base. Others are written without: the head that
    predicts masked tokens has no use after training.
    """
    from safetensors.torch import save

    head = network.config.causal and network.head is not None
    config = {"model_type": KIND, **asdict(network.config), "head": head, LONGEST: most_tokens}
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if head or not name.startswith(HEAD)
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "model.safetensors", save(weights))
    write_file(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
