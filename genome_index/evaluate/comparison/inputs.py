"""Inputs of a comparison of encoders: the genomes that all encoders can read, and the names to compare by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

from genome_index.encoders.chunk_grid import unread
from genome_index.errors import UsageError
from genome_index.evaluate.comparison.repeated_folds import Names
from genome_index.evaluate.species_out import SPECIES_OUT, has_answer
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


def compared_names(
    genomes: Sequence[Genome], matches: Matches, failures: Sequence[Failure]
) -> tuple[Names, list[str]]:
    """The names to compare by, and notes of what they leave out.

    A rank or label is compared by if it has two names at least, and a genome with a name that another one
    has which may answer: above species, one of another species.

    Raises
    ------
    UsageError
        There is none.
    """
    levels = levels_of([matches.taxon(genome.id) or genome.taxon for genome in genomes])
    unnamed = Level("species", (), np.full(len(genomes), UNKNOWN, np.int32))
    species = levels.get("species", unnamed)
    several = {name: level for name, level in levels.items() if len(level.names) > 1}
    compared = {name: level for name, level in several.items() if has_answer(level, species).any()}
    if not compared:
        raise UsageError(
            f"nothing to compare by: of {counted(len(genomes))}, no two share a name of "
            f"{matches.taxonomy.release} while others have another; at a rank above species the two must "
            f"also have different species names{_first_of(failures)}"
        )
    return Names(compared, species), list(_left_out(several.keys() - compared.keys(), levels, species))


def _left_out(ranks: Set[str], levels: Mapping[str, Level], species: Level) -> Iterator[str]:
    """Notes of ranks that are not compared by, and of genomes that are no queries above species."""
    passed_over = [name for name in levels if name in ranks and _has_pair(levels[name])]
    if passed_over:
        yield (
            f"not compared by {', '.join(passed_over)}: above species a genome of another species has to "
            "answer, and none has the same name"
        )
    unnamed = int((species.codes == UNKNOWN).sum())
    if unnamed and any(name in SPECIES_OUT for name in levels):
        yield (
            f"{counted(unnamed)} without a species name: above species they neither are queries nor answer "
            "one, for they could be of any species"
        )


def _has_pair(level: Level) -> bool:
    """Whether two genomes have the same name."""
    return bool((np.bincount(level.codes[level.codes != UNKNOWN], minlength=1) > 1).any())


def _first_of(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    return f"; {counted(len(failures), 'input')} failed, the first, {first.source}: {first.reason}"
