"""Clouds of windows in the plane, by t-SNE and by UMAP of the square roots of their 4-mer shares.

Both keep neighbours, not distances: that two clouds lie apart or over each other on a map is no measure of
what lies between them, for which there is cloud_distance.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.errors import need_installed
from genome_index.io.atomic import disk_errors
from genome_index.lab.figures.windows import Cloud
from genome_index.lab.study.report import COLOURS

PERPLEXITY = 30.0  # van der Maaten & Hinton 2008 advise 5 to 50
NEIGHBOURS, MIN_DIST = 15, 0.1  # the defaults of UMAP (McInnes et al. 2018, arXiv 1802.03426)
COLUMNS = 4  # panels in a row
HUES = {"natural": COLOURS[2], "Markov": COLOURS[4], "network": COLOURS[0]}

Places = npt.NDArray[np.float64]


def tsne_of(points: npt.NDArray[np.float64], seed: int = 0) -> Places:
    """t-SNE (van der Maaten & Hinton 2008, J. Mach. Learn. Res. 9, 2579): (N, D) -> (N, 2)."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points))


def umap_of(points: npt.NDArray[np.float64], seed: int = 0) -> Places:
    """UMAP: (N, D) -> (N, 2)."""
    need_installed("a map by UMAP", "umap", extra="report")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Tensorflow, which is not needed, and of one thread, which is
        from umap import UMAP

        made = UMAP(n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, random_state=seed, n_jobs=1)
        return np.asarray(made.fit_transform(points))


def draw_maps(natural: Cloud, clouds: Sequence[Cloud], path: Path, seed: int = 0) -> None:
    """A panel for each cloud, in front of the natural windows that all are compared with."""
    from matplotlib.figure import Figure

    points = np.concatenate([natural.roots, *(cloud.roots for cloud in clouds)])
    rows = -(-len(clouds) // COLUMNS)
    figure = Figure(figsize=(2.3 * COLUMNS, 2.15 * 2 * rows), layout="constrained", facecolor="white")
    maps = {"t-SNE": tsne_of(points, seed), "UMAP": umap_of(points, seed)}
    parts: Any = figure.subfigures(len(maps), 1)
    for part, (name, places) in zip(parts, maps.items(), strict=True):
        part.suptitle(f"{name} of 4-mers; grey: {natural.name}", fontsize=10)
        panels = part.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).flat
        starts = np.cumsum([len(natural.roots), *(len(cloud.roots) for cloud in clouds)])
        for panel, cloud, start in zip(panels, clouds, starts, strict=False):
            own = places[start : start + len(cloud.roots)]
            panel.scatter(*places[: starts[0]].T, s=4, color="#bbbbbb", linewidths=0)
            panel.scatter(*own.T, s=4, color=HUES[cloud.kind], linewidths=0, alpha=0.8)
            panel.set_title(cloud.name, fontsize=7)
        for panel in part.axes:
            panel.set(xticks=[], yticks=[])
            panel.set_visible(bool(panel.get_title()))
    with disk_errors(path):
        figure.savefig(path, dpi=110)
