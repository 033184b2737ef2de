"""Report of a study: its cells with means over seeds and intervals, beside baselines, and curves.

report.md     tables, and what can be said of them in words
curves.png    validation loss of each loss by size, as a share of its first value, mean and range of seeds
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genome_index.io.atomic import disk_errors, write_file
from genome_index.lab.markdown import markdown_table
from genome_index.lab.study.baselines import ORDER_12
from genome_index.lab.study.grid import AXES, CellName
from genome_index.lab.study.results import Results, validation_losses
from genome_index.lab.study.study import RUNS

REPORT, CURVES = "report.md", "curves.png"
CONFIDENCE = 0.95
MASKED = (
    "Bits are of masked bases with both sides in sight; Markov models see what comes before, so that the two "
    "are not one measure."
)
STYLES = ("-", "--", ":", "-.")  # of lines, once the colours are used up
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """The runs of all seeds at one place of the grid."""

    name: CellName
    rows: tuple[Row, ...]

    def mean(self, column: str) -> float:
        return statistics.mean(float(row[column]) for row in self.rows)

    def half_width(self, column: str) -> float | None:
        """Half of Student's 95 % interval of the mean; None with one seed."""
        if len(self.rows) < 2:
            return None
        from scipy.stats import t

        error = statistics.stdev(row[column] for row in self.rows) / len(self.rows) ** 0.5
        return float(t.ppf((1 + CONFIDENCE) / 2, len(self.rows) - 1) * error)

    def shown(self, column: str) -> str:
        """The mean with its interval."""
        half = self.half_width(column)
        return f"{self.mean(column):.4f}" + (f" ± {half:.4f}" if half is not None else "")

    def percent(self, column: str) -> str:
        """The mean of a share with its interval, in percent."""
        half = self.half_width(column)
        return f"{100 * self.mean(column):.1f}" + (f" ± {100 * half:.1f}" if half is not None else "")


def write_report(folder: Path) -> str:
    """Write the report of a study's folder, and return it.

    Raises
    ------
    UsageError
        There are no results in the folder.
    """
    results = Results.open(folder)
    failures = results.rows("SELECT * FROM runs WHERE error IS NOT NULL ORDER BY ALL")
    cells = cells_of(results.ended())
    baselines = results.rows("SELECT * FROM baselines ORDER BY test_bits")
    tables = [_cell_table(cells), _baseline_table(baselines), *_failures(failures)]
    text = "\n\n".join(
        ["# Study", verdict(cells, baselines), settings_line(cells), rate_line(results), *tables]
    )
    if cells:
        _draw(cells, folder)
        text += f"\n\n![validation losses]({CURVES})"
    write_file(folder / REPORT, f"{text}\n".encode())
    return text


def cells_of(runs: Iterable[Row]) -> list[Cell]:
    """Cells, the lowest bits by a new head on validation fragments first."""
    grouped: dict[CellName, list[Row]] = defaultdict(list)
    for row in runs:
        grouped[CellName(*(row[name] for name in AXES))].append(row)
    cells = [Cell(name, tuple(rows)) for name, rows in grouped.items()]
    return sorted(cells, key=lambda cell: cell.mean("validation_head_bits"))


def verdict(cells: Sequence[Cell], baselines: Sequence[Row]) -> str:
    """The best cell in words, beside the Markov model of order 12."""
    if not cells:
        return "No run has ended yet."
    best = min(cells, key=lambda cell: cell.mean(f"validation_{better_head(cell)}"))
    bits = best.mean(f"test_{better_head(best)}")
    order_12 = next(row["test_bits"] for row in baselines if row["name"] == ORDER_12)
    against = "beats" if bits < order_12 else "does not beat"
    return (
        f"By validation the best network is {best.name.architecture} of size {best.name.size} with the loss "
        f"{best.name.loss}. It has "
        f"{bits:.4f} bits a base of test fragments and **{against}** the Markov model of order 12 "
        f"({order_12:.4f})."
    )


def better_head(cell: Cell) -> str:
    """The head with fewer bits of validation fragments, as the end of a column's name."""
    return min("bits", "head_bits", key=lambda head: cell.mean(f"validation_{head}"))


def varied(cells: Sequence[Cell]) -> list[str]:
    """The names of the grid that have more than one value; the architecture always."""
    different = {name: {getattr(cell.name, name) for cell in cells} for name in AXES}
    return [name for name, values in different.items() if len(values) > 1 or name == "architecture"]


def settings_line(cells: Sequence[Cell]) -> str:
    """What is the same in all runs."""
    if not cells:
        return ""
    first, shown = cells[0], varied(cells)
    row = first.rows[0]
    same = [f"{name} {_in_words(getattr(first.name, name))}" for name in AXES if name not in shown]
    same += [f"{name} {row[name]}" for name in ("direction", "length", "batch", "weighing", "equal")]
    line = f"The same in all runs: {', '.join(same)}. Intervals are Student's 95 % of the mean over seeds."
    return f"{line} {MASKED}" if row["direction"] == "masked" else line


