"""Training runs and their folder: an interrupted run continues to the same bits, on as many threads.

    checkpoint.safetensors          weights, AdamW's two moments, all losses so far; replaced atomically
    seconds.txt                     time of these steps; kept apart, so that checkpoints are reproducible
    validation.tsv                  the validation loss at some steps, where one is measured
    curve.png, card.json, card.md   the losses, and the card: data, seed, commit, seconds, scores

No random state passes from step to step: each draws its numbers from (seed, step), so no generator's state
is saved. A checkpoint is tensors and text; no code in it is run.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genome_index.errors import ModelError, UsageError
from genome_index.io.atomic import write_file
from genome_index.lab.devices import precision
from genome_index.lab.training.run_card import (
    CURVE,
    NATS,
    Card,
    Display,
    History,
    Schedule,
    commit,
    draw_curve,
    validation_table,
    write_card,
)
from genome_index.records import Progress, quiet

CHECKPOINT, SECONDS, VALIDATION = "checkpoint.safetensors", "seconds.txt", "validation.tsv"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # AdamW's state of a tensor

# step -> loss, (); or the loss as a number, if the function has added the gradients itself
Loss = Callable[[int], Tensor | float]


@dataclass(frozen=True)
class Validation:
    """A validation loss that is measured some times during a run, without gradients."""

    loss: Callable[[], float]  # in the unit of the display; it depends on the model alone
    every: int  # steps; the last step is always measured


def train(
    folder: Path, model: nn.Module, loss_at: Loss, plan: Schedule, data: str, progress: Progress = quiet,
    display: Display = NATS, validation: Validation | None = None,
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
    history = _resumed(folder / CHECKPOINT, model, optimiser, mark)
    losses = history.losses
    first, before = len(losses), _seconds(folder) if losses else 0.0
    model.train()
    for step in range(first, plan.steps):
        losses.append(_step(step, model, optimiser, loss_at, plan))
        _validate(step + 1, model, validation, plan, history)
        seconds = time.monotonic() - begun
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            save_checkpoint(folder / CHECKPOINT, model, optimiser, history, mark)
            write_file(folder / SECONDS, f"{before + seconds:.1f}\n".encode())
            _write_validation(history, display, folder)
        line = _line(losses, seconds / (step + 1 - first), plan, display)
        progress.stage(line, step + 1, plan.steps)
    model.eval()
    return _finished(folder, model, plan, data, history, display)


def _finished(
    folder: Path, model: nn.Module, plan: Schedule, data: str, history: History, display: Display
) -> Card:
    """Draw the curve and write the card of a run that is done."""
    losses = history.losses
    tail = losses[-max(1, len(losses) // 10) :]
    sizes = sum(one.numel() for one in model.parameters())
    card = Card(
        data, plan, sizes, commit(), device_name(_device(model)), _seconds(folder),
        sum(tail) / max(1, len(tail)), validation=tuple(history.validation),
        tokens=display.tokens * len(losses), command=display.command,
    )  # fmt: skip
    _write_validation(history, display, folder)
    draw_curve(history, display, folder / CURVE)
    write_card(card, folder)
    return card


def _validate(
    done: int, model: nn.Module, validation: Validation | None, plan: Schedule, history: History
) -> None:
    """Measure the validation loss if it is due after so many steps."""
    if validation is None or (done % validation.every and done < plan.steps):
        return
    model.eval()
    with torch.inference_mode():
        history.validation.append((done, validation.loss()))
    model.train()


def _write_validation(history: History, display: Display, folder: Path) -> None:
    if history.validation:
        write_file(folder / VALIDATION, validation_table(history, display).encode())


def _line(losses: list[float], step_s: float, plan: Schedule, display: Display) -> str:
    """The progress line, to which the number of the step is added; `step_s` is the seconds of a step."""
    speed = f", {display.tokens / max(step_s, 1e-9):>9,.0f} tokens/s" if display.tokens else ""
    loss, rate = losses[-1] * display.per_nat, plan.rate_at(len(losses) - 1)
    return f"training: loss {loss:7.4f} {display.unit}, rate {rate:.1e}{speed}, step"


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
    with precision(_device(model).type):
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


# -- checkpoints --------------------------------------------------------------------------------------------


def _mark(plan: Schedule, data: str) -> str:
    """The data and schedule of a checkpoint: a run continues only with the same, except for `save_every`."""
    settings = {name: value for name, value in asdict(plan).items() if name != "save_every"}
    return json.dumps({"data": data, **settings}, sort_keys=True)


def save_checkpoint(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, history: History, mark: str
) -> None:
    """Replace the checkpoint atomically: it is the old one or the new one, whenever the process dies."""
    from safetensors.torch import save

    tensors = {f"model.{name}": tensor for name, tensor in _apart(model.state_dict()).items()}
    for name, parameter in model.named_parameters():
        for moment, tensor in optimiser.state.get(parameter, {}).items():
            tensors[f"{moment}.{name}"] = tensor
    tensors["losses"] = torch.tensor(history.losses, dtype=torch.float64)
    if history.validation:
        tensors["validation"] = torch.tensor(history.validation, dtype=torch.float64)  # (V, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, save(tensors, {"run": mark}))


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, contiguous; of two with the same memory, as tied weights are, one is a copy."""
    apart, seen = dict[str, Tensor](), set[int]()
    for name, tensor in tensors.items():
        own = tensor.contiguous()
        apart[name] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    return apart


def _resumed(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, mark: str) -> History:
    """Load model and optimiser from a checkpoint, if there is one; returns the losses of its steps."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return History()
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
    measured = tensors.get("validation", torch.empty(0, 2)).tolist()
    return History(tensors["losses"].tolist(), [(int(step), loss) for step, loss in measured])
