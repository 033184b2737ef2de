"""Comparison of encoders, layers and poolings on the same genomes: accuracy, geometry, cost.

Each model reads the genomes once; every hidden layer of that pass becomes a row. All rows are judged as an
index would use the vectors: by the nearest vector after centring and half-whitening, or, for an encoder whose
vectors an index takes unchanged, without them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.encoders import SPECTRUM, TRANSFORMER, open_encoder, spec_for
from genome_index.errors import ModelError, UsageError, need_installed
from genome_index.evaluate.ani_pairs import Pairs, ani_correlation, ani_pairs
from genome_index.evaluate.comparison_inputs import compared_levels, identical_notes, usable_genomes
from genome_index.evaluate.memory_peak import peak_mb, release_models, reset_peak
from genome_index.evaluate.vector_scores import level_silhouette, mean_cosine, nearest_accuracy
from genome_index.index.vectors.projection import fit_projection
from genome_index.records import Failure, Genome, Progress, quiet, tell
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.levels import Level
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.matching import match

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """The scores of one encoder, layer and pooling."""

    encoder: str
    layer: int | None  # None for an encoder without layers
    pool: str
    dim: int
    # By rank, both NaN where all genomes have the same vector: the share of genomes whose nearest vector in
    # the other folds is right, of those with another genome of their name there; and the cosine silhouette
    # over all genomes with a name, -1 to 1.
    accuracy: Mapping[str, float]
    silhouette: Mapping[str, float]
    anisotropy: float  # mean cosine of all pairs of the encoder's vectors; near 1 is a narrow cone
    anisotropy_after: float  # after centring and half-whitening
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
class Vectors:
    """The genome vectors of one row, before they are scored."""

    encoder: str
    layer: int | None
    pool: str
    values: Floats  # (N, D)
    seconds: float
    peak_mb: float
    share_read: float
    spec: IndexSpec


@dataclass(frozen=True)
class Comparison:
    """The result: a row for each encoder, layer and pooling; the inputs and models that failed."""

    genomes: int
    rows: list[Row]
    failures: list[Failure]
    taxonomy: str  # its release
    reading: Reading


def compare_inputs(
    genomes: Iterable[Genome | Failure], taxonomy: Taxonomy, encoders: Sequence[str], layers: str,
    reading: Reading, progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """Compare the k-mer spectrum and some language models on genomes whose names a taxonomy has.

    Raises
    ------
    UsageError
        No rank or label has two names, one of them of two genomes.
    ModelError
    """
    need_installed("gindex compare", "sklearn", "scipy", extra="neural")
    specs = [spec_for(name) for name in dict.fromkeys((SPECTRUM, *encoders))]
    specs = [spec_for(spec.model, reading=reading) if spec.reading else spec for spec in specs]
    usable, failures = usable_genomes(genomes, any(spec.reading for spec in specs))
    matches = match([genome.id for genome in usable], taxonomy)
    tell(progress, [*identical_notes(usable), *matches.notes(), *matches.warnings()])
    levels = compared_levels(usable, matches, failures)
    results = list(compare_encoders(usable, levels, specs, layers, progress))
    failures += [result for result in results if isinstance(result, Failure)]
    rows = [result for result in results if isinstance(result, Row)]
    return Comparison(len(usable), rows, failures, taxonomy.release, reading)


def compare_encoders(
    genomes: Sequence[Genome],
    levels: Mapping[str, Level],
    specs: Sequence[IndexSpec],
    layers: str = "all",
    progress: Progress = quiet,
) -> Iterator[Row | Failure]:
    """Score each encoder on the same genomes; a language model by every layer, or by some.

    An encoder that cannot be used gives a failure, and the others go on.
    """
    pairs = ani_pairs(genomes)
    for spec in specs:
        try:
            for vectors in vectors_of(genomes, spec, layers, progress):
                yield score(vectors, levels, pairs)
        except UsageError as error:
            reason = error.reason if isinstance(error, ModelError) else str(error)
            yield Failure(spec.model or spec.encoder, "model", reason)


def vectors_of(
    genomes: Sequence[Genome], spec: IndexSpec, layers: str, progress: Progress
) -> Iterator[Vectors]:
    """One pass of one encoder over the genomes; the encoder's notes are reported first."""
    release_models()
    reset_peak()
    encoder = open_encoder(spec)
    if spec.encoder != TRANSFORMER:
        start = time.perf_counter()
        values = encoder.features(encoder.encode(genomes))
        seconds = time.perf_counter() - start
        yield Vectors(spec.model or spec.encoder, None, "-", values, seconds, peak_mb(spec), 1.0, spec)
        return
    from genome_index.encoders.language_model import Transformer
    from genome_index.encoders.layer_sweep import read_layers

    assert isinstance(encoder, Transformer)  # for the type checker: the table of encoders has no other
    for note in encoder.notes():  # this loads the model, which is not counted as reading
        progress.note(note)
    start = time.perf_counter()
    tables, share = read_layers(encoder, genomes, layers, progress)
    seconds, peak = time.perf_counter() - start, peak_mb(spec)
    for (layer, pool), values in tables.items():
        yield Vectors(spec.model, layer, pool, values, seconds, peak, share, spec)


def score(vectors: Vectors, levels: Mapping[str, Level], pairs: Pairs) -> Row:
    """The scores of one row's vectors."""
    values, spec = vectors.values, vectors.spec
    projected = fit_projection(values.copy(), spec.dim, spec.whitening).apply(values)
    scored = levels if np.ptp(values, axis=0).any() else {}  # equal vectors tell no genomes apart
    unknown = dict.fromkeys(levels, float("nan"))
    return Row(
        vectors.encoder, vectors.layer, vectors.pool, values.shape[1],
        unknown | {name: nearest_accuracy(values, level, spec) for name, level in scored.items()},
        unknown | {name: level_silhouette(projected, level) for name, level in scored.items()},
        mean_cosine(values), mean_cosine(projected), ani_correlation(projected, pairs), len(pairs),
        vectors.seconds, vectors.peak_mb, vectors.share_read, spec.encoder_version,
    )  # fmt: skip


def _or_null(value: Any) -> Any:  # noqa: ANN401  # JSON: numbers, texts, tables
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _or_null(item) for key, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
