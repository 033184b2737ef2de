"""The same genomes through several encoders, layers and poolings: which tells species apart, at what cost.

Each model reads the genomes once; every hidden layer of that one pass becomes a row. All rows are judged
alike, as an index would take them: by the nearest vector after centring and half-whitening that were fitted
on the other folds, or by vectors as they come where an encoder's are.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.collection.cluster_stats import silhouette
from genome_index.encoders import SPECTRUM, TRANSFORMER, open_encoder, spec_for
from genome_index.encoders.chunk_grid import unread
from genome_index.encoders.pooling import unit
from genome_index.errors import ModelError, UsageError, need_installed
from genome_index.index.store.skani import Candidate, measure
from genome_index.index.store.sketches import pack
from genome_index.index.vectors.projection import fit_projection, nearest_reference
from genome_index.io.quality import complaint, given_before
from genome_index.records import Failure, Genome, Progress, counted, quiet
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.levels import UNKNOWN, Level, levels_of
from genome_index.taxonomy.tables import Taxonomy

Floats = npt.NDArray[np.float32]

FOLDS = 4
LEAST_PAIRS = 20  # with an ANI; a correlation over fewer says nothing
ANI_GENOMES, ANI_NEIGHBOURS = 200, 8  # whose ANI to their nearest is measured
SEED = 0


@dataclass(frozen=True)
class Row:
    """One encoder, layer and pooling, judged."""

    encoder: str
    layer: int | None  # None for an encoder without layers
    pool: str
    dim: int
    accuracy: Mapping[str, float]  # rank -> share right of the genomes with a fellow, nearest vector, 4 folds
    # (NaN, as silhouette, where all genomes have one and the same vector)
    silhouette: Mapping[str, float]  # rank -> cosine silhouette over all genomes with a name, -1 to 1
    anisotropy: float  # mean cosine of all pairs, as the encoder gave them; near 1 is a narrow cone
    anisotropy_after: float  # after centring and half-whitening
    ani_correlation: float | None  # Spearman's, of similarity and ANI over pairs that have one, if enough do
    ani_pairs: int
    seconds: float  # of the whole pass, shared by all layers of it
    peak_mb: float  # of the process while this encoder read, or of the GPU
    share_read: float  # of the genomes; less than 1 where windows were sampled
    encoder_version: str  # a digest of a language model's weights, configuration and tokenizer

    def to_json(self) -> dict[str, Any]:
        return {key: _or_null(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Vectors:
    """One row's genome vectors, not judged yet."""

    encoder: str
    layer: int | None
    pool: str
    values: Floats  # (N, D)
    seconds: float
    peak_mb: float
    share_read: float
    spec: IndexSpec


def compare_encoders(
    genomes: Sequence[Genome],
    levels: Mapping[str, Level],
    specs: Sequence[IndexSpec],
    layers: str = "all",
    progress: Progress = quiet,
) -> Iterator[Row | Failure]:
    """Judge each encoder on the same genomes; a language model by every layer, or by those asked for.

    One that cannot be used is a failure in its place, and the others go on.
    """
    pairs = ani_pairs(genomes)
    for spec in specs:
        try:
            for one in vectors_of(genomes, spec, layers, progress):
                yield judge(one, levels, pairs)
        except UsageError as error:
            why = error.reason if isinstance(error, ModelError) else str(error)
            yield Failure(spec.model or spec.encoder, "model", why)


def vectors_of(
    genomes: Sequence[Genome], spec: IndexSpec, layers: str, progress: Progress
) -> Iterator[Vectors]:
    """One pass of one encoder over the genomes; what a user should know of it is told first."""
    _forget_models()
    _forget_peak()
    encoder = open_encoder(spec)
    if spec.encoder != TRANSFORMER:
        start = time.perf_counter()
        values = encoder.features(encoder.encode(genomes))
        seconds = time.perf_counter() - start
        yield Vectors(spec.model or spec.encoder, None, "-", values, seconds, _peak_mb(spec), 1.0, spec)
        return
    from genome_index.encoders.language_model import Transformer
    from genome_index.encoders.layer_sweep import read_layers

    assert isinstance(encoder, Transformer)  # for the type checker: the table says so
    for sentence in encoder.notes():  # the model is loaded for that, which is no part of its reading
        progress.note(sentence)
    start = time.perf_counter()
    tables, share = read_layers(encoder, genomes, layers, progress)
    seconds, peak = time.perf_counter() - start, _peak_mb(spec)
    for (layer, pool), values in tables.items():
        yield Vectors(spec.model, layer, pool, values, seconds, peak, share, spec)


