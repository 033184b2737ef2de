"""Language models with the settings of a reading: loaded with their weights, or their tokens alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor

from genome_index.encoders.batching import Device, best_device
from genome_index.encoders.checkpoint import find_model, licence_notice, read_config
from genome_index.encoders.layer_choice import Layers, parse_layers
from genome_index.encoders.networks.fused_ops import missing_kernels
from genome_index.encoders.networks.loader import open_model, shape_of
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer
from genome_index.encoders.networks.onednn import lay_out
from genome_index.encoders.networks.packed_attention import missing_packing, packs
from genome_index.encoders.out_of_memory import room_for_weights
from genome_index.encoders.protocol import LanguageModel, Tokenizer
from genome_index.encoders.tokenizers.folder import open_tokenizer, rows_without_token
from genome_index.errors import ModelError, UsageError
from genome_index.records import counted
from genome_index.spec import Reading

UNLIMITED = 1_024  # tokens of a chunk where the model has no limit
MOST_TOKENS = 2_048  # tokens of a chunk unless --chunk-tokens sets more
SLOW_BFLOAT16 = (
    "this processor has no instructions for bfloat16, which is about four times slower than float32 here; "
    "--precision float32 is faster"
)


@dataclass(frozen=True)
class Loaded:
    """A language model ready to read, and its settings."""

    model: LanguageModel
    tokenizer: Tokenizer
    layers: Layers
    chunk_tokens: int  # of sequence, at most in a chunk
    device: Device
    packed: bool  # whether chunks of unequal length are read end to end instead of padded
    notes: tuple[str, ...]  # for the user: unused weights, a restrictive licence


@lru_cache(maxsize=1)  # a command uses one model at a time, in several places
def load(name: str, reading: Reading) -> Loaded:
    """The model of a folder or hub name, on the GPU if there is one."""
    folder = find_model(name)
    model, warnings = open_model(folder)
    tokenizer = open_tokenizer(folder, model.vocabulary, reading.piece_bp)
    layers = parse_layers(reading.layer, model.layers)
    chunk_tokens = _chunk_tokens(name, model.most_tokens, tokenizer, reading)
    if reading.tokens == "cls" and not tokenizer.before:
        raise UsageError(
            f"{name}: its tokenizer sets no token before the sequence, so there is no cls token; choose mean"
        )
    if reading.tokens == "cls":
        _require_context(name, model, tokenizer, layers)
    device, module = best_device(), cast(torch.nn.Module, model)
    dtype: torch.dtype = getattr(torch, precision_of(reading.precision))
    with room_for_weights(name, device.name):
        module.to(device.name, dtype)
        if not device.is_cuda:
            lay_out(module)
    licence = licence_notice(name, read_config(folder), folder)
    sizes = rows_without_token(tokenizer, model.vocabulary, name)
    speed = _speed_notes(model, dtype, device)
    notes = (*warnings, *sizes, *([licence] if licence else []), *speed)
    packed = isinstance(model, NucleotideTransformer) and packs(device.name, dtype, model.head)
    return Loaded(model, tokenizer, layers, chunk_tokens, device, packed, notes)


def open_tokens(name: str, reading: Reading) -> tuple[Tokenizer, int]:
    """The tokenizer of a model and the most tokens in a chunk, without reading the weights where it can be.

    Raises
    ------
    ModelError, UsageError
    """
    folder = find_model(name)
    most_tokens, vocabulary = shape_of(folder)
    tokenizer = open_tokenizer(folder, vocabulary, reading.piece_bp)
    return tokenizer, _chunk_tokens(name, most_tokens, tokenizer, reading)


def chosen_states(hidden: Iterator[Tensor], layers: Layers) -> Iterator[Tensor]:
    """Those hidden states that `layers` names; blocks above the last of them are not computed.

    Several layers are normalised first, unless they stay apart: the norm of states grows from layer to layer,
    and the last layer has a norm of its own, so that the upper layers would dominate a plain mean.
    """
    chosen = set(layers.numbers)
    several = len(chosen) > 1 and not layers.apart
    for number, states in enumerate(hidden):
        if number in chosen:
            yield torch.nn.functional.layer_norm(states, states.shape[-1:]) if several else states
        if number == max(chosen):
            return


def _require_context(name: str, model: LanguageModel, tokenizer: Tokenizer, layers: Layers) -> None:
    """Raise UsageError if the first token does not depend on the others: all vectors would be equal."""
    chunks = [tokenizer.token_ids(sequence) for sequence in (b"ACGTTGCA" * 9, b"GGATCCTA" * 9)]
    batches = [torch.tensor([[*tokenizer.before, *ids]]) for ids in chunks]
    first = [torch.stack(list(chosen_states(model.hidden(ids, None), layers)))[:, :, 0] for ids in batches]
    if torch.equal(*first):
        raise UsageError(
            f"{name}: in this layer its first token does not depend on those after it (layer 0, or a model "
            "that reads from left to right), so cls would be the same for all genomes; choose mean"
        )


def precision_of(precision: str) -> str:
    """The precision of --precision here; auto is bfloat16 on a GPU that has it, else float32.

    On a CPU bfloat16 is 1.3 to 2 times as fast where the processor has it, but then the other chunks of a
    batch change the fourth digit of a vector.
    """
    if precision != "auto":
        return precision
    fast = best_device().is_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if fast else "float32"


def _speed_notes(model: LanguageModel, dtype: torch.dtype, device: Device) -> list[str]:
    """Notes on what makes reading slower than it could be.

    bfloat16 without instructions for it takes 3.5 to 5.1 times as long as float32, tests/bench/RESULTS.md.
    """
    if not device.is_cuda:
        return [SLOW_BFLOAT16] if dtype == torch.bfloat16 and not has_bfloat16() else []
    if not isinstance(model, NucleotideTransformer):
        return []
    return [*missing_kernels(device.name), *missing_packing(device.name, dtype, model.head)]


def has_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16 (AVX512-BF16, AMX, or those of ARM).

    oneDNN's own answer will not do: it is also yes where it converts to float32 and back at each step.
    True where torch does not tell, as older ones.
    """
    tell = getattr(torch.cpu, "get_capabilities", None)
    if tell is None:
        return True
    return any(there for name, there in tell().items() if "bf16" in name)


def _chunk_tokens(name: str, most: int | None, tokenizer: Tokenizer, reading: Reading) -> int:
    special = len(tokenizer.before) + len(tokenizer.after)
    if reading.chunk_tokens and most and reading.chunk_tokens + special > most:
        raise ModelError(
            name,
            f"--chunk-tokens {reading.chunk_tokens:,} and {counted(special, 'special token')} are more than "
            f"the {most:,} that this model reads at once; give at most {most - special:,}",
        )
    return reading.chunk_tokens or min(most or UNLIMITED, MOST_TOKENS) - special
