"""Audit of a collection: the suspects and interleaved names stored in the index, and duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.collection.clusters import connected, edges_of
from genome_index.index.audit.interleaved_names import find_interleaved_names
from genome_index.index.audit.suspects import find_suspects
from genome_index.index.calibration.hits import Hits
from genome_index.index.index import Index
from genome_index.records import Entry, InterleavedNames, Suspect

Rows = npt.NDArray[np.int64]

NEAR_DUPLICATE = 0.1  # percent; 99.9 ANI


@dataclass(frozen=True)
class Duplicates:
    """A set of identical genomes, or of nearly identical ones."""

    ids: tuple[str, ...]
    exact: bool
    names: tuple[str, ...]  # of their species; more than one is a conflict


@dataclass(frozen=True)
class Audit:
    """What looks wrong in a collection."""

    suspects: tuple[Suspect, ...]
    duplicates: tuple[Duplicates, ...]
    interleaved: tuple[InterleavedNames, ...] = ()


def audit(index: Index, rows: Rows, hits: Hits) -> Audit:
    """Audit all live genomes; `hits` are those of `rows`."""
    suspects = index.catalog.suspects()
    if suspects is None:  # an index of an earlier version
        suspects = find_suspects(index.contents())
    interleaved = index.catalog.interleaved_names()
    if interleaved is None:
        interleaved = find_interleaved_names(index.contents())
    index.prefetch(rows.tolist())
    entries = {row: index.entry(row) for row in rows.tolist()}
    return Audit(tuple(suspects), tuple(_duplicates(rows, hits, entries)), tuple(interleaved))


def _duplicates(rows: Rows, hits: Hits, entries: dict[int, Entry]) -> list[Duplicates]:
    """Exact duplicates by checksum, near ones by ANI; a genome is in at most one set of each kind."""
    by_sequence: dict[str, list[int]] = {}
    for row in rows.tolist():
        by_sequence.setdefault(entries[row].sha256, []).append(row)
    exact = [_set_of(members, True, entries) for members in by_sequence.values() if len(members) > 1]
    sets: dict[int, list[int]] = {}
    near = connected(len(rows), edges_of(rows, hits, by_identity=True), NEAR_DUPLICATE)
    for row, number in zip(rows.tolist(), near.tolist(), strict=True):
        sets.setdefault(number, []).append(row)
    several = [members for members in sets.values() if len({entries[row].sha256 for row in members}) > 1]
    return exact + [_set_of(members, False, entries) for members in several]


def _set_of(members: list[int], exact: bool, entries: dict[int, Entry]) -> Duplicates:
    names = {entries[row].lineage.name("species") or "" for row in members} - {""}
    return Duplicates(tuple(entries[row].id for row in members), exact, tuple(sorted(names)))
