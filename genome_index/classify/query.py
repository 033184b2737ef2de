"""Queries -> Calls: embed, search, gather evidence, decide; a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genome_index.classify.contamination import FAIL_SHARE, Foreign, foreign_part
from genome_index.classify.decision import Name, Verdict, decide, names_of
from genome_index.classify.reference_warnings import doubted
from genome_index.classify.scope import out_of_scope_reason, warn_of_piece
from genome_index.classify.search import contained, read
from genome_index.encoders.chunk_grid import UNREAD
from genome_index.index.audit.foreign_contigs import WARN_SHARE
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, kmer_identity, nothing_held_out, score
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import VERIFIED
from genome_index.index.index import Index
from genome_index.index.store.pair_table import in_threads
from genome_index.index.store.skani import FLOOR, measure
from genome_index.io.batches import batches
from genome_index.io.quality import complaint, warnings_of
from genome_index.records import RANKS, Call, Evidence, Failure, Genome, Hit, Lineage, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

BATCH_GENOMES = 256
BATCH_BP = 32_000_000
TWINS = 16  # further hits to look at when identical references are to be left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class QuerySettings:
    k: int = 5  # hits reported
    exclude_identical: bool = False  # references with the very sequence of the query do not count
    threads: int = 1
    progress: Progress = quiet  # of a language model, within some queries


def answer(index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings) -> Iterator[Call]:
    """One Call for each input, in order."""
    return each_its_call(genomes, BATCH_GENOMES, lambda usable: _answer(index, usable, settings))


def each_its_call(
    genomes: Iterable[Genome | Failure], most: int, answered: Callable[[Sequence[Genome]], Sequence[Call]]
) -> Iterator[Call]:
    """One Call for each input, in order; `answered` has those of up to `most` genomes that can be called."""
    for batch in batches(genomes, most, BATCH_BP):
        usable = [genome for genome in batch if isinstance(genome, Genome) and not complaint(genome)]
        calls = iter(answered(usable) if usable else ())
        for item in batch:
            if isinstance(item, Failure):
                yield Call(item.id, item.source, 0, "failed", item.reason)
            elif why := complaint(item):
                yield Call(item.id, item.source, item.length_bp, "qc_fail", why)
            else:
                yield next(calls)


def _answer(index: Index, genomes: Sequence[Genome], settings: QuerySettings) -> list[Call]:
    model = index.model
    vectors, shares = read(index, genomes, settings.progress)
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
    verdicts = [decide(model, thresholds, hits, i, names[i]) for i in range(len(genomes))]
    return [
        _partly(
            _call(
                index, genome, hits, i, names[i], _in_scope(index, genome, hits, i, verdicts[i]), settings.k
            ),
            shares[i],
        )
        for i, genome in enumerate(genomes)
    ]


def _partly(call: Call, share: float) -> Call:
    """The call, with a warning where the encoder has read a part of the genome."""
    if share >= 1:
        return call
    if share:
        what = f"the similarity rests on {share:.0%} of the genome: the index reads windows of it"
    else:
        what = f"{UNREAD}: the similarity says nothing"
    return replace(call, warnings=(*call.warnings, what))


def _in_scope(index: Index, genome: Genome, hits: Hits, query: int, verdict: Verdict) -> Verdict:
    """The verdict as it is, or out_of_scope where the hits are no nearer than noise."""
    why = out_of_scope_reason(index, genome, hits, query) if verdict.verdict != "out_of_scope" else ""
    if not why:
        return verdict
    return Verdict("out_of_scope", why, closest=verdict.closest)


def _without_twins(
    index: Index, genomes: Sequence[Genome], similarity: Floats, rows: Rows
) -> tuple[Floats, Rows]:
    """Drop hits whose sequence is the query's own, and keep CANDIDATES of the rest."""
    own = [genome.sha256 for genome in genomes]
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
    words = kmer_identity(contained(index, genome, rows), index.spec.sketch_k)
    order = np.argsort(np.where(rows >= 0, -score(similarity, words), np.inf), kind="stable")
    rows, similarity, words = rows[order], similarity[order], words[order]
    ani, af_query, af_reference = (np.full(len(rows), np.nan, np.float32) for _ in range(3))
    chosen = np.flatnonzero((rows[:VERIFIED] >= 0) & (words[:VERIFIED] > KMER_FLOOR))
    found = (
        measure(genome, [index.references.candidate(int(rows[at])) for at in chosen]) if len(chosen) else []
    )
    for at, evidence in zip(chosen, found, strict=True):
        if evidence.ani is not None:
            ani[at], af_query[at], af_reference[at] = evidence.ani, evidence.af_query, evidence.af_reference
    return rows, similarity.astype(np.float32), words, ani, af_query, af_reference


