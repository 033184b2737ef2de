"""Levels: the ranks and labels of an index, each as an array with one code per genome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.records import RANKS, Entry, Taxon
from genome_index.taxonomy.names import usable_name

Codes = npt.NDArray[np.int32]

UNKNOWN = -1


@dataclass(frozen=True)
class Level:
    """One rank or label: `codes[i]` is the place of genome i's name in `names`, or UNKNOWN."""

    name: str
    names: tuple[str, ...]
    codes: Codes  # (N,)

    def members(self) -> dict[int, npt.NDArray[np.int64]]:
        """Code -> rows with that code, UNKNOWN left out."""
        order = np.argsort(self.codes, kind="stable")
        cuts = np.flatnonzero(np.diff(self.codes[order])) + 1
        groups = np.split(order, cuts) if len(order) else []
        return {int(self.codes[group[0]]): group for group in groups if self.codes[group[0]] != UNKNOWN}

    def only(self, rows: npt.NDArray[np.int64]) -> Level:
        return Level(self.name, self.names, self.codes[rows])


def levels_of(taxa: Sequence[Taxon], live: npt.NDArray[np.bool_] | None = None) -> dict[str, Level]:
    """Every rank with a name, broadest first, then every label whose values group genomes.

    Names that do not stand for a taxon ('sp.', 'uncultured' ...) count as unknown, and so do the names of
    removed genomes (not live).
    """
    columns: dict[str, list[str | None]] = {}
    for rank in RANKS:
        columns[rank] = [_usable(rank, taxon.lineage.name(rank)) for taxon in taxa]
    for label in sorted({label for taxon in taxa for label in taxon.labels}):
        values = [taxon.labels.get(label) for taxon in taxa]
        if _groups(values):
            columns.setdefault(label, values)
    levels = {name: _level(name, values, live) for name, values in columns.items() if any(values)}
    return {name: level for name, level in levels.items() if level.names}


def level_named(name: str, taxa: Sequence[Taxon]) -> Level:
    """A rank or label by name, whether its values group genomes or not."""
    if name in RANKS:
        return _level(name, [_usable(name, taxon.lineage.name(name)) for taxon in taxa], None)
    return _level(name, [taxon.labels.get(name) for taxon in taxa], None)


def _usable(rank: str, name: str | None) -> str | None:
    return name if name and usable_name(rank, name) else None


def _groups(values: Sequence[str | None]) -> bool:
    """Whether a label groups genomes: at least two values, not numbers, of four genomes each on average."""
    counts = Counter(value for value in values if value)
    numeric = all(value.replace(".", "", 1).isdigit() for value in counts)
    return len(counts) > 1 and not numeric and len(counts) * 4 <= counts.total()


def _level(name: str, values: Sequence[str | None], live: npt.NDArray[np.bool_] | None) -> Level:
    if live is not None:
        values = [value if alive else None for value, alive in zip(values, live, strict=True)]
    names = sorted({value for value in values if value})
    number: Mapping[str | None, int] = {value: code for code, value in enumerate(names)}
    return Level(name, tuple(names), np.array([number.get(value, UNKNOWN) for value in values], np.int32))


def name_of(entry: Entry, level: str) -> str | None:
    """A genome's name at a rank, or its value of a label."""
    return (entry.lineage.name(level) if level in RANKS else entry.taxon.labels.get(level)) or None


def ranks_of(entries: Sequence[Entry]) -> list[str]:
    """The ranks at which a genome has a name, broadest first."""
    return [rank for rank in RANKS if any(entry.lineage.name(rank) for entry in entries)]


def labels_of(entries: Sequence[Entry]) -> list[str]:
    """The labels that a genome has, in alphabetical order."""
    return sorted({label for entry in entries for label in entry.taxon.labels})


def finer_level(levels: Mapping[str, Level], name: str) -> Level | None:
    """The next more specific rank of the index; None for species, strain and labels."""
    ranks = [rank for rank in RANKS[:-1] if rank in levels]
    if name not in ranks or name == "species":
        return None
    after = ranks[ranks.index(name) + 1 :]
    return levels[after[0]] if after else None
