"""Explanations as JSON; the JSON is a contract for programs (schemas/explanation.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from genome_index.classify.explanation.records import Candidate, Check, Election, Explanation, Requirement
from genome_index.records import rounded, rounded_ani
from genome_index.report.calls import json_array

JSON_VERSION = 1  # of explanation.schema.json; raised when a field changes its meaning or goes


def explanation_json(explanation: Explanation, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """One explanation as JSON by explanation.schema.json."""
    call, requirement = explanation.call, explanation.requirement
    return {
        "version": JSON_VERSION,
        "query": call.query,
        "source": call.source,
        "length_bp": call.length_bp,
        "verdict": call.verdict,
        "rank": call.rank,
        "name": call.name,
        "members": list(call.members),
        "confidence": rounded(call.confidence, 3),
        "reason": call.reason,
        "warnings": list(call.warnings),
        "checks": [_check(check) for check in explanation.checks],
        "candidates": [_candidate(candidate) for candidate in explanation.candidates],
        "requirement": _requirement(requirement) if requirement else None,
        "levels": [_election(election) for election in explanation.elections],
        "provenance": dict(made_by),
    }


def as_json(explanations: Iterable[Explanation], made_by: Mapping[str, Any]) -> Iterator[str]:
    """One JSON array, streamed."""
    return json_array(explanation_json(explanation, made_by) for explanation in explanations)


FORMATS = {"json": as_json}


def _check(check: Check) -> dict[str, Any]:
    return {
        "rule": check.name,
        "outcome": check.outcome,
        "finding": check.text,
        "settles": check.settles or None,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    hit, evidence = candidate.hit, candidate.hit.evidence
    return {
        "id": hit.id,
        "species": hit.species,
        "role": candidate.role or None,
        "roads": list(candidate.roads),
        "score": round(candidate.score, 4),
        "similarity": round(hit.similarity, 4),
        "shared_kmers": round(candidate.shared_kmers, 6),
        "kmer_identity": round(hit.kmer_identity, 4),
        "ani": rounded_ani(evidence.ani),
        "af_query": rounded(evidence.af_query, 1),
        "af_reference": rounded(evidence.af_reference, 1),
        "ani_reason": evidence.reason,
    }


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "species": requirement.species,
        "kind": requirement.kind,
        "ani": round(requirement.ani, 4),
        "aligned_fraction": requirement.af,
        "margin": requirement.margin,
        "prior_source": requirement.source,
        "steps": [
            {
                "source": step.source,
                "name": step.name,
                "genomes": step.genomes,
                "low": rounded(step.low, 4),
                "high": rounded(step.high, 4),
                "ani": round(step.ani, 4),
            }
            for step in requirement.steps
        ],
    }


def _election(election: Election) -> dict[str, Any]:
    return {
        "level": election.level,
        "name": election.name,
        "votes": round(election.votes, 4),
        "probability": round(election.probability, 6),
        "probability_from": election.probability_from,
        "probability_text": election.probability_text,
        "required": election.required if election.required <= 1 else None,
        "required_from": election.required_from,
        "required_text": election.required_text,
        "called": election.is_called,
        "learned": rounded(election.learned, 6),
        "highest": rounded(election.highest, 6),
        "intercept": rounded(election.intercept, 6),
        "log_odds": rounded(election.log_odds, 6),
        "features": [
            {
                "feature": feature.name,
                "text": feature.text,
                "unit": feature.unit or None,
                "value": round(feature.value, 4),
                "low": round(feature.low, 4),
                "high": round(feature.high, 4),
                "outside": feature.outside or None,
                "note": feature.note or None,
                "log_odds": round(feature.log_odds, 6),
            }
            for feature in election.features
        ],
    }
