"""Queries -> Calls: embed, search, gather evidence, decide; a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify import Name, Verdict, decide, names_of
from genome_index.compare import VERIFIED
from genome_index.encoders import open_encoder
from genome_index.features import WORD_FLOOR, Hits, nothing_held_out, score, word_identity
from genome_index.index import Index
from genome_index.ingest import sequence_digest
from genome_index.levels import UNKNOWN
from genome_index.model import CANDIDATES
from genome_index.pairs import in_threads
from genome_index.quality import complaint, warnings_of
from genome_index.reader import Failure
from genome_index.records import RANKS, Call, Evidence, Genome, Hit, Lineage
from genome_index.sketches import containment, hash_sketch
from genome_index.verify import FLOOR, measure

BATCH_GENOMES = 64
BATCH_BP = 32_000_000
TWINS = 16  # further hits to look at when identical references are to be left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class QuerySettings:
    k: int = 5  # hits reported
    exclude_identical: bool = False  # references with the very sequence of the query do not count
    threads: int = 1


def answer(index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings) -> Iterator[Call]:
    """One Call for each input, in order."""
    for batch in _batches(genomes):
        usable = [genome for genome in batch if isinstance(genome, Genome) and not complaint(genome)]
        calls = iter(_answer(index, usable, settings) if usable else ())
        for item in batch:
            if isinstance(item, Failure):
                yield Call(item.id, item.source, 0, "failed", item.reason)
            elif why := complaint(item):
                yield Call(item.id, item.source, item.length_bp, "qc_fail", why)
            else:
                yield next(calls)


def _batches(genomes: Iterable[Genome | Failure]) -> Iterator[list[Genome | Failure]]:
    batch: list[Genome | Failure] = []
    size = 0
    for item in genomes:
        batch.append(item)
        size += item.length_bp if isinstance(item, Genome) else 0
        if len(batch) >= BATCH_GENOMES or size >= BATCH_BP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _answer(index: Index, genomes: Sequence[Genome], settings: QuerySettings) -> list[Call]:
    model = index.model
    vectors = embed(index, genomes)
    similarity, rows = model.vectors.search(
        vectors, CANDIDATES + (TWINS if settings.exclude_identical else 0), model.live
    )
    index.prefetch(np.unique(rows).tolist())
    if settings.exclude_identical:
        similarity, rows = _without_twins(index, genomes, similarity, rows)
    evidence = list(
        in_threads(
            lambda i: _gather(index, genomes[i], similarity[i], rows[i]), len(genomes), settings.threads
        )
    )
    hits = Hits(*(np.stack([one[column] for one in evidence]) for column in range(6)))
    names = names_of(model, hits, nothing_held_out(len(genomes), len(model.live)))
    thresholds = model.thresholds
    return [
        _call(index, genome, hits, i, names[i], decide(model, thresholds, hits, i, names[i]), settings.k)
        for i, genome in enumerate(genomes)
    ]


def embed(index: Index, genomes: Sequence[Genome]) -> Floats:
    """Vectors of genomes in the index's space: (N,) -> (N, d), rows of length 1."""
    encoder = open_encoder(index.spec.encoder)
    parts = [
        index.model.projection.apply(encoder.features(encoder.encode(genomes[start : start + 8])))
        for start in range(0, len(genomes), 8)
    ]
    return np.concatenate(parts)


def _without_twins(
    index: Index, genomes: Sequence[Genome], similarity: Floats, rows: Rows
) -> tuple[Floats, Rows]:
    """Drop hits whose sequence is the query's own, and keep CANDIDATES of the rest."""
    own = [sequence_digest(genome) for genome in genomes]
    twin = np.array(
        [
            [row >= 0 and index.entry(int(row)).sha256 == digest for row in line]
            for line, digest in zip(rows, own, strict=True)
        ]
    )
    order = np.argsort(twin, axis=1, kind="stable")[:, :CANDIDATES]
    similarity, rows, twin = (np.take_along_axis(table, order, axis=1) for table in (similarity, rows, twin))
    return similarity, np.where(twin, -1, rows)


