"""Encoders to measure: spectrum, profile, those asked for, and every trained network of a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genome_index.encoders import PROFILE, SPECTRUM
from genome_index.errors import UsageError


@dataclass(frozen=True)
class Model:
    """An encoder, as it is called in a report."""

    label: str
    encoder: str  # a name, or a folder


def models_of(encoders: Sequence[str], study: Path | None = None) -> list[Model]:
    """Spectrum, profile, further encoders and the networks of a study, each once.

    Raises
    ------
    UsageError
        The study has no network.
    """
    named = [Model(name, name) for name in dict.fromkeys((SPECTRUM, PROFILE, *encoders))]
    return [*named, *(study_models(study) if study else ())]


def study_models(study: Path) -> list[Model]:
    """The networks of a study's folder, by their place in the grid and their seed."""
    from genome_index.lab.study.grid import AXES
    from genome_index.lab.study.results import FILE, Results
    from genome_index.lab.study.run import MODEL
    from genome_index.lab.study.study import RUNS

    if not (study / FILE).is_file():
        raise UsageError(
            f"--study {study}: there is no {FILE}; give the folder that `gindex lab study run` wrote"
        )
    rows = Results(study).ended()
    if not rows:
        raise UsageError(f"--study {study}: no run of it has ended; `gindex lab study run --resume` goes on")
    rows = sorted(rows, key=lambda row: [row.get(name) for name in (*AXES, "seed")])
    labels = _labels(rows, AXES)
    return [
        Model(label, str(study / RUNS / row["fingerprint"] / MODEL))
        for label, row in zip(labels, rows, strict=True)
    ]


def _labels(rows: Sequence[dict[str, Any]], axes: Sequence[str]) -> Iterator[str]:
    """Names of runs: architecture, size, loss, what else differs between runs of the study, and the seed."""
    varied = [axis for axis in axes[3:] if len({row.get(axis) for row in rows}) > 1]
    for row in rows:
        others = "".join(f", {axis} {_shown(row[axis])}" for axis in varied)
        yield f"{row['architecture']} {row['size']}, {row['loss']}{others}, seed {row['seed']}"


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