def rate_line(results: Results) -> str:
    """How learning rates were found."""
    query = "SELECT DISTINCT rate, steps FROM runs WHERE kind = 'sweep' ORDER BY ALL"
    if not (rows := results.rows(query)):
        return "One learning rate for all runs; none was looked for."
    rates = ", ".join(f"{rate:g}" for rate in sorted({row["rate"] for row in rows}))
    return (
        f"Learning rates: for each place of the grid the best of {rates} by validation loss, after "
        f"{max(row['steps'] for row in rows)} steps with the first seed (a sweep, not muP)."
    )


def _cell_table(cells: Sequence[Cell]) -> str:
    shown = varied(cells)
    head = [
        *shown, "parameters", "operations a token", "rate", "steps", "seeds", "bits, new head",
        "bits, own head", "genus found, %", "best step", "seconds",
    ]  # fmt: skip
    return markdown_table(head, (_cell_row(cell, shown) for cell in cells))


def _cell_row(cell: Cell, shown: Sequence[str]) -> tuple[object, ...]:
    first = cell.rows[0]
    return (
        *(_in_words(getattr(cell.name, name)) for name in shown),
        f"{first['parameters']:,}", f"{first['operations']:,.0f}", f"{first['rate']:g}", first["steps"],
        len(cell.rows), cell.shown("test_head_bits"), cell.shown("test_bits"), cell.percent("genus_found"),
        f"{cell.mean('best_step'):.0f}", f"{cell.mean('seconds'):.0f}",
    )  # fmt: skip


def _in_words(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _baseline_table(baselines: Sequence[Row]) -> str:
    head = ["not trained here", "bits, validation", "bits, test", "genus found, %"]
    columns = (("validation_bits", 1, 4), ("test_bits", 1, 4), ("genus_found", 100, 1))
    lines = [(row["name"], *(_number(row[name], scale, digits) for name, scale, digits in columns))
             for row in baselines]  # fmt: skip
    return markdown_table(head, lines)


def _number(value: float | None, scale: float, digits: int) -> str:
    return "" if value is None else f"{scale * value:.{digits}f}"


def _failures(rows: Sequence[Row]) -> list[str]:
    head = ["failed", "size", "loss", "seed", "reason"]
    columns = ("architecture", "size", "loss", "seed")
    lines = [[*(row[name] for name in columns), _in_a_line(row["error"])] for row in rows]
    return [markdown_table(head, lines)] if lines else []


def _in_a_line(error: str) -> str:
    return " ".join(error.split()).replace("|", "\\|")[:300]


# -- curves --------------------------------------------------------------------------------------------------


def _draw(cells: Sequence[Cell], folder: Path) -> None:
    from matplotlib.figure import Figure

    sizes = sorted({cell.name.size for cell in cells}, key=lambda size: _parameters(cells, size))
    alone = len({cell.name.architecture for cell in cells}) == 1 and len(varied(cells)) > 1
    hidden = {"size", "architecture"} if alone else {"size"}
    shown = [name for name in varied(cells) if name not in hidden] or ["architecture"]
    figure = Figure(figsize=(3.5 + 4 * len(sizes), 4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    names = sorted({_label(cell, shown) for cell in cells})
    for panel, size in zip(panels, sizes, strict=True):
        for cell in cells:
            if cell.name.size == size:
                _draw_cell(panel, cell, folder, names.index(_label(cell, shown)), _label(cell, shown))
        panel.set(title=size, xlabel="step")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation loss, share of the first")
    lines = {
        label: line
        for panel in panels
        for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines, frameon=False, fontsize=7, loc="outside right upper")
    with disk_errors(folder / CURVES):
        figure.savefig(folder / CURVES, dpi=150)


def _label(cell: Cell, shown: Sequence[str]) -> str:
    """What sets a curve apart; numbers with their names."""
    values = ((name, getattr(cell.name, name)) for name in shown)
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, int | float) else value for name, value in values
    )


def _draw_cell(panel: Any, cell: Cell, folder: Path, number: int, label: str) -> None:  # noqa: ANN401  # of matplotlib
    colour, style = COLOURS[number % len(COLOURS)], STYLES[number // len(COLOURS) % len(STYLES)]
    curves = [validation_losses(folder / RUNS / row["fingerprint"]) for row in cell.rows]
    steps = [step for step, _ in curves[0]]
    shares = [[loss / curve[0][1] for _, loss in curve] for curve in curves]
    means = [statistics.mean(values) for values in zip(*shares, strict=True)]
    panel.plot(steps, means, style, color=colour, label=label)
    low, high = ([edge(values) for values in zip(*shares, strict=True)] for edge in (min, max))
    panel.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def _parameters(cells: Sequence[Cell], size: str) -> int:
    return min(int(cell.rows[0]["parameters"]) for cell in cells if cell.name.size == size)
