"""What a report of topology says in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genome_index.lab.topology.measures import Sample
from genome_index.lab.topology.neighbours import Shares
from genome_index.lab.topology.tables import CHANCE, KMERS, Row, ends_of, number
from genome_index.records import counted


def verdict(rows: Sequence[Row], sample: Sample) -> str:
    """How encoders keep neighbours and names; further ones beside the spectrum."""
    by_label = {row.label: row for row in rows}
    further = [row for row in rows if row.is_encoder and row.label not in ("spectrum", "profile")]
    named = [by_label[label] for label in ("spectrum", "profile", CHANCE) if label in by_label]
    sentences = [_kept(named, sample), *_beside(further, by_label.get("spectrum"), sample)]
    best = [max(further, key=lambda row: _mean(row.measures.nearest["genus"]))] if further else []
    names = _genus([by_label[KMERS], *named[:-1], *best, named[-1]])
    return " ".join([*sentences, _correlations(named, further), *names])


def _kept(rows: Sequence[Row], sample: Sample) -> str:
    most = max(sample.neighbours)
    shares = ", ".join(f"{row.label} {_percent(row.measures.most_kept)}" for row in rows)
    return f"Of the {most} nearest genomes, so many are among the {most} nearest by shared k-mers: {shares}."


def _beside(further: Sequence[Row], spectrum: Row | None, sample: Sample) -> list[str]:
    """How many further encoders keep more or fewer neighbours than the spectrum."""
    if not further or spectrum is None:
        return []
    ends = [ends_of(row.measures.most_kept - spectrum.measures.most_kept, sample) for row in further]
    more, fewer = sum(bool(e and e[0] > 0) for e in ends), sum(bool(e and e[1] < 0) for e in ends)
    best = max(further, key=lambda row: _mean(row.measures.most_kept))
    return [
        f"Of {counted(len(further), 'further encoder')}, {more} keep more than the spectrum, {fewer} fewer "
        f"(95 % interval of the difference); the most: {best.label}, {_percent(best.measures.most_kept)}."
    ]


def _correlations(rows: Sequence[Row], further: Sequence[Row]) -> str:
    best = max(further, key=lambda row: np.nan_to_num(row.measures.kmers.value, nan=-2), default=None)
    shown = [*rows[:-1], *([best] if best else []), rows[-1]]
    values = ", ".join(f"{row.label} {number(row.measures.kmers.value)}" for row in shown)
    return f"Rank correlation of all distances with those by shared k-mers: {values}."


def _genus(rows: Sequence[Row]) -> list[str]:
    """In which share of genomes the nearest one of another species is of the same genus."""
    if not np.isfinite(_mean(rows[0].measures.nearest["genus"])):
        return ["No genome has another species of its genus beside it."]
    shares = ", ".join(f"{row.label} {_percent(row.measures.nearest['genus'])}" for row in rows)
    return [f"The nearest genome of another species is of the same genus: {shares}."]


def _mean(shares: Shares) -> float:
    """The mean over genomes that are asked; least of all without one."""
    asked = shares[~np.isnan(shares)]
    return float(asked.mean()) if len(asked) else float("-inf")


def _percent(shares: Shares) -> str:
    mean = _mean(shares)
    return f"{100 * mean:.1f} %" if np.isfinite(mean) else "-"
