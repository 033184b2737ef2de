"""Results of a comparison of encoders, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import metadata

import numpy as np

from genome_index.evaluate.comparison.repeated_folds import FOLDS, SEEDS
from genome_index.evaluate.comparison.rows import Comparison, Row
from genome_index.records import RANKS, counted

JSON_VERSION = 2  # 1 had one division into folds, no intervals, and anisotropy_after; see compare.schema.json
WIDTH = 26  # of a difference with its interval


def as_table(comparison: Comparison) -> Iterator[str]:
    """A part for each rank or label, one line a row, the best marked; then geometry and costs."""
    yield (
        f"{counted(comparison.genomes)}; accuracy of the nearest vector in percent, {FOLDS} folds, mean of "
        f"{SEEDS} seeds, best marked *\n"
        "above species no genome of the query's species answers; difference from the spectrum in points, "
        "95 % interval over species\n"
    )
    for rank in comparison.queries:
        yield from _accuracies(comparison, rank)
    yield from _costs(comparison)


def _accuracies(comparison: Comparison, rank: str) -> Iterator[str]:
    queries, rows = comparison.queries[rank], comparison.rows
    best = max((row.accuracy[rank] for row in rows if not np.isnan(row.accuracy[rank])), default=None)
    yield f"\n{rank}: {counted(queries.genomes)} of {queries.species:,} species\n"
    yield f"{_head(rows)}  accuracy   {'difference':<{WIDTH}}  as is  whitened\n"
    for row, label in zip(rows, _labels(rows), strict=True):
        share = row.accuracy[rank]
        mark = "*" if share == best else " "
        yield (
            f"{label}  {_percent(share):>8}{mark}  {_difference(row, rank):<{WIDTH}}  "
            f"{_percent(row.accuracy_as_is[rank]):>5}  {_percent(row.accuracy_whitened[rank]):>8}\n"
        )


def _costs(comparison: Comparison) -> Iterator[str]:
    rows = comparison.rows
    ranks = list(comparison.queries)
    finest = next((rank for rank in reversed(RANKS) if rank in ranks), ranks[-1])
    yield (
        f"\nsilhouette by {finest}; anisotropy: mean cosine of all pairs; rank correlation with ANI of "
        f"{counted(rows[0].ani_pairs, 'pair')}; time and memory of the pass\n"
    )
    yield f"{_head(rows)}  silhouette  anisotropy  with ANI     s      MB    read\n"
    for row, label in zip(rows, _labels(rows), strict=True):
        ani = "-" if row.ani_correlation is None else f"{row.ani_correlation:.2f}"
        silhouette = "-" if np.isnan(row.silhouette[finest]) else f"{row.silhouette[finest]:.3f}"
        yield (
            f"{label}  {silhouette:>10}  {row.anisotropy:>10.3f}  {ani:>8}  {row.seconds:>4.0f}  "
            f"{row.peak_mb:>6.0f}  {row.share_read:>6.1%}\n"
        )


def _head(rows: Sequence[Row]) -> str:
    return f"{'encoder':<{_width(rows)}}  layer  pool"


def _labels(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        layer = "-" if row.layer is None else str(row.layer)
        yield f"{row.encoder:<{_width(rows)}}  {layer:>5}  {row.pool:<4}"


def _width(rows: Sequence[Row]) -> int:
    return max(len("encoder"), *(len(row.encoder) for row in rows))


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"


def _difference(row: Row, rank: str) -> str:
    if np.isnan(row.difference[rank]):
        return "-"
    ends = row.difference_interval[rank]
    between = f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})" if ends else ""
    return f"{100 * row.difference[rank]:+.1f}{between}"


def as_json(comparison: Comparison) -> Iterator[str]:
    """The comparison as JSON, for a program; see compare.schema.json."""
    values = {
        "version": JSON_VERSION,
        "gindex_version": metadata.version("gindex"),
        "taxonomy": comparison.taxonomy,
        "reading": {
            key: getattr(comparison.reading, key) for key in ("windows", "chunk_tokens", "precision")
        },
        "folds": FOLDS,
        "seeds": SEEDS,
        "genomes": comparison.genomes,
        "queries": {rank: asdict(queries) for rank, queries in comparison.queries.items()},
        "rows": [row.to_json() for row in comparison.rows],
        "failures": [asdict(failure) for failure in comparison.failures],
    }
    yield json.dumps(values, indent=1, allow_nan=False) + "\n"


FORMATS = {"table": as_table, "json": as_json}
