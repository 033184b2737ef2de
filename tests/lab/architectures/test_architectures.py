"""Architectures: published sizes, equal parameters, direction, and folders that an encoder reads."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genome_index.encoders.checkpoint import SAVED_TOKENIZER
from genome_index.encoders.language_model import Transformer
from genome_index.encoders.networks.loader import open_model
from genome_index.errors import UsageError
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.architectures.shapes import LADDER, SHAPES, Shape, shape_of
from genome_index.lab.architectures.table import (
    ARCHITECTURES,
    Direction,
    Task,
    architecture_of,
    network_of,
    operations_of,
    parameters_of,
    shape_like,
)
from genome_index.lab.losses.combination import WeightedSum
from genome_index.lab.losses.reading import Reading, masked_batch, next_batch
from genome_index.lab.tokenizers.kmers import KnownBases, save_tokenizer
from genome_index.records import Contig, Genome
from genome_index.spec import Reading as EncoderReading

SMALL, LENGTH = Shape(32, 2, 2, 64), 96
NETWORKS = [(name, way) for name, each in ARCHITECTURES.items() for way in each.directions]
named = pytest.mark.parametrize(("name", "direction"), NETWORKS)


def network(name: str, direction: Direction) -> StudyNetwork:
    made = network_of(name, SMALL, Task(direction, LENGTH))
    cast("nn.Module", made).eval()
    return made


def bases(rows: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(4, 8, (rows, LENGTH)))


def test_the_ladder_has_its_published_parameters() -> None:
    """With a vocabulary of 8: 1.2 M to 302 M."""
    counts = {name: parameters_of("pythia", shape, Task(length=2_048)) for name, shape in LADDER.items()}
    assert {name: round(count / 1e6, 2) for name, count in counts.items()} == {
        "pythia-14m": 1.19, "pythia-31m": 4.74, "pythia-70m": 18.92, "pythia-160m": 85.07,
        "pythia-410m": 302.33,
    }  # fmt: skip


@named
def test_parameters_can_be_made_equal(name: str, direction: Direction) -> None:
    like, task = SHAPES["pythia-14m"], Task(direction, 512)
    target = parameters_of("pythia", like, Task(length=512))
    shape = shape_like(name, target, like, task)
    assert shape.layers == like.layers
    assert parameters_of(name, shape, task) == pytest.approx(target, rel=0.2)


@named
def test_a_network_sees_what_its_direction_says(name: str, direction: Direction) -> None:
    ids = bases(1)
    other = ids.clone()
    other[0, 60] = 11 - other[0, 60]
    made = network(name, direction)
    with torch.inference_mode():
        before, after = made(ids).logits, made(other).logits
    assert before.shape == (1, LENGTH, 8)
    changes = (before - after).abs().amax(-1)[0]
    seen = float(changes[:60].max() / changes[60:].max())
    assert (seen > 1e-4) == (direction == "masked"), seen  # transforms leak 1e-6 of it by rounding


@named
def test_a_folder_is_an_encoder(name: str, direction: Direction, tmp_path: Path) -> None:
    made = network(name, direction)
    made.write(tmp_path)
    save_tokenizer(KnownBases(), tmp_path / SAVED_TOKENIZER)
    model, warnings = open_model(tmp_path)
    assert not warnings
    ids = bases(2)
    with torch.inference_mode():
        torch.testing.assert_close(list(model.hidden(ids, None))[-1], made(ids).hidden)
    genome = Genome("g", (Contig("c", b"ACGTTGCANNA" * 40),), "g.fa")
    encoder = Transformer(str(tmp_path), EncoderReading(piece_bp=0))
    vectors = encoder.features(encoder.encode([genome]))
    assert vectors.shape == (1, model.width)
    assert np.isfinite(vectors).all()


@named
def test_every_weight_but_a_head_learns(name: str, direction: Direction) -> None:
    made, ids = network(name, direction), bases(2)
    if direction == "causal":
        batch = next_batch(ids)
    else:
        chosen = torch.rand(ids.shape) < 0.3
        batch = masked_batch(ids, torch.where(chosen, 1, ids), chosen)
    loss = WeightedSum([(1.0, "cross-entropy"), (0.1, "line-mse")], "initial")
    loss(Reading(batch, made)).backward()
    still = [part for part, weight in cast("nn.Module", made).named_parameters() if weight.grad is None]
    assert still == []


@named
def test_a_seed_decides_the_weights(name: str, direction: Direction) -> None:
    ids = bases(1)
    with torch.inference_mode():
        first, again = (network(name, direction)(ids).logits for _ in range(2))
    assert torch.equal(first, again)


def test_operations_grow_with_length_where_attention_sees_all() -> None:
    short, long = (operations_of("pythia", SMALL, Task(length=length)) for length in (128, 2_048))
    assert long - short == 4 * (2_048 - 128) / 2 * SMALL.width * SMALL.layers
    fixed = [operations_of("performer", SMALL, Task(length=length)) for length in (128, 2_048)]
    assert fixed[0] == fixed[1]


def test_the_hybrid_has_one_layer_of_attention_in_four() -> None:
    made = cast("nn.Module", network_of("hybrid", Shape(32, 8, 2, 64), Task(length=LENGTH)))
    layers = made.get_submodule("network.model.layers")
    assert [at for at, layer in enumerate(layers.children()) if hasattr(layer, "self_attn")] == [3, 7]


@pytest.mark.parametrize(
    ("name", "direction", "sentence"),
    [
        ("gpt", "causal", "no architecture is called 'gpt'; choose one of pythia, bert"),
        ("pythia", "masked", "pythia is not masked; choose one of bert, modernbert, s4d"),
        ("bert", "causal", "bert is not causal; choose one of pythia, mamba2, hybrid"),
    ],
)
def test_what_there_is_not(name: str, direction: Direction, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        architecture_of(name, direction)
    assert str(caught.value).startswith(sentence)


def test_a_size_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="no size is called 'huge'; choose one of pico, nano, micro, mini"):
        shape_of("huge")
