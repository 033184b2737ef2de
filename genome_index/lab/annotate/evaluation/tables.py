"""Evaluation of an annotation model as rows of a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from genome_index.lab.annotate.evaluation.evaluate import Evaluation
from genome_index.lab.annotate.evaluation.metrics import Agreement, Scores

HEADINGS = ("annotated by", "type", "true", "precision", "recall", "F1", "base F1", "5' error", "3' error")


def rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """A row for each type of feature, by the model and by the baseline; shares in percent, errors in bp."""
    for name, scores in evaluation.scores.items():
        for kind, features in scores.features.items():
            if not features.both + features.true_alone and name != next(iter(evaluation.scores)):
                continue
            yield (
                name, kind, f"{features.both + features.true_alone:,}", _percent(features.precision),
                _percent(features.recall), _percent(features.f1), _percent(scores.bases[kind].f1),
                _number(scores.start_error), _number(scores.end_error),
            )  # fmt: skip


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """All figures; those that do not exist are null."""
    return {
        "part": evaluation.part, "contigs": evaluation.contigs, "base_pairs": evaluation.base_pairs,
        "kb_per_second": evaluation.kb_per_second,
        "annotated_by": {name: _scores(scores) for name, scores in evaluation.scores.items()},
    }  # fmt: skip


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "bases": {kind: _agreement(own) for kind, own in scores.bases.items()},
        "features": {kind: _agreement(own) for kind, own in scores.features.items()},
        "genes": _agreement(scores.genes), "start_error_bp": _or_null(scores.start_error),
        "end_error_bp": _or_null(scores.end_error), "paired": scores.paired,
        "same_borders": scores.same_borders, "phase_errors": scores.phase_errors,
    }  # fmt: skip


def _agreement(counts: Agreement) -> dict[str, float | int | None]:
    return {
        "both": counts.both, "predicted_alone": counts.predicted_alone, "true_alone": counts.true_alone,
        "precision": _or_null(counts.precision), "recall": _or_null(counts.recall), "f1": _or_null(counts.f1),
    }  # fmt: skip


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
