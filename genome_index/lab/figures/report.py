"""The three figures of a study, and a page with their numbers.

overlay.png       members of a species as walks, and where they fray
convergence.png   losses by step, a panel a size
map.png           natural windows beside generated ones
figures.md        tables, and how to read them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genome_index.errors import UsageError, need_installed
from genome_index.io.atomic import write_file
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.devices import require_device
from genome_index.lab.figures.comparison import Comparison, compare_windows
from genome_index.lab.figures.convergence import convergence_table, curves_of, draw_convergence, parameters
from genome_index.lab.figures.lineages import require_eukaryotes
from genome_index.lab.figures.maps import draw_maps
from genome_index.lab.figures.networks import require_trained_on
from genome_index.lab.figures.overlay import BOUND, Overlay, draw_overlay, fray_of, overlay_of
from genome_index.lab.study.report import Cell, cells_of, varied
from genome_index.lab.study.results import Results
from genome_index.records import Progress, quiet

FIGURES = ("overlay", "convergence", "map")
PAGE = "figures.md"
WINDOWS = 300
LISTED = 8  # members that cannot be compared, by name


@dataclass(frozen=True)
class FigurePlan:
    """What is drawn."""

    figures: tuple[str, ...] = FIGURES
    species: str | None = None  # of the overlay; None: the one with the most comparable members
    walk: str = "yau"
    bound: float = BOUND  # steps of spread, beyond which members fray
    windows: int = WINDOWS  # of each origin
    seed: int = 0
    device: str = "cpu"


def write_figures(
    folder: Path, corpus: Path, out: Path, plan: FigurePlan | None = None, progress: Progress = quiet
) -> str:
    """Draw the figures of a study's folder and its corpus, and return the page.

    Raises
    ------
    UsageError
        There are no results; the corpus is of another study, or, for the map, not of eukaryotes alone.
    InputError
        A file of a run is missing or damaged.
    """
    plan = plan or FigurePlan()
    shards, cells = Shards.open(corpus), _cells(folder)
    if "map" in plan.figures:
        _require_windows(shards, cells, plan.device)
    out.mkdir(parents=True, exist_ok=True)
    parts = ["# Figures of a study"]
    if "overlay" in plan.figures:
        overlay = overlay_of(shards, plan.species, plan.walk, progress)
        draw_overlay(overlay, plan.bound, out / "overlay.png")
        parts += ["## One species", overlay_text(overlay, plan.bound), "![overlay](overlay.png)"]
    if "convergence" in plan.figures:
        curves = curves_of(cells, folder, lambda cell: name_of(cell, cells))
        draw_convergence(curves, out / "convergence.png")
        parts += ["## Losses", CONVERGENCE, convergence_table(curves), "![convergence](convergence.png)"]
    if "map" in plan.figures:
        parts += ["## Windows", *_map_parts(cells, folder, shards, out, plan, progress)]
    text = "\n\n".join(parts)
    write_file(out / PAGE, f"{text}\n".encode())
    return text


def name_of(cell: Cell, cells: Sequence[Cell]) -> str:
    """The loss of a cell, with what else differs among cells but their size."""
    shown = [name for name in varied(cells) if name not in ("architecture", "loss", "size")]
    several = len({each.name.architecture for each in cells}) > 1
    words = [cell.name.architecture] if several else []
    return ", ".join([*words, cell.name.loss, *(f"{name} {getattr(cell.name, name)}" for name in shown)])


def overlay_text(overlay: Overlay, bound: float) -> str:
    """Who is compared, where they fray, and who is not."""
    first, after = fray_of(overlay.spread, bound)
    circles, last = overlay.circles, len(overlay.spread)
    frays = f"does not exceed {bound:g} steps"
    if first is not None:
        stays = f", and stays above from {after:,} bp on" if after else ", and returns below it"
        frays = f"first exceeds {bound:g} steps at {first:,} bp{stays}"
    sentences = [
        f"{overlay.species}: {len(overlay.ids)} genomes of {min(overlay.lengths):,} to "
        f"{max(overlay.lengths):,} bp, from a common start on ({circles.moved} began elsewhere, "
        f"{circles.turned} on the other strand).",
        f"The spread of their walks ({overlay.walk}) {frays}; after {last:,} bp it is "
        f"{overlay.spread[-1]:.1f} steps, of as many unrelated sequences {overlay.unrelated[-1]:.1f}.",
    ]
    if overlay.spread[-1] >= overlay.unrelated[-1]:
        sentences.append(
            "They share stretches, not their order: by their end they are no nearer than strangers."
        )
    sentences += [f"Passed over: {name}." for name in overlay.passed]
    if overlay.others:
        named = "; ".join(f"{id}: {reason}" for id, reason in overlay.others[:LISTED])
        more = f"; and {len(overlay.others) - LISTED} more" if len(overlay.others) > LISTED else ""
        sentences.append(f"Not comparable: {named}{more}.")
    return " ".join(sentences)


CONVERGENCE = (
    "Losses as shares of their value on the first batch; the end is the mean of the last tenth of training, "
    "the fall what it loses from its first fifth to its last. Shares say whether a loss falls, not which is "
    "better."
)


def windows_text(comparison: Comparison, windows: int) -> str:
    """What was compared, and how to read the table."""
    sentences = [
        f"{windows} windows of {comparison.length} bp of each origin against {windows} natural ones of test "
        "genomes. Networks are sampled from nothing on at temperature 1, by the head with fewer bits a base "
        "of validation fragments; Markov models have counted both strands of the training genomes. MMD^2 is "
        "unbiased, of square roots of 4-mer shares; p of 999 permutations, so that 0.001 is the least; "
        "Fréchet distance of 3-mer shares; a logistic regression right in half of the cases tells nothing "
        "apart."
    ]
    sentences += [f"Left out, for a masked network cannot be sampled: {name}." for name in comparison.masked]
    return " ".join(sentences)


def _cells(folder: Path) -> list[Cell]:
    cells = cells_of(Results.open(folder).ended())
    if not cells:
        raise UsageError(f"{folder}: no run has ended; go on with `gindex lab study run --resume`")
    return cells


def _require_windows(shards: Shards, cells: Sequence[Cell], device: str) -> None:
    """What the map needs, before anything is drawn."""
    need_installed("a map by UMAP", "umap", extra="report")
    require_device(device)
    require_eukaryotes(shards)
    require_trained_on(shards, [row for cell in cells for row in cell.rows])


def _map_parts(
    cells: Sequence[Cell], folder: Path, shards: Shards, out: Path, plan: FigurePlan, progress: Progress
) -> list[str]:
    """Text, table and picture; the picture has the networks of the largest size alone."""

    def titled(cell: Cell) -> str:
        sizes = {each.name.size for each in cells}
        return name_of(cell, cells) + (f", {cell.name.size}" if len(sizes) > 1 else "")

    comparison = compare_windows(
        cells, folder, shards, titled, plan.windows, plan.seed, plan.device, progress
    )
    largest = max(cells, key=parameters).name.size
    small = {titled(cell) for cell in cells if cell.name.size != largest}
    shown = [cloud for cloud in comparison.clouds if cloud.name not in small]
    draw_maps(comparison.natural, shown, out / "map.png", plan.seed)
    return [windows_text(comparison, plan.windows), comparison.table(), "![map](map.png)"]
