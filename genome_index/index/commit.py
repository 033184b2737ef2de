"""Steps that all changes of an index share: fitting to its genomes, and committing a new snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from genome_index.errors import UnusableIndex
from genome_index.index.audit.interleaved_names import find_interleaved_names
from genome_index.index.audit.suspects import suspects_after
from genome_index.index.calibration.fit import fit_model
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.reference_neighbours import measured_species_neighbours
from genome_index.index.contents import Contents
from genome_index.index.index import Index
from genome_index.index.snapshots import (
    CATALOG,
    KEEP_SNAPSHOTS,
    Snapshot,
    current_snapshot,
    has_manifest,
    history,
    numbers,
    prune,
    read_snapshot,
    snapshot_folder,
    write_manifest,
    write_pointer,
)
from genome_index.index.store.catalog import write_catalog
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.references import References, locator
from genome_index.io.atomic import disk_errors, finish_folder, new_folder
from genome_index.io.checksums import Inode, described, inode_of
from genome_index.io.locks import now
from genome_index.records import Entry, Event, Failure, Progress, Suspect, Taxon, counted, quiet
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import levels_of


@dataclass(frozen=True)
class ChangeSettings:
    """How a change is carried out, apart from what it does."""

    threads: int = 1
    wait_s: float = 60.0  # for another writer
    progress: Progress = quiet
    model: str = ""  # the present folder of the index's language model, if it has moved


@dataclass(frozen=True)
class ChangeSummary:
    """The result of a change."""

    index: Index
    added: int = 0
    resumed: int = 0  # of those added, taken from an unfinished run
    unchanged: int = 0  # inputs that the index has already
    removed: int = 0
    relabelled: int = 0
    base_pairs: int = 0
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    share_read: float = 1.0  # of the base pairs added, that the encoder read


def commit_change(
    index: Index, contents: Contents, subjects: Sequence[int], settings: ChangeSettings, changed: int,
    action: str, taxonomy: str | None = None, failures: Sequence[tuple[str, str, str]] = (),
) -> Index:  # fmt: skip
    """Commit a change of an index.

    Parameters
    ----------
    subjects : rows of the genomes that the change adds or renames
    changed : number of genomes added, removed or relabelled
    action : the change, for the history
    taxonomy : the release of the new taxonomy, if it changes
    failures : inputs that failed; by default those that the index has
    """
    rows = np.array(subjects, np.int64)
    suspects = suspects_after(index, contents, rows, settings.threads, settings.progress)
    snapshot = index.snapshot
    release = snapshot.taxonomy if taxonomy is None else taxonomy
    return commit(
        index.path, contents, suspects, index.catalog.events(), failures or index.catalog.failures(), release,
        snapshot.changed + changed, action,
    )  # fmt: skip


def failure_rows(failures: Sequence[Failure]) -> list[tuple[str, str, str]]:
    """Failures as the catalogue has them: id, source, reason."""
    return [(failure.id, failure.source, failure.reason) for failure in failures]


def fitted_contents(
    path: Path, spec: IndexSpec, entries: Sequence[Entry], pairs: PairTable, settings: ChangeSettings
) -> Contents:
    """Genomes with the model fitted to them; `pairs` are those measured before."""
    references = references_of(path, spec, entries)
    kmers = KmerIndex.build(references, np.arange(len(entries)), settings.threads)
    comparer = Comparer(references, settings.threads, pairs, kmers=kmers)
    levels = levels_of([entry.taxon for entry in entries])
    molecules = np.array([entry.molecule for entry in entries])
    model = fit_model(comparer, np.arange(len(entries)), levels, molecules, settings.progress)
    references.let_go()
    return Contents(spec, model, references, comparer.ani, {entry.row: entry for entry in entries}, kmers)


def relearned(model: Model, entries: Sequence[Entry], pairs: PairTable) -> Model:
    """The model with levels and thresholds of the present names; removed rows have no name."""
    taxa = [Taxon()] * len(model.live)
    molecules = np.full(len(model.live), "other", dtype="U16")
    for entry in entries:
        taxa[entry.row], molecules[entry.row] = entry.taxon, entry.molecule
    levels = levels_of(taxa)
    species_neighbours = measured_species_neighbours(pairs, np.arange(len(taxa)), levels)
    calibrators = {name: value for name, value in model.calibrators.items() if name in levels}
    return replace(
        model,
        levels=levels,
        molecules=molecules,
        species_neighbours=species_neighbours,
        calibrators=calibrators,
    )


LIBRARIES = ("numpy", "faiss-cpu", "duckdb", "pyskani")


def commit(
    path: Path, contents: Contents, suspects: Sequence[Suspect], events: Sequence[Event],
    failures: Sequence[tuple[str, str, str]], taxonomy: str, changed: int, action: str,
) -> Index:  # fmt: skip
    """Write a new snapshot and move the pointer to it; the caller holds the lock."""
    earlier = numbers(path)
    number = max([0, *earlier]) + 1
    model, genomes = contents.model, len(contents.entries)
    event = Event(len(events) + 1, now(), action, counted(genomes))
    work = new_folder(snapshot_folder(path, number))
    with disk_errors(path):
        model.save(work, contents.pairs)
        contents.kmers.save(work)
        write_catalog(
            work / CATALOG, contents.entries.values(), [*events, event], failures, suspects,
            find_interleaved_names(contents),
        )  # fmt: skip
        files = described(work, _known_files(path))
    versions = {"gindex": metadata.version("gindex"), **{name: metadata.version(name) for name in LIBRARIES}}
    snapshot = Snapshot(
        number, now(), action, contents.spec, taxonomy, genomes, model.fitted, changed, versions, files
    )
    write_manifest(work, snapshot)
    # Without a manifest there is no snapshot to go back to, whatever the pointer says.
    back = history(path) if any(has_manifest(path, other) for other in earlier) else ()
    finish_folder(work, snapshot_folder(path, number))
    write_pointer(path, [number, *back][:KEEP_SNAPSHOTS])
    with disk_errors(path):
        prune(path)
    return Index.open(path)


def _known_files(path: Path) -> dict[Inode, Mapping[str, Any]]:
    """Size and checksum of the current snapshot's files, some of which the next one shares."""
    try:
        number = current_snapshot(path)
        files = read_snapshot(path, number).files if number is not None else {}
    except UnusableIndex:  # a build replaces an index that cannot be read
        return {}
    named = {snapshot_folder(path, number or 0) / name: values for name, values in files.items()}
    return {inode_of(file): values for file, values in named.items() if file.exists()}


def references_of(path: Path, spec: IndexSpec, entries: Sequence[Entry] | Mapping[int, Entry]) -> References:
    """References of genomes that no snapshot has yet, with their staged bases; `entries` by row."""
    return References(spec, locator(entries), path / "segments", path / "staging")
