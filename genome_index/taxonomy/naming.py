"""What genomes are called at a level: a rank of their lineage, or a label of their taxonomy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from genome_index.index.store.catalog import Entry
from genome_index.records import RANKS


def name_of(entry: Entry, level: str) -> str | None:
    """A genome's name at a rank, or its value of a label."""
    return (entry.lineage.name(level) if level in RANKS else entry.taxon.labels.get(level)) or None


def nearest_name(name: str, known: Iterable[str], otherwise: str) -> str:
    """The cure for a name that nobody bears: the one that was probably meant, or what to do instead."""
    like = get_close_matches(name, sorted(known), 1)
    return f"did you mean {like[0]!r}?" if like else otherwise


def ranks_of(entries: Sequence[Entry]) -> list[str]:
    """The ranks at which some genome has a name, broadest first."""
    return [rank for rank in RANKS if any(entry.lineage.name(rank) for entry in entries)]


def labels_of(entries: Sequence[Entry]) -> list[str]:
    """The labels that some genome has, in the order of the alphabet."""
    return sorted({label for entry in entries for label in entry.taxon.labels})
