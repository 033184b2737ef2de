"""References unlike their fellows in length or GC content, and those with many letters that are no base."""

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

WIDE = 6.0  # deviations from the fellows' median, by the median deviation
LEAST_FELLOWS = 8  # to say what is usual
AMBIGUOUS = 0.05  # share of N and other letters from which on a genome is named for it
ALIKE = {"length": 0.05, "GC": 0.005}  # log of bp, share: fellows are never taken to be more alike
READ_GENOMES = 1_024  # whose segments are mapped at a time


def find_unusual(contents: Contents, asked: Rows) -> list[Suspect]:
    """Which of these genomes are far from the median of their genus, or family where that has few."""
    rows = _with_fellows(contents, asked)
    bases = np.zeros((len(rows), 4), np.int64)
    for start in range(0, len(rows), READ_GENOMES):
        for at, row in enumerate(rows[start : start + READ_GENOMES].tolist(), start):
            bases[at] = decode_course(contents.references.course(row)).sum(axis=0)
        contents.references.let_go()
    length = np.array([contents.entries[row].length_bp for row in rows.tolist()])
    known = bases.sum(axis=1)
    values = {"length": np.log(length), "GC": bases[:, 1:3].sum(axis=1) / np.maximum(known, 1)}
    found = [
        _unlike(kind, contents.entries[int(rows[at])], float(values[kind][at]), usual)
        for kind in values
        for at, usual in _far_out(contents, rows, values[kind], ALIKE[kind])
    ]
    found += [
        _ambiguous(contents.entries[int(rows[at])], float(1 - known[at] / length[at]))
        for at in np.flatnonzero(1 - known / length > AMBIGUOUS)
    ]
    wanted = set(asked.tolist())
    return [one for one in found if one.row in wanted]


def _with_fellows(contents: Contents, asked: Rows) -> Rows:
    """The genomes asked about, and all that are of their genera and families."""
    rows = contents.rows
    wanted = np.isin(rows, asked)
    for rank in ("genus", "family"):
        codes = contents.codes(rank)
        wanted |= np.isin(codes[rows], np.setdiff1d(codes[asked], [UNKNOWN]))
    return rows[wanted]


def _far_out(contents: Contents, rows: Rows, values: Doubles, alike: float) -> Iterator[tuple[int, float]]:
    """Positions far from the median of their genus, or family where that has few, with that median."""
    found: dict[int, float] = {}
    judged = np.zeros(len(rows), bool)
    for rank in ("genus", "family"):
        codes = contents.codes(rank)[rows]
        for code in np.unique(codes[~judged & (codes != UNKNOWN)]).tolist():
            members = np.flatnonzero(codes == code)
            if len(members) < LEAST_FELLOWS:
                continue
            usual = float(np.median(values[members]))
            spread = max(alike, float(np.median(np.abs(values[members] - usual))))
            far = members[(np.abs(values[members] - usual) > WIDE * spread) & ~judged[members]]
            found |= {int(at): usual for at in far}
            judged[members] = True
    yield from sorted(found.items())


def _unlike(kind: str, entry: Entry, value: float, usual: float) -> Suspect:
    if kind == "length":
        said, mean = f"{entry.length_bp:,} bp", f"{np.exp(usual):,.0f} bp"
    else:
        said, mean = f"{value:.1%} GC", f"{usual:.1%} GC"
    return Suspect(entry.row, entry.id, kind, mean, said, f"It has {said}, where its kin have {mean}.")


def _ambiguous(entry: Entry, share: float) -> Suspect:
    said = f"{share:.0%} of its letters are N or other ambiguities."
    return Suspect(entry.row, entry.id, "letters", "bases", f"{share:.0%} N", said)
