"""Benchmark of one training step over sequence lengths: memory and time of four kinds of attention.

softmax   attention with the matrix of all pairs of positions
sdpa      the same, fused: torch's scaled_dot_product_attention
whole     linear attention, with the graph of the whole sequence
chunked   linear attention, piece by piece with exact gradients (exact_gradients.py)

All have the same layers and width. Each point is measured in a process of its own on one core.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.errors import UsageError, need_installed
from genome_index.io import tsv
from genome_index.io.atomic import write_file
from genome_index.lab.performer.exact_gradients import exact_gradients, whole_gradients
from genome_index.lab.performer.memory import apart, available_bytes, resident_bytes
from genome_index.lab.performer.softmax_baseline import softmax_transformer
from genome_index.records import Progress, quiet
from genome_index.report.figures.style import PALETTE, Theme, dress, new_figure, save, theme_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = PerformerConfig(vocab=5, width=64, layers=2, heads=1, ffn=256)
LENGTHS = tuple(2**power for power in range(10, 21))  # 1 kb to 1 Mb
CHUNK = 1024
SPARE = 0.8  # share of the available memory that a point may be expected to take


@dataclass(frozen=True)
class Kind:
    label: str
    longest: int  # bp; longer sequences take minutes or gigabytes, and the curve is known
    power: int  # of the length that memory grows with
    mark: str


KINDS = {
    "softmax": Kind("softmax attention", 16_384, 2, "s"),
    "sdpa": Kind("softmax attention, fused (SDPA)", 65_536, 1, "^"),
    "whole": Kind("linear attention, whole graph", 262_144, 1, "D"),
    "chunked": Kind("linear attention, exact in chunks", 1_048_576, 1, "o"),
}


@dataclass(frozen=True)
class Point:
    kind: str
    length_bp: int
    peak_mb: float | None  # above the memory before the step, 10^6 bytes; None: not measured
    seconds: float | None  # of one core, for one step, forward and backward
    note: str = ""


def measure(
    lengths: Sequence[int],
    out: Path,
    kinds: Sequence[str] = tuple(KINDS),
    chunk: int = CHUNK,
    theme: str = "light",
    progress: Progress = quiet,
) -> list[Point]:
    """Measure each kind up to its longest length -> lengths.tsv, lengths.png and lengths.svg in `out`.

    Raises
    ------
    UsageError
        An unknown kind or theme, no length, matplotlib is not installed, or this is not Linux.
    """
    need_installed("a plot over lengths", "matplotlib", extra="report")
    colours = theme_named(theme)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UsageError(f"no network is called {unknown[0]!r}; choose of: {', '.join(KINDS)}")
    if not lengths or min(lengths) < 1 or chunk < 1:
        raise UsageError("lengths and the chunk are numbers of bases, 1 or more; give at least one length")
    out.mkdir(parents=True, exist_ok=True)
    pairs = [(kind, length) for kind in kinds for length in sorted(set(lengths))]
    pairs = [(kind, length) for kind, length in pairs if length <= KINDS[kind].longest]
    points: list[Point] = []
    for done, (kind, length) in enumerate(pairs):
        progress.stage(f"{kind} {length:,} bp", done, len(pairs))
        points.append(_point(kind, length, chunk, points))
        write_file(out / "lengths.tsv", _tsv(points).encode())  # after each: the last ones take minutes
    _draw(points, chunk, colours, out / "lengths")
    return points


def _point(kind: str, length: int, chunk: int, before: Sequence[Point]) -> Point:
    """Measure one point, unless the point before it shows that memory is too small."""
    last = [point for point in before if point.kind == kind and point.peak_mb]
    if last and last[-1].peak_mb:
        expected = last[-1].peak_mb * 1e6 * (length / last[-1].length_bp) ** KINDS[kind].power
        if kind != "chunked" and expected > SPARE * available_bytes():
            return Point(kind, length, None, None, f"left out: some {expected / 1e9:.0f} GB needed")
    costs = apart(one_step, kind, length, chunk)
    if costs is None:
        return Point(kind, length, None, None, "killed: not enough memory")
    return Point(kind, length, round(costs[0] / 1e6, 1), round(costs[1], 3))


def one_step(kind: str, length: int, chunk: int = CHUNK, config: PerformerConfig = SIZE) -> tuple[int, float]:
    """Additional bytes, and seconds, of one step over random bases; call it in a process of its own."""
    torch.manual_seed(0)
    model = (
        softmax_transformer(config, kind == "sdpa") if kind in ("softmax", "sdpa") else SlimPerformer(config)
    )
    ids = torch.randint(4, (1, length + 1))
    _step(model, kind, ids[:, :65], chunk)  # libraries load and allocate once
    before, _ = resident_bytes()
    start = time.process_time()  # on one idle core the same as wall time
    _step(model, kind, ids, chunk)
    seconds = time.process_time() - start
    return max(0, resident_bytes()[1] - before), seconds


def _step(model: SlimPerformer, kind: str, ids: torch.Tensor, chunk: int) -> None:
    if kind == "chunked":
        exact_gradients(model, ids[:, :-1], ids[:, 1:], chunk)
    else:
        whole_gradients(model, ids[:, :-1], ids[:, 1:])


def table(points: Sequence[Point]) -> str:
    """A Markdown table: MB and seconds by length and kind."""
    kinds = [kind for kind in KINDS if any(point.kind == kind for point in points)]
    by_place = {(point.length_bp, point.kind): point for point in points}
    rows = [
        f"| length, MB / seconds | {' | '.join(KINDS[kind].label for kind in kinds)} |",
        "|---" * (1 + len(kinds)) + "|",
    ]
    for length in sorted({point.length_bp for point in points}):
        cells = [_cell(by_place.get((length, kind))) for kind in kinds]
        rows.append(f"| {length:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(point: Point | None) -> str:
    if point is None or point.peak_mb is None or point.seconds is None:
        return point.note if point else "-"
    return f"{point.peak_mb:,.1f} / {point.seconds:.3g}"


def _tsv(points: Sequence[Point]) -> str:
    header = [field.name for field in fields(Point)]
    return "".join(tsv.rows([header, *map(astuple, points)]))


def _draw(points: Sequence[Point], chunk: int, theme: Theme, stem: Path) -> list[Path]:
    title = f"One training step against length: {SIZE.layers} layers of width {SIZE.width}, one core"
    figure = new_figure(theme, 9.5, 4.8, title)
    memory, seconds = figure.subplots(1, 2)
    for kind, colour in zip(KINDS, PALETTE, strict=False):
        some = [point for point in points if point.kind == kind and point.peak_mb is not None]
        lengths, look = [point.length_bp for point in some], KINDS[kind]
        label = f"{look.label}{f' of {chunk:,}' if kind == 'chunked' else ''}"
        look_of = {"color": colour, "marker": look.mark, "markersize": 4, "label": label}
        memory.plot(lengths, [point.peak_mb or math.nan for point in some], **look_of)  # 0 has no logarithm
        seconds.plot(lengths, [point.seconds for point in some], **look_of)
    _scales(memory, theme, "peak memory of the step (MB)")
    _scales(seconds, theme, "time of the step (seconds of one core)")
    handles, labels = memory.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8, labelcolor=theme.ink
    )
    return save(figure, stem)


def _scales(axes: Axes, theme: Theme, what: str) -> None:
    from matplotlib.ticker import NullFormatter

    axes.set_xscale("log", base=2)
    if axes.dataLim.minposy < math.inf:  # a logarithmic axis needs a value above 0
        axes.set_yscale("log")
    dress(axes, theme, title=what, xlabel="length of the sequence")
    shown = [2**power for power in range(10, 21, 2)]
    axes.set_xticks(shown, [f"{bp // 1024} kb" if bp < 2**20 else "1 Mb" for bp in shown])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