def _gather(
    index: Index, genome: Genome, similarity: Floats, rows: Rows
) -> tuple[npt.NDArray[np.generic], ...]:
    """The columns of Hits for one query, by descending score: shared words of all, ANI of the best."""
    words = word_identity(_contained(index, genome, rows), index.spec.sketch_k)
    order = np.argsort(np.where(rows >= 0, -score(similarity, words), np.inf), kind="stable")
    rows, similarity, words = rows[order], similarity[order], words[order]
    ani, af_query, af_reference = (np.full(len(rows), np.nan, np.float32) for _ in range(3))
    chosen = np.flatnonzero((rows[:VERIFIED] >= 0) & (words[:VERIFIED] > WORD_FLOOR))
    found = (
        measure(genome, [index.references.candidate(int(rows[at])) for at in chosen]) if len(chosen) else []
    )
    for at, evidence in zip(chosen, found, strict=True):
        if evidence.ani is not None:
            ani[at], af_query[at], af_reference[at] = evidence.ani, evidence.af_query, evidence.af_reference
    return rows, similarity.astype(np.float32), words, ani, af_query, af_reference


def _contained(index: Index, genome: Genome, rows: Rows) -> Floats:
    own = hash_sketch(genome, index.spec)
    small = genome.length_bp <= index.spec.small_bp
    limit = 2**64 // (index.spec.small_scaled if small else index.spec.large_scaled)
    found = np.zeros(len(rows), np.float32)
    for at in np.flatnonzero(rows >= 0):
        row = int(rows[at])
        shift = 32 if small or index.references.is_small(row) else 0
        found[at] = containment(
            own,
            index.references.hashes(row),
            np.uint64(min(limit, index.references.limit(row))),
            np.uint64(shift),
        )
    return found


def _call(
    index: Index, genome: Genome, hits: Hits, query: int, names: dict[str, Name], verdict: Verdict, k: int
) -> Call:
    shown = [_hit(index, hits, query, at) for at in np.flatnonzero(hits.rows[query] >= 0)[:k]]
    closest = _hit(index, hits, query, verdict.closest) if verdict.closest is not None else None
    runner_up = _hit(index, hits, query, verdict.runner_up) if verdict.runner_up is not None else None
    return Call(
        query=genome.id,
        source=genome.source,
        length_bp=genome.length_bp,
        verdict=verdict.verdict,
        reason=verdict.reason,
        rank=verdict.rank,
        name=verdict.name,
        lineage=_lineage_to(verdict.rank, closest),
        confidence=verdict.confidence,
        closest=closest,
        runner_up=runner_up,
        next_rank=verdict.next_rank,
        members=verdict.members,
        labels=_labels(index, names),
        hits=tuple(shown),
        warnings=(*verdict.warnings, *warnings_of(genome)),
    )


def _hit(index: Index, hits: Hits, query: int, at: int) -> Hit:
    entry = index.entry(int(hits.rows[query, at]))
    ani, af_query, af_reference = (
        float(table[query, at]) for table in (hits.ani, hits.af_query, hits.af_reference)
    )
    evidence = Evidence(reason=FLOOR) if np.isnan(ani) else Evidence(ani, af_query, af_reference)
    words = float(hits.words[query, at])
    return Hit(
        entry.id, entry.lineage, entry.taxon.labels, float(hits.similarity[query, at]), words, evidence
    )


def _lineage_to(rank: str | None, closest: Hit | None) -> Lineage:
    """The closest hit's lineage down to the called rank."""
    if rank not in RANKS or closest is None:
        return Lineage()
    kept = RANKS[: RANKS.index(rank) + 1]
    return Lineage({known: name for known, name in closest.lineage.names.items() if known in kept})


def _labels(index: Index, names: dict[str, Name]) -> dict[str, tuple[str, float]]:
    """Labels that are no rank (subtype ...), each with the elected value and its probability."""
    model = index.model
    return {
        level: (model.levels[level].names[name.code], name.probability)
        for level, name in names.items()
        if level not in RANKS and name.code != UNKNOWN and name.probability >= name.threshold
    }
