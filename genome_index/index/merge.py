"""`gindex merge`: the genomes of other indexes into one, without their FASTA."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from genome_index.index.audit.suspects import earlier_of, find_suspects
from genome_index.index.commit import ChangeSettings, ChangeSummary, commit, failure_rows, fitted_contents
from genome_index.index.index import Index, writing
from genome_index.index.snapshots import current_snapshot
from genome_index.index.store.pair_table import PairTable
from genome_index.index.store.segments import copy_segment
from genome_index.io.atomic import disk_errors
from genome_index.records import Entry, Failure
from genome_index.spec import POOLS


def merge(path: Path, others: Sequence[Path], settings: ChangeSettings) -> ChangeSummary:
    """Add the genomes of other indexes with the same settings, and fit again; no FASTA is read.

    Two large genomes of different indexes get an ANI only where one of them is stored with its sequence.

    Raises
    ------
    SpecMismatch
        The settings of two indexes differ.
    """
    with writing(path, settings.wait_s, new=True):
        index = Index.open(path) if current_snapshot(path) is not None else None
        indexes = [*([index] if index else []), *(Index.open(other) for other in others)]
        spec = indexes[0].spec
        for other in indexes[1:]:
            spec.require(other.spec, str(other.path))
        union = _Union(path)
        for each in indexes:
            union.add(each)
        contents = fitted_contents(path, spec, union.entries, union.pairs, settings)
        earlier = [finding for each in indexes for finding in earlier_of(each, contents)]
        suspects = find_suspects(contents, None, earlier, settings.threads, settings.progress)
        merged = commit(
            path, contents, suspects, index.catalog.events() if index else [], failure_rows(union.failures),
            _releases(indexes), 0, f"merge {', '.join(str(other) for other in others)}",
        )  # fmt: skip
        new = union.entries[index.snapshot.genomes if index else 0 :]  # those of `path` come first
        return ChangeSummary(
            merged,
            added=len(new),
            unchanged=union.unchanged,
            base_pairs=sum(entry.length_bp for entry in new),
            failures=tuple(union.failures),
        )


def _releases(indexes: Sequence[Index]) -> str:
    releases = (index.snapshot.taxonomy for index in indexes)
    return ", ".join(dict.fromkeys(filter(None, releases)))


class _Union:
    """The genomes of several indexes with new row numbers, and the pairs measured in each.

    Segments and fitted pools are copied into `root`, the merged index.
    """

    def __init__(self, root: Path) -> None:
        self.entries: list[Entry] = []
        self.pairs = PairTable(3)
        self.failures: list[Failure] = []
        self.unchanged = 0
        self._root = root
        self._digests: dict[str, str] = {}  # id -> sha256

    def add(self, index: Index) -> None:
        places = np.full(len(index.model.live), -1, np.int64)
        for entry in index.catalog.entries():
            if self._is_new(entry, index):
                places[entry.row] = len(self.entries)
                self.entries.append(replace(entry, row=len(self.entries)))
        pairs = index.pairs().renumbered(places)
        self.pairs.add(pairs.keys, pairs.values)
        for name in sorted(index.catalog.segments()):
            copy_segment(index.path / "segments" / name, self._root / "segments" / name)
        if (index.path / POOLS).is_dir() and index.path != self._root:
            with disk_errors(self._root):
                shutil.copytree(index.path / POOLS, self._root / POOLS, dirs_exist_ok=True)

    def _is_new(self, entry: Entry, index: Index) -> bool:
        """Whether an index before has no genome of this id; another sequence of the id is a failure."""
        if entry.id not in self._digests:
            self._digests[entry.id] = entry.sha256
            return True
        if entry.sha256 == self._digests[entry.id]:
            self.unchanged += 1
        else:
            reason = (
                f"the id {entry.id!r} is in {index.path} and in an index before it, "
                "with another sequence; rename one of the two"
            )
            self.failures.append(Failure(entry.id, str(index.path), reason))
        return False
