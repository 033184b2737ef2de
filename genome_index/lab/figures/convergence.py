"""Losses of a study's runs by step, as shares of their value on the first batch.

Different losses have different units, so that shares say whether a loss falls, not which one is better; that
is for bits a base. A loss whose first value is not above 0 has no share.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genome_index.errors import InputError
from genome_index.io.atomic import disk_errors
from genome_index.lab.markdown import markdown_table
from genome_index.lab.study.report import COLOURS, STYLES, Cell, better_head
from genome_index.lab.study.results import AGAIN, validation_losses
from genome_index.lab.study.study import RUNS
from genome_index.lab.training.runs import CHECKPOINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOWS = 50  # of training steps, whose means are drawn
FALLS = 0.01  # of the first value; less from the first to the last fifth of training is called flat

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """A run, as shares of its loss on the first batch."""

    training: Doubles  # (T,) of each step
    steps: Rows  # (V,) with a validation
    validation: Doubles  # (V,)

    @property
    def end(self) -> float:
        """The mean of the last tenth of training."""
        return float(self.training[-max(1, len(self.training) // 10) :].mean())

    @property
    def fall(self) -> float:
        """What training loses from its first fifth to its last."""
        fifth = max(1, len(self.training) // 5)
        return float(self.training[:fifth].mean() - self.training[-fifth:].mean())


@dataclass(frozen=True)
class CellCurves:
    """A place of the grid, its name in figures, and a curve for each seed."""

    cell: Cell
    name: str
    curves: tuple[Curve, ...]  # none where a first loss is not above 0


def curve_of(folder: Path) -> Curve | None:
    """The losses of a run in its folder; None if the first is not above 0.

    Raises
    ------
    InputError
        The folder has no checkpoint or no validation losses that can be read.
    """
    training = _training(folder / CHECKPOINT)
    steps, validation = map(np.array, zip(*validation_losses(folder), strict=True))
    if training[0] <= 0:
        return None
    return Curve(training / training[0], steps, validation / training[0])


def curves_of(cells: Sequence[Cell], folder: Path, name_of: Callable[[Cell], str]) -> list[CellCurves]:
    """The curves of cells, small networks first; a cell with a run that has none has none."""
    result = []
    for cell in sorted(cells, key=lambda cell: (parameters(cell), name_of(cell))):
        own = [curve_of(folder / RUNS / row["fingerprint"]) for row in cell.rows]
        result.append(CellCurves(cell, name_of(cell), () if None in own else tuple(filter(None, own))))
    return result


def convergence_table(curves: Sequence[CellCurves]) -> str:
    """Ends of the curves, and bits a base of validation fragments by the better head."""
    head = [
        "size", "parameters", "loss", "seeds", "training, end", "training, fall", "validation, lowest",
        "bits a base, validation",
    ]  # fmt: skip
    return markdown_table(head, [_row(each) for each in curves])


def _row(each: CellCurves) -> list[str]:
    cell, own = each.cell, each.curves
    shown = ["first not above 0", "-", "-"]
    if own:
        fall = statistics.mean(curve.fall for curve in own)
        shown = [
            f"{statistics.mean(curve.end for curve in own):.3f}",
            f"{fall:.3f}{'' if fall >= FALLS else ' (flat)'}",
            f"{statistics.mean(curve.validation.min() for curve in own):.3f}",
        ]
    bits = cell.shown(f"validation_{better_head(cell)}")
    return [cell.name.size, f"{parameters(cell):,}", each.name, str(len(cell.rows)), *shown, bits]


def draw_convergence(curves: Sequence[CellCurves], path: Path) -> None:
    """Training above, validation below; a column for each size."""
    from matplotlib.figure import Figure

    sizes = list(dict.fromkeys(each.cell.name.size for each in curves))
    looks = _looks(curves)
    figure = Figure(figsize=(3.8 + 3.2 * len(sizes), 5.5), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(sizes), sharex="col", sharey=True, squeeze=False)
    for column, size in zip(panels.T, sizes, strict=True):
        own = [each for each in curves if each.cell.name.size == size]
        for each in filter(lambda each: each.curves, own):
            _draw_cell(column, each, *looks[each.name])
        column[0].set_title(f"{size}, {_span(own)} parameters", fontsize=10)
        column[1].set(xlabel="training step")
    for panel, part in zip(panels[:, 0], ("training", "validation"), strict=True):
        panel.set_ylabel(f"{part} loss,\nshare of the first batch's")
    for panel in panels.flat:
        panel.spines[["top", "right"]].set_visible(False)
    lines = [panel.get_legend_handles_labels() for panel in panels[0]]
    handles = {label: line for pair in lines for line, label in zip(*pair, strict=True)}
    names = sorted(handles)
    figure.legend(
        [handles[name] for name in names], names, frameon=False, fontsize=8, loc="outside right upper"
    )
    with disk_errors(path):
        figure.savefig(path, dpi=100)


def _looks(curves: Sequence[CellCurves]) -> dict[str, tuple[str, str]]:
    """Colour and line of each name: a colour for each loss, a line for what else it has, as its network."""
    losses = sorted({each.cell.name.loss for each in curves})
    others = sorted({each.name.replace(each.cell.name.loss, "") for each in curves})
    return {
        each.name: (
            COLOURS[losses.index(each.cell.name.loss) % len(COLOURS)],
            STYLES[others.index(each.name.replace(each.cell.name.loss, "")) % len(STYLES)],
        )
        for each in curves
    }


def _draw_cell(column: Sequence[Axes], each: CellCurves, colour: str, line: str) -> None:
    """The mean of the seeds, and their range."""
    curves = each.curves
    width = max(1, len(curves[0].training) // WINDOWS)
    length = min(len(curve.training) for curve in curves) // width * width
    means = np.stack([curve.training[:length].reshape(-1, width).mean(1) for curve in curves])
    _band(column[0], np.arange(width, length + 1, width), means, (colour, line), each.name)
    measured = min(len(curve.steps) for curve in curves)
    values = np.stack([curve.validation[:measured] for curve in curves])
    _band(column[1], curves[0].steps[:measured], values, (colour, line), each.name)


def _band(panel: Axes, at: Rows, values: Doubles, look: tuple[str, str], name: str) -> None:
    panel.plot(at, values.mean(0), color=look[0], linestyle=look[1], label=name, linewidth=1.3)
    panel.fill_between(at, values.min(0), values.max(0), color=look[0], alpha=0.15, linewidth=0)


def _training(path: Path) -> Doubles:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            losses = np.asarray(file.get_tensor("losses"), np.float64)
    except (OSError, SafetensorError) as error:
        raise InputError(str(path), f"its losses cannot be read ({error}); {AGAIN}") from error
    if not len(losses):
        raise InputError(str(path), f"it has no step; {AGAIN}")
    return losses


def parameters(cell: Cell) -> int:
    """The parameters of a cell's networks."""
    return int(cell.rows[0]["parameters"])


def _span(curves: Sequence[CellCurves]) -> str:
    """The parameters of some networks, from the fewest to the most."""
    numbers = sorted({parameters(each.cell) for each in curves})
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"
