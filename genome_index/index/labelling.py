"""Labels of new genomes: catalogue entries from a taxonomy or the genomes' own files, with warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from genome_index.index.ingest import Kept
from genome_index.records import Entry, Lineage, Taxon, counted
from genome_index.taxonomy.names import molecule_of
from genome_index.taxonomy.tables import Taxonomy


def label(
    kept: Sequence[Kept], taxonomy: Taxonomy | None, first_row: int, passed: Sequence[str] = ()
) -> tuple[list[Entry], tuple[str, ...]]:
    """Catalogue entries for genomes: the taxonomy's word counts, else what the genome's own file said.

    `passed` were read as well, but need no entry.
    """
    entries, unlabelled = [], []
    for row, one in enumerate(kept, first_row):
        said = taxonomy.find(one.id) if taxonomy else None
        taxon = said if said is not None else Taxon(Lineage(one.names), one.labels)
        if said is None and not one.names:
            unlabelled.append(one.id)
        molecule = molecule_of(taxon, one.length_bp)
        entries.append(
            Entry(
                row,
                one.id,
                one.segment,
                one.segment_row,
                one.length_bp,
                one.contigs,
                molecule,
                one.sha256,
                one.source,
                taxon,
            )
        )
    return entries, tuple(_label_warnings(entries, unlabelled, taxonomy, passed))


def _label_warnings(
    entries: Sequence[Entry], unlabelled: Sequence[str], taxonomy: Taxonomy | None, passed: Sequence[str]
) -> Iterable[str]:
    if unlabelled:
        yield (
            f"{counted(len(unlabelled))} without taxonomy, which cannot name a query: "
            f"{unlabelled[0]}{and_more(unlabelled)}"
        )
    if taxonomy:
        yield from taxonomy.warnings
        known = {taxonomy.key(genome_id) for genome_id in (*(entry.id for entry in entries), *passed)}
        unused = [genome_id for genome_id in taxonomy.taxa if genome_id not in known]
        if unused:
            yield f"{unused_labels(len(unused), taxonomy)}that was read: {unused[0]}{and_more(unused)}"
    yield from _same_sequence_warnings(entries)


def unused_labels(labels: int, taxonomy: Taxonomy) -> str:
    name = "names" if labels == 1 else "name"
    return f"{counted(labels, 'label')} of {taxonomy.release} {name} no genome "


def _same_sequence_warnings(entries: Sequence[Entry]) -> Iterable[str]:
    first: dict[str, Entry] = {}
    for entry in entries:
        twin = first.setdefault(entry.sha256, entry)
        if twin is not entry:
            names = (twin.lineage.name("species"), entry.lineage.name("species"))
            conflict = f", under two species: {names[0]} and {names[1]}" if names[0] != names[1] else ""
            yield f"{twin.id} and {entry.id} are the same sequence{conflict}"


def and_more(items: Sequence[str]) -> str:
    return f" and {len(items) - 1:,} more" if len(items) > 1 else ""