def judge(one: Vectors, levels: Mapping[str, Level], pairs: Mapping[tuple[int, int], float]) -> Row:
    projected = _projected(one.values, one.spec)
    correlation = _correlation(projected, pairs)
    told = levels if np.ptp(one.values, axis=0).any() else {}  # else nothing tells genomes apart
    unknown = dict.fromkeys(levels, float("nan"))
    return Row(
        one.encoder, one.layer, one.pool, one.values.shape[1],
        unknown | {name: cross_validated(one.values, level, one.spec) for name, level in told.items()},
        unknown | {name: _silhouette(projected, level) for name, level in told.items()},
        mean_cosine(one.values), mean_cosine(projected), correlation, len(pairs), one.seconds, one.peak_mb,
        one.share_read, one.spec.encoder_version,
    )  # fmt: skip


def cross_validated(values: Floats, level: Level, spec: IndexSpec) -> float:
    """Share of genomes whose nearest of the other folds bears their name, of those with a fellow there."""
    fold = _folds(level)
    asked = right = 0
    for part in range(FOLDS):
        train, test = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        train = train[level.codes[train] != UNKNOWN]
        test = test[np.isin(level.codes[test], level.codes[train])]
        if not len(test):
            continue
        nearest = nearest_reference(values, train, test, spec.dim, spec.whitening)
        asked += len(test)
        right += int((level.codes[nearest] == level.codes[test]).sum())
    return right / asked if asked else float("nan")


def _projected(values: Floats, spec: IndexSpec) -> Floats:
    return fit_projection(values.copy(), spec.dim, spec.whitening).apply(values)


def _folds(level: Level) -> npt.NDArray[np.int64]:
    """Stratified by name, seeded."""
    generator = np.random.default_rng(SEED)
    found = np.empty(len(level.codes), np.int64)
    order = np.lexsort((generator.random(len(found)), level.codes))
    found[order] = np.arange(len(found)) % FOLDS
    return found


def _has_fellows(level: Level) -> bool:
    """At least two names, one of them borne twice."""
    counts = np.bincount(level.codes[level.codes != UNKNOWN])
    return bool((counts > 0).sum() > 1 and (counts > 1).any())


def _silhouette(vectors: Floats, level: Level) -> float:
    named = level.codes != UNKNOWN
    found = silhouette(vectors[named], level.codes[named])
    return float("nan") if found is None else found


def mean_cosine(vectors: Floats) -> float:
    """Of all pairs of two rows: (N, D) -> -1 to 1. The squared length of the sum holds them all at once."""
    rows = unit(vectors)
    pairs = len(rows) * (len(rows) - 1)
    total, own = rows.sum(axis=0, dtype=np.float64), np.square(rows).sum(dtype=np.float64)
    return min(1.0, float((total @ total - own) / pairs)) if pairs else float("nan")


def ani_pairs(genomes: Sequence[Genome]) -> dict[tuple[int, int], float]:
    """ANI in percent of some genomes with those nearest to them by spectrum, where there is one."""
    encoder = open_encoder(IndexSpec())
    vectors = _projected(encoder.features(encoder.encode(genomes)), IndexSpec())
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    found: dict[tuple[int, int], float] = {}
    for at in np.linspace(0, len(genomes) - 1, min(len(genomes), ANI_GENOMES)).astype(int).tolist():
        near = [int(other) for other in np.argsort(-similarity[at])[:ANI_NEIGHBOURS] if other != at]
        evidence = measure(genomes[at], [Candidate(pack(genomes[other]), "") for other in near])
        for other, one in zip(near, evidence, strict=True):
            if one.ani is not None:
                found[at, other] = one.ani
    return found


