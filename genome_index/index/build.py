"""gindex build and add: genomes into an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.index.audit.suspects import find_suspects
from genome_index.index.calibration.fit import project
from genome_index.index.calibration.hits import NeighbourTable, score
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.commit import (
    ChangeSettings,
    ChangeSummary,
    commit,
    commit_change,
    failure_rows,
    fitted_contents,
    references_of,
    relearned,
)
from genome_index.index.contents import Contents
from genome_index.index.index import Index, writing
from genome_index.index.ingest import Intake, ingest
from genome_index.index.labelling import label
from genome_index.index.store.pair_table import PairTable
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import Entry, Failure, Genome
from genome_index.spec import IndexSpec
from genome_index.taxonomy.tables import Taxonomy

Rows = npt.NDArray[np.int64]


def build(
    path: Path,
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    taxonomy: Taxonomy | None,
    settings: ChangeSettings,
) -> ChangeSummary:
    """A new index, or a new content for the one that is there; `undo` brings the old content back."""
    with writing(path, settings.wait_s, new=True):
        intake = ingest(genomes, spec, path, {}, settings.threads, settings.progress)
        entries, warnings = label(intake.kept, taxonomy, 0)
        if not entries:
            raise UsageError(_nothing(path, intake))
        contents = fitted_contents(path, spec, entries, PairTable(3), settings)
        suspects = find_suspects(contents, threads=settings.threads, progress=settings.progress)
        release = taxonomy.release if taxonomy else ""
        index = commit(path, contents, suspects, [], failure_rows(intake.failures), release, 0, "build")
        return ChangeSummary(
            index, len(entries), intake.resumed, 0, 0, 0, intake.base_pairs, tuple(intake.failures), warnings,
            _share_read(index, entries),
        )  # fmt: skip


def add(
    path: Path, genomes: Iterable[Genome | Failure], taxonomy: Taxonomy | None, settings: ChangeSettings
) -> ChangeSummary:
    """More genomes, with the projection and calibration as they are; `check` says when to refit."""
    with writing(path, settings.wait_s):
        index = Index.open(path, settings.model)
        old = index.catalog.entries()
        intake = ingest(
            genomes,
            index.spec,
            path,
            {entry.id: entry.sha256 for entry in old},
            settings.threads,
            settings.progress,
        )
        new, warnings = label(intake.kept, taxonomy, len(index.model.live), intake.passed)
        if new:
            index = _extend(index, old, new, taxonomy, intake, settings)
        return ChangeSummary(
            index,
            len(new),
            intake.resumed,
            intake.unchanged,
            0,
            0,
            intake.base_pairs,
            tuple(intake.failures),
            warnings,
            _share_read(index, new),
        )


def _share_read(index: Index, entries: Sequence[Entry]) -> float:
    return index.references.share_read([entry.row for entry in entries])


def _extend(
    index: Index,
    old: Sequence[Entry],
    new: Sequence[Entry],
    taxonomy: Taxonomy | None,
    intake: Intake,
    settings: ChangeSettings,
) -> Index:
    by_row: dict[int, Entry] = {entry.row: entry for entry in (*old, *new)}
    comparer = Comparer(references_of(index.path, index.spec, by_row), settings.threads, index.pairs())
    model = index.model
    rows = np.array([entry.row for entry in new])
    vectors = project(comparer.references, rows, model.projection, settings.progress)
    everything = np.concatenate([model.vectors.rows(), vectors])
    dead = np.flatnonzero(~model.live)
    similarity, near = nearest(vectors, everything, CANDIDATES, lambda i: np.append(dead, rows[i]))
    hits = comparer.hits(rows, similarity, near)
    neighbours = joined(
        model.neighbours,
        rows,
        hits.rows,
        np.where(hits.rows >= 0, score(hits.similarity, hits.kmer_identity), -np.inf),
    )
    model.vectors.add(vectors)
    model = replace(model, live=np.append(model.live, np.ones(len(rows), bool)), neighbours=neighbours)
    model = relearned(model, [*old, *new], comparer.ani)
    release = taxonomy.release if taxonomy else ""
    merged = ", ".join(dict.fromkeys(name for name in (index.snapshot.taxonomy, release) if name))
    contents = Contents(index.spec, model, comparer.references, comparer.ani, by_row)
    return commit_change(
        index, contents, rows.tolist(), settings, len(new), "add", merged, failure_rows(intake.failures)
    )


def joined(
    neighbours: NeighbourTable, rows: Rows, near: Rows, scores: npt.NDArray[np.float32]
) -> NeighbourTable:
    """The table with new genomes: their own neighbours, and their place among those of other genomes."""
    all_rows = np.concatenate([neighbours.rows, np.full((len(rows), neighbours.rows.shape[1]), -1, np.int32)])
    all_scores = np.concatenate(
        [neighbours.score, np.zeros((len(rows), neighbours.score.shape[1]), np.float32)]
    )
    arrivals: dict[int, list[tuple[float, int]]] = {}
    for row, line, line_scores in zip(rows.tolist(), near.tolist(), scores.tolist(), strict=True):
        for other, value in zip(line, line_scores, strict=True):
            if other >= 0:
                arrivals.setdefault(row, []).append((value, other))
                arrivals.setdefault(other, []).append((value, row))
    width = max(all_rows.shape[1], min(CANDIDATES, len(all_rows) - 1))
    all_rows = np.pad(all_rows, ((0, 0), (0, width - all_rows.shape[1])), constant_values=-1)
    all_scores = np.pad(all_scores, ((0, 0), (0, width - all_scores.shape[1])))
    for row, found in arrivals.items():
        known = {
            (float(value), int(other))
            for value, other in zip(all_scores[row], all_rows[row], strict=True)
            if other >= 0
        }
        best = sorted(
            {other: value for value, other in sorted(known | set(found))}.items(), key=lambda item: -item[1]
        )[:width]
        all_rows[row] = [other for other, _ in best] + [-1] * (width - len(best))
        all_scores[row] = [value for _, value in best] + [0.0] * (width - len(best))
    return NeighbourTable(all_rows, all_scores)


def _nothing(path: Path, intake: Intake) -> str:
    count, first = len(intake.failures), ""
    if intake.failures:
        failure = intake.failures[0]
        first = f"; the first of {count} failures: {failure.source}: {failure.reason}"
    return f"{path}: no genome could be read, so nothing was built{first}"
