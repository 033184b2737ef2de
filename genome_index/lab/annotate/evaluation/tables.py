"""Evaluation of an annotation model as rows of a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from genome_index.lab.annotate.evaluation.evaluate import Evaluation, Reading
from genome_index.lab.annotate.evaluation.metrics import CODING, Agreement, Scores
from genome_index.lab.annotate.evaluation.pyrodigal_genes import PyrodigalGenes
from genome_index.lab.annotate.model.writing_record import LayerLoad, WritingRecord
from genome_index.records import counted

HEADINGS = ("annotated by", "type", "true", "precision", "recall", "F1", "base F1", "5' error", "3' error")
OF_WINDOWS = ("window", "genes", "precision", "recall", "gene F1", "base F1", "forbidden", "kb/s")
OF_EXPERTS = ("layer", "experts", "choices", "least", "most", "entropy", "dropped")


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


def window_rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """A row for each length of windows: genes, bases of coding sequence, forbidden choices, speed."""
    for reading in evaluation.readings:
        genes, writing = reading.scores.genes, reading.writing
        yield (
            f"{reading.window_bp:,}", f"{genes.both + genes.true_alone:,}", _percent(genes.precision),
            _percent(genes.recall), _percent(genes.f1),
            _percent(reading.scores.bases.get(CODING, Agreement()).f1),
            _percent(_share(writing.forbidden, writing.choices)), f"{reading.kb_per_second:,.1f}",
        )  # fmt: skip


def expert_rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """A row for each layer with experts: the shares of those that got least and most, in percent."""
    for load in evaluation.readings[0].writing.layer_loads():
        total = sum(load.choices)
        yield (
            f"{load.part} {load.layer}", str(len(load.choices)), f"{total:,}", _percent(min(load.shares)),
            _percent(max(load.shares)), f"{load.entropy:.3f}", _percent(_share(load.dropped, total)),
        )  # fmt: skip


def sentences(evaluation: Evaluation) -> Iterator[str]:
    """What the tables do not say."""
    contigs = counted(evaluation.contigs, "contig")
    yield f"{evaluation.base_pairs:,} bp of {contigs}, {evaluation.kb_per_second:,.1f} kb/s"
    writing = evaluation.readings[0].writing
    share = _percent(_share(writing.forbidden, writing.choices))
    yield (
        f"the grammar forbade {writing.forbidden:,} of {writing.choices:,} choices ({share} %), in "
        f"{writing.windows_with_forbidden:,} of {counted(writing.windows, 'window')}; "
        f"{writing.windows_at_limit:,} reached the limit of lines"
    )
    if evaluation.pyrodigal is not None:
        yield from evaluation.pyrodigal.sentences()


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """All figures; those that do not exist are null."""
    return {
        "part": evaluation.part, "contigs": evaluation.contigs, "base_pairs": evaluation.base_pairs,
        "kb_per_second": evaluation.kb_per_second,
        "annotated_by": {name: _scores(scores) for name, scores in evaluation.scores.items()},
        "writing": _writing(evaluation.readings[0].writing),
        "experts": [_load(load) for load in evaluation.readings[0].writing.layer_loads()],
        "windows": [_reading(reading) for reading in evaluation.readings],
        "pyrodigal": _pyrodigal(evaluation.pyrodigal),
    }  # fmt: skip


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "window_bp": reading.window_bp, "stride_bp": reading.stride_bp,
        "kb_per_second": reading.kb_per_second, **_scores(reading.scores),
        "writing": _writing(reading.writing),
    }  # fmt: skip


def _writing(record: WritingRecord) -> dict[str, int]:
    return {
        "choices": record.choices, "forbidden": record.forbidden, "windows": record.windows,
        "windows_with_forbidden": record.windows_with_forbidden,
        "windows_at_limit": record.windows_at_limit,
    }  # fmt: skip


def _load(load: LayerLoad) -> dict[str, Any]:
    return {
        "part": load.part, "layer": load.layer, "choices": list(load.choices), "dropped": load.dropped,
        "least_share": min(load.shares), "most_share": max(load.shares), "entropy": load.entropy,
    }  # fmt: skip


def _pyrodigal(genes: PyrodigalGenes | None) -> dict[str, Any] | None:
    if genes is None:
        return None
    labels = genes.labels
    return {
        "source": labels.source, "genetic_code": genes.code, "learned": labels.learned,
        "by_models": labels.by_models, "failed": [failure.id for failure in labels.failures],
        "kb_per_second": genes.kb_per_second,
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


def _share(part: int, whole: int) -> float:
    """NaN of nothing."""
    return part / whole if whole else math.nan


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
