"""Reasons of a fragment's call, as sentences made from plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.classify.reasons import sentence

NOT_MEASURED = "not measured: calls of fragments rest on shared k-mers"
UNCALIBRATED = (
    "the confidence is a rule of thumb, for this index has no bases to calibrate fragments with; "
    "build it with --keep-sequence to change that"
)


@dataclass(frozen=True)
class SharedPart:
    """What a fragment shares with one reference."""

    genome_id: str
    species: str | None
    containment: float  # share of the sampled k-mers
    identity: float  # estimated from it; both 0 if no k-mer is shared

    def __str__(self) -> str:
        if not self.containment:
            return "none"
        digits = 0 if self.containment >= 0.1 else 1
        return f"{self.containment:.{digits}%} (identity {self.identity:.1%})"


def called(
    sampled: int, closest: SharedPart, runner_up: SharedPart | None, rank: str, name: str, probability: float
) -> str:
    """Why a rank was called; `sampled` is the number of the fragment's sampled k-mers."""
    return (
        f"{_evidence(sampled, closest, runner_up)}. For fragments of this length, the {rank} {name} is right "
        f"with probability {probability:.2f}."
    )


def not_called(sampled: int, closest: SharedPart, runner_up: SharedPart | None) -> str:
    evidence = _evidence(sampled, closest, runner_up)
    return f"{evidence}. For a fragment of this length, no name is probable enough."


def interleaved(sampled: int, closest: SharedPart, members: Sequence[str]) -> str:
    """Why the names of a species cannot be told apart, however many k-mers are shared."""
    return (
        f"Cannot distinguish {' and '.join(members)}: {_clause(sampled, closest, None)}, and the genomes "
        "of these names are interleaved in the index."
    )


def nothing_shared(sampled: int) -> str:
    return f"Nothing in the index is comparable: no reference shares two of {sampled:,} sampled k-mers."


def _evidence(sampled: int, closest: SharedPart, runner_up: SharedPart | None) -> str:
    return sentence(_clause(sampled, closest, runner_up))[:-1]


def _clause(sampled: int, closest: SharedPart, runner_up: SharedPart | None) -> str:
    reference = f"{closest.genome_id} ({closest.species or 'no species'})"
    clause = f"of {sampled:,} sampled k-mers, {reference} shares {closest}"
    if runner_up is not None:
        clause += f"; the next species, {runner_up.species}, shares {runner_up}"
    return clause
