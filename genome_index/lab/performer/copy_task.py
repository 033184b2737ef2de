"""Copy task of the SLiM Performer paper: training in chunks must give the same network as whole sequences.

A row is a random half, with 0 as its first token, and the same half again; only the second half is scored, so
the network must look back half the length. Likhosherstov et al. 2021, arXiv 2012.11346, with the settings of
their code: 512 tokens, one layer of width 256, squared features, no norm before the head, Adam, a batch of 1,
15,000 iterations at a rate of 0.01 that falls to a tenth after two thirds of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.errors import GindexError, UsageError, need_installed
from genome_index.io import tsv
from genome_index.io.atomic import write_file
from genome_index.lab.performer.copy_task_plot import chunk_label, draw_losses
from genome_index.lab.performer.exact_gradients import IGNORED, exact_gradients, whole_gradients
from genome_index.lab.performer.memory import apart, counted, resident_bytes
from genome_index.records import Progress, quiet
from genome_index.report.figures.style import theme_named

CONFIG = PerformerConfig(
    vocab=256, width=256, layers=1, heads=4, ffn=1024, features="squared", last_norm=False
)  # with the last norm nothing is learned at this rate: LOG.md
LENGTH = 512
PAPER_ITERATIONS = 15_000
CHUNKS = (0, 128, 64)  # 0: the whole sequence at once
RATE, LOWERED_AT, LOWERED = 1e-2, 2 / 3, 0.1  # after LOWERED_AT of the iterations, the rate times LOWERED
SEED = 42
EXAMINED = 64  # rows, drawn with a seed of their own


@dataclass(frozen=True)
class Task:
    """The settings of the copy task."""

    iterations: int = PAPER_ITERATIONS
    length: int = LENGTH  # tokens, both halves together
    config: PerformerConfig = CONFIG
    rate: float = RATE
    double: bool = False  # float64; in float32 rounding differs and grows during training


@dataclass(frozen=True)
class Learned:
    """The result of one training; the fields are the columns of copy.tsv."""

    chunk: int  # tokens; 0: the whole sequence
    iterations: int
    bits: float  # per token of the second half, over new rows
    accuracy: float  # percent of these tokens whose likeliest prediction is right
    seconds: float  # of one core, for the training
    graph_mb: float  # peak of the graphs stored for the backward pass, 10^6 bytes
    resident_mb: float  # growth of the process during training
    apart_from_whole: float  # largest difference of a training loss (bits) from that of whole sequences


def learn_copying(
    out: Path, task: Task | None = None, chunks: Sequence[int] = CHUNKS, theme: str = "light",
    progress: Progress = quiet,
) -> list[Learned]:  # fmt: skip
    """Train once with each chunk, from the same weights and rows.

    Writes copy.tsv, copy-losses.tsv, copy.png and copy.svg into `out`.

    Raises
    ------
    UsageError
        No iteration, an odd length, a chunk below 0, an unknown theme, or matplotlib is not installed.
    """
    need_installed("a figure of losses", "matplotlib", extra="report")
    task, colours = task or Task(), theme_named(theme)
    if task.iterations < 1 or task.length < 4 or task.length % 2 or not chunks or min(chunks) < 0:
        raise UsageError(
            f"{task.iterations} iterations over {task.length} tokens in chunks of {list(chunks)} are "
            "impossible; give 1 iteration or more, an even length of 4 or more, chunks of 0 (whole) or more"
        )
    out.mkdir(parents=True, exist_ok=True)
    results, curves = list[Learned](), dict[int, list[float]]()
    for done, chunk in enumerate(chunks):
        progress.stage(f"copy task, {chunk_label(chunk)},", done, len(chunks))
        learned = apart(learn, task, chunk)
        if learned is None:
            raise GindexError(
                f"training in chunks of {chunk} was killed; the copy task needs about 1 GB of memory"
            )
        result, curves[chunk] = learned
        results.append(replace(result, apart_from_whole=_distance(curves.get(0), curves[chunk])))
        write_file(out / "copy.tsv", _results_tsv(results).encode())
    write_file(out / "copy-losses.tsv", _losses_tsv(curves).encode())
    draw_losses(curves, colours, out / "copy")
    return results


def table(results: Sequence[Learned]) -> str:
    """The results as a Markdown table."""
    rows = [
        "| training | bits a token | right | seconds | graphs, MB | process, MB | apart from whole, bits |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        rows.append(
            f"| {chunk_label(result.chunk)} | {result.bits:.4f} | {result.accuracy:.1f} % "
            f"| {result.seconds:,.0f} | {result.graph_mb:.2f} | {result.resident_mb:.0f} "
            f"| {result.apart_from_whole:.1e} |"
        )
    return "\n".join(rows)


def learn(task: Task, chunk: int) -> tuple[Learned, list[float]]:
    """Train one network -> its result, and the training loss (bits per token) of each iteration."""
    torch.manual_seed(SEED)
    model = SlimPerformer(task.config).to(torch.float64 if task.double else torch.float32)
    optimiser = torch.optim.Adam(model.parameters(), lr=task.rate)
    schedule = torch.optim.lr_scheduler.MultiStepLR(
        optimiser, [max(1, int(LOWERED_AT * task.iterations))], LOWERED
    )
    losses, before, start = [], resident_bytes()[0], time.process_time()
    with counted() as graphs:
        for ids, targets in rows(task, SEED, task.iterations):
            optimiser.zero_grad()
            loss = (
                exact_gradients(model, ids, targets, chunk) if chunk else whole_gradients(model, ids, targets)
            )
            optimiser.step()
            schedule.step()
            losses.append(loss / math.log(2))
    seconds, after = time.process_time() - start, resident_bytes()[1]
    bits, accuracy = examine(model, task)
    costs = round(seconds, 1), round(graphs.peak / 1e6, 2), round((after - before) / 1e6, 1)
    return Learned(chunk, task.iterations, round(bits, 4), round(accuracy, 2), *costs, 0.0), losses


def rows(task: Task, seed: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random ids and targets, (1, length) each; an id is the token before its target, 0 before the first."""
    generator = torch.Generator().manual_seed(seed)
    half = task.length // 2
    for _ in range(count):
        drawn = torch.randint(1, task.config.vocab, (half,), generator=generator)
        drawn[0] = 0
        row = drawn.repeat(2)
        targets = row.clone()
        targets[:half] = IGNORED
        yield row.roll(1).index_fill(0, torch.tensor(0), 0)[None], targets[None]


