"""Changes to an index: build, add, remove, relabel, merge, refit. Each ends in one new snapshot, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from genome_index.index.store.pair_table import PairTable, keys_of, rows_of
from genome_index.records import Entry
from genome_index.spec import IndexSpec
from genome_index.taxonomy.names import molecule_of
from genome_index.taxonomy.tables import Taxonomy

Rows = npt.NDArray[np.int64]


def remove(path: Path, ids: Sequence[str], settings: ChangeSettings) -> ChangeSummary:
    """Take genomes out. Their vectors stay in the file, filtered, until `refit`; nothing else finds them."""
    with writing(path, settings.wait_s):
        index = Index.open(path)
        found = index.catalog.find(ids)
        missing = [genome_id for genome_id in ids if genome_id not in found]
        if missing:
            raise UsageError(
                f"{path}: no genome has the id {missing[0]!r}{and_more(missing)}; "
                "`gindex list` shows the ids. Nothing was removed"
            )
        gone = {entry.row for entry in found.values()}
        entries = [entry for entry in index.catalog.entries() if entry.row not in gone]
        if not entries:
            raise UsageError(
                f"{path}: that would remove every genome; delete the folder instead. Nothing was removed"
            )
        model = index.model
        live = model.live.copy()
        live[sorted(gone)] = False
        pairs = index.pairs().among(live)
        model = relearned(replace(model, live=live), entries, pairs)
        action = f"remove {', '.join(sorted(found)[:5])}{and_more(sorted(found)[4:])}"
        done = commit_change(index, _with(index, model, pairs, entries), [], settings, len(gone), action)
        return ChangeSummary(done, removed=len(gone))


def relabel(path: Path, taxonomy: Taxonomy, settings: ChangeSettings) -> ChangeSummary:
    """New names and labels for the genomes that the taxonomy knows; the others keep theirs."""
    with writing(path, settings.wait_s):
        index = Index.open(path)
        entries, changed = index.catalog.entries(), []
        for at, entry in enumerate(entries):
            taxon = taxonomy.find(entry.id)
            if taxon is not None and taxon != entry.taxon:
                entries[at] = replace(entry, taxon=taxon, molecule=molecule_of(taxon, entry.length_bp))
                changed.append(entry.row)
        unused = len(taxonomy.taxa) - sum(taxonomy.find(entry.id) is not None for entry in entries)
        warnings = (
            *taxonomy.warnings,
            *([unused_labels(unused, taxonomy) + "of the index"] if unused > 0 else []),
        )
        if not changed:
            return ChangeSummary(index, warnings=warnings)
        pairs = index.pairs()
        contents = _with(index, relearned(index.model, entries, pairs), pairs, entries)
        done = commit_change(index, contents, changed, settings, len(changed), "relabel", taxonomy.release)
        return ChangeSummary(done, relabelled=len(changed), warnings=warnings)


def refit(path: Path, settings: ChangeSettings) -> ChangeSummary:
    """Fit projection and calibration again on the genomes there are; rows of removed genomes go."""
    with writing(path, settings.wait_s):
        index = Index.open(path)
        return fit_again(index, index.spec, settings, "refit")


def fit_again(index: Index, spec: IndexSpec, settings: ChangeSettings, action: str) -> ChangeSummary:
    """A snapshot of the same genomes with these settings; the caller holds the lock."""
    old = index.catalog.entries()
    entries = [replace(entry, row=row) for row, entry in enumerate(old)]
    pairs = _moved(index.pairs(), old, len(index.model.live))
    contents = fitted_contents(index.path, spec, entries, pairs, settings)
    suspects = suspects_after(index, contents, contents.rows, settings.threads, settings.progress)
    done = commit(
        index.path, contents, suspects, index.catalog.events(), index.catalog.failures(),
        index.snapshot.taxonomy, 0, action,
    )  # fmt: skip
    return ChangeSummary(done)


def _with(index: Index, model: Model, pairs: PairTable, entries: Sequence[Entry]) -> Contents:
    """What an index holds, some of it changed."""
    return Contents(index.spec, model, index.references, pairs, {entry.row: entry for entry in entries})


def _moved(pairs: PairTable, old: Sequence[Entry], rows: int) -> PairTable:
    """Pairs after rows have been numbered anew; those of removed genomes go."""
    place = np.full(rows, -1, np.int64)
    place[[entry.row for entry in old]] = np.arange(len(old))
    a, b = rows_of(pairs.keys)
    kept = (place[a] >= 0) & (place[b] >= 0)
    moved = PairTable(pairs.width)
    # The order of rows is kept, so lesser stays lesser.
    moved.add(keys_of(place[a[kept]], place[b[kept]]), pairs.values[kept])
    return moved
