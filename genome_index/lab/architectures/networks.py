"""Networks of a study: one interface over those of transformers and those of gindex.

    library      a class of transformers, with its own head; the folder is its own
    mixers       long convolutions (encoders/networks/mixers), of one strand or of both
    performer    the SLiM Performer

All take ids of `bases-known` (eight tokens), are causal or masked, and are written as folders that
`gindex build --encoder` and `gindex evaluate-encoder` read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor, nn

from genome_index.encoders.networks.mixers.folder import write_mixer
from genome_index.encoders.networks.mixers.network import MixerNetwork
from genome_index.encoders.networks.mixers.strands import logits_of_both, states_of_both
from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.encoders.networks.performer_folder import write_slim
from genome_index.encoders.networks.transformers_native import quiet
from genome_index.lab.losses.reading import Outputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class StudyNetwork(Protocol):
    """An `nn.Module` that reads ids and can be written as a folder."""

    causal: bool

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, ids: Tensor) -> Outputs: ...  # (B, L)

    def write(self, folder: Path) -> None: ...  # config.json and weights; the caller writes the tokenizer


class LibraryNetwork(nn.Module):
    """A class of transformers with a head for tokens."""

    def __init__(self, network: PreTrainedModel, causal: bool) -> None:
        super().__init__()
        self.network, self.causal = network, causal

    def forward(self, ids: Tensor) -> Outputs:
        made: Any = self.network(input_ids=ids, output_hidden_states=True)
        table = cast("nn.Embedding", self.network.get_input_embeddings()).weight
        return Outputs(made.logits, made.hidden_states[-1], table)

    def write(self, folder: Path) -> None:
        with quiet():
            self.network.save_pretrained(folder)


class ConvolutionNetwork(nn.Module):
    """Long convolutions; of both strands, the states are those of the two side by side."""

    def __init__(self, network: MixerNetwork) -> None:
        super().__init__()
        self.network, self.causal = network, network.config.causal

    def forward(self, ids: Tensor) -> Outputs:
        table = self.network.embedding.weight
        if not self.network.config.equivariant:
            hidden = self.network.hidden(ids)
            return Outputs(self.network.logits(hidden), hidden, table)
        *_, hidden = states_of_both(self.network, ids)
        return Outputs(logits_of_both(self.network, hidden), hidden, torch.cat([table, table], dim=1))

    def write(self, folder: Path) -> None:
        write_mixer(self.network, folder)


class PerformerNetwork(nn.Module):
    """The SLiM Performer; its head has weights of its own, which are the embeddings for losses."""

    def __init__(self, network: SlimPerformer, length: int) -> None:
        super().__init__()
        self.network, self.causal, self.length = network, network.config.causal, length

    def forward(self, ids: Tensor) -> Outputs:
        hidden = self.network(ids)
        return Outputs(self.network.logits(hidden), hidden, cast("nn.Linear", self.network.head).weight)

    def write(self, folder: Path) -> None:
        write_slim(self.network, folder, self.length)
