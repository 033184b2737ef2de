"""Scores of predicted features beside the true ones: bases, features, genes, borders and phases.

- Bases: those that features of a type cover, each strand by itself. F1 = 2 TP / (2 TP + FP + FN).
- Features: the same contig, type, strand and borders, of all parts.
- Genes: all parts of the coding sequence (CDS) right and no other, as in the evaluations of Tiberius and
  Helixer.
- Borders: the distance of the 5' and of the 3' ends of features that share half of the longer one's bases.
- Phases: features of the same borders with another phase.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genome_index.lab.annotate.files.features import Feature, Part

Flags = npt.NDArray[np.bool_]

CODING = "CDS"
LEAST_SHARED = 0.5  # of the longer feature's bases, for features whose borders are compared


class Stretch(NamedTuple):
    """A part of a feature where it lies."""

    contig: str
    type: str
    strand: str
    start: int  # 0-based
    end: int  # exclusive


@dataclass(frozen=True)
class Agreement:
    """Counts of what is in both, predicted alone, and true alone."""

    both: int = 0
    predicted_alone: int = 0
    true_alone: int = 0

    @property
    def precision(self) -> float:
        """NaN if nothing was predicted."""
        predicted = self.both + self.predicted_alone
        return self.both / predicted if predicted else float("nan")

    @property
    def recall(self) -> float:
        """NaN if nothing is true."""
        true = self.both + self.true_alone
        return self.both / true if true else float("nan")

    @property
    def f1(self) -> float:
        """NaN if nothing is true and nothing was predicted."""
        total = 2 * self.both + self.predicted_alone + self.true_alone
        return 2 * self.both / total if total else float("nan")


@dataclass(frozen=True)
class Scores:
    """All scores of one prediction."""

    bases: dict[str, Agreement]  # by type
    features: dict[str, Agreement]  # by type
    start_error: float  # bp, mean distance of 5' ends; NaN without pairs
    end_error: float  # bp, mean distance of 3' ends
    paired: int  # features whose borders were compared
    same_borders: int  # features with a phase on both sides
    phase_errors: int  # of them

    @property
    def genes(self) -> Agreement:
        """Those of which all parts of the coding sequence are right."""
        return self.features.get(CODING, Agreement())


def score(predicted: Sequence[Feature], true: Sequence[Feature]) -> Scores:
    """Compare features of the same contigs."""
    types = sorted({feature.type for feature in (*predicted, *true)})
    bases = {kind: _bases(_of_type(predicted, kind), _of_type(true, kind)) for kind in types}
    features = {
        kind: agreement(_borders(_of_type(predicted, kind)), _borders(_of_type(true, kind))) for kind in types
    }
    errors = _border_errors(predicted, true)
    same, wrong = _phases(predicted, true)
    starts, ends = np.mean(errors, axis=0).tolist() if errors else (float("nan"), float("nan"))
    return Scores(bases, features, starts, ends, len(errors), same, wrong)


def agreement(predicted: Collection[object], true: Collection[object]) -> Agreement:
    """Counts of equal things; each counts once."""
    ours, theirs = set(predicted), set(true)
    return Agreement(len(ours & theirs), len(ours - theirs), len(theirs - ours))


def _of_type(features: Iterable[Feature], kind: str) -> list[Feature]:
    return [feature for feature in features if feature.type == kind]


def stretches(feature: Feature) -> tuple[Stretch, ...]:
    """The parts of a feature, in order of place."""
    parts = (_stretch(feature, part) for part in feature.parts)
    return tuple(sorted(parts))


def _stretch(feature: Feature, part: Part) -> Stretch:
    return Stretch(feature.contig, feature.type, part.strand, part.start, part.end)


def _borders(features: Iterable[Feature]) -> set[tuple[Stretch, ...]]:
    return {stretches(feature) for feature in features}


def _bases(predicted: Iterable[Feature], true: Iterable[Feature]) -> Agreement:
    ours, theirs = _covered(predicted), _covered(true)
    shared = 0
    for key in ours.keys() & theirs.keys():
        size = min(len(ours[key]), len(theirs[key]))
        shared += int((ours[key][:size] & theirs[key][:size]).sum())
    return Agreement(shared, _total(ours) - shared, _total(theirs) - shared)


def _covered(features: Iterable[Feature]) -> dict[tuple[str, str], Flags]:
    """Which bases of a contig and strand some feature covers, up to the last one: (L,) each."""
    parts: dict[tuple[str, str], list[Stretch]] = {}
    for part in (part for feature in features for part in stretches(feature)):
        parts.setdefault((part.contig, part.strand), []).append(part)
    covered = {key: np.zeros(max(part.end for part in own), np.bool_) for key, own in parts.items()}
    for key, own in parts.items():
        for part in own:
            covered[key][part.start : part.end] = True
    return covered


def _total(covered: Mapping[tuple[str, str], Flags]) -> int:
    return sum(int(flags.sum()) for flags in covered.values())


def _border_errors(predicted: Iterable[Feature], true: Iterable[Feature]) -> list[tuple[int, int]]:
    """The distance of 5' and of 3' ends, in bp, of each true feature and the nearest predicted one."""
    ours = _by_place(predicted)
    errors: list[tuple[int, int]] = []
    for feature in true:
        own = ours.get((feature.contig, feature.type, feature.strand), [])
        alike = [other for other in own if _shares_half(other, feature)]
        if alike:
            errors.append(min((_distances(other, feature) for other in alike), key=sum))
    return errors


def _by_place(features: Iterable[Feature]) -> dict[tuple[str, str, str], list[Feature]]:
    places: dict[tuple[str, str, str], list[Feature]] = {}
    for feature in features:
        places.setdefault((feature.contig, feature.type, feature.strand), []).append(feature)
    return places


def _shares_half(a: Feature, b: Feature) -> bool:
    shared = min(a.end, b.end) - max(a.start, b.start)
    return shared >= LEAST_SHARED * max(a.end - a.start, b.end - b.start)


def _distances(a: Feature, b: Feature) -> tuple[int, int]:
    left, right = abs(a.start - b.start), abs(a.end - b.end)
    return (right, left) if b.strand == "-" else (left, right)


def _phases(predicted: Iterable[Feature], true: Iterable[Feature]) -> tuple[int, int]:
    """How many stretches both sides give a phase, and how many of them another one."""
    ours, theirs = _phase_of(predicted), _phase_of(true)
    same = ours.keys() & theirs.keys()
    return len(same), sum(ours[key] != theirs[key] for key in same)


def _phase_of(features: Iterable[Feature]) -> dict[Stretch, int]:
    return {
        _stretch(feature, part): part.phase
        for feature in features
        for part in feature.parts
        if part.phase is not None
    }
