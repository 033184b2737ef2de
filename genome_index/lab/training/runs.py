"""Training runs and their folder: an interrupted run continues to the same bits, on as many threads.

    checkpoint.safetensors          weights, AdamW's two moments, the losses so far; replaced atomically
    seconds.txt                     time of these steps; kept apart, so that checkpoints are reproducible
    curve.png, card.json, card.md   the loss, and the card: data, seed, commit, seconds, scores

No random state passes from step to step: each draws its numbers from (seed, step), so no generator's state
is saved. A checkpoint is tensors and text; no code in it is run.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import disk_errors, write_file
from genome_index.records import Progress, quiet

CHECKPOINT, CURVE, CARD, READ_ME = "checkpoint.safetensors", "curve.png", "card.json", "card.md"
SECONDS = "seconds.txt"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # AdamW's state of a tensor

# step -> loss, (); or the loss as a number, if the function has added the gradients itself
Loss = Callable[[int], Tensor | float]


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
    tokens: int = 0  # read; 0: not counted
    command: str = ""


def train(
    folder: Path, model: nn.Module, loss_at: Loss, plan: Schedule, data: str, progress: Progress = quiet,
    display: Display = Display(),
) -> Card:  # fmt: skip
    """Train, or continue from the folder's checkpoint; the model is then trained and in evaluation mode.

    `loss_at` must depend only on the step and the model. On a GPU it runs under autocast to bfloat16.
    It may add the gradients itself (they are zero before) and then returns a plain number.

    Raises
    ------
    UsageError
        The folder holds a run of other data or another schedule.
    """
    begun = time.monotonic()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay
    )
    mark = _mark(plan, data)
    losses = _resumed(folder / CHECKPOINT, model, optimiser, mark)
    first, before = len(losses), _seconds(folder) if losses else 0.0
    model.train()
    for step in range(first, plan.steps):
        losses.append(_step(step, model, optimiser, loss_at, plan))
        seconds = time.monotonic() - begun
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            save_checkpoint(folder / CHECKPOINT, model, optimiser, losses, mark)
            write_file(folder / SECONDS, f"{before + seconds:.1f}\n".encode())
        line = _line(losses, seconds / (step + 1 - first), plan, display)
        progress.stage(line, step + 1, plan.steps)
    model.eval()
    tail = losses[-max(1, len(losses) // 10) :]
    sizes = sum(one.numel() for one in model.parameters())
    card = Card(
        data, plan, sizes, _commit(), device_name(_device(model)), _seconds(folder),
        sum(tail) / max(1, len(tail)), tokens=display.tokens * len(losses), command=display.command,
    )  # fmt: skip
    draw_curve(losses, folder / CURVE)
    write_card(card, folder)
    return card


def _line(losses: list[float], step_s: float, plan: Schedule, display: Display) -> str:
    """The progress line, to which the number of the step is added; `step_s` is the seconds of a step."""
    speed = f", {display.tokens / max(step_s, 1e-9):>9,.0f} tokens/s" if display.tokens else ""
    loss, rate = losses[-1] * display.per_nat, plan.rate_at(len(losses) - 1)
    left = step_s * (plan.steps - len(losses))
    return f"training: loss {loss:7.4f} {display.unit}, rate {rate:.1e}{speed}, {left:,.0f} s left, step"


def _seconds(folder: Path) -> float:
    """Seconds of the saved steps; 0 without the file."""
    path = folder / SECONDS
    return float(path.read_text()) if path.is_file() else 0.0


def device_name(device: torch.device) -> str:
    """The name of a device for the card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device}, {torch.get_num_threads()} of its threads"


def _step(
    step: int, model: nn.Module, optimiser: torch.optim.Optimizer, loss_at: Loss, plan: Schedule
) -> float:
    torch.manual_seed((plan.seed << 32) + step)  # dropout then depends on the step only
    for group in optimiser.param_groups:
        group["lr"] = plan.rate_at(step)
    optimiser.zero_grad()
    with _precision(_device(model)):
        loss = loss_at(step)
    value = float(loss.detach()) if isinstance(loss, Tensor) else loss
    if not math.isfinite(value):
        raise UsageError(
            f"the loss of step {step} is {value}: train again with a lower rate than {plan.rate}"
        )
    if isinstance(loss, Tensor):
        loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    optimiser.step()
    return value


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _precision(device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


# -- checkpoints --------------------------------------------------------------------------------------------


def _mark(plan: Schedule, data: str) -> str:
    """The data and schedule of a checkpoint: a run continues only with the same, except for `save_every`."""
    settings = {name: value for name, value in asdict(plan).items() if name != "save_every"}
    return json.dumps({"data": data, **settings}, sort_keys=True)


def save_checkpoint(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, losses: list[float], mark: str
) -> None:
    """Replace the checkpoint atomically: it is the old one or the new one, whenever the process dies."""
    from safetensors.torch import save

    tensors = {f"model.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for moment, tensor in optimiser.state.get(parameter, {}).items():
            tensors[f"{moment}.{name}"] = tensor
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, save(tensors, {"run": mark}))


def _resumed(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, mark: str) -> list[float]:
    """Load model and optimiser from a checkpoint, if there is one; returns the losses of its steps."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return []
    try:
        with safe_open(path, "pt") as file:
            run = (file.metadata() or {}).get("run", "")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    except (OSError, SafetensorError) as error:
        raise ModelError(
            str(path), f"it cannot be read ({error}); remove it to train from the start"
        ) from error
    if run != mark:
        raise UsageError(f"{path.parent} holds a run of other data or another schedule; give a new folder")
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    for name, parameter in model.named_parameters():
        state = {moment: tensors[f"{moment}.{name}"] for moment in MOMENTS if f"{moment}.{name}" in tensors}
        if state:
            optimiser.state[parameter] = {
                moment: tensor if moment == "step" else tensor.to(parameter.device)
                for moment, tensor in state.items()
            }
    return [float(loss) for loss in tensors["losses"]]


# -- card and curve -----------------------------------------------------------------------------------------


def write_card(card: Card, folder: Path) -> None:
    """Write the card as card.json, and as a table in card.md."""
    values = asdict(card)
    schedule = values.pop("schedule")
    rows = {**values, **schedule, **values.pop("scores")}
    rows.pop("scores", None)
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    write_file(folder / CARD, (json.dumps(asdict(card), indent=2) + "\n").encode())
    write_file(folder / READ_ME, f"# Run\n\n| | |\n|---|---|\n{table}\n\n![loss]({CURVE})\n".encode())


def draw_curve(losses: list[float], path: Path) -> None:
    """Draw the loss of each step, and its running mean over a twentieth of the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, color="#BBBBBB", linewidth=0.8, label="each step")
    span = max(1, len(losses) // 20)
    means = [sum(losses[at : at + span]) / span for at in range(len(losses) - span + 1)]
    axes.plot(range(span, len(losses) + 1), means, color="#0072B2", label=f"mean of {span}")
    axes.set(xlabel="step", ylabel="loss (nats)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=150)


def _commit() -> str:
    """The commit of the code, "" outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
