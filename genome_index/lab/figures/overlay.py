"""Members of a species as walks over each other, and where they fray.

The spread of M walks P_m after t bases is the root mean squared distance from their centre:

    spread(t) = sqrt( mean over m of |P_m(t) - mean of P(t)|^2 ), in steps of the walk

Unrelated sequences of the same base composition, each base drawn by itself, would have a spread of
sqrt((1 - 1 / M) t tr S), with S the covariance of a step. Members fray where the spread first exceeds a
bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError, did_you_mean
from genome_index.io.atomic import disk_errors
from genome_index.lab.corpus.packing import OTHER, Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.figures.circles import Circles, aligned_circles
from genome_index.lab.study.report import COLOURS
from genome_index.records import Progress, quiet

BOUND = 5.0  # steps; a substitution moves a walk by at most two
LEAST_MEMBERS = 2

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlay:
    """Walks of M members over the L bases of the shortest."""

    species: str
    walk: str
    ids: tuple[str, ...]  # (M,)
    paths: Doubles  # (M, L, 2) steps
    lengths: tuple[int, ...]  # (M,) bp
    circles: Circles
    others: tuple[tuple[str, str], ...]  # id and reason of members that cannot be compared
    passed: tuple[str, ...]  # species with more members, fewer of which can be compared

    @property
    def apart(self) -> Doubles:
        """The distance of each member from their centre: (M, L)."""
        return np.asarray(np.linalg.norm(self.paths - self.paths.mean(0), axis=2))

    @property
    def spread(self) -> Doubles:
        """Root mean square of these: (L,)."""
        return np.asarray(np.sqrt(np.square(self.apart).mean(0)))

    @property
    def unrelated(self) -> Doubles:
        """The spread that as many unrelated sequences of their composition would have: (L,)."""
        steps = np.diff(self.paths, axis=1, prepend=0).reshape(-1, 2)
        variance = (1 - 1 / len(self.ids)) * steps.var(0).sum()
        return np.asarray(np.sqrt(variance * np.arange(1, self.paths.shape[1] + 1)))


def fray_of(spread: Doubles, bound: float) -> tuple[int | None, int | None]:
    """The base (from 1 on) where the spread first exceeds a bound, and that from which it stays above.

    >>> fray_of(np.array([0.0, 3.0, 1.0, 4.0]), 2.0)
    (2, 4)
    """
    above = spread > bound
    if not above.any():
        return None, None
    below = np.flatnonzero(~above)
    after = int(below[-1]) + 1 if len(below) else 0
    return int(above.argmax()) + 1, after + 1 if after < len(spread) else None


def overlay_of(
    shards: Shards, species: str | None = None, walk: str = "yau", progress: Progress = quiet
) -> Overlay:
    """The walks of a species, by default of the one with the most members that can be compared.

    Raises
    ------
    UsageError
        There is no such species, no such walk, or there are not two members to compare.
    """
    from genome_index.lab.losses.walks import walk_of

    walk_of(walk)
    members = _members(shards)
    name, circles, passed = _chosen(shards, members, species, progress)
    if len(circles.numbers) < LEAST_MEMBERS:
        raise UsageError(
            f"{name}: {len(circles.numbers)} of its {len(members[name])} genomes can be compared; give "
            "--species another one"
        )
    ids = [shards.genome(number).id for number in members[name]]
    return Overlay(
        name, walk, tuple(ids[at] for at in circles.numbers), paths_of(circles.sequences, walk),
        tuple(len(codes) for codes in circles.sequences), circles,
        tuple((ids[at], reason) for at, reason in circles.others), passed,
    )  # fmt: skip


def paths_of(sequences: Sequence[Codes], walk: str) -> Doubles:
    """The walks of sequences after each base, up to the end of the shortest: (M, L, 2); N takes no step."""
    import torch

    from genome_index.lab.losses.walks import walk_of

    length = min(map(len, sequences))
    codes = np.stack([each[:length] for each in sequences])
    bases = np.eye(OTHER + 1)[codes][..., :OTHER]
    stops = walk_of(walk).stops
    return np.asarray(walk_of(walk).path(torch.from_numpy(bases)).numpy()[:, stops - 1 :: stops])


def _members(shards: Shards) -> dict[str, list[int]]:
    """Numbers of the genomes of each species that has a name."""
    members: dict[str, list[int]] = {}
    for number, genome in enumerate(shards.genomes()):
        if genome.species is not None:
            members.setdefault(genome.species, []).append(number)
    return members


def _chosen(
    shards: Shards, members: dict[str, list[int]], species: str | None, progress: Progress
) -> tuple[str, Circles, tuple[str, ...]]:
    """A species with its circles, and those with more members that were passed over."""
    if species is not None and species not in members:
        cure = did_you_mean(species, members, "give a name as in the corpus")
        raise UsageError(f"--species {species}: no genome of {shards.path} has that name; {cure}")
    if not members:
        raise UsageError(f"{shards.path}: no genome has a species; build it with --taxonomy")
    counts = Counter({name: len(own) for name, own in members.items()})
    names = [species] if species else [name for name, _ in counts.most_common()]
    tried: dict[str, Circles] = {}
    for name in names:
        if tried and counts[name] <= max(len(each.numbers) for each in tried.values()):
            break
        tried[name] = aligned_circles([shards.sequence(number) for number in members[name]])
        progress.note(f"{name}: {len(tried[name].numbers)} of {counts[name]} genomes can be compared")
    best = max(tried, key=lambda name: len(tried[name].numbers))
    passed = (name for name in tried if name != best and counts[name] > counts[best])
    shown = (f"{name} ({len(tried[name].numbers)} of {counts[name]} comparable)" for name in passed)
    return best, tried[best], tuple(shown)


# -- picture -------------------------------------------------------------------------------------------------


def draw_overlay(overlay: Overlay, bound: float, path: Path) -> None:
    """The walks, and the distance of each from their centre."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    first, _ = fray_of(overlay.spread, bound)
    for number, line in enumerate(overlay.paths):
        left.plot(*line.T, color=COLOURS[number % len(COLOURS)], linewidth=0.8, alpha=0.7)
    left.set(title=f"{overlay.species}: {len(overlay.ids)} genomes, walk {overlay.walk}",
             xlabel="x, steps", ylabel="y, steps")  # fmt: skip
    at = np.arange(1, len(overlay.spread) + 1)
    for number, line in enumerate(overlay.apart):
        right.plot(at, line, color=COLOURS[number % len(COLOURS)], linewidth=0.6, alpha=0.6)
    right.plot(at, overlay.spread, color="black", linewidth=1.8, label="spread")
    right.plot(at, overlay.unrelated, color="#777777", linestyle=":", label="spread of unrelated sequences")
    right.axhline(bound, color="#777777", linestyle="--", linewidth=1, label=f"bound, {bound:g} steps")
    if first is not None:
        right.axvline(first, color=COLOURS[1], linewidth=1, label=f"frays at {first:,} bp")
        left.plot(*overlay.paths.mean(0)[first - 1], "o", color=COLOURS[1], markersize=6)
    right.set(title="distance from the centre", xlabel="bases from the common start, bp", ylabel="steps",
              ylim=(0, 1.15 * max(bound, float(overlay.apart.max()))))  # fmt: skip
    right.legend(frameon=False, fontsize=8)
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=100)
