"""Curves of a run as files of TensorBoard, while it trains.

One folder a run: losses of each step, validation losses, the plan as text, and the scores in the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, SupportsFloat

from genome_index.lab.study.plan import RunPlan

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

TRACKERS = ("none", "tensorboard")
FOLDER = "tensorboard"
TRAINING, VALIDATION = "loss/training", "loss/validation"


class Tracker:
    """What writes the curves of a run; without a folder nothing is written."""

    def __init__(self, folder: Path | None, plan: RunPlan) -> None:
        self._folder, self._plan, self._step = folder, plan, 0
        self._writer: SummaryWriter | None = None

    def training(self, step: int, loss: SupportsFloat) -> None:
        """The loss of a step; the first one after an interruption replaces what was written after it."""
        self._step = step
        if self._folder is not None:
            self._opened(step).add_scalar(TRAINING, float(loss), step)

    def validation(self, loss: float) -> None:
        """The validation loss after the last step."""
        if self._folder is not None:
            self._opened(self._step).add_scalar(VALIDATION, loss, self._step + 1)

    def close(self, scores: Mapping[str, float]) -> None:
        """Write the scores, and end the file."""
        if self._folder is not None:
            writer = self._opened(self._step)
            for name, value in scores.items():
                writer.add_scalar(f"scores/{name}", value, self._step + 1)
            writer.close()

    def _opened(self, step: int) -> SummaryWriter:
        if self._writer is None:
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step)
            self._writer.add_text("plan", json.dumps(asdict(self._plan), indent=1), step)
        return self._writer


def folder_of(out: Path, plan: RunPlan, key: str) -> Path:
    """The folder of a run, with a name that says what it is."""
    words = f"{plan.architecture} {plan.size} {plan.loss} seed {plan.seed} {key[:6]}"
    return out / FOLDER / "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in words)