def _call(
    index: Index, genome: Genome, hits: Hits, query: int, names: dict[str, Name], verdict: Verdict, k: int
) -> Call:
    closest = _hit(index, hits, query, verdict.closest) if verdict.closest is not None else None
    found = Call(
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
        runner_up=_hit(index, hits, query, verdict.runner_up) if verdict.runner_up is not None else None,
        next_rank=verdict.next_rank,
        members=verdict.members,
        labels=called_labels(index, names) if verdict.verdict != "out_of_scope" else {},
        hits=tuple(_hit(index, hits, query, at) for at in np.flatnonzero(hits.rows[query] >= 0)[:k]),
        warnings=(
            *verdict.warnings,
            *warnings_of(genome),
            *warn_of_piece(index, genome, hits, query, verdict),
        ),
    )
    if verdict.closest is None:
        return found
    found = _unmixed(found, foreign_part(index, genome, int(hits.rows[query, verdict.closest])))
    return doubted(index, found, hits, query, verdict)


def _unmixed(call: Call, foreign: Foreign | None) -> Call:
    """The call as it is, with a warning, or refused: by how much of the genome comes from elsewhere."""
    if foreign is None or foreign.share < WARN_SHARE:
        return call
    what = (
        f"{foreign.share:.0%} of the sequence lies in contigs nearest to another genus, "
        f"most of it to {foreign.source}"
    )
    if foreign.share < FAIL_SHARE:
        return replace(call, warnings=(*call.warnings, what))
    reason = f"{what}: this looks like a mixture; at most {FAIL_SHARE:.0%} is accepted. {call.reason}"
    return replace(call, verdict="qc_fail", rank=None, name=None, confidence=None, reason=reason)


def _hit(index: Index, hits: Hits, query: int, at: int) -> Hit:
    entry = index.entry(int(hits.rows[query, at]))
    ani, af_query, af_reference = (
        float(table[query, at]) for table in (hits.ani, hits.af_query, hits.af_reference)
    )
    evidence = Evidence(reason=FLOOR) if np.isnan(ani) else Evidence(ani, af_query, af_reference)
    words = float(hits.kmer_identity[query, at])
    return Hit(
        entry.id, entry.lineage, entry.taxon.labels, float(hits.similarity[query, at]), words, evidence
    )


def lineage_to(rank: str | None, closest: Hit | None) -> Lineage:
    """The closest hit's lineage down to the called rank."""
    if rank not in RANKS or closest is None:
        return Lineage()
    kept = RANKS[: RANKS.index(rank) + 1]
    return Lineage({known: name for known, name in closest.lineage.names.items() if known in kept})


def called_labels(index: Index, names: Mapping[str, Name]) -> dict[str, tuple[str, float]]:
    """Labels that are no rank (subtype ...), each with the elected value and its probability."""
    model = index.model
    return {
        level: (model.levels[level].names[name.code], name.probability)
        for level, name in names.items()
        if level not in RANKS and name.code != UNKNOWN and name.probability >= name.threshold
    }
