"""Results of a comparison of encoders, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata

import numpy as np

from genome_index.evaluate.comparison import Comparison
from genome_index.evaluate.vector_scores import FOLDS
from genome_index.records import RANKS, counted


def as_table(comparison: Comparison) -> Iterator[str]:
    """One line a row: accuracy in percent by rank, the best of each rank marked."""
    ranks = list(comparison.rows[0].accuracy)
    best = {rank: np.nanmax([row.accuracy[rank] for row in comparison.rows]) for rank in ranks}
    width = max(len(row.encoder) for row in comparison.rows)
    finest = next((rank for rank in reversed(RANKS) if rank in ranks), ranks[-1])
    yield (
        f"{counted(comparison.genomes)}; accuracy of the nearest vector in {FOLDS} folds, best marked *; "
        f"silhouette by {finest}; ANI of {counted(comparison.rows[0].ani_pairs, 'pair')}\n"
    )
    heads = "".join(f"{rank[:12]:>14}" for rank in ranks)
    costs = "silhouette  anisotropy  whitened  with ANI     s      MB    read"
    yield f"{'encoder':<{width}}  layer  pool{heads}  {costs}\n"
    for row in comparison.rows:
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


def as_json(comparison: Comparison) -> Iterator[str]:
    """The comparison as JSON, for a program."""
    values = {
        "version": 1,
        "gindex_version": metadata.version("gindex"),
        "taxonomy": comparison.taxonomy,
        "reading": {
            key: getattr(comparison.reading, key) for key in ("windows", "chunk_tokens", "precision")
        },
        "genomes": comparison.genomes,
        "rows": [row.to_json() for row in comparison.rows],
        "failures": [asdict(failure) for failure in comparison.failures],
    }
    yield json.dumps(values, indent=1, allow_nan=False) + "\n"


FORMATS = {"table": as_table, "json": as_json}
