"""Plots over the layers of compared models: accuracy by rank with its interval, and anisotropy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genome_index.errors import need_installed
from genome_index.evaluate.comparison.rows import Row
from genome_index.io.atomic import disk_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: distinct also to colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = {"mean": "-", "max": "--", "cls": ":", "gem": "-."}
MARKERS = {"mean": "o", "max": "^", "cls": "s", "gem": "D"}  # they distinguish poolings of a single layer
BAND = 0.12  # opacity, so that the bands of four poolings can be told apart
LEVELS = ((0, (6, 2)), (0, (1, 2)), (0, (6, 2, 1, 2)))  # dashes of encoders without layers

Bands = dict[int, tuple[float, float]]  # by the id of a row


def write_plots(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write a figure of accuracy over layers per rank, and one of anisotropy; PNG and SVG of each."""
    need_installed("--plots", "matplotlib", extra="neural")
    written = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for rank in rows[0].accuracy:
            values = {id(row): 100 * row.accuracy[rank] for row in rows}
            figure = _figure(rows, values, f"{rank}: nearest vector right (%)", _bands(rows, rank))
            written += _saved(figure, folder / f"accuracy-{rank}")
        values = {id(row): row.anisotropy for row in rows}
        written += _saved(_figure(rows, values, "mean cosine of all pairs", {}), folder / "anisotropy")
    return written


def _bands(rows: Sequence[Row], rank: str) -> Bands:
    """The paired interval of each row in percent, laid about the spectrum's accuracy.

    A row whose interval leaves out the spectrum's line differs from the spectrum.
    """
    base = 100 * rows[0].accuracy[rank]
    intervals = {id(row): row.difference_interval[rank] for row in rows}
    return {at: (base + 100 * ends[0], base + 100 * ends[1]) for at, ends in intervals.items() if ends}


def _figure(rows: Sequence[Row], values: dict[int, float], title: str, bands: Bands) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    encoders = list(dict.fromkeys(row.encoder for row in rows))
    without_layers = {row.encoder: row.layer is None for row in rows}
    drawn: Counter[bool] = Counter()
    for encoder, name in zip(encoders, short_names(encoders), strict=True):
        own = [row for row in rows if row.encoder == encoder]
        number = drawn[without_layers[encoder]]
        drawn[without_layers[encoder]] += 1
        for pool in dict.fromkeys(row.pool for row in own):
            _line(axes, [row for row in own if row.pool == pool], values, name, number, bands)
    axes.set(xlabel="layer (0 is the embedding layer)", ylabel=title)
    layers = {row.layer for row in rows if row.layer is not None} or {0}
    axes.set_xlim(min(layers) - 0.5, max(layers) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _line(
    axes: Axes, rows: Sequence[Row], values: dict[int, float], name: str, number: int, bands: Bands
) -> None:
    """A curve over layers with its band of intervals; for an encoder without layers, a horizontal line."""
    first = rows[0]
    if first.layer is None:
        style = LEVELS[number % len(LEVELS)]
        axes.axhline(values[id(first)], color="#555555", linewidth=1, linestyle=style, label=name)
        return
    axes.plot(
        [row.layer for row in rows if row.layer is not None], [values[id(row)] for row in rows],
        color=COLOURS[number % len(COLOURS)], linestyle=STYLES[first.pool], marker=MARKERS[first.pool],
        markersize=4, label=f"{name}, {first.pool}",
    )  # fmt: skip
    within = [(row.layer, *bands[id(row)]) for row in rows if row.layer is not None and id(row) in bands]
    if within:
        layers, low, high = zip(*within, strict=True)
        colour = COLOURS[number % len(COLOURS)]
        axes.fill_between(layers, low, high, color=colour, alpha=BAND, linewidth=0)


def short_names(encoders: Sequence[str]) -> list[str]:
    """The last part of each path or hub name, with as many parts before it as make it unique.

    >>> short_names(["spectrum", "/a/dna/model", "/a/esm/model"])
    ['spectrum', 'dna/model', 'esm/model']
    """
    names = []
    for encoder in encoders:
        parts = encoder.split("/")
        tails = ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        others = [other for other in encoders if other != encoder]
        unique = (tail for tail in tails if not any(f"/{other}".endswith(f"/{tail}") for other in others))
        names.append(next(unique, encoder))
    return names


def _saved(figure: Figure, stem: Path) -> list[Path]:
    paths = [stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths
