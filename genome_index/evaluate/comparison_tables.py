"""Comparison of encoders as a table for a reader and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata

import numpy as np

from genome_index.evaluate.comparison import FOLDS, Comparison
from genome_index.records import RANKS, counted


def as_table(found: Comparison) -> Iterator[str]:
    """For a reader: one line a row, accuracy in percent by rank, the best of each rank marked."""
    ranks = list(found.rows[0].accuracy)
    best = {rank: np.nanmax([row.accuracy[rank] for row in found.rows]) for rank in ranks}
    width = max(len(row.encoder) for row in found.rows)
    finest = next((rank for rank in reversed(RANKS) if rank in ranks), ranks[-1])
    yield (
        f"{counted(found.genomes)}; share right of the nearest vector in {FOLDS} folds, best marked *; "
        f"silhouette by {finest}; ANI of {counted(found.rows[0].ani_pairs, 'pair')}\n"
    )
    heads = "".join(f"{rank[:12]:>14}" for rank in ranks)
    costs = "silhouette  anisotropy  whitened  with ANI     s      MB    read"
    yield f"{'encoder':<{width}}  layer  pool{heads}  {costs}\n"
    for row in found.rows:
        shares = "".join(_marked(row.accuracy[rank], best[rank]) for rank in ranks)
        layer = "-" if row.layer is None else str(row.layer)
        ani = "-" if row.ani_correlation is None else f"{row.ani_correlation:.2f}"
        yield (
            f"{row.encoder:<{width}}  {layer:>5}  {row.pool:<4}{shares}  {_or_dash(row.silhouette[finest])}  "
            f"{row.anisotropy:>10.3f}  {row.anisotropy_after:>8.3f}  {ani:>8}  {row.seconds:>4.0f}  "
            f"{row.peak_mb:>6.0f}  {row.share_read:>6.1%}\n"
        )


def _or_dash(silhouette: float) -> str:
    return f"{'-':>10}" if np.isnan(silhouette) else f"{silhouette:>10.3f}"


def _marked(share: float, best: float) -> str:
    if np.isnan(share):
        return f"{'-':>13} "
    return f"{100 * share:>13.1f}{'*' if share == best else ' '}"


def as_json(found: Comparison) -> Iterator[str]:
    said = {
        "version": 1,
        "gindex_version": metadata.version("gindex"),
        "taxonomy": found.taxonomy,
        "reading": {key: getattr(found.reading, key) for key in ("windows", "chunk_tokens", "precision")},
        "genomes": found.genomes,
        "rows": [row.to_json() for row in found.rows],
        "failures": [asdict(one) for one in found.failures],
    }
    yield json.dumps(said, indent=1, allow_nan=False) + "\n"


FORMATS = {"table": as_table, "json": as_json}
