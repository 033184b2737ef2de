"""Rows of a comparison of encoders: the scores of one encoder, layer and pooling, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genome_index.evaluate.comparison.repeated_folds import Shares
from genome_index.records import Failure
from genome_index.spec import Reading

Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """The scores of one encoder, layer and pooling. A share is NaN where all genomes have the same vector."""

    encoder: str
    layer: int | None  # None for an encoder without layers
    pool: str
    dim: int
    # By rank or label. Accuracy: the mean over the queries of the share of seeds in which the nearest vector
    # that may answer has the query's name; as an index takes the vectors, as they come, and whitened.
    accuracy: Mapping[str, float]
    difference: Mapping[str, float]  # of that accuracy to the spectrum's, by the same queries; NaN for itself
    difference_interval: Mapping[str, Interval | None]  # 95 %, over species; None of a single species
    accuracy_as_is: Mapping[str, float]
    accuracy_whitened: Mapping[str, float]
    silhouette: Mapping[str, float]  # cosine, over all genomes with a name, -1 to 1
    anisotropy: float  # mean cosine of all pairs of the encoder's vectors; near 1 is a narrow cone
    ani_correlation: float | None  # Spearman's, of similarity and ANI; None for too few pairs
    ani_pairs: int
    seconds: float  # of the whole pass, shared by all layers of it
    peak_mb: float  # of the process while this encoder read, or of the GPU
    share_read: float  # of the genomes; less than 1 where windows were sampled
    encoder_version: str  # a digest of a language model's weights, configuration and tokenizer

    def to_json(self) -> dict[str, Any]:
        """The row as JSON; null for NaN."""
        return {key: _or_null(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Queries:
    """How many genomes are queries at a rank or label."""

    genomes: int
    species: int  # of these; a genome without a name counts as a species of its own


@dataclass(frozen=True)
class Comparison:
    """The result: a row for each encoder, layer and pooling; the inputs and models that failed."""

    genomes: int
    queries: Mapping[str, Queries]  # by rank or label
    rows: list[Row]
    failures: list[Failure]
    taxonomy: str  # its release
    reading: Reading


@dataclass(frozen=True)
class Answers:
    """Of one row, by rank or label, the share of seeds in which each genome finds its name: (N,) each."""

    as_is: Mapping[str, Shares]
    whitened: Mapping[str, Shares]
    taken: Mapping[str, Shares]  # the one of the two that an index uses


def mean_share(shares: Shares) -> float:
    """The mean over the queries; NaN without one."""
    queries = shares[~np.isnan(shares)]
    return float(queries.mean()) if len(queries) else float("nan")


def _or_null(value: Any) -> Any:  # noqa: ANN401  # JSON: numbers, texts, tables
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _or_null(item) for key, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
