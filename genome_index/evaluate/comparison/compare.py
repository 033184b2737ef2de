"""Comparison of encoders, layers and poolings on the same genomes: accuracy, geometry, cost.

Each model reads the genomes once; every hidden layer of that pass becomes a row. All rows are judged by the
same queries, by the nearest vector as an index would use it: after centring and half-whitening, or, for an
encoder whose vectors an index takes unchanged, without them. A row differs from the k-mer spectrum if the
interval of the difference, paired by genome, lies on one side of zero.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.encoders import SPECTRUM, TRANSFORMER, open_encoder, spec_for
from genome_index.errors import ModelError, UsageError, need_installed
from genome_index.evaluate.ani_pairs import Pairs, ani_correlation, ani_pairs
from genome_index.evaluate.comparison.inputs import compared_names, identical_notes, usable_genomes
from genome_index.evaluate.comparison.repeated_folds import Names, Shares, right_shares
from genome_index.evaluate.comparison.rows import Answers, Comparison, Interval, Queries, Row, mean_share
from genome_index.evaluate.comparison.similarities import as_they_come, whitened
from genome_index.evaluate.comparison.vector_scores import level_silhouette, mean_cosine
from genome_index.evaluate.memory_peak import peak_mb, release_models, reset_peak
from genome_index.evaluate.species_out import has_answer, species_units
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.vectors.projection import fit_projection
from genome_index.records import Failure, Genome, Progress, quiet, tell
from genome_index.spec import NO_PROJECTION, IndexSpec, Reading
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.matching import match

Floats = npt.NDArray[np.float32]
NAN = float("nan")


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


def compare_inputs(
    genomes: Iterable[Genome | Failure], taxonomy: Taxonomy, encoders: Sequence[str], layers: str,
    reading: Reading, progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """Compare the k-mer spectrum and some language models on genomes whose names a taxonomy has.

    Raises
    ------
    UsageError
        At no rank or label does a genome share its name with another that may answer, beside other names.
    ModelError
    """
    need_installed("gindex compare", "sklearn", "scipy", extra="neural")
    specs = [spec_for(name) for name in dict.fromkeys((SPECTRUM, *encoders))]
    specs = [spec_for(spec.model, reading=reading) if spec.reading else spec for spec in specs]
    usable, failures = usable_genomes(genomes, any(spec.reading for spec in specs))
    matches = match([genome.id for genome in usable], taxonomy)
    tell(progress, [*identical_notes(usable), *matches.notes(), *matches.warnings()])
    names, notes = compared_names(usable, matches, failures)
    tell(progress, notes)
    results = list(compare_encoders(usable, names, specs, layers, progress))
    failures += [result for result in results if isinstance(result, Failure)]
    rows = [result for result in results if isinstance(result, Row)]
    return Comparison(len(usable), queries_of(names), rows, failures, taxonomy.release, reading)


def queries_of(names: Names) -> dict[str, Queries]:
    """The queries of each rank or label, and their species."""
    units = species_units(names.species)
    asked = {name: units[has_answer(level, names.species)] for name, level in names.levels.items()}
    return {name: Queries(len(rows), len(np.unique(rows))) for name, rows in asked.items()}


def compare_encoders(
    genomes: Sequence[Genome],
    names: Names,
    specs: Sequence[IndexSpec],
    layers: str = "all",
    progress: Progress = quiet,
) -> Iterator[Row | Failure]:
    """Score each encoder on the same genomes; a language model by every layer, or by some.

    The first row, which is the spectrum's, is what the others are compared with. An encoder that cannot be
    used gives a failure, and the others go on.
    """
    pairs = ani_pairs(genomes)
    first: Answers | None = None
    for spec in specs:
        try:
            for vectors in _counted_off(vectors_of(genomes, spec, layers, progress), progress):
                answers = answers_of(vectors, names)
                yield score(vectors, names, answers, first, pairs)
                first = first or answers
        except UsageError as error:
            reason = error.reason if isinstance(error, ModelError) else str(error)
            yield Failure(spec.model or spec.encoder, "model", reason)


def _counted_off(vectors: Iterator[Vectors], progress: Progress) -> Iterator[Vectors]:
    """The vectors of one pass; scoring takes seconds for each layer and pooling of a thousand genomes."""
    rows = list(vectors)
    for at, each in enumerate(rows):
        progress.stage("vectors scored", at, len(rows))
        yield each


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


def answers_of(vectors: Vectors, names: Names) -> Answers:
    """How often each genome finds its name, by the vectors as they come and whitened."""
    values, unchanged = vectors.values, vectors.spec.dim == NO_PROJECTION
    if not np.ptp(values, axis=0).any():  # equal vectors tell no genomes apart
        nothing = {name: np.full(len(values), NAN) for name in names.levels}
        return Answers(nothing, nothing, nothing)
    as_is = right_shares(as_they_come(values), names)
    projected = right_shares(whitened(values, IndexSpec.dim, IndexSpec.whitening), names)
    return Answers(as_is, projected, as_is if unchanged else projected)


def score(vectors: Vectors, names: Names, answers: Answers, first: Answers | None, pairs: Pairs) -> Row:
    """The scores of one row's vectors; `first` are the answers to compare with, None for those themselves."""
    values, spec = vectors.values, vectors.spec
    projected = fit_projection(values.copy(), spec.dim, spec.whitening).apply(values)
    scored = names.levels if np.ptp(values, axis=0).any() else {}
    gains = {name: shares - first.taken[name] for name, shares in answers.taken.items()} if first else {}
    nothing, units = dict.fromkeys(names.levels, NAN), species_units(names.species)
    return Row(
        vectors.encoder, vectors.layer, vectors.pool, values.shape[1],
        _means(answers.taken), nothing | _means(gains),
        dict.fromkeys(names.levels) | {name: paired_interval(gain, units) for name, gain in gains.items()},
        _means(answers.as_is), _means(answers.whitened),
        nothing | {name: level_silhouette(projected, level) for name, level in scored.items()},
        mean_cosine(values), ani_correlation(projected, pairs), len(pairs),
        vectors.seconds, vectors.peak_mb, vectors.share_read, spec.encoder_version,
    )  # fmt: skip


def paired_interval(gain: Shares, units: npt.NDArray[np.int64]) -> Interval | None:
    """The 95 % interval of a mean difference over the queries, whole species redrawn: (N,), (N,).

    NaN is no query. None of queries of a single species.
    """
    queries = ~np.isnan(gain)
    if len(np.unique(units[queries])) < 2:
        return None
    return interval(gain[queries], units[queries])


def _means(shares: Mapping[str, Shares]) -> dict[str, float]:
    return {name: mean_share(each) for name, each in shares.items()}
