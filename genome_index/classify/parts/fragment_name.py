"""The name that one short query gets as a fragment: `gindex query --fragments`, for a single sequence."""

from __future__ import annotations

from dataclasses import dataclass

from genome_index.classify.fragments.calibration import calibrators_of
from genome_index.classify.fragments.calls import FragmentClassifier
from genome_index.classify.fragments.cutting import length_class
from genome_index.classify.fragments.hits import ReferenceTable
from genome_index.classify.settings import QuerySettings
from genome_index.index.index import Index
from genome_index.records import Genome


@dataclass(frozen=True)
class FragmentName:
    """A name with the probability that it is right for fragments of this length."""

    rank: str
    name: str
    probability: float
    by_rule: bool  # whether the index has no bases to learn the probability from


def fragment_name(index: Index, genome: Genome, settings: QuerySettings) -> FragmentName | None:
    """The name of a genome as a fragment; None if no rank is called."""
    length = length_class(genome.length_bp)
    calibrators = calibrators_of(index, settings.progress, settings.threads, [length])
    [call] = FragmentClassifier(ReferenceTable.of(index), calibrators, settings).calls([genome])
    if call.rank is None or call.name is None or call.confidence is None:
        return None
    return FragmentName(call.rank, call.name, call.confidence, not calibrators)
