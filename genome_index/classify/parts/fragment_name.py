"""The name that one short query gets as a fragment: `gindex query --fragments`, for a single sequence."""

from __future__ import annotations

from dataclasses import dataclass

from genome_index.classify.fragments.calibration import calibrators_of
from genome_index.classify.fragments.cutting import length_class
from genome_index.classify.fragments.decision import called_rank, fragment_names
from genome_index.classify.fragments.hits import ReferenceTable, fragments_of, hits_of
from genome_index.index.calibration.hits import nothing_held_out
from genome_index.index.index import Index
from genome_index.records import Genome, Progress


@dataclass(frozen=True)
class FragmentName:
    """A name with the probability that it is right for fragments of this length."""

    rank: str
    name: str
    probability: float
    by_rule: bool  # whether the index has no bases to learn the probability from


def fragment_name(index: Index, genome: Genome, progress: Progress, threads: int) -> FragmentName | None:
    """The name of a genome as a fragment; None if no rank is called."""
    table = ReferenceTable.of(index)
    fragments = fragments_of(index, [genome])
    hits = hits_of(table, fragments, nothing_held_out(1, len(index.model.live)), threads)
    calibrators = calibrators_of(index, progress, threads, [length_class(genome.length_bp)])
    names = fragment_names(index.model, calibrators, fragments, hits)[0]
    rank = called_rank(index, fragments, hits, 0, names)
    if rank is None:
        return None
    name = index.model.levels[rank].names[names[rank].code]
    return FragmentName(rank, name, names[rank].probability, not calibrators)
