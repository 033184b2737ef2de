"""Speed of architectures: the table, and costs that must grow with what they count."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from genome_index.errors import UsageError
from genome_index.lab.architectures.shapes import Shape
from genome_index.lab.architectures.speed import cost_of, measure_speed
from genome_index.lab.architectures.table import Task, network_of
from genome_index.lab.performer.memory import apart


@pytest.mark.long
def test_every_causal_architecture_has_a_row(tmp_path: Path) -> None:
    text = measure_speed(tmp_path, "pico", (64, 128))
    assert (tmp_path / "speed.md").read_text() == f"{text}\n"
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()[4:]]
    assert [row[0] for row in rows] == [
        "pythia", "mamba2", "hybrid", "s4d", "multires", "hyena", "performer"
    ]  # fmt: skip
    for row in rows:
        for cell in row[2:]:
            forward, training, _ = (float(part.replace(",", "")) for part in cell.split(" / "))
            assert 0 < forward < training


@pytest.mark.long
def test_a_wider_network_costs_more() -> None:
    small = apart(cost_of, "pythia", Shape(32, 2, 2, 128), Task("causal", 256))
    large = apart(cost_of, "pythia", Shape(256, 2, 2, 1_024), Task("causal", 256))
    assert small is not None
    assert large is not None
    assert large.training > 3 * small.training
    assert large.peak_mb > 3 * small.peak_mb


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lengths are numbers of tokens, 1 or more; give at least one"):
        measure_speed(tmp_path, "nano", ())
    with pytest.raises(UsageError, match="no size is called 'huge'"):
        measure_speed(tmp_path, "huge", (64,))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="--device cuda: torch finds no GPU here; give --device cpu"):
            measure_speed(tmp_path, "nano", (64,), device="cuda")


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for a CPU with g++")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own use of it
@pytest.mark.filterwarnings("ignore:.*complex operators:UserWarning")  # of S4D, left as they are
@pytest.mark.parametrize("name", ["pythia", "performer", "s4d"])
def test_a_compiled_network_is_the_same(name: str) -> None:
    """As on a GPU, where studies compile; its weights keep their names."""
    network = network_of(name, Shape(32, 2, 2, 64), Task("causal", 64))
    module = cast("nn.Module", network)
    ids = torch.randint(4, 8, (2, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain, names = network(ids).logits, list(module.state_dict())
        module.compile()
        assert torch.allclose(network(ids).logits, plain, atol=1e-5)
    assert list(module.state_dict()) == names
