"""Taxonomy and labels of new genomes: their catalogue entries, with warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from genome_index.index.ingest import StoredGenome
from genome_index.records import Entry, Lineage, Taxon, counted
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.names import molecule_of


def label(
    genomes: Sequence[StoredGenome], taxonomy: Taxonomy | None, first_row: int, unchanged: Sequence[str] = ()
) -> tuple[list[Entry], tuple[str, ...]]:
    """Catalogue entries of new genomes, and warnings: by the taxonomy, else by the genome's own file.

    `unchanged` are the ids of inputs that the index has already: they need no entry, and no warning.
    """
    entries, unlabelled = [], []
    for row, genome in enumerate(genomes, first_row):
        taxon = taxonomy.find(genome.id) if taxonomy else None
        if taxon is None and not genome.names:
            unlabelled.append(genome.id)
        entries.append(_entry(row, genome, taxon or Taxon(Lineage(genome.names), genome.labels)))
    return entries, tuple(_warnings(entries, unlabelled, taxonomy, unchanged))


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


def _warnings(
    entries: Sequence[Entry], unlabelled: Sequence[str], taxonomy: Taxonomy | None, unchanged: Sequence[str]
) -> Iterator[str]:
    if unlabelled:
        yield (
            f"{counted(len(unlabelled))} without taxonomy, which cannot name a query: "
            f"{unlabelled[0]}{and_more(unlabelled)}"
        )
    if taxonomy:
        yield from taxonomy.warnings
        keys = {taxonomy.key(genome_id) for genome_id in (*(entry.id for entry in entries), *unchanged)}
        unused = [key for key in taxonomy.taxa if key not in keys]
        if unused:
            yield f"{unused_labels(len(unused), taxonomy)}that was read: {unused[0]}{and_more(unused)}"
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


def unused_labels(labels: int, taxonomy: Taxonomy) -> str:
    """The beginning of a warning: how many rows of a taxonomy name no genome."""
    verb = "names" if labels == 1 else "name"
    return f"{counted(labels, 'label')} of {taxonomy.release} {verb} no genome "


def and_more(items: Sequence[str]) -> str:
    """What follows the first of some items in a sentence: ' and 3 more'."""
    return f" and {len(items) - 1:,} more" if len(items) > 1 else ""
