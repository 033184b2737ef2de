"""Plots over the layers of compared models: what each layer knows, and how narrow its cone is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genome_index.comparison import Row
from genome_index.durable import disk_errors
from genome_index.extras import need_installed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart by readers who do not see all colours.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = {"mean": "-", "max": "--", "cls": ":", "gem": "-."}


def write_plots(rows: Sequence[Row], folder: Path) -> list[Path]:
    """One figure a rank, of accuracy over layers, and one of anisotropy; PNG and SVG of each."""
    need_installed("--plots", "matplotlib", extra="neural")
    written = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for rank in rows[0].accuracy:
            values = {id(row): 100 * row.accuracy[rank] for row in rows}
            figure = _figure(rows, values, f"{rank}: nearest vector right (%)")
            written += _saved(figure, folder / f"accuracy-{rank}")
        values = {id(row): row.anisotropy for row in rows}
        written += _saved(_figure(rows, values, "mean cosine of all pairs"), folder / "anisotropy")
    return written


def _figure(rows: Sequence[Row], values: dict[int, float], title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    encoders = [name for name in dict.fromkeys(row.encoder for row in rows)]
    for colour, encoder in zip(_cycled(len(encoders)), encoders, strict=True):
        some = [row for row in rows if row.encoder == encoder]
        for pool in dict.fromkeys(row.pool for row in some):
            _line(axes, [row for row in some if row.pool == pool], values, colour)
    axes.set(xlabel="layer (0 is the embedding layer)", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _line(axes: Axes, rows: Sequence[Row], values: dict[int, float], colour: str) -> None:
    """A curve over layers; where there are none, a level line to be compared with."""
    first = rows[0]
    name = Path(first.encoder).name
    if first.layer is None:
        axes.axhline(values[id(first)], color="#555555", linewidth=1, linestyle=(0, (6, 2)), label=name)
        return
    axes.plot(
        [row.layer for row in rows if row.layer is not None], [values[id(row)] for row in rows],
        color=colour, linestyle=STYLES.get(first.pool, "-"), marker=".", label=f"{name}, {first.pool}",
    )  # fmt: skip


def _cycled(count: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(count)]


def _saved(figure: Figure, stem: Path) -> list[Path]:
    paths = [stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths
