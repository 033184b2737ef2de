"""Outliers: references unlike their relatives in length or GC content, or with many ambiguous bases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from genome_index.index.contents import Contents
from genome_index.index.store.composition import decode_course
from genome_index.records import Entry, Suspect
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

WIDE = 6.0  # distance from the median of the relatives, in median absolute deviations
LEAST_RELATIVES = 8  # for a median
AMBIGUOUS = 0.05  # share of N and other ambiguity codes from which on a genome is suspect
LEAST_DEVIATION = {"length": 0.05, "GC": 0.005}  # in log bp, in share; relatives may agree by chance
READ_GENOMES = 1_024  # whose segments are mapped at a time


def find_outliers(contents: Contents, subjects: Rows) -> list[Suspect]:
    """The `subjects` far from the median of their genus, or of their family if the genus has few genomes."""
    rows = _with_relatives(contents, subjects)
    bases = np.zeros((len(rows), 4), np.int64)
    for start in range(0, len(rows), READ_GENOMES):
        for at, row in enumerate(rows[start : start + READ_GENOMES].tolist(), start):
            bases[at] = decode_course(contents.references.course(row)).sum(axis=0)
        contents.references.let_go()
    length = np.array([contents.entries[row].length_bp for row in rows.tolist()])
    known = bases.sum(axis=1)
    values = {"length": np.log(length), "GC": bases[:, 1:3].sum(axis=1) / np.maximum(known, 1)}
    suspects = [
        _outlier(kind, contents.entries[int(rows[at])], float(values[kind][at]), median)
        for kind in values
        for at, median in _far_out(contents, rows, values[kind], LEAST_DEVIATION[kind])
    ]
    suspects += [
        _ambiguous(contents.entries[int(rows[at])], float(1 - known[at] / length[at]))
        for at in np.flatnonzero(1 - known / length > AMBIGUOUS)
    ]
    wanted = set(subjects.tolist())
    return [suspect for suspect in suspects if suspect.row in wanted]


def _with_relatives(contents: Contents, subjects: Rows) -> Rows:
    """The rows of the subjects and of all genomes of their genera and families."""
    rows = contents.rows
    wanted = np.isin(rows, subjects)
    for rank in ("genus", "family"):
        codes = contents.codes(rank)
        wanted |= np.isin(codes[rows], np.setdiff1d(codes[subjects], [UNKNOWN]))
    return rows[wanted]


def _far_out(
    contents: Contents, rows: Rows, values: Doubles, least_deviation: float
) -> Iterator[tuple[int, float]]:
    """Places in `rows` whose values are far from the median of their genus or family, with that median."""
    medians: dict[int, float] = {}
    judged = np.zeros(len(rows), bool)
    for rank in ("genus", "family"):
        codes = contents.codes(rank)[rows]
        for code in np.unique(codes[~judged & (codes != UNKNOWN)]).tolist():
            members = np.flatnonzero(codes == code)
            if len(members) < LEAST_RELATIVES:
                continue
            median = float(np.median(values[members]))
            deviation = max(least_deviation, float(np.median(np.abs(values[members] - median))))
            far = members[(np.abs(values[members] - median) > WIDE * deviation) & ~judged[members]]
            medians |= {int(at): median for at in far}
            judged[members] = True
    yield from sorted(medians.items())


def _outlier(kind: str, entry: Entry, value: float, median: float) -> Suspect:
    if kind == "length":
        own, usual = f"{entry.length_bp:,} bp", f"{np.exp(median):,.0f} bp"
    else:
        own, usual = f"{value:.1%} GC", f"{median:.1%} GC"
    return Suspect(entry.row, entry.id, kind, usual, own, f"It has {own}; its relatives have {usual}.")


def _ambiguous(entry: Entry, share: float) -> Suspect:
    evidence = f"{share:.0%} of its bases are N or another ambiguity code."
    return Suspect(entry.row, entry.id, "letters", "bases", f"{share:.0%} N", evidence)
