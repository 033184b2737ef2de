"""Queries -> Calls: embed and search a batch, measure its hits, decide, and report what the calls rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genome_index.classify import reasons
from genome_index.classify.batches import answers_in_order
from genome_index.classify.call_parts import called_labels, hit_at, lineage_to
from genome_index.classify.classified import Basis, Classified
from genome_index.classify.contamination import foreign_part, with_foreign_part
from genome_index.classify.decision import Verdict, decide
from genome_index.classify.elected_names import Name, names_of
from genome_index.classify.reference_warnings import with_reference_warning
from genome_index.classify.scope import fragment_warnings, in_scope
from genome_index.classify.search import containments, embed_with_shares
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, kmer_identity, nothing_held_out, score
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import VERIFIED
from genome_index.index.index import Index
from genome_index.index.parallel import in_threads
from genome_index.index.store.skani import measure
from genome_index.io.quality import warnings_of
from genome_index.records import Call, Failure, Genome, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

BATCH_GENOMES = 256
NEXT_NAMES = 3  # species, and genera, beyond the best hits whose best genome is measured too
IDENTICAL = 16  # further candidates, because identical references among them are left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class QuerySettings:
    """Settings of a query: hits to report, references to ignore, threads."""

    k: int = 5  # hits reported
    exclude_identical: bool = False  # leave out references with exactly the sequence of the query
    threads: int = 1
    progress: Progress = quiet  # of a language model within some queries


def answer(index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings) -> Iterator[Call]:
    """One Call for each input, in order."""
    return (one.call for one in classified(index, genomes, settings))


def classified(
    index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings
) -> Iterator[Classified]:
    """The same calls, each with its basis."""
    return answers_in_order(
        genomes, BATCH_GENOMES, lambda usable: _classify(index, usable, settings), Classified
    )


def _classify(index: Index, genomes: Sequence[Genome], settings: QuerySettings) -> list[Classified]:
    """The calls of one batch."""
    vectors, shares = embed_with_shares(index, genomes, settings.progress)
    hits = _hits(index, genomes, *_candidates(index, genomes, vectors, settings), settings.threads)
    model = index.model
    names = names_of(model, hits, nothing_held_out(len(genomes), len(model.live)))
    answers = []
    for i, genome in enumerate(genomes):
        decided = decide(model, model.thresholds, hits, i, names[i])
        verdict = in_scope(index, genome, hits, i, decided)
        call = _call(index, genome, hits, i, names[i], verdict, settings.k)
        stages = tuple(_checked(index, genome, hits, i, verdict, call, float(shares[i])))
        answers.append(Classified(stages[-1][1], Basis(hits, i, names[i], decided, verdict, stages)))
    return answers


# -- search --------------------------------------------------------------------------------------------------


def _candidates(
    index: Index, genomes: Sequence[Genome], vectors: Floats, settings: QuerySettings
) -> tuple[Floats, Rows]:
    """The nearest references by vector: similarity (Q, K) and rows (Q, K), -1 where there are fewer."""
    count = CANDIDATES + (IDENTICAL if settings.exclude_identical else 0)
    similarity, rows = index.model.vectors.search(vectors, count, index.model.live)
    index.prefetch(np.unique(rows).tolist())
    if settings.exclude_identical:
        return _without_identical(index, genomes, similarity, rows)
    return similarity, rows


def _without_identical(
    index: Index, genomes: Sequence[Genome], similarity: Floats, rows: Rows
) -> tuple[Floats, Rows]:
    """The first CANDIDATES whose sequence is not the query's own."""
    is_identical = np.array(
        [
            [row >= 0 and index.entry(int(row)).sha256 == genome.sha256 for row in line]
            for line, genome in zip(rows, genomes, strict=True)
        ]
    )
    order = np.argsort(is_identical, axis=1, kind="stable")[:, :CANDIDATES]
    similarity = np.take_along_axis(similarity, order, axis=1)
    rows = np.take_along_axis(rows, order, axis=1)
    return similarity, np.where(np.take_along_axis(is_identical, order, axis=1), -1, rows)


def _hits(index: Index, genomes: Sequence[Genome], similarity: Floats, rows: Rows, threads: int) -> Hits:
    """The hits of a batch, each query by descending score."""
    lines = in_threads(
        lambda i: _hits_of_query(index, genomes[i], similarity[i], rows[i]), len(genomes), threads
    )
    return Hits(*(np.stack(column) for column in zip(*lines, strict=True)))


