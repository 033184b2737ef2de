"""Taxonomy and labels of new genomes: their catalogue entries, with warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from genome_index.index.ingest import StoredGenome
from genome_index.records import Entry, Lineage, Taxon, counted
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.matching import Matches, match
from genome_index.taxonomy.names import is_empty_name, molecule_of


class Labelled(NamedTuple):
    """New entries, with sentences for the user."""

    entries: list[Entry]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]  # how many genomes of the taxonomy were found by which rule


def label(
    genomes: Sequence[StoredGenome], taxonomy: Taxonomy | None, first_row: int, unchanged: Sequence[str] = ()
) -> Labelled:
    """Catalogue entries of new genomes, by the taxonomy, else by the genome's own file.

    `unchanged` are the ids of inputs that the index has already: they need no entry, and no warning.
    """
    matches = match([*(genome.id for genome in genomes), *unchanged], taxonomy) if taxonomy else None
    entries, unlabelled = [], []
    for row, genome in enumerate(genomes, first_row):
        taxon = matches.taxon(genome.id) if matches else None
        names = {rank: name for rank, name in genome.names.items() if not is_empty_name(name)}
        if taxon is None and not names:
            unlabelled.append(genome.id)
        entries.append(_entry(row, genome, taxon or Taxon(Lineage(names), genome.labels)))
    notes = tuple(matches.notes()) if matches else ()
    return Labelled(entries, tuple(_warnings(entries, unlabelled, matches)), notes)


def _entry(row: int, genome: StoredGenome, taxon: Taxon) -> Entry:
    return Entry(
        row,
        genome.id,
        genome.segment,
        genome.segment_row,
        genome.length_bp,
        genome.contigs,
        molecule_of(taxon, genome.length_bp),
        genome.sha256,
        genome.source,
        taxon,
    )


def _warnings(entries: Sequence[Entry], unlabelled: Sequence[str], matches: Matches | None) -> Iterator[str]:
    if unlabelled:
        yield (
            f"{counted(len(unlabelled))} without taxonomy, which cannot name a query: "
            f"{unlabelled[0]}{and_more(unlabelled)}"
        )
    if matches:
        yield from matches.taxonomy.warnings
        yield from unused_warnings(matches, "that was read")
        yield from matches.warnings()
        yield from matches.misfits()
    yield from _duplicate_warnings(entries)


def _duplicate_warnings(entries: Iterable[Entry]) -> Iterator[str]:
    """A warning for each genome whose sequence an earlier one has."""
    first: dict[str, Entry] = {}
    for entry in entries:
        duplicate = first.setdefault(entry.sha256, entry)
        if duplicate is not entry:
            species = (duplicate.lineage.name("species"), entry.lineage.name("species"))
            conflict = f", under two species: {species[0]} and {species[1]}" if len(set(species)) > 1 else ""
            yield f"{duplicate.id} and {entry.id} are the same sequence{conflict}"


def unused_warnings(matches: Matches, where: str) -> Iterator[str]:
    """A warning if rows of a taxonomy name no genome `where`: 'that was read'."""
    if unused := matches.unused:
        yield f"{unused_labels(len(unused), matches.taxonomy)}{where}: {unused[0]}{and_more(unused)}"


def unused_labels(labels: int, taxonomy: Taxonomy) -> str:
    """The beginning of a warning: how many rows of a taxonomy name no genome."""
    verb = "names" if labels == 1 else "name"
    return f"{counted(labels, 'label')} of {taxonomy.release} {verb} no genome "


def and_more(items: Sequence[str]) -> str:
    """What follows the first of some items in a sentence: ' and 3 more'."""
    return f" and {len(items) - 1:,} more" if len(items) > 1 else ""
