"""Metrics of an evaluation: accuracy, coverage, reliability, risk against coverage, confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.evaluate.answers import Answers, Evaluation
from genome_index.records import counted
from genome_index.taxonomy.levels import UNKNOWN

JSON_VERSION = 2  # 1 had asked (now genomes, and named by rank) and called_without_fellow
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0001)
MOST_CONFUSED = 20


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float] | None:
    """95 % interval of a proportion (Wilson 1927); None for 0 of 0.

    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    if not of:
        return None
    share = right / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))  # never beyond, by rounding


def scores(evaluation: Evaluation) -> dict[str, Any]:
    """The JSON of `gindex evaluate`; see evaluate.schema.json."""
    plan = evaluation.plan
    return {
        "version": JSON_VERSION,
        "plan": {"folds": plan.folds, "hold_out_rank": plan.hold_out_rank, "seed": plan.seed, "nested": True},
        "genomes": len(evaluation.ids),
        "verdicts": dict(Counter(verdict.verdict for verdict in evaluation.verdicts)),
        "ranks": {name: level_scores(answers) for name, answers in evaluation.levels.items()},
        "confident_calls": confident(evaluation),
    }


def level_scores(answers: Answers) -> dict[str, Any]:
    """Metrics of one level; accuracy is over the `n` genomes that have a reference of the same name."""
    named = answers.truth != UNKNOWN
    possible = named & answers.has_reference
    called = named & (answers.called != UNKNOWN)
    right_guess = answers.guess == answers.truth
    right_call = answers.called == answers.truth
    return {
        "n": int(possible.sum()),
        "accuracy": _share(right_guess & possible, possible),
        "accuracy_interval": wilson(int((right_guess & possible).sum()), int(possible.sum())),
        "nearest_vector_accuracy": _share((answers.nearest == answers.truth) & possible, possible),
        "named": int(named.sum()),
        "called": int(called.sum()),
        "coverage": _share(called & possible, possible),
        "correct_when_called": _share(right_call & called, called),
        "correct_interval": wilson(int((right_call & called).sum()), int(called.sum())),
        "called_without_reference": int((called & ~answers.has_reference).sum()),
        "reliability": reliability(answers.probability[named], right_guess[named]),
        "risk_coverage": risk_coverage(answers.probability[named], right_guess[named]),
        "confusion": confusion(answers, called & ~right_call),
    }


def reliability(probability: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Stated probability against the share that was right, in bins."""
    rows = []
    for low, high in zip(BINS[:-1], BINS[1:], strict=True):
        inside = (probability >= low) & (probability < high)
        if inside.any():
            rows.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "n": int(inside.sum()),
                    "stated": round(float(probability[inside].mean()), 4),
                    "right": _share(right, inside),
                }
            )
    return rows


def risk_coverage(
    probability: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> list[dict[str, float]]:
    """The share of wrong answers (risk) if only the most probable share (coverage) is answered."""
    order = np.argsort(-probability, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    points = [int(np.ceil(share * len(order))) for share in np.linspace(0.05, 1, 20)] if len(order) else []
    return [{"coverage": round(at / len(order), 4), "risk": round(float(wrong[at - 1]), 4)} for at in points]


def confusion(answers: Answers, wrong: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The most frequent pairs of a true name and a wrong call."""
    pairs = Counter(
        (int(truth), int(called))
        for truth, called in zip(answers.truth[wrong], answers.called[wrong], strict=True)
    )
    return [
        {"truth": answers.names[truth], "called": answers.names[called], "n": count}
        for (truth, called), count in pairs.most_common(MOST_CONFUSED)
    ]


def confident(evaluation: Evaluation) -> dict[str, Any]:
    """Calls with a confidence of 0.95 or more, at any rank: how many, and how many are right."""
    confident_calls, right, all_right = 0, 0, 0
    for place, verdict in enumerate(evaluation.verdicts):
        answers = evaluation.levels.get(verdict.rank or "")
        if answers is None or verdict.confidence is None or answers.truth[place] == UNKNOWN:
            continue
        is_right = bool(answers.called[place] == answers.truth[place])
        all_right += is_right
        if verdict.confidence >= 0.95:
            confident_calls, right = confident_calls + 1, right + is_right
    return {
        "n": confident_calls,
        "right": right,
        "interval": wilson(right, confident_calls),
        "share_of_right_calls": round(right / all_right, 4) if all_right else None,
    }


def lines_of(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The metrics as a table for a reader."""
    verdicts = ", ".join(
        f"{count:,} {verdict}"
        for verdict, count in sorted(metrics["verdicts"].items(), key=lambda item: -item[1])
    )
    yield f"{counted(metrics['genomes'])} queried: {verdicts}"
    yield (
        f"{'rank':<14}{'n':>7}{'accuracy':>10}{'(95 %)':>16}{'nearest':>9}"
        f"{'called':>8}{'coverage':>10}{'right':>8}{'(95 %)':>16}"
    )
    for name, row in metrics["ranks"].items():
        yield (
            f"{name:<14}{row['n']:>7,}{_text(row['accuracy']):>10}"
            f"{_interval(row['accuracy_interval']):>16}{_text(row['nearest_vector_accuracy']):>9}"
            f"{row['called']:>8,}{_text(row['coverage']):>10}{_text(row['correct_when_called']):>8}"
            f"{_interval(row['correct_interval']):>16}"
        )
    calls = metrics["confident_calls"]
    share = _text(calls["right"] / calls["n"] if calls["n"] else None)
    yield f"calls with confidence 0.95 or more: {calls['n']:,}, right {share} {_interval(calls['interval'])}"
    for name, row in metrics["ranks"].items():
        yield f"{name}: stated -> right: " + ", ".join(
            f"{line['stated']:.2f} -> {line['right']:.2f} ({line['n']:,})" for line in row["reliability"]
        )
        for pair in row["confusion"][:5]:
            yield f"  {pair['truth']} called {pair['called']}: {pair['n']}"


def _share(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float | None:
    return round(float((part & whole).sum() / whole.sum()), 5) if whole.any() else None


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"({ends[0]:.3f}-{ends[1]:.3f})"
