"""Is this a genome that can be called at all? Stated limits, checked before anything is searched."""

from __future__ import annotations

import numpy as np

from genome_index.io.bases import count_bases
from genome_index.records import Genome

LEAST_BP = 500  # skani leaves shorter contigs out, and the shortest virus genomes are three times as long
MOST_UNKNOWN = 0.50  # share of letters that are no base; with more, what is left speaks for itself no more
WARN_UNKNOWN = 0.05
MANY_CONTIGS = 1_000  # a draft this fragmented is worth a word


def base_share(genome: Genome) -> float:
    """Share of letters that are A, C, G, T or U."""
    known = sum(count_bases(np.frombuffer(contig.sequence, np.uint8)) for contig in genome.contigs)
    return known / max(1, genome.length_bp)


def complaint(genome: Genome) -> str:
    """Why a genome is refused, as a sentence; nothing if it is fit to be called."""
    if genome.length_bp < LEAST_BP:
        return f"{genome.length_bp} bp is too short to be called: at least {LEAST_BP} bp are asked for."
    unknown = 1 - base_share(genome)
    if unknown > MOST_UNKNOWN:
        return (
            f"{_above(unknown, MOST_UNKNOWN)} of the sequence is N or another ambiguity code; "
            f"at most {MOST_UNKNOWN:.0%} is accepted."
        )
    return ""


def given_before(genome_id: str, source: str) -> str:
    """Why a second genome of an id is refused, as a sentence; `source` is where the first came from."""
    return f"the id {genome_id!r} was already given by {source}; rename one of the two"


def _above(share: float, limit: float) -> str:
    """A share in percent, with as many digits as tell it from the limit that it is above.

    >>> [_above(share, 0.5) for share in (0.52, 0.504, 0.50002)]
    ['52%', '50.4%', '50.002%']
    """
    digits = 0
    while f"{share:.{digits}%}" == f"{limit:.{digits}%}":
        digits += 1
    return f"{share:.{digits}%}"


def warnings_of(genome: Genome) -> tuple[str, ...]:
    found = []
    unknown = 1 - base_share(genome)
    if unknown > WARN_UNKNOWN:
        found.append(f"{unknown:.0%} of the sequence is N or another ambiguity code")
    if len(genome.contigs) > MANY_CONTIGS:
        found.append(f"{len(genome.contigs):,} contigs: a very fragmented assembly")
    return tuple(found)
