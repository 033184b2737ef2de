"""The architectures of a study by name, and how many operations each needs.

    pythia       causal   GPT-NeoX: attention and feed-forward side by side (transformers)
    bert         masked   attention to all positions, norms behind (transformers)
    modernbert   masked   attention to 128 tokens, in each third layer to all (transformers)
    mamba2       causal   selective state space (transformers)
    hybrid       causal   three Mamba-2 layers to one of attention: Bamba (transformers)
    s4d          both     fixed state space, as a convolution
    multires     both     wavelets
    hyena        both     gated long convolution
    caduceus     masked   S4D in both directions, equivariant to the strand
    performer    both     linear attention: the SLiM Performer

"both": causal or masked, as the study asks. Operations are multiplications and additions of a token in the
forward pass; the backward pass has twice as many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from genome_index.encoders.networks.mixers.network import MixerConfig, MixerNetwork
from genome_index.encoders.networks.performer import BLOCK, PerformerConfig, SlimPerformer
from genome_index.encoders.networks.transformers_native import quiet
from genome_index.errors import UsageError
from genome_index.lab.architectures.networks import (
    ConvolutionNetwork,
    LibraryNetwork,
    PerformerNetwork,
    StudyNetwork,
)
from genome_index.lab.architectures.shapes import Shape

Direction = Literal["causal", "masked"]
STATE, MAMBA_HEAD, EXPAND = 32, 32, 2  # of Mamba-2
ATTENTION_EVERY = 4  # layers of the hybrid
WINDOW = 128  # tokens of ModernBERT's local attention


@dataclass(frozen=True)
class Task:
    """What a network is to read and predict."""

    direction: Direction = "causal"
    length: int = 1_024  # tokens
    vocabulary: int = 8


@dataclass(frozen=True)
class Architecture:
    """How a network is made, which directions it has, and the operations that its weights do not show."""

    make: Callable[[Shape, Task], StudyNetwork]
    directions: tuple[Direction, ...]
    mixing: Callable[[Shape, Task], float]  # operations of a token in a layer beside those of the weights


# -- transformers --------------------------------------------------------------------------------------------


def _settings(shape: Shape, task: Task) -> dict[str, Any]:
    return {
        "vocab_size": task.vocabulary, "hidden_size": shape.width, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "intermediate_size": shape.ffn, "pad_token_id": 0,
        "bos_token_id": 2, "eos_token_id": 3, "max_position_embeddings": task.length, "use_cache": False,
    }  # fmt: skip


def _pythia(shape: Shape, task: Task) -> StudyNetwork:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    rotary = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.25}
    return LibraryNetwork(
        GPTNeoXForCausalLM(GPTNeoXConfig(**_settings(shape, task), rope_parameters=rotary)), True
    )


def _bert(shape: Shape, task: Task) -> StudyNetwork:
    from transformers import BertConfig, BertForMaskedLM

    settings = _settings(shape, task)
    settings |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return LibraryNetwork(BertForMaskedLM(BertConfig(**settings)), False)


def _modernbert(shape: Shape, task: Task) -> StudyNetwork:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    settings = {**_settings(shape, task), "cls_token_id": 2, "sep_token_id": 3, "local_attention": WINDOW}
    settings.pop("use_cache")
    return LibraryNetwork(ModernBertForMaskedLM(ModernBertConfig(**settings)), False)


def _mamba2(shape: Shape, task: Task) -> StudyNetwork:
    from transformers import Mamba2Config, Mamba2ForCausalLM

    config = Mamba2Config(
        vocab_size=task.vocabulary, hidden_size=shape.width, num_hidden_layers=shape.layers, expand=EXPAND,
        head_dim=MAMBA_HEAD, num_heads=EXPAND * shape.width // MAMBA_HEAD, state_size=STATE, n_groups=1,
        chunk_size=64, pad_token_id=0, bos_token_id=2, eos_token_id=3, use_cache=False,
    )  # fmt: skip
    return LibraryNetwork(Mamba2ForCausalLM(config), True)


def _hybrid(shape: Shape, task: Task) -> StudyNetwork:
    from transformers import BambaConfig, BambaForCausalLM

    attention = [*range(ATTENTION_EVERY - 1, shape.layers, ATTENTION_EVERY)] or [shape.layers - 1]
    config = BambaConfig(
        **_settings(shape, task), num_key_value_heads=shape.heads, attn_layer_indices=attention,
        mamba_n_heads=EXPAND * shape.width // MAMBA_HEAD, mamba_d_head=MAMBA_HEAD, mamba_expand=EXPAND,
        mamba_d_state=STATE, mamba_n_groups=1, mamba_chunk_size=64,
    )  # fmt: skip
    return LibraryNetwork(BambaForCausalLM(config), True)


# -- gindex --------------------------------------------------------------------------------------------------


def _mixer(
    name: Literal["s4d", "multires", "hyena"], equivariant: bool = False
) -> Callable[[Shape, Task], StudyNetwork]:
    def make(shape: Shape, task: Task) -> StudyNetwork:
        causal = task.direction == "causal"
        config = MixerConfig(
            task.vocabulary, shape.width, shape.layers, shape.ffn, name, causal, equivariant, task.length
        )
        return ConvolutionNetwork(MixerNetwork(config))

    return make


def _performer(shape: Shape, task: Task) -> StudyNetwork:
    causal = task.direction == "causal"
    config = PerformerConfig(
        task.vocabulary, shape.width, shape.layers, shape.heads, shape.ffn, causal=causal
    )
    return PerformerNetwork(SlimPerformer(config), task.length)


# -- operations ----------------------------------------------------------------------------------------------


def _attention(seen: Callable[[Task], float]) -> Callable[[Shape, Task], float]:
    """Scores and weighted sums of the positions that are seen, on the mean: 2 products of the width each."""
    return lambda shape, task: 4 * seen(task) * shape.width


def _state_space(shape: Shape, task: Task) -> float:
    """Mamba-2: decay, input and output of each state, of EXPAND * width channels."""
    return 6 * STATE * EXPAND * shape.width


def _fourier(shape: Shape, task: Task) -> float:
    """Three transforms of 2 L at 5 n log2 n, for L tokens."""
    return 3 * 5 * 2 * math.log2(2 * task.length) * shape.width * _ways(task)


def _wavelets(shape: Shape, task: Task) -> float:
    return (8 + 2) * math.log2(task.length) * shape.width * _ways(task)


def _linear_attention(shape: Shape, task: Task) -> float:
    head = shape.width / shape.heads
    pairs = 4 * (BLOCK / 2) * shape.width if task.direction == "causal" else 0
    return pairs + 4 * head * shape.width


def _ways(task: Task) -> int:
    return 1 if task.direction == "causal" else 2


Count = Callable[[str, Shape, Task], float]
CAUSAL: tuple[Direction, ...] = ("causal",)
MASKED: tuple[Direction, ...] = ("masked",)
BOTH: tuple[Direction, ...] = ("causal", "masked")
ARCHITECTURES = {
    "pythia": Architecture(_pythia, CAUSAL, _attention(lambda task: task.length / 2)),
    "bert": Architecture(_bert, MASKED, _attention(lambda task: task.length)),
    "modernbert": Architecture(
        _modernbert, MASKED, _attention(lambda task: (task.length + 2 * min(WINDOW, task.length)) / 3)
    ),
    "mamba2": Architecture(_mamba2, CAUSAL, _state_space),
    "hybrid": Architecture(
        _hybrid, CAUSAL,
        lambda shape, task: 0.75 * _state_space(shape, task) + 0.5 * task.length * shape.width,
    ),
    "s4d": Architecture(_mixer("s4d"), BOTH, _fourier),
    "multires": Architecture(_mixer("multires"), BOTH, _wavelets),
    "hyena": Architecture(_mixer("hyena"), BOTH, _fourier),
    "caduceus": Architecture(_mixer("s4d", equivariant=True), MASKED, lambda s, t: 2 * _fourier(s, t)),
    "performer": Architecture(_performer, BOTH, _linear_attention),
}  # fmt: skip


def architecture_of(name: str, direction: Direction) -> Architecture:
    """An architecture by name; UsageError for an unknown one, or one without that direction."""
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture is called {name!r}; choose one of {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    if direction not in architecture.directions:
        there = [other for other, each in ARCHITECTURES.items() if direction in each.directions]
        raise UsageError(f"{name} is not {direction}; choose one of {', '.join(there)}")
    return architecture


def network_of(name: str, shape: Shape, task: Task, seed: int = 0) -> StudyNetwork:
    """A network with random weights, the same for the same seed."""
    torch.manual_seed(seed)
    with quiet():
        return architecture_of(name, task.direction).make(shape, task)


def parameters_of(name: str, shape: Shape, task: Task) -> int:
    """Parameters of a network, which is not made."""
    with torch.device("meta"), quiet():
        network = architecture_of(name, task.direction).make(shape, task)
    return sum(part.numel() for part in _module(network).parameters())


def shape_like(name: str, target: float, like: Shape, task: Task, count: Count = parameters_of) -> Shape:
    """The shape of as many layers whose parameters, or operations, are nearest to a number.

    The width is a multiple of the heads and of 16; the feed-forward part keeps its ratio.
    """
    step = max(2 * like.heads, MAMBA_HEAD // EXPAND)
    ratio = like.ffn / like.width
    shapes = [
        replace(like, width=width, ffn=round(ratio * width)) for width in range(step, 4 * like.width, step)
    ]
    return min(shapes, key=lambda shape: abs(math.log(count(name, shape, task) / target)))


def operations_of(name: str, shape: Shape, task: Task) -> float:
    """Operations of a token in the forward pass: twice the parameters that it meets, and the mixing."""
    architecture = architecture_of(name, task.direction)
    strands = 2 if name == "caduceus" else 1
    return 2 * strands * parameters_of(name, shape, task) + shape.layers * architecture.mixing(shape, task)


def _module(network: StudyNetwork) -> nn.Module:
    assert isinstance(network, nn.Module)
    return network
