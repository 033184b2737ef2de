"""Mosaics: genomes whose parts elect different values of a label, such as reassortants and recombinants.

Each contig is cut into windows. A window elects the value whose references share most of its k-mers, if it
does so clearly; where two values fit equally well it elects none, as most segments of a reassortant do. A
label of which two values are elected is not called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genome_index.classify import reasons
from genome_index.classify.elected_names import Name
from genome_index.classify.parts.windows import cut_windows
from genome_index.classify.search import containments_of, sketch_of
from genome_index.index.index import Index
from genome_index.records import RANKS, Call, Genome
from genome_index.taxonomy.levels import UNKNOWN, Level

WINDOWS = 20  # of a genome, about; a contig has at least one
WINDOW_BP = (600, 50_000)  # shorter windows have too few sampled k-mers
MOST_WINDOWS = 60  # of assemblies of many contigs; an even sample is compared
PER_VALUE = 5  # the best hits of each value that windows are compared with
DEVIATIONS = 2.0  # by which the shared k-mers of the first value must exceed those of the second
LEAST_WINDOWS = 2  # that elect a value, for it to be part of a mosaic
LEAST_SHARE = 0.1  # of the bases in windows that elect a value
LEAST_PROBABILITY = 0.3  # of an elected label; one that is less probable is no property of the sequence here
UNCHECKED = ("out_of_scope", "qc_fail", "failed")  # verdicts; the labels of a mixture are those of its parts

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mosaic:
    """The values of one label that parts of a genome elect, with their shares of the sequence."""

    label: str
    shares: tuple[tuple[str, float], ...]  # of the windows that elect any, largest first


def without_mosaic_labels(
    index: Index, genome: Genome, rows: Rows, names: Mapping[str, Name], call: Call
) -> Call:
    """The same call without labels that are mosaic, and with a warning for each.

    Parameters
    ----------
    rows
        The hits of the query, best first, -1 where there are fewer: (K,).
    names
        Its elected names by level.
    """
    if call.verdict in UNCHECKED:
        return call
    labels = [
        level for name, level in index.model.levels.items()
        if name not in RANKS and names[name].code != UNKNOWN and names[name].probability >= LEAST_PROBABILITY
    ]  # fmt: skip
    found = [mosaic for level in labels if (mosaic := mosaic_of(index, genome, rows, level))]
    if not found:
        return call
    mosaics = {mosaic.label for mosaic in found}
    kept = {label: value for label, value in call.labels.items() if label not in mosaics}
    warnings = (reasons.mosaic_warning(mosaic.label, mosaic.shares) for mosaic in found)
    return replace(call, labels=kept, warnings=(*call.warnings, *warnings))


def mosaic_of(index: Index, genome: Genome, rows: Rows, level: Level) -> Mosaic | None:
    """The mosaic of a genome at one label; None if all of it that is clear elects one value."""
    references = best_of_values(rows, level)
    values = level.codes[references]
    if len(set(values.tolist())) < 2:
        return None
    bases: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for window in windows_of(genome):
        elected = _elected(index, window, references, values)
        if elected != UNKNOWN:
            bases[elected] += window.length_bp
            count[elected] += 1
    total = bases.total()
    parts = [
        (level.names[code], part / total)
        for code, part in bases.most_common()
        if count[code] >= LEAST_WINDOWS and part >= LEAST_SHARE * total
    ]
    return Mosaic(level.name, tuple(parts)) if len(parts) > 1 else None


def best_of_values(rows: Rows, level: Level) -> Rows:
    """The first PER_VALUE hits of each value, in order: (K,) -> (R,)."""
    seen: Counter[int] = Counter()
    chosen = []
    for row in rows[rows >= 0].tolist():
        code = int(level.codes[row])
        seen[code] += 1
        if code != UNKNOWN and seen[code] <= PER_VALUE:
            chosen.append(row)
    return np.array(chosen, np.int64)


def windows_of(genome: Genome) -> list[Genome]:
    """About WINDOWS windows of a genome, within the limits of their length and number."""
    size_bp = min(max(genome.length_bp // WINDOWS, WINDOW_BP[0]), WINDOW_BP[1])
    return list(cut_windows(genome, size_bp, MOST_WINDOWS))


def _elected(index: Index, window: Genome, references: Rows, values: npt.NDArray[np.int32]) -> int:
    """The value that a window elects; UNKNOWN if it shares hardly more k-mers with it than with the next."""
    sketch = sketch_of(index, window)
    shared = containments_of(index, sketch, references) * len(sketch.hashes)
    best = {int(code): float(shared[values == code].max()) for code in np.unique(values)}
    (first, most), (_, next_most) = sorted(best.items(), key=lambda item: -item[1])[:2]
    is_clear = most - next_most >= DEVIATIONS * np.sqrt(most + next_most) and most > 0
    return first if is_clear else UNKNOWN
