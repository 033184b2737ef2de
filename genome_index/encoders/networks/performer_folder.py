"""A SLiM Performer in a model folder, as `gindex lab` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from genome_index.encoders.checkpoint import AGAIN, CONFIG, fill, read_weights
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file

KIND = "gindex-performer"
LONGEST = "most_tokens"  # in config.json: of a fragment in training; a genome is read in chunks of it
HEAD = "head."  # predicts tokens, in training alone


class Slim(nn.Module):
    """A SLiM Performer as a `LanguageModel`; see there."""

    def __init__(self, network: SlimPerformer, most_tokens: int) -> None:
        super().__init__()
        self.network = network
        self.layers, self.width = network.config.layers, network.config.width
        self.most_tokens: int | None = most_tokens
        self.vocabulary = network.config.vocab
        self._places: Tensor | None = None

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        x = self.network.embed(ids, places=self._places_like(ids))
        yield x
        for at in range(self.layers):
            x = self.network.through(x, mask, slice(at, at + 1))
            yield self.network.norm(x) if at == self.layers - 1 else x

    def _places_like(self, ids: Tensor) -> Tensor:
        """Those of the longest batch so far are kept, for a GPU would have to be waited for at each batch."""
        kept, weight = self._places, self.network.embedding.weight
        if (
            kept is None
            or len(kept) < ids.shape[1]
            or (kept.device, kept.dtype) != (weight.device, weight.dtype)
        ):
            self._places = kept = self.network.places_like(ids)
        return kept[: ids.shape[1]]


def is_slim(config: Mapping[str, Any]) -> bool:
    return config.get("model_type") == KIND


def open_slim(folder: Path, config: Mapping[str, Any]) -> tuple[Slim, list[str]]:
    """The model in a folder, and the names of weights that it has no place for.

    Raises
    ------
    ModelError
    """
    where = str(folder)
    known = {one.name: config[one.name] for one in fields(PerformerConfig) if one.name in config}
    try:
        network = SlimPerformer(PerformerConfig(**{**known, "head": False}))
        longest = int(config[LONGEST])
    except (TypeError, ValueError, LookupError, UsageError, RuntimeError) as error:
        raise ModelError(where, f"{CONFIG} does not make a model ({error}); {AGAIN}") from error
    unexpected = fill(network, read_weights(folder), where, [HEAD])
    return Slim(network, longest), unexpected


def write_slim(network: SlimPerformer, folder: Path, most_tokens: int) -> None:
    """Write config.json and model.safetensors, without the head; the tokeniser is the caller's."""
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