def _correlation(vectors: Floats, pairs: Mapping[tuple[int, int], float]) -> float | None:
    from scipy.stats import spearmanr

    if len(pairs) < LEAST_PAIRS:
        return None
    a, b = np.array(list(pairs)).T
    similarity = (vectors[a] * vectors[b]).sum(axis=1)
    ani = np.array(list(pairs.values()))
    if np.ptp(similarity) == 0 or np.ptp(ani) == 0:  # a layer that knows no sequence; nothing but clones
        return None
    return float(spearmanr(similarity, ani).statistic)


def _forget_models() -> None:
    """Let go of the model before, which would else be there, and be counted, until the next one is read."""
    if loader := sys.modules.get("genome_index.encoders.language_model"):
        loader.load.cache_clear()


def _gpu() -> Any:  # noqa: ANN401  # torch.cuda, or None
    """What knows of a GPU's memory, where torch has been loaded and sees one."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _forget_peak() -> None:
    """Measure the most memory from here on. Where Linux cannot forget, it is that of the process so far."""
    if gpu := _gpu():
        gpu.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb(spec: IndexSpec) -> float:
    """Of the GPU for a language model that may use one, else of this process."""
    if spec.encoder == TRANSFORMER and (gpu := _gpu()):
        return float(gpu.max_memory_allocated() / 1e6)
    with suppress(OSError, ValueError, IndexError):
        said = Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2]
        return int(said.split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True)
class Comparison:
    """What came of comparing: a row for each encoder, layer and pooling; inputs and models that failed."""

    genomes: int
    rows: list[Row]
    failures: list[Failure]
    taxonomy: str  # its release
    reading: Reading


def compare_inputs(
    genomes: Iterable[Genome | Failure], taxonomy: Taxonomy, encoders: Sequence[str], layers: str,
    reading: Reading, progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """Judge the k-mer spectrum and some language models on genomes whose names a taxonomy knows.

    Raises
    ------
    UsageError
        No rank or label has two names, one of them borne twice.
    ModelError
    """
    need_installed("gindex compare", "sklearn", "scipy", extra="neural")
    specs = [spec_for(name) for name in dict.fromkeys((SPECTRUM, *encoders))]
    specs = [spec_for(spec.model, reading=reading) if spec.reading else spec for spec in specs]
    usable, failures = _sorted_out(genomes, any(spec.reading for spec in specs))
    for sentence in _twins(usable):
        progress.note(sentence)
    levels = levels_of([taxonomy.find(one.id) or one.taxon for one in usable])
    asked = {name: level for name, level in levels.items() if _has_fellows(level)}
    if not asked:
        raise UsageError(
            f"nothing to compare by: of {counted(len(usable))}, no two share a name of {taxonomy.release} "
            f"while others bear another{_first_of(failures)}"
        )
    found = list(compare_encoders(usable, asked, specs, layers, progress))
    failures += [one for one in found if isinstance(one, Failure)]
    rows = [one for one in found if isinstance(one, Row)]
    return Comparison(len(usable), rows, failures, taxonomy.release, reading)


def _sorted_out(genomes: Iterable[Genome | Failure], by_model: bool) -> tuple[list[Genome], list[Failure]]:
    """Genomes that can be compared, and the others with the reason why not."""
    usable: dict[str, Genome] = {}
    failures = []
    for one in genomes:
        if isinstance(one, Failure):
            failures.append(one)
            continue
        why = complaint(one)
        if one.id in usable:
            why = given_before(one.id, usable[one.id].source)
        elif not why and by_model:
            why = unread(one)
        if why:
            failures.append(Failure(one.id, one.source, why))
        else:
            usable[one.id] = one
    return list(usable.values()), failures


def _twins(genomes: Sequence[Genome]) -> list[str]:
    """A sentence where genomes are the very same sequence: they find each other by any encoder."""
    digests = Counter(one.sha256 for one in genomes)
    twins = sum(count for count in digests.values() if count > 1)
    if not twins:
        return []
    return [
        f"{twins:,} of {counted(len(genomes))} have the same sequence as another of them, which any encoder "
        "finds; leave one of each out for shares that tell encoders apart"
    ]


def _first_of(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    first = failures[0]
    return f"; {counted(len(failures), 'input')} failed, the first, {first.source}: {first.reason}"


def _or_null(value: Any) -> Any:  # noqa: ANN401  # JSON: numbers, texts, tables
    """The same, with null for NaN, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _or_null(one) for key, one in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
