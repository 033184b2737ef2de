"""Networks of long convolutions in a model folder: reading one as a language model, and writing it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from genome_index.encoders.checkpoint import AGAIN, CONFIG, fill, read_weights
from genome_index.encoders.networks.mixers.network import MixerConfig, MixerNetwork
from genome_index.encoders.networks.mixers.strands import states_of_both
from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file

KIND = "gindex-mixer"


class Mixed(nn.Module):
    """A network of long convolutions as a `LanguageModel`; see there."""

    def __init__(self, network: MixerNetwork) -> None:
        super().__init__()
        config = network.config
        self.network, self.layers, self.vocabulary = network, config.layers, config.vocab
        self.width = config.width * (2 if config.equivariant else 1)
        self.most_tokens: int | None = config.length

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        if self.network.config.equivariant:
            return states_of_both(self.network, ids, mask)
        return self.network.states(ids, mask)


def is_mixer(config: Mapping[str, Any]) -> bool:
    return config.get("model_type") == KIND


def open_mixer(folder: Path, config: Mapping[str, Any]) -> tuple[Mixed, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    network = MixerNetwork(_config(folder, config))
    return Mixed(network), fill(network, read_weights(folder), str(folder), [])


def mixer_shape(folder: Path, config: Mapping[str, Any]) -> tuple[int | None, int]:
    """The most tokens that the model takes and the rows of its table, without its weights.

    Raises
    ------
    ModelError
    """
    settings = _config(folder, config)
    return settings.length, settings.vocab


def write_mixer(network: MixerNetwork, folder: Path) -> None:
    """Write config.json and model.safetensors; the caller writes the tokenizer."""
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    config = {"model_type": KIND, **asdict(network.config)}
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "model.safetensors", save(weights))
    write_file(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def _config(folder: Path, config: Mapping[str, Any]) -> MixerConfig:
    known = {field.name: config[field.name] for field in fields(MixerConfig) if field.name in config}
    try:
        return MixerConfig(**known)
    except (UsageError, TypeError, ValueError) as error:
        raise ModelError(str(folder), f"{CONFIG} does not describe a model ({error}); {AGAIN}") from error
