"""Inputs of a comparison of encoders: the genomes that all encoders can read, and the ranks to compare by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from genome_index.encoders.chunk_grid import unread
from genome_index.errors import UsageError
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, counted
from genome_index.taxonomy.levels import UNKNOWN, Level, levels_of
from genome_index.taxonomy.matching import Matches


def usable_genomes(inputs: Iterable[Genome | Failure], by_model: bool) -> tuple[list[Genome], list[Failure]]:
    """The genomes that can be compared, and the other inputs with the reason why not.

    With `by_model`, a genome must have a stretch that a language model can read.
    """
    usable: dict[str, Genome] = {}
    failures = []
    for genome in inputs:
        if isinstance(genome, Failure):
            failures.append(genome)
            continue
        reason = complaint(genome)
        if genome.id in usable:
            reason = given_before(genome.id, usable[genome.id].source)
        elif not reason and by_model:
            reason = unread(genome)
        if reason:
            failures.append(Failure(genome.id, genome.source, reason))
        else:
            usable[genome.id] = genome
    return list(usable.values()), failures


def identical_notes(genomes: Sequence[Genome]) -> list[str]:
    """A note where genomes have identical sequences, which any encoder puts next to each other."""
    digests = Counter(genome.sha256 for genome in genomes)
    identical = sum(count for count in digests.values() if count > 1)
    if not identical:
        return []
    return [
        f"{identical:,} of {counted(len(genomes))} have the same sequence as another of them, which any "
        "encoder finds; leave one of each out for shares that tell encoders apart"
    ]


def compared_levels(
    genomes: Sequence[Genome], matches: Matches, failures: Sequence[Failure]
) -> Mapping[str, Level]:
    """The ranks and labels to compare by: two names at least, one of them of two genomes.

    Raises
    ------
    UsageError
        There is none.
    """
    levels = levels_of([matches.taxon(genome.id) or genome.taxon for genome in genomes])
    compared = {name: level for name, level in levels.items() if _groups_genomes(level)}
    if not compared:
        raise UsageError(
            f"nothing to compare by: of {counted(len(genomes))}, no two share a name of "
            f"{matches.taxonomy.release} while others have another{_first_of(failures)}"
        )
    return compared


def _groups_genomes(level: Level) -> bool:
    """Whether there are two names or more, and one of them is of two genomes or more."""
    counts = np.bincount(level.codes[level.codes != UNKNOWN])
    return bool((counts > 0).sum() > 1 and (counts > 1).any())


def _first_of(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    return f"; {counted(len(failures), 'input')} failed, the first, {first.source}: {first.reason}"
