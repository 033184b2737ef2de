"""Tables of a report of topology, one line an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genome_index.index.calibration.bootstrap import interval
from genome_index.lab.markdown import markdown_table
from genome_index.lab.topology.mantel import Correlation
from genome_index.lab.topology.measures import NAMED, Measures, Sample
from genome_index.lab.topology.neighbours import Shares

KMERS, CHANCE = "shared k-mers", "vectors by chance"
ABOVE_SPECIES = NAMED[1:]


@dataclass(frozen=True)
class Row:
    """An encoder, or what it is compared with."""

    label: str
    measures: Measures  # as an index takes its vectors
    as_is: Measures | None = None  # as they come; None if an index takes them so

    @property
    def is_encoder(self) -> bool:
        return self.label not in (KMERS, CHANCE)


def tables_of(rows: Sequence[Row], sample: Sample) -> list[str]:
    """Headings, what the columns are, and tables."""
    asked = ", ".join(f"{int(sample.has_neighbours(k).sum()):,} for k = {k}" for k in sample.neighbours)
    tied = 100 * float((sample.kmers[np.triu_indices(len(sample), 1)] >= 1).mean())
    return [
        "## Neighbours",
        "The reference is 1 - identity by shared k-mers. Asked are genomes that share k-mers with at least k "
        f"others ({asked}). {tied:.1f} % of all pairs share none and tie; ties have the mean of their ranks, "
        "as by chance. Intervals are 95 %, over species.",
        _neighbour_table(rows, sample),
        "## Distances",
        "Mantel's rank correlation of all distances, p in brackets; H0 and H1: distance of the persistence "
        f"diagrams of {len(sample.rows):,} genomes to those by shared k-mers, 0 is the same.",
        _distance_table(rows),
        "## Names",
        "Nearest: the nearest genome of another species has the same name, where another species has it. "
        "Clusters: adjusted mutual information of the names and as many clusters of average linkage.",
        _name_table(rows, sample),
        "## As the vectors come",
        "Without the centring and half-whitening that an index does.",
        _as_is_table(rows, sample),
    ]  # fmt: skip


def failure_table(failures: Sequence[tuple[str, str]]) -> list[str]:
    """The encoders that could not be measured; nothing if all were."""
    lines = [(label, " ".join(reason.split()).replace("|", "\\|")) for label, reason in failures]
    return [markdown_table(["failed", "reason"], lines)] if lines else []


def _neighbour_table(rows: Sequence[Row], sample: Sample) -> str:
    most, spectrum = max(sample.neighbours), _spectrum(rows)
    head = [
        "encoder", f"trustworthiness, k = {most}", f"continuity, k = {most}",
        *(f"kept of {k}, %" for k in sample.neighbours), "more than the spectrum",
    ]  # fmt: skip
    lines = []
    for row in rows:
        own = row.measures
        shares = [shown(each, sample, 100, 1) for each in own.kept.values()]
        gain = own.most_kept - spectrum.most_kept if spectrum and own is not spectrum else None
        lines.append([
            row.label, shown(own.trustworthiness, sample), shown(own.continuity, sample), *shares,
            "-" if gain is None else shown(gain, sample, 100, 1, "+"),
        ])  # fmt: skip
    return markdown_table(head, lines)


def _distance_table(rows: Sequence[Row]) -> str:
    head = ["encoder", "Mantel, k-mers", "Mantel, taxonomy", "H0", "H1"]
    lines = [
        [row.label, _correlation(row.measures.kmers), _correlation(row.measures.taxonomy),
         number(row.measures.parts, 4), number(row.measures.loops, 4)]
        for row in rows
    ]  # fmt: skip
    return markdown_table(head, lines)


def _name_table(rows: Sequence[Row], sample: Sample) -> str:
    head = [
        "encoder", *(f"nearest {rank}, %" for rank in ABOVE_SPECIES),
        *(f"silhouette, {rank}" for rank in NAMED), *(f"clusters, {rank}" for rank in ABOVE_SPECIES),
    ]  # fmt: skip
    lines = []
    for row in rows:
        own = row.measures
        nearest = [shown(own.nearest[rank], sample, 100, 1) for rank in ABOVE_SPECIES]
        silhouettes = [number(own.silhouette[rank]) for rank in NAMED]
        lines.append([row.label, *nearest, *silhouettes, *(number(own.clusters[r]) for r in ABOVE_SPECIES)])
    return markdown_table(head, lines)


def _as_is_table(rows: Sequence[Row], sample: Sample) -> str:
    most = max(sample.neighbours)
    head = ["encoder", "trustworthiness", f"kept of {most}, %", "Mantel, k-mers", "nearest genus, %"]
    lines = [
        [row.label, shown(own.trustworthiness, sample), shown(own.most_kept, sample, 100, 1),
         number(own.kmers.value), shown(own.nearest["genus"], sample, 100, 1)]
        for row in rows if (own := row.as_is)
    ]  # fmt: skip
    return markdown_table(head, lines)


def _spectrum(rows: Sequence[Row]) -> Measures | None:
    return next((row.measures for row in rows if row.label == "spectrum"), None)


def ends_of(shares: Shares, sample: Sample) -> tuple[float, float] | None:
    """The 95 % interval of a mean, whole species redrawn; None of fewer than two species."""
    asked = ~np.isnan(shares)
    if len(np.unique(sample.units[asked])) < 2:
        return None
    return interval(shares[asked], sample.units[asked])


def shown(shares: Shares, sample: Sample, scale: float = 1, digits: int = 3, sign: str = "") -> str:
    """A mean with its interval; - without a genome."""
    asked = ~np.isnan(shares)
    if not asked.any():
        return "-"
    ends = ends_of(shares, sample)
    values = [shares[asked].mean(), *(ends or ())]
    mean, *between = (f"{scale * float(value):{sign}.{digits}f}" for value in values)
    return mean + (f" ({between[0]} to {between[1]})" if between else "")


def number(value: float, digits: int = 3) -> str:
    """A number; - for NaN."""
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _correlation(found: Correlation) -> str:
    return number(found.value) + ("" if np.isnan(found.p) else f" ({found.p:.3f})")
