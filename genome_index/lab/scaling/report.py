"""Scaling of a study: laws fitted to its runs, the best size for each budget, and a forecast beyond.

scaling.md     for each architecture and loss that three sizes and three budgets support
scaling.png    losses by size at each budget, with the fitted law

The law is fitted twice: to the losses, and to what they exceed the Markov model of order 12 by. The
residuals of a fit are relative: where all losses are near those of chance (2 bits), the whole loss barely
differs between runs, and the excess does. The first is drawn and forecast from; the second stands beside it.

Losses are bits a base of validation fragments, by the network's own head. N is half of the operations of a
token's forward pass, which is the number of parameters where nothing but weights is multiplied, so that
6 N D is what was counted. Runs beyond `up_to` operations are not fitted, and stand beside their forecast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genome_index.errors import UsageError
from genome_index.io.atomic import write_file
from genome_index.lab.markdown import markdown_table
from genome_index.lab.scaling.drawing import draw_scaling
from genome_index.lab.scaling.fit import Interval, Runs, fit_of_excess, fit_with_intervals
from genome_index.lab.scaling.isoflop import Valley, valley
from genome_index.lab.scaling.law import ScalingLaw
from genome_index.lab.study.baselines import ORDER_12
from genome_index.lab.study.results import Results

REPORT, PICTURE = "scaling.md", "scaling.png"
SAMPLES = 200  # of the bootstrap
BEYOND = 10.0  # times the largest budget that was fitted: where the forecast is
NUMBERS: Mapping[str, Callable[[ScalingLaw], float]] = {
    "E, the loss that remains": lambda law: law.floor,
    "power of N": lambda law: law.size_power,
    "power of D": lambda law: law.data_power,
    "the best N grows with C to the power": lambda law: law.size_share,
}
EXCESS = "The excess is what a loss has more than the Markov model of order 12; its E is given as a loss."
NO_EXCESS = "Some run is as good as the Markov model of order 12, so there is no excess to fit."
Row = dict[str, Any]


@dataclass(frozen=True)
class Scaling:
    """The runs of one architecture and loss, and the law of those that were fitted."""

    name: str
    rows: tuple[Row, ...]  # all runs
    fitted: Runs
    fit: Interval
    excess_fit: Interval | None  # of the same runs; None where one is as good as the Markov model
    largest: float  # budget that was fitted

    @property
    def beyond(self) -> list[Row]:
        return [row for row in self.rows if row["budget"] > self.largest]


def report_scaling(folder: Path, up_to: float = np.inf) -> str:
    """Write scaling.md and scaling.png of a study's folder, and return the text.

    Raises
    ------
    UsageError
        The folder has no results, or no law is supported by its runs.
    """
    results = Results.open(folder)
    baselines = results.rows("SELECT validation_bits FROM baselines WHERE name = ?", [ORDER_12])
    runs = [row for row in results.ended() if row["budget"]]
    if not runs:
        raise UsageError(f"{folder}: no run has a budget; give three or more in the plan: budget = [...]")
    order_12 = float(baselines[0]["validation_bits"])
    scalings = [_scaling(name, rows, up_to, order_12) for name, rows in _grouped(runs).items()]
    parts = [_part(scaling, order_12) for scaling in scalings]
    text = "\n\n".join(["# Scaling", *parts, f"![losses by size]({PICTURE})"])
    write_file(folder / REPORT, f"{text}\n".encode())
    draw_scaling([(each.name, each.rows, each.fit.law) for each in scalings], folder / PICTURE)
    return text


def runs_of(rows: Sequence[Row]) -> Runs:
    """Rows of a study as runs of a law."""
    columns = [(row["operations"] / 2, row["tokens"], row["validation_bits"]) for row in rows]
    return Runs(*np.array(columns, np.float64).T)


def _grouped(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[f"{row['architecture']}, {row['loss']}"].append(row)
    return grouped


def _scaling(name: str, rows: Sequence[Row], up_to: float, order_12: float) -> Scaling:
    chosen = [row for row in rows if row["budget"] <= up_to]
    if not chosen:
        raise UsageError(
            f"--up-to {up_to:g}: the budgets of {name} begin at {min(row['budget'] for row in rows):g}"
        )
    runs = runs_of(chosen)
    fit, excess = fit_with_intervals(runs, SAMPLES), fit_of_excess(runs, order_12, SAMPLES)
    return Scaling(name, tuple(rows), runs, fit, excess, max(row["budget"] for row in chosen))


def _part(scaling: Scaling, order_12: float) -> str:
    parts = [f"## {scaling.name}", _law(scaling), _valleys(scaling), _forecast(scaling, order_12)]
    return "\n\n".join([*parts, *([_beyond(scaling)] if scaling.beyond else [])])


def _law(scaling: Scaling) -> str:
    runs, law = scaling.fitted, scaling.fit.law
    apart = np.abs(law.loss(runs.parameters, runs.tokens) - runs.losses)
    excess = scaling.excess_fit
    rows = [
        (name, *_with_interval(scaling.fit, value), *(_with_interval(excess, value) if excess else ("", "")))
        for name, value in NUMBERS.items()
    ]
    words = (
        f"{len(runs.losses)} runs up to {scaling.largest:.0e} operations; the law misses them by "
        f"{apart.mean():.4f} bits in the mean, {apart.max():.4f} at most. Intervals are of 95 %, by "
        f"bootstrap over runs. {EXCESS if excess else NO_EXCESS}"
    )
    head = ["L = E + A / N^a + B / D^b", "fit of losses", "95 %", "fit of the excess", "95 %"]
    return f"{words}\n\n{markdown_table(head, rows)}"


def _valleys(scaling: Scaling) -> str:
    law = scaling.fit.law
    rows = []
    for budget in sorted({row["budget"] for row in scaling.rows if row["budget"] <= scaling.largest}):
        runs = runs_of([row for row in scaling.rows if row["budget"] == budget])
        found, best = valley(budget, runs.parameters, runs.losses), law.optimum(budget)
        by_parabola = (
            "none" if found is None else f"{found.parameters:,.0f}{'' if found.inside else ' (outside)'}"
        )
        rows.append((f"{budget:.0e}", by_parabola, f"{best.parameters:,.0f}", f"{best.loss:.4f}"))
    head = ["operations", "best N, by a parabola", "best N, by the law", "its loss"]
    return markdown_table(head, rows)


def _forecast(scaling: Scaling, order_12: float) -> str:
    budget = BEYOND * scaling.largest
    best = scaling.fit.law.optimum(budget)
    low, high = scaling.fit.of(lambda law: law.optimum(budget).loss)
    return (
        f"**Forecast** for {budget:.0e} operations, {BEYOND:.0f} times the largest budget: the best network "
        f"has N = {best.parameters:,.0f} and reads {best.tokens:,.0f} bases; its loss is {best.loss:.4f} "
        f"bits ({low:.4f} to {high:.4f}), {best.loss - order_12:+.4f} beside the Markov model of order 12."
    )


def _lowest(found: Valley | None) -> str:
    if found is None:
        return "none"
    return f"{found.parameters:,.0f}{'' if found.inside else ', beyond the sizes'}"


def _beyond(scaling: Scaling) -> str:
    rows = [_measured(scaling, size, budget) for size, budget in _cells(scaling.beyond)]
    head = ["run beyond", "operations", "runs", "measured", "forecast", "95 %", "forecast holds it"]
    return markdown_table(head, rows)


def _measured(scaling: Scaling, size: str, budget: float) -> tuple[object, ...]:
    rows = [row for row in scaling.beyond if (row["size"], row["budget"]) == (size, budget)]
    runs = runs_of(rows)
    n, d, measured = float(runs.parameters[0]), float(runs.tokens[0]), float(runs.losses.mean())
    low, high = scaling.fit.of(lambda law: float(law.loss(n, d)))
    forecast, holds = float(scaling.fit.law.loss(n, d)), "yes" if low <= measured <= high else "no"
    between = f"{low:.4f} to {high:.4f}"
    return size, f"{budget:.0e}", len(rows), f"{measured:.4f}", f"{forecast:.4f}", between, holds


def _cells(rows: Sequence[Row]) -> list[tuple[str, float]]:
    return sorted({(row["size"], row["budget"]) for row in rows}, key=lambda cell: (cell[1], cell[0]))


def _with_interval(fit: Interval, value: Callable[[ScalingLaw], float]) -> tuple[str, str]:
    low, high = fit.of(value)
    return f"{value(fit.law):.3f}", f"{low:.3f} to {high:.3f}"
