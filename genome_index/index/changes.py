"""`gindex remove`, `relabel` and `refit`: changes of the genomes that an index has, each one new snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from genome_index.errors import UsageError
from genome_index.index.audit.suspects import suspects_after
from genome_index.index.calibration.model import Model
from genome_index.index.commit import (
    ChangeSettings,
    ChangeSummary,
    commit,
    commit_change,
    fitted_contents,
    relearned,
)
from genome_index.index.contents import Contents
from genome_index.index.index import Index, writing
from genome_index.index.labelling import and_more, unused_labels
from genome_index.index.store.pair_table import PairTable
from genome_index.records import RANKS, Entry, Lineage, Taxon, tell
from genome_index.spec import IndexSpec
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.matching import Matches, match
from genome_index.taxonomy.names import molecule_of


def remove(path: Path, ids: Sequence[str], settings: ChangeSettings) -> ChangeSummary:
    """Remove genomes. Their vectors stay in the file until `refit`, but no search finds them.

    Raises
    ------
    UsageError
        An id is not in the index, or no genome would be left.
    """
    with writing(path, settings.wait_s):
        index = Index.open(path)
        removed = _entries_of(index, ids)
        rows = sorted(entry.row for entry in removed.values())
        entries = [entry for entry in index.catalog.entries() if entry.id not in removed]
        if not entries:
            raise UsageError(
                f"{path}: that would remove every genome; delete the folder instead. Nothing was removed"
            )
        live = index.model.live.copy()
        live[rows] = False
        pairs = index.pairs().among(live)
        model = relearned(replace(index.model, live=live), entries, pairs)
        contents = _changed(index, model, pairs, entries)
        action = f"remove {', '.join(sorted(removed)[:5])}{and_more(sorted(removed)[4:])}"
        return ChangeSummary(
            commit_change(index, contents, [], settings, len(rows), action), removed=len(rows)
        )


def _entries_of(index: Index, ids: Sequence[str]) -> dict[str, Entry]:
    entries = index.catalog.find(ids)
    missing = [genome_id for genome_id in ids if genome_id not in entries]
    if missing:
        raise UsageError(
            f"{index.path}: no genome has the id {missing[0]!r}{and_more(missing)}; "
            "`gindex list` lists the ids. Nothing was removed"
        )
    return entries


def relabel(path: Path, taxonomy: Taxonomy, settings: ChangeSettings) -> ChangeSummary:
    """Give genomes the names and labels of a taxonomy; those that it does not name keep theirs.

    A rank or label for which the taxonomy has no column stays as it is; an empty cell removes the old name.
    """
    with writing(path, settings.wait_s):
        index = Index.open(path)
        old = index.catalog.entries()
        matches = match([entry.id for entry in old], taxonomy)
        tell(settings.progress, matches.notes())
        entries = [_relabelled(entry, matches) for entry in old]
        changed = [entry.row for entry, before in zip(entries, old, strict=True) if entry is not before]
        warnings = tuple(_relabel_warnings(matches))
        if not changed:
            return ChangeSummary(index, warnings=warnings)
        pairs = index.pairs()
        contents = _changed(index, relearned(index.model, entries, pairs), pairs, entries)
        committed = commit_change(
            index, contents, changed, settings, len(changed), "relabel", taxonomy.release
        )
        return ChangeSummary(committed, relabelled=len(changed), warnings=warnings)


def _relabelled(entry: Entry, matches: Matches) -> Entry:
    new = matches.taxon(entry.id)
    if new is None:
        return entry
    taxon = _merged(entry.taxon, new, matches.taxonomy.covers)
    if taxon == entry.taxon:
        return entry
    return replace(entry, taxon=taxon, molecule=molecule_of(taxon, entry.length_bp))


def _merged(old: Taxon, new: Taxon, covers: frozenset[str] | None) -> Taxon:
    """The new names and labels, with the old ones of ranks and labels that the source does not cover."""
    if covers is None:
        return new
    names = {rank: name for rank, name in old.lineage.names.items() if rank not in covers}
    names |= new.lineage.names
    labels = {label: value for label, value in old.labels.items() if label not in covers}
    return Taxon(Lineage({rank: names[rank] for rank in RANKS if rank in names}), {**labels, **new.labels})


def _relabel_warnings(matches: Matches) -> Iterator[str]:
    yield from matches.taxonomy.warnings
    if matches.unused:
        yield unused_labels(len(matches.unused), matches.taxonomy) + "of the index"
    yield from matches.warnings()
    if not matches.fits:
        yield from matches.misfits()


def refit(path: Path, settings: ChangeSettings) -> ChangeSummary:
    """Fit projection and calibration again on the present genomes; rows of removed genomes disappear."""
    with writing(path, settings.wait_s):
        index = Index.open(path)
        return fit_again(index, index.spec, settings, "refit")


def fit_again(index: Index, spec: IndexSpec, settings: ChangeSettings, action: str) -> ChangeSummary:
    """Commit a snapshot of the same genomes, fitted with these settings; the caller holds the lock."""
    old = index.catalog.entries()
    entries = [replace(entry, row=row) for row, entry in enumerate(old)]
    places = np.full(len(index.model.live), -1, np.int64)
    places[[entry.row for entry in old]] = np.arange(len(old))
    contents = fitted_contents(index.path, spec, entries, index.pairs().renumbered(places), settings)
    suspects = suspects_after(index, contents, contents.rows, settings.threads, settings.progress)
    committed = commit(
        index.path, contents, suspects, index.catalog.events(), index.catalog.failures(),
        index.snapshot.taxonomy, 0, action,
    )  # fmt: skip
    return ChangeSummary(committed)


def _changed(index: Index, model: Model, pairs: PairTable, entries: Sequence[Entry]) -> Contents:
    """The contents of an index with another model, other pairs and other entries."""
    by_row = {entry.row: entry for entry in entries}
    return Contents(index.spec, model, index.references, pairs, by_row, index.kmers)
