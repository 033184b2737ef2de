"""Clouds of windows in the plane, by t-SNE and by UMAP of the square roots of their 4-mer shares.

Both keep neighbours, not distances: that two clouds lie apart or over each other on a map is no measure of
what lies between them, for which there is cloud_distance.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.io.atomic import disk_errors
from genome_index.lab.figures.windows import Cloud
from genome_index.lab.study.report import COLOURS

PERPLEXITY = 30.0  # van der Maaten & Hinton 2008 advise 5 to 50
NEIGHBOURS, MIN_DIST = 15, 0.1  # the defaults of UMAP (McInnes et al. 2018, arXiv 1802.03426)
COLUMNS, TITLE = 6, 30  # panels in a row, letters in a line above one
HUES = {"natural": COLOURS[2], "Markov": COLOURS[4], "network": COLOURS[0]}

Places = npt.NDArray[np.float64]


def tsne_of(points: npt.NDArray[np.float64], seed: int = 0) -> Places:
    """t-SNE (van der Maaten & Hinton 2008, J. Mach. Learn. Res. 9, 2579): (N, D) -> (N, 2)."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points))


def umap_of(points: npt.NDArray[np.float64], seed: int = 0) -> Places:
    """UMAP: (N, D) -> (N, 2)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Tensorflow, which is not needed, and of one thread, which is
        from umap import UMAP

        made = UMAP(n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, random_state=seed, n_jobs=1)
        return np.asarray(made.fit_transform(points))


def draw_maps(natural: Cloud, clouds: Sequence[Cloud], path: Path, seed: int = 0) -> None:
    """A panel for each cloud, in front of the natural windows that all are compared with."""
    from matplotlib.figure import Figure

    points = np.concatenate([natural.roots, *(cloud.roots for cloud in clouds)])
    columns = min(COLUMNS, len(clouds))
    rows = -(-len(clouds) // columns)
    figure = Figure(figsize=(1.75 * columns, 3.6 * rows), layout="constrained", facecolor="white")
    maps = {"t-SNE": tsne_of(points, seed), "UMAP": umap_of(points, seed)}
    parts: Any = figure.subfigures(len(maps), 1)
    for part, (name, places) in zip(parts, maps.items(), strict=True):
        part.suptitle(f"{name} of 4-mer shares; grey: {natural.name}", fontsize=9)
        panels = part.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat
        starts = np.cumsum([len(natural.roots), *(len(cloud.roots) for cloud in clouds)])
        for panel, cloud, start in zip(panels, clouds, starts, strict=False):
            own = places[start : start + len(cloud.roots)]
            panel.scatter(*places[: starts[0]].T, s=3, color="#bbbbbb", linewidths=0)
            panel.scatter(*own.T, s=3, color=HUES[cloud.kind], linewidths=0, alpha=0.8)
            panel.set_title("\n".join(wrap(cloud.name, TITLE)), fontsize=6)
        for panel in part.axes:
            panel.set(xticks=[], yticks=[])
            panel.set_visible(bool(panel.get_title()))
    with disk_errors(path):
        figure.savefig(path, dpi=100)
