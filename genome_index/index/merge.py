"""gindex merge: the genomes of other indexes, without their FASTA."""

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
from genome_index.index.store.pair_table import PairTable, keys_of, rows_of
from genome_index.index.store.segments import copy_segment
from genome_index.io.atomic import disk_errors
from genome_index.records import Entry, Failure
from genome_index.spec import POOLS


def merge(path: Path, others: Sequence[Path], settings: ChangeSettings) -> ChangeSummary:
    """Take in the genomes of other indexes with the same settings, and fit again; no FASTA is read.

    Two large genomes of different indexes get an ANI only where one of them keeps its sequence.
    """
    with writing(path, settings.wait_s, new=True):
        index = Index.open(path) if current_snapshot(path) is not None else None
        opened = [*([index] if index else []), *(Index.open(other) for other in others)]
        spec = opened[0].spec
        for other in opened[1:]:
            spec.require(other.spec, str(other.path))
        union = _Union()
        for other in opened:
            union.take(other, path)
        contents = fitted_contents(path, spec, union.entries, union.pairs, settings)
        earlier = [one for other in opened for one in earlier_of(other, contents)]
        suspects = find_suspects(contents, None, earlier, settings.threads, settings.progress)
        release = ", ".join(
            dict.fromkeys(other.snapshot.taxonomy for other in opened if other.snapshot.taxonomy)
        )
        events = index.catalog.events() if index else []
        done = commit(
            path, contents, suspects, events, failure_rows(union.failures), release, 0,
            f"merge {', '.join(str(other) for other in others)}",
        )  # fmt: skip
        new = union.entries[index.snapshot.genomes if index else 0 :]  # its own come first
        base_pairs = sum(entry.length_bp for entry in new)
        return ChangeSummary(done, len(new), 0, union.unchanged, 0, 0, base_pairs, tuple(union.failures))


class _Union:
    """Genomes of several indexes, numbered anew, and the pairs measured in each."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.pairs = PairTable(3)
        self.failures: list[Failure] = []
        self.unchanged = 0
        self._digests: dict[str, str] = {}

    def take(self, index: Index, root: Path) -> None:
        place = np.full(len(index.model.live), -1, np.int64)
        for entry in index.catalog.entries():
            digest = self._digests.setdefault(entry.id, entry.sha256)
            if digest != entry.sha256:
                reason = (
                    f"the id {entry.id!r} is in {index.path} and in an index before it, "
                    "with another sequence; rename one of the two"
                )
                self.failures.append(Failure(entry.id, str(index.path), reason))
            elif len(self._digests) == len(self.entries):
                self.unchanged += 1
            else:
                place[entry.row] = len(self.entries)
                self.entries.append(replace(entry, row=len(self.entries)))
        for name in sorted(index.catalog.segments()):
            copy_segment(index.path / "segments" / name, root / "segments" / name)
        if (index.path / POOLS).is_dir() and index.path != root:
            with disk_errors(root):
                shutil.copytree(index.path / POOLS, root / POOLS, dirs_exist_ok=True)
        a, b = rows_of(index.pairs().keys)
        kept = (place[a] >= 0) & (place[b] >= 0)
        self.pairs.add(keys_of(place[a[kept]], place[b[kept]]), index.pairs().values[kept])