def _hits_of_query(
    index: Index, genome: Genome, similarity: Floats, rows: Rows
) -> tuple[npt.NDArray[np.generic], ...]:
    """The columns of Hits for one query: shared k-mers of all candidates, ANI of the best of them."""
    identity = kmer_identity(containments(index, genome, rows), index.spec.sketch_k)
    order = np.argsort(np.where(rows >= 0, -score(similarity, identity), np.inf), kind="stable")
    rows, similarity, identity = rows[order], similarity[order], identity[order]
    chosen = _to_measure(index, rows, identity)
    ani = np.full((3, len(rows)), np.nan, np.float32)  # ANI, aligned fraction of query and of reference
    if len(chosen):
        candidates = [index.references.candidate(int(rows[at])) for at in chosen]
        for at, evidence in zip(chosen, measure(genome, candidates), strict=True):
            ani[:, at] = np.array((evidence.ani, evidence.af_query, evidence.af_reference), np.float32)
    return rows, similarity.astype(np.float32), identity, *ani


def measured(index: Index, hits: Hits, query: int) -> Rows:
    """Positions of the hits of one query whose ANI was measured."""
    return _to_measure(index, hits.rows[query], hits.kmer_identity[query])


def _to_measure(index: Index, rows: Rows, identity: Floats) -> Rows:
    """Positions whose ANI is measured: the best VERIFIED, and the best of NEXT_NAMES more species and genera.

    One species may fill the list; whether another is as near is known only if its best genome is measured.
    """
    chosen = set(range(min(VERIFIED, len(rows))))
    for rank in (rank for rank in ("species", "genus") if rank in index.model.levels):
        codes = np.where(rows >= 0, index.model.levels[rank].codes[rows], UNKNOWN)
        names, firsts = np.unique(codes, return_index=True)
        measured = set(codes[sorted(chosen)].tolist())
        new = [at for code, at in zip(names.tolist(), firsts.tolist(), strict=True) if code not in measured]
        chosen.update(sorted(new)[:NEXT_NAMES])
    return np.array([at for at in sorted(chosen) if rows[at] >= 0 and identity[at] > KMER_FLOOR], np.int64)


# -- report --------------------------------------------------------------------------------------------------


def _call(
    index: Index,
    genome: Genome,
    hits: Hits,
    query: int,
    names: Mapping[str, Name],
    verdict: Verdict,
    k: int,
) -> Call:
    """The Call of one query, with warnings from the genome and its hits."""
    closest = None if verdict.closest is None else hit_at(index, hits, query, verdict.closest)
    runner_up = None if verdict.runner_up is None else hit_at(index, hits, query, verdict.runner_up)
    reported = np.flatnonzero(hits.rows[query] >= 0)[:k].tolist()
    return Call(
        query=genome.id,
        source=genome.source,
        length_bp=genome.length_bp,
        verdict=verdict.verdict,
        reason=verdict.reason,
        rank=verdict.rank,
        name=verdict.name,
        lineage=lineage_to(verdict.rank, closest),
        confidence=verdict.confidence,
        closest=closest,
        runner_up=runner_up,
        next_rank=verdict.next_rank,
        members=verdict.members,
        labels=called_labels(index.model, names) if verdict.verdict != "out_of_scope" else {},
        hits=tuple(hit_at(index, hits, query, at) for at in reported),
        warnings=(
            *verdict.warnings,
            *warnings_of(genome),
            *fragment_warnings(index, genome, hits, query, verdict),
            *((reasons.OUTDATED_CALIBRATION,) if index.model.is_outdated else ()),
        ),
    )


def _checked(
    index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict, call: Call, share: float
) -> Iterator[tuple[str, Call]]:
    """The call after each check of what it rests on: sequence, contigs, references, reading."""
    yield "sequence", call
    if verdict.closest is not None:
        call = with_foreign_part(call, foreign_part(index, genome, int(hits.rows[query, verdict.closest])))
        yield "contigs", call
        call = with_reference_warning(index, call, hits, query, verdict)
        yield "references", call
    yield "reading", _with_reading_warning(call, share)


def _with_reading_warning(call: Call, share: float) -> Call:
    """The same call, with a warning if the encoder read only a share of the genome."""
    if share >= 1:
        return call
    return replace(call, warnings=(*call.warnings, reasons.partly_read_warning(share)))
