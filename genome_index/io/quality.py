"""Quality limits of genomes: length, ambiguous bases and number of contigs, checked before any search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genome_index.io.bases import count_bases
from genome_index.records import Failure, Genome

LEAST_BP = 500  # skani ignores shorter contigs, and the shortest virus genomes are three times as long
MOST_AMBIGUOUS = 0.50  # share of bases other than A, C, G, T, U; with more, too little is left to compare
WARN_AMBIGUOUS = 0.05
MANY_CONTIGS = 1_000  # contigs from which on an assembly is called fragmented in a warning


def base_share(genome: Genome) -> float:
    """The share of bases that are A, C, G, T or U."""
    known = sum(count_bases(np.frombuffer(contig.sequence, np.uint8)) for contig in genome.contigs)
    return known / max(1, genome.length_bp)


def complaint(genome: Genome) -> str:
    """Why a genome cannot be called, as a sentence; empty if it can."""
    if genome.length_bp < LEAST_BP:
        return f"{genome.length_bp} bp is too short to be called: at least {LEAST_BP} bp are required."
    ambiguous = 1 - base_share(genome)
    if ambiguous > MOST_AMBIGUOUS:
        return (
            f"{_above(ambiguous, MOST_AMBIGUOUS)} of the sequence is N or another ambiguity code; "
            f"at most {MOST_AMBIGUOUS:.0%} is accepted."
        )
    return ""


def given_before(genome_id: str, source: str) -> str:
    """Why a second genome with an id is refused, as a sentence; `source` is the input of the first."""
    return f"the id {genome_id!r} was already given by {source}; rename one of the two"


def refusal(genome: Genome, given: Mapping[str, str]) -> Failure | None:
    """The failure of a genome that cannot be used; `given` has the input of each id so far."""
    reason = complaint(genome)
    if genome.id in given:
        reason = given_before(genome.id, given[genome.id])
    return Failure(genome.id, genome.source, reason) if reason else None


def _above(share: float, limit: float) -> str:
    """A share in percent, with as many digits as distinguish it from the limit below it.

    >>> [_above(share, 0.5) for share in (0.52, 0.504, 0.50002)]
    ['52%', '50.4%', '50.002%']
    """
    digits = 0
    while f"{share:.{digits}%}" == f"{limit:.{digits}%}":
        digits += 1
    return f"{share:.{digits}%}"


def warnings_of(genome: Genome) -> tuple[str, ...]:
    """Warnings about a genome that can be called, as sentences."""
    warnings = list(genome.notes)
    ambiguous = 1 - base_share(genome)
    if ambiguous > WARN_AMBIGUOUS:
        warnings.append(f"{ambiguous:.0%} of the sequence is N or another ambiguity code")
    if len(genome.contigs) > MANY_CONTIGS:
        warnings.append(f"{len(genome.contigs):,} contigs: a very fragmented assembly")
    return tuple(warnings)
