"""The settings of a training run, its losses, and its card: data, seed, commit, seconds, scores, curve."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, write_file

CURVE, CARD, READ_ME = "curve.png", "card.json", "card.md"


@dataclass(frozen=True)
class Schedule:
    """The schedule of a run."""

    steps: int
    rate: float = 1e-3  # highest learning rate
    warm_up: float = 0.05  # share of the steps
    decay: float = 0.0  # of the weights
    clip: float = 1.0  # largest norm of the gradients
    seed: int = 0
    save_every: int = 50  # steps

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to 1 % of the rate."""
        warm = max(1, round(self.warm_up * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


@dataclass(frozen=True)
class Display:
    """Units of the progress line, and the command of the card."""

    unit: str = "nats"
    per_nat: float = 1.0  # of that unit
    tokens: int = 0  # read in a step, on average; 0: not counted
    command: str = ""  # repeats the run


NATS = Display()


@dataclass
class History:
    """The losses of a run so far."""

    losses: list[float] = field(default_factory=list)  # nats, of each step
    validation: list[tuple[int, float]] = field(
        default_factory=list
    )  # steps done, loss in the display's unit


@dataclass(frozen=True)
class Card:
    """The record of a run in its folder."""

    data: str  # fingerprint of its data
    schedule: Schedule
    parameters: int
    commit: str
    device: str
    seconds: float  # of all saved steps
    loss: float  # nats, mean of the last tenth of the steps
    scores: Mapping[str, float] = field(default_factory=dict)
    validation: Sequence[tuple[int, float]] = ()  # steps done, and the validation loss in the display's unit
    tokens: int = 0  # read; 0: not counted
    command: str = ""


def write_card(card: Card, folder: Path) -> None:
    """Write the card as card.json, and as a table in card.md."""
    values = asdict(card)
    schedule = values.pop("schedule")
    rows = {**values, **schedule, **values.pop("scores")}
    for name in ("scores", "validation"):
        rows.pop(name, None)
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    write_file(folder / CARD, (json.dumps(asdict(card), indent=2) + "\n").encode())
    write_file(folder / READ_ME, f"# Run\n\n| | |\n|---|---|\n{table}\n\n![loss]({CURVE})\n".encode())


def draw_curve(history: History, display: Display, path: Path) -> None:
    """Draw the loss of each step, its running mean over a twentieth of the steps, and the validation loss."""
    from matplotlib.figure import Figure

    losses = [loss * display.per_nat for loss in history.losses]
    figure = Figure(figsize=(7, 4), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, color="#BBBBBB", linewidth=0.8, label="training, each step")
    span = max(1, len(losses) // 20)
    means = [sum(losses[at : at + span]) / span for at in range(len(losses) - span + 1)]
    axes.plot(range(span, len(losses) + 1), means, color="#0072B2", label=f"training, mean of {span}")
    if history.validation:
        steps, values = zip(*history.validation, strict=True)
        axes.plot(steps, values, color="#D55E00", marker="o", markersize=3, label="validation")
    axes.set(xlabel="step", ylabel=f"loss ({display.unit})")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=150)


def validation_table(history: History, display: Display) -> str:
    """The validation losses as TSV."""
    return "".join(tsv.rows([("step", f"validation loss, {display.unit}"), *history.validation]))


def commit() -> str:
    """The commit of the code, "" outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