def examine(model: SlimPerformer, task: Task) -> tuple[float, float]:
    """Bits per token, and percent right, over the second halves of new rows."""
    nats, right, total = 0.0, 0, 0
    with torch.no_grad():
        for ids, targets in rows(task, SEED + 1, EXAMINED):
            scored = targets != IGNORED
            logits = model.logits(model(ids))[scored]
            expected = targets[scored]
            nats += torch.nn.functional.cross_entropy(logits, expected, reduction="sum").item()
            right += int((logits.argmax(-1) == expected).sum())
            total += expected.numel()
    return nats / total / math.log(2), 100 * right / total


def _distance(whole: Sequence[float] | None, losses: Sequence[float]) -> float:
    if whole is None:
        return float("nan")
    return max(abs(one - other) for one, other in zip(whole, losses, strict=True))


def _results_tsv(results: Sequence[Learned]) -> str:
    header = [field.name for field in fields(Learned)]
    return "".join(tsv.rows([header, *([f"{cell:.6g}" for cell in astuple(result)] for result in results)]))


def _losses_tsv(curves: dict[int, list[float]]) -> str:
    lines = [["iteration", *(f"chunk_{chunk}" if chunk else "whole" for chunk in curves)]]
    for number, losses in enumerate(zip(*curves.values(), strict=True), start=1):
        lines.append([str(number), *(f"{loss:.6f}" for loss in losses)])
    return "".join(tsv.rows(lines))
