"""Explanations of calls, made from the very values that each call was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from genome_index.classify.call_parts import hit_at
from genome_index.classify.classified import Basis, Classified
from genome_index.classify.evidence import QueryEvidence
from genome_index.classify.explanation.elections import elections
from genome_index.classify.explanation.later_checks import accepted, later_checks, refused
from genome_index.classify.explanation.records import FAILED, Candidate, Check, Explanation, Requirement
from genome_index.classify.explanation.rules import rules
from genome_index.classify.query import classified
from genome_index.classify.settings import QuerySettings
from genome_index.index.calibration.hits import KMER_FLOOR, score
from genome_index.index.index import Index
from genome_index.records import Failure, Genome


def explain(
    index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings
) -> Iterator[Explanation]:
    """One explanation for each input, in order; its call is that of `query.answer`."""
    return (explanation_of(index, one) for one in classified(index, genomes, settings))


def explanation_of(index: Index, one: Classified) -> Explanation:
    """The explanation of a classified query."""
    basis = one.basis
    if basis is None:
        return Explanation(one.call, checks=(refused(one.call),))
    if not (basis.hits.rows[basis.query] >= 0).any():
        empty = Check("comparable", FAILED, basis.decided.reason, "out_of_scope")
        return Explanation(one.call, checks=(accepted(one.call), empty, *later_checks(basis, "")))
    model = index.model
    evidence = QueryEvidence(model, model.thresholds, basis.hits, basis.query, basis.names, -1)
    checks = (
        accepted(one.call),
        *rules(evidence, basis.hits, basis.query, index.interleaved),
        *later_checks(basis, _kind(index, basis)),
    )
    found = tuple(_candidates(index, basis, evidence))
    return Explanation(
        one.call, found, _requirement(index, basis, evidence), elections(model, basis.names), checks
    )


def _kind(index: Index, basis: Basis) -> str:
    """The molecule of the reference that the call rests on; empty if there is none."""
    closest = basis.verdict.closest
    return "" if closest is None else str(index.model.molecules[basis.hits.rows[basis.query, closest]])


def _candidates(index: Index, basis: Basis, evidence: QueryEvidence) -> Iterator[Candidate]:
    """All candidates of a query, best score first."""
    hits, query = basis.hits, basis.query
    scores = score(hits.similarity[query], hits.kmer_identity[query])
    for at in evidence.real.tolist():
        identity = float(hits.kmer_identity[query, at])
        shared = identity**index.spec.sketch_k if identity > np.float32(KMER_FLOOR) else 0.0
        hit = hit_at(index, hits, query, at)
        roads = basis.roads.of(query, int(hits.rows[query, at]))
        yield Candidate(hit, roads, float(scores[at]), shared, _role(basis, evidence, at))


def _role(basis: Basis, evidence: QueryEvidence, at: int) -> str:
    if at == basis.verdict.closest:
        return "basis"
    if at == evidence.best:
        return "best of species"
    return "runner-up" if at == basis.verdict.runner_up else ""


def _requirement(index: Index, basis: Basis, evidence: QueryEvidence) -> Requirement | None:
    """What the species of the best hit requires; None if no species was elected."""
    if evidence.best is None:
        return None
    row, prior = int(basis.hits.rows[basis.query, evidence.best]), evidence.prior
    return Requirement(
        species=evidence.species_name(evidence.best),
        kind=str(index.model.molecules[row]),
        steps=tuple(index.model.thresholds.steps(row, (-1,))),
        af=prior.af,
        margin=prior.margin,
        source=prior.source,
    )
