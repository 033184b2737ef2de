"""Speed and memory of architectures by length: a training step and a forward pass, each in its own process.

Networks of one size have as many parameters as `pythia` has there. A batch has TOKENS tokens whatever the
length, so that a token's cost is compared. On a CPU one core is used; on a GPU networks are compiled and run
in bfloat16.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from genome_index.errors import UsageError
from genome_index.io.atomic import write_file
from genome_index.lab.architectures.equal_shapes import LIKE, chosen_shape
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.architectures.shapes import Shape, shape_of
from genome_index.lab.architectures.table import (
    ARCHITECTURES,
    Direction,
    Task,
    network_of,
    parameters_of,
)
from genome_index.lab.devices import precision, require_device
from genome_index.lab.losses.reading import FIRST_BASE
from genome_index.lab.markdown import markdown_table
from genome_index.lab.performer.memory import apart, resident_bytes
from genome_index.records import Progress, quiet

LENGTHS = (256, 1_024, 4_096)
TOKENS = 8_192  # of a batch, or one sequence if that is longer
REPEATS = 3  # the fastest counts
FILE = "speed.md"


@dataclass(frozen=True)
class Cost:
    """What a network costs at a length."""

    forward: float  # microseconds a token
    training: float  # forward, backward and gradients
    peak_mb: float  # 10^6 bytes beyond what was there before a training step


def measure_speed(
    folder: Path, size: str, lengths: Sequence[int], direction: Direction = "causal", device: str = "cpu",
    progress: Progress = quiet,
) -> str:  # fmt: skip
    """Write speed.md, and return it: a row for each architecture of a direction.

    Raises
    ------
    UsageError
        There is no such size, no length of 1 or more, or no such device.
    """
    if not lengths or min(lengths) < 1:
        raise UsageError("lengths are numbers of tokens, 1 or more; give at least one")
    shape_of(size)
    require_device(device)
    names = [name for name, each in ARCHITECTURES.items() if direction in each.directions]
    rows = []
    for number, name in enumerate(names, start=1):
        rows.append(_row(name, size, lengths, direction, device))
        progress.stage("architectures", number, len(names))
    head = ["architecture", "parameters", *(f"{length:,} tokens" for length in lengths)]
    text = f"{_words(size, direction, device)}\n\n{markdown_table(head, rows)}"
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / FILE, f"{text}\n".encode())
    return text


def cost_of(name: str, shape: Shape, task: Task, device: str = "cpu") -> Cost:
    """The costs of a network, measured here; call it in a process of its own for its memory."""
    network = network_of(name, shape, task)
    cast("nn.Module", network).to(device)
    if device == "cuda":
        cast("nn.Module", network).compile()
    rows = max(1, TOKENS // task.length)
    ids = torch.randint(FIRST_BASE, FIRST_BASE + 4, (rows, task.length), device=device)
    _step(network, ids[:1])  # libraries load and allocate once
    before = _memory(device)[0]
    training = min(_seconds(lambda: _step(network, ids), device) for _ in range(REPEATS))
    peak = _memory(device)[1] - before
    with torch.no_grad():
        forward = min(_seconds(lambda: network(ids), device) for _ in range(REPEATS))
    return Cost(1e6 * forward / ids.numel(), 1e6 * training / ids.numel(), max(0, peak) / 1e6)


def _row(
    name: str, size: str, lengths: Sequence[int], direction: Direction, device: str
) -> tuple[object, ...]:
    longest = Task(direction, max(lengths))
    shape = chosen_shape(name, size, "parameters", longest)
    costs = (apart(cost_of, name, shape, Task(direction, length), device) for length in lengths)
    parameters = parameters_of(name, shape, longest)
    return name, f"{parameters:,}", *(_cell(cost) for cost in costs)


def _cell(cost: Cost | None) -> str:
    if cost is None:
        return "killed: not enough memory"
    return f"{cost.forward:.1f} / {cost.training:.1f} / {cost.peak_mb:,.0f}"


def _words(size: str, direction: Direction, device: str) -> str:
    where = "one core" if device == "cpu" else torch.cuda.get_device_name()
    return (
        f"{direction.capitalize()} networks with the parameters of {LIKE} of size {size}, {where}: "
        "microseconds a token of a forward pass / of a training step / MB of the step, in batches of "
        f"{TOKENS:,} tokens."
    )


def _step(network: StudyNetwork, ids: Tensor) -> None:
    with precision(ids.device.type):
        loss = nn.functional.cross_entropy(network(ids).logits.flatten(0, 1), ids.flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    cast("nn.Module", network).zero_grad()


def _seconds(work: Callable[[], object], device: str) -> float:
    """Of the processor on a CPU, so that other processes do not count."""
    if device == "cpu":
        begun = time.process_time()
        work()
        return time.process_time() - begun
    torch.cuda.synchronize()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


def _memory(device: str) -> tuple[int, int]:
    """Bytes now, and at the peak."""
    if device == "cuda":
        return torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
    return resident_bytes()
