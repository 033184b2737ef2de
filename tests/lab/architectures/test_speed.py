"""Speed of architectures: the table, and costs that must grow with what they count."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genome_index.errors import UsageError
from genome_index.lab.architectures.shapes import Shape
from genome_index.lab.architectures.speed import cost_of, measure_speed
from genome_index.lab.architectures.table import Task
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
