"""Report of topology: what the spaces of encoders keep of shared k-mers and of the taxonomy.

topology.md     tables of all encoders, and what can be said of them in words
topology.png    neighbours kept, and distances by rank
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genome_index.encoders.pooling import unit
from genome_index.errors import UsageError
from genome_index.evaluate.comparison.inputs import usable_genomes
from genome_index.evaluate.memory_peak import release_models
from genome_index.io.atomic import disk_errors, write_file
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.vectors import WINDOWS, projected, spec_of, unit_vectors
from genome_index.lab.topology.measures import Sample, cosine_distances, measure
from genome_index.lab.topology.models import Model, models_of
from genome_index.lab.topology.picture import draw
from genome_index.lab.topology.tables import CHANCE, KMERS, Row, failure_table, tables_of
from genome_index.lab.topology.verdict import verdict
from genome_index.records import Genome, Progress, counted, quiet
from genome_index.spec import NO_PROJECTION

GENOMES = 1_000  # of the test part: all pairs are compared
LEAST = 10  # of fewer, hardly a neighbour can be wrong
CHANCE_DIM = 256  # of vectors by chance
REPORT, PICTURE = "topology.md", "topology.png"


@dataclass(frozen=True)
class TopologyPlan:
    """What is measured."""

    encoders: tuple[str, ...] = ()  # names or folders, beside spectrum and profile
    study: Path | None = None  # folder of a study, whose networks are measured too
    genomes: int = GENOMES  # of the test part at most, by chance
    windows: int = WINDOWS  # that a language model reads of each strand; 0: all
    seed: int = 0


def report_topology(corpus: Path, folder: Path, plan: TopologyPlan, progress: Progress = quiet) -> str:
    """Write topology.md and topology.png, and return the text.

    Raises
    ------
    UsageError
        An encoder or a study is not there, or the test part has too few genomes.
    InputError, StorageError
    """
    for name in plan.encoders:  # a wrong name is told before anything is read
        spec_of(name, plan.windows)
    models, shards = models_of(plan.encoders, plan.study), Shards.open(corpus)
    genomes, sentence = _sample(shards, plan, progress)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    sample = Sample.of(genomes, plan.seed, progress)
    rows, failures = [Row(KMERS, measure(sample, sample.kmers))], []
    for number, model in enumerate(models, 1):
        try:
            rows.append(_row(model, genomes, sample, plan, progress))
        except UsageError as error:
            failures.append((model.label, str(error)))
        progress.stage("encoders measured", number, len(models))
    rows.append(Row(CHANCE, measure(sample, _by_chance(len(genomes), plan.seed))))
    pieces = [sentence, verdict(rows, sample), *tables_of(rows, sample), *failure_table(failures)]
    text = "\n\n".join(["# Topology", *pieces, f"![neighbours kept, and distances by rank]({PICTURE})"])
    write_file(folder / REPORT, f"{text}\n".encode())
    draw(rows, sample, folder / PICTURE)
    return text


def _sample(shards: Shards, plan: TopologyPlan, progress: Progress) -> tuple[list[Genome], str]:
    """Genomes of the test part by chance, and how they were chosen."""
    part = shards.numbers("test")
    chosen = np.sort(np.random.default_rng(plan.seed).permutation(part)[: plan.genomes])
    genomes, unusable = usable_genomes(genomes_of(shards, chosen.tolist(), progress), by_model=True)
    if len(genomes) < LEAST:
        raise UsageError(
            f"{shards.path}: {counted(len(genomes))} of its test part can be compared, at least {LEAST} are "
            "needed; build the corpus with a larger --test-share, or take more --genomes"
        )
    sentences = [
        f"{len(genomes):,} of {counted(len(part))} of the test part, by chance with seed {plan.seed}."
    ]
    if unusable:
        sentences.append(f"{len(unusable):,} more are left out, the first: {unusable[0].reason}")
    if plan.encoders or plan.study:
        sentences.append(f"Language models read {plan.windows or 'all'} windows of each strand.")
    return genomes, " ".join(sentences)


def _row(
    model: Model, genomes: Sequence[Genome], sample: Sample, plan: TopologyPlan, progress: Progress
) -> Row:
    """The measures of an encoder, as an index would project its vectors and as they come."""
    release_models()
    spec = spec_of(model.encoder, plan.windows)
    vectors = unit_vectors(genomes, spec, progress)
    as_is = measure(sample, cosine_distances(vectors), 0) if spec.dim != NO_PROJECTION else None
    return Row(model.label, measure(sample, cosine_distances(projected(vectors, spec))), as_is)


def _by_chance(genomes: int, seed: int) -> np.ndarray:
    """Distances of vectors that have nothing to do with the genomes: (N, N)."""
    draws = np.random.default_rng(seed).normal(size=(genomes, CHANCE_DIM))
    return cosine_distances(unit(draws.astype(np.float32)))
