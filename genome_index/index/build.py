"""`gindex build` and `gindex add`: genomes into an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from genome_index.errors import UsageError
from genome_index.index.audit.suspects import find_suspects
from genome_index.index.calibration.fit import project
from genome_index.index.calibration.hits import score
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
from genome_index.index.ingest import IngestResult, ingest
from genome_index.index.labelling import label
from genome_index.index.neighbours import with_new_rows
from genome_index.index.store.pair_table import PairTable
from genome_index.index.vectors.kinds import nearest_others
from genome_index.records import Entry, Failure, Genome, tell
from genome_index.spec import IndexSpec
from genome_index.taxonomy.lookup import Taxonomy

SHOWN_NOTES = 3  # warnings about single genomes


def build(
    path: Path,
    genomes: Iterable[Genome | Failure],
    spec: IndexSpec,
    taxonomy: Taxonomy | None,
    settings: ChangeSettings,
) -> ChangeSummary:
    """Make a new index, or replace the content of the index at `path`; `undo` brings the old content back.

    Raises
    ------
    UsageError
        No genome could be read, or the settings make several vectors of a genome.
    """
    if spec.reading is not None and spec.reading.layer == "all":
        raise UsageError(
            "--layer all: an index has one vector of each genome; give last, a number, mean:A-B or "
            "concat:A,B (`gindex embed` writes all layers to files)"
        )
    with writing(path, settings.wait_s, new=True):
        ingested = ingest(genomes, spec, path, {}, settings.threads, settings.progress)
        entries, warnings, notes = label(ingested.stored, taxonomy, 0)
        tell(settings.progress, notes)
        if not entries:
            raise UsageError(_nothing_read(path, ingested.failures))
        contents = fitted_contents(path, spec, entries, PairTable(3), settings)
        suspects = find_suspects(contents, threads=settings.threads, progress=settings.progress)
        release = taxonomy.release if taxonomy else ""
        index = commit(path, contents, suspects, [], failure_rows(ingested.failures), release, 0, "build")
        return _summary(index, entries, ingested, warnings)


def add(
    path: Path, genomes: Iterable[Genome | Failure], taxonomy: Taxonomy | None, settings: ChangeSettings
) -> ChangeSummary:
    """Add genomes, without fitting projection and calibration again; `gindex check` says when to refit."""
    with writing(path, settings.wait_s):
        index = Index.open(path, settings.model)
        old = index.catalog.entries()
        digests = {entry.id: entry.sha256 for entry in old}
        ingested = ingest(genomes, index.spec, path, digests, settings.threads, settings.progress)
        first = len(index.model.live)
        new, warnings, notes = label(ingested.stored, taxonomy, first, ingested.unchanged)
        tell(settings.progress, notes)
        if new:
            contents = _extended(index, old, new, settings)
            release = taxonomy.release if taxonomy else ""
            releases = ", ".join(dict.fromkeys(filter(None, (index.snapshot.taxonomy, release))))
            index = commit_change(
                index, contents, [entry.row for entry in new], settings, len(new), "add", releases,
                failure_rows(ingested.failures),
            )  # fmt: skip
        return _summary(index, new, ingested, warnings)


def _summary(
    index: Index, added: Sequence[Entry], ingested: IngestResult, warnings: tuple[str, ...]
) -> ChangeSummary:
    return ChangeSummary(
        index,
        added=len(added),
        resumed=ingested.resumed,
        unchanged=len(ingested.unchanged),
        base_pairs=ingested.base_pairs,
        failures=tuple(ingested.failures),
        warnings=(*_few(ingested.notes), *warnings),
        share_read=index.references.share_read([entry.row for entry in added]),
    )


def _few(notes: Sequence[str]) -> Sequence[str]:
    """The first warnings about single genomes, and how many more there are."""
    if len(notes) <= SHOWN_NOTES:
        return notes
    return [*notes[:SHOWN_NOTES], f"and {len(notes) - SHOWN_NOTES} more warnings of this kind"]


def _nothing_read(path: Path, failures: Sequence[Failure]) -> str:
    first = ""
    if failures:
        what = f"the first of {len(failures):,} failures: " if len(failures) > 1 else ""
        first = f"; {what}{failures[0].source}: {failures[0].reason}"
    return f"{path}: no genome could be read, so nothing was built{first}"


def _extended(index: Index, old: Sequence[Entry], new: Sequence[Entry], settings: ChangeSettings) -> Contents:
    """The contents of an index with new genomes, compared with all others."""
    by_row: dict[int, Entry] = {entry.row: entry for entry in (*old, *new)}
    references = references_of(index.path, index.spec, by_row)
    rows = np.array([entry.row for entry in new])
    kmers = index.kmers.extended(references, rows, settings.threads)
    comparer = Comparer(references, settings.threads, index.pairs())
    model = index.model
    vectors = project(comparer.references, rows, model.projection, settings.progress)
    model.vectors.add(vectors)
    model = replace(model, live=np.append(model.live, np.ones(len(rows), bool)))
    similarity, near = nearest_others(model.vectors, vectors, rows, model.live, CANDIDATES)
    hits = comparer.hits(rows, similarity, near)
    scores = np.where(hits.rows >= 0, score(hits.similarity, hits.kmer_identity), -np.inf)
    neighbours = with_new_rows(model.neighbours, rows, hits.rows, scores)
    model = relearned(replace(model, neighbours=neighbours), [*old, *new], comparer.ani)
    return Contents(index.spec, model, references, comparer.ani, by_row, kmers)
