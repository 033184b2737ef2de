"""What in a collection looks wrong: labels, mixtures, duplicates, and genomes unlike their fellows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.catalog import Entry
from genome_index.features import Hits
from genome_index.groups import connected, edges_of
from genome_index.index import Index
from genome_index.levels import UNKNOWN
from genome_index.mislabels import Mislabel, find_mislabels
from genome_index.mixtures import Mixture, find_mixtures
from genome_index.portraits import decode_course

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

NEAR_DUPLICATE = 0.1  # percent; 99.9 ANI
WIDE = 6.0  # deviations from the fellows' median, by the median deviation
LEAST_FELLOWS = 8  # to say what is usual
AMBIGUOUS = 0.05  # share of N and other letters from which on a genome is named for it
ALIKE = {"length": 0.05, "GC": 0.005}  # log of bp, share: fellows are never taken to be more alike


@dataclass(frozen=True)
class Suspect:
    """One genome, and why it should be looked at."""

    row: int
    id: str
    kind: str  # label, mixture, length, GC or letters
    says: str  # what its label says, or what is usual
    looks_like: str
    evidence: str  # one sentence


@dataclass(frozen=True)
class Duplicates:
    """Genomes that are the same, or nearly."""

    ids: tuple[str, ...]
    exact: bool
    names: tuple[str, ...]  # the species they bear; more than one is a conflict


@dataclass(frozen=True)
class Audit:
    suspects: tuple[Suspect, ...]
    duplicates: tuple[Duplicates, ...]


def audit(index: Index, rows: Rows, hits: Hits) -> Audit:
    """Look at all live genomes; `hits` are those of `rows`."""
    index.prefetch(rows.tolist())
    entries = {row: index.entry(row) for row in rows.tolist()}
    mixtures = find_mixtures(index, rows)
    mixed = {one.row for one in mixtures}
    found = [_of_mixture(one, entries) for one in mixtures]
    found += [_of_label(one, entries) for one in find_mislabels(index.model, rows, hits, mixed)]
    found += _unusual(index, rows, entries)
    return Audit(tuple(found), tuple(_duplicates(rows, hits, entries)))


def _of_label(one: Mislabel, entries: dict[int, Entry]) -> Suspect:
    entry, witness = entries[one.row], entries[one.witness]
    fellow = "no fellow of its name is near" if not one.fits else "its nearest fellow is far"
    return Suspect(
        one.row, entry.id, "label", f"{one.rank} {one.label}", f"{one.rank} {one.looks_like}",
        f"Labelled {one.label}, but {fellow}; nearest is {witness.id}, {one.looks_like}.",
    )  # fmt: skip


def _of_mixture(one: Mixture, entries: dict[int, Entry]) -> Suspect:
    entry, source = entries[one.row], entries[one.source_row]
    own, other = (each.lineage.name("species") or "unnamed" for each in (entry, source))
    return Suspect(
        one.row, entry.id, "mixture", own, other,
        f"About {one.share:.0%} of it is that of {source.id}, {other}, and the rest shares nothing with it.",
    )  # fmt: skip


def _unusual(index: Index, rows: Rows, entries: dict[int, Entry]) -> list[Suspect]:
    """Lengths and GC unlike the fellows', and many letters that are no base."""
    bases = np.array([decode_course(index.references.course(row)).sum(axis=0) for row in rows.tolist()])
    length = np.array([entries[row].length_bp for row in rows.tolist()])
    known = bases.sum(axis=1)
    values = {"length": np.log(length), "GC": bases[:, 1:3].sum(axis=1) / np.maximum(known, 1)}
    found = [
        _unlike(kind, entries[int(rows[at])], float(values[kind][at]), usual)
        for kind in values
        for at, usual in _far_out(index, rows, values[kind], ALIKE[kind])
    ]
    for at in np.flatnonzero(1 - known / length > AMBIGUOUS).tolist():
        entry, share = entries[int(rows[at])], float(1 - known[at] / length[at])
        said = f"{share:.0%} of its letters are N or other ambiguities."
        found.append(Suspect(entry.row, entry.id, "letters", "bases", f"{share:.0%} N", said))
    return found


def _far_out(index: Index, rows: Rows, values: Doubles, alike: float) -> list[tuple[int, float]]:
    """Positions far from the median of their genus, or family where that has few, with that median."""
    found: dict[int, float] = {}
    judged = np.zeros(len(rows), bool)
    for rank in ("genus", "family"):
        if rank not in index.model.levels:
            continue
        codes = index.model.levels[rank].codes[rows]
        for code in np.unique(codes[~judged & (codes != UNKNOWN)]).tolist():
            members = np.flatnonzero(codes == code)
            if len(members) < LEAST_FELLOWS:
                continue
            usual = float(np.median(values[members]))
            spread = max(alike, float(np.median(np.abs(values[members] - usual))))
            far = members[(np.abs(values[members] - usual) > WIDE * spread) & ~judged[members]]
            found |= {int(at): usual for at in far}
            judged[members] = True
    return sorted(found.items())


def _unlike(kind: str, entry: Entry, value: float, usual: float) -> Suspect:
    if kind == "length":
        said, mean = f"{entry.length_bp:,} bp", f"{np.exp(usual):,.0f} bp"
    else:
        said, mean = f"{value:.1%} GC", f"{usual:.1%} GC"
    return Suspect(entry.row, entry.id, kind, mean, said, f"It has {said}, where its kin have {mean}.")


def _duplicates(rows: Rows, hits: Hits, entries: dict[int, Entry]) -> list[Duplicates]:
    """Exact ones by their digest, near ones by ANI; each genome in one set of either kind at most."""
    same: dict[str, list[int]] = {}
    for row in rows.tolist():
        same.setdefault(entries[row].sha256, []).append(row)
    found = [_set_of(members, True, entries) for members in same.values() if len(members) > 1]
    sets: dict[int, list[int]] = {}
    near = connected(len(rows), edges_of(rows, hits, by_identity=True), NEAR_DUPLICATE)
    for row, number in zip(rows.tolist(), near.tolist(), strict=True):
        sets.setdefault(number, []).append(row)
    several = [members for members in sets.values() if len({entries[row].sha256 for row in members}) > 1]
    return found + [_set_of(members, False, entries) for members in several]


def _set_of(members: list[int], exact: bool, entries: dict[int, Entry]) -> Duplicates:
    names = {entries[row].lineage.name("species") or "" for row in members} - {""}
    return Duplicates(tuple(entries[row].id for row in members), exact, tuple(sorted(names)))
