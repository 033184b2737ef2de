"""Queries -> Calls: embed and search a batch, measure its hits, decide, and report what the calls rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.classify import reasons
from genome_index.classify.batches import answers_in_order
from genome_index.classify.call_parts import called_labels, hit_at, lineage_to
from genome_index.classify.classified import Basis, Classified, Roads
from genome_index.classify.decision import Verdict, decide
from genome_index.classify.elected_names import Name, names_of
from genome_index.classify.measured import positions_to_measure
from genome_index.classify.mosaic import without_mosaic_labels
from genome_index.classify.parts.contamination import with_components
from genome_index.classify.parts.pieces import as_piece
from genome_index.classify.reference_warnings import with_interleaved_names, with_reference_warning
from genome_index.classify.scope import fragment_warnings, in_scope
from genome_index.classify.search import Sketch, containments_of, embed_with_shares, sharers, sketch_of
from genome_index.classify.settings import QuerySettings
from genome_index.index.calibration.hits import Hits, kmer_identity, nothing_held_out, score, with_sharers
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import SHARERS
from genome_index.index.index import Index
from genome_index.index.parallel import in_threads
from genome_index.index.store.same_sequence import corrected_ani
from genome_index.index.store.skani import measure
from genome_index.io.quality import warnings_of
from genome_index.records import Call, Failure, Genome

BATCH_GENOMES = 256
UNLABELLED = ("out_of_scope", "piece")  # probabilities of labels were learned from whole genomes
IDENTICAL = 16  # further candidates, because identical references among them are left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


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
    sketches = list(in_threads(lambda i: sketch_of(index, genomes[i]), len(genomes), settings.threads))
    hidden = [_hidden(index, genome, settings) for genome in genomes]
    similarity, rows, roads = _candidates(index, vectors, sketches, hidden, settings)
    hits = _hits(index, genomes, sketches, similarity, rows, settings.threads)
    model = index.model
    names = names_of(model, hits, nothing_held_out(len(genomes), len(model.live)))
    answers = []
    for i, genome in enumerate(genomes):
        decided = decide(model, model.thresholds, hits, i, names[i], interleaved=index.interleaved)
        verdict = in_scope(index, genome, hits, i, decided)
        verdict = as_piece(index, genome, hits, i, verdict, settings, hidden[i])
        call = _call(index, genome, hits, i, names[i], verdict, settings.k)
        basis = Basis(hits, i, names[i], roads, decided, verdict, ())
        stages = tuple(_checked(index, genome, basis, call, float(shares[i]), hidden[i]))
        answers.append(Classified(stages[-1][1], replace(basis, stages=stages)))
    return answers


# -- search --------------------------------------------------------------------------------------------------


def _hidden(index: Index, genome: Genome, settings: QuerySettings) -> list[int]:
    """The rows that a query must not find: with `exclude_identical`, those of exactly its sequence."""
    return index.catalog.rows_of_sequence(genome.sha256) if settings.exclude_identical else []


def _candidates(
    index: Index, vectors: Floats, sketches: Sequence[Sketch], hidden: Sequence[Sequence[int]],
    settings: QuerySettings,
) -> tuple[Floats, Rows, Roads]:  # fmt: skip
    """Candidates by two roads, each once: the nearest vectors, and the references that share most k-mers.

    Similarity (Q, K) and rows (Q, K), -1 where there are fewer.
    """
    more = IDENTICAL if settings.exclude_identical else 0
    similarity, rows = index.model.vectors.search(vectors, CANDIDATES + more, index.model.live)
    found = in_threads(lambda i: sharers(index, sketches[i], SHARERS + more), len(sketches), settings.threads)
    by_kmers = np.stack(list(found))
    index.prefetch(np.unique(np.concatenate([rows, by_kmers], axis=1)).tolist())
    if settings.exclude_identical:
        order, rows = _visible(rows, hidden, CANDIDATES)
        similarity = np.take_along_axis(similarity, order, axis=1)
        _, by_kmers = _visible(by_kmers, hidden, SHARERS)
    joined = with_sharers(vectors, similarity, rows, by_kmers, index.model.vectors.take)
    return *joined, Roads(rows, by_kmers)


def _visible(rows: Rows, hidden: Sequence[Sequence[int]], most: int) -> tuple[Rows, Rows]:
    """The first `most` rows of each query that are not hidden, then -1: their positions, and the rows."""
    is_hidden = np.stack([np.isin(line, out) for line, out in zip(rows, hidden, strict=True)])
    order = np.argsort(is_hidden, axis=1, kind="stable")[:, :most]
    visible = np.where(is_hidden, -1, rows)
    return order, np.take_along_axis(visible, order, axis=1)


def _hits(
    index: Index, genomes: Sequence[Genome], sketches: Sequence[Sketch], similarity: Floats, rows: Rows,
    threads: int,
) -> Hits:  # fmt: skip
    """The hits of a batch, each query by descending score."""
    lines = in_threads(
        lambda i: _hits_of_query(index, genomes[i], sketches[i], similarity[i], rows[i]),
        len(genomes), threads,
    )  # fmt: skip
    return Hits(*(np.stack(column) for column in zip(*lines, strict=True)))


def _hits_of_query(
    index: Index, genome: Genome, sketch: Sketch, similarity: Floats, rows: Rows
) -> tuple[npt.NDArray[np.generic], ...]:
    """The columns of Hits for one query: shared k-mers of all candidates, ANI of the best of them.

    Of the candidates the CANDIDATES best by score become hits.
    """
    identity = kmer_identity(containments_of(index, sketch, rows), index.spec.sketch_k)
    order = np.argsort(np.where(rows >= 0, -score(similarity, identity), np.inf), kind="stable")
    order = order[: min(CANDIDATES, len(index.model.live))]
    rows, similarity, identity = rows[order], similarity[order], identity[order]
    chosen = positions_to_measure(index.model, rows, identity)
    ani = np.full((3, len(rows)), np.nan, np.float32)  # ANI, aligned fraction of query and of reference
    if len(chosen):
        candidates = [index.references.candidate(int(rows[at])) for at in chosen]
        for at, evidence in zip(chosen, measure(genome, candidates), strict=True):
            ani[:, at] = np.array((evidence.ani, evidence.af_query, evidence.af_reference), np.float32)
        ani[0] = corrected_ani(index.references, genome, sketch.hashes, rows, ani[0])
    return rows, similarity.astype(np.float32), identity, *ani


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
        labels={} if verdict.verdict in UNLABELLED else called_labels(index.model, names),
        hits=tuple(hit_at(index, hits, query, at) for at in reported),
        warnings=(
            *verdict.warnings,
            *warnings_of(genome),
            *fragment_warnings(index, genome, hits, query, verdict),
            *((reasons.OUTDATED_CALIBRATION,) if index.model.is_outdated else ()),
        ),
    )


def _checked(
    index: Index, genome: Genome, basis: Basis, call: Call, share: float, hidden: Sequence[int]
) -> Iterator[tuple[str, Call]]:
    """The call after each check of what it rests on: sequence, parts, references, labels, reading."""
    yield "sequence", call
    hits, query, verdict = basis.hits, basis.query, basis.verdict
    if verdict.closest is not None:
        call = with_components(index, genome, call, int(hits.rows[query, verdict.closest]), hidden)
        yield "parts", call
        call = with_reference_warning(index, call, hits, query, verdict)
        call = with_interleaved_names(index.interleaved, call)
        yield "references", call
    call = without_mosaic_labels(index, genome, hits.rows[query], basis.names, call)
    yield "labels", call
    yield "reading", _with_reading_warning(call, share)


def _with_reading_warning(call: Call, share: float) -> Call:
    """The same call, with a warning if the encoder read only a share of the genome."""
    if share >= 1:
        return call
    return replace(call, warnings=(*call.warnings, reasons.partly_read_warning(share)))
