"""How much a twin should count in the training of a pool: weights of positives of the same species compared.

python tests/bench/twins.py [plasmid | mito] [SEEDS]

Chunks are pieces of 2 kb, 16 of a genome at most, embedded by SemiBin's global network (semibin has to be
installed). plasmid has four genomes of most species by itself; of mito a third of the genera of trained.py are
taken, and half of the species get three copies with 1 % of their bases changed. Species are divided into three
parts anew for each seed, as `gindex fit-pool` does; what is shown is the share of test genomes that find their
genus, none of the query's species being among the references.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from common import GENOMES, machine, rows
from trained import genomes_of

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers import semibin
from helpers.simulated import mutated

from genome_index.encoders.language_model import COLUMNS
from genome_index.index import pool_training
from genome_index.index.fit_pooling import SHARES
from genome_index.index.pool_training import TrainingData, nearest_has_name, pooled, train_pool
from genome_index.io.reader import iter_genomes
from genome_index.records import Genome, quiet

WEIGHTS = (1.0, 0.25, 1e-4)
PIECE_BP, MOST_PIECES = 2_000, 16
COPIES, CHANGED, EVERY = 3, 0.01, 3


def collection(name: str) -> Iterator[tuple[bytes, str, str]]:
    """Sequence, genus and species of each genome."""
    table = {row["genome_id"]: row for row in rows(name)}
    genomes: list[Genome]
    if name == "mito":
        genera = sorted({table[genome.id]["genus"] for genome in genomes_of(name)})[::EVERY]
        genomes = [genome for genome in genomes_of(name) if table[genome.id]["genus"] in set(genera)]
    else:
        genomes = list(iter_genomes([GENOMES / f"{name}.fa.gz"], "record"))
    generator = np.random.default_rng(0)
    chosen = {row["species"]: generator.random() < 0.5 for row in table.values()}
    for at, genome in enumerate(genomes):
        genus, species = table[genome.id]["genus"], table[genome.id]["species"]
        sequence = b"N".join(contig.sequence for contig in genome.contigs)
        if genus and species:
            yield sequence, genus, species
            for copy in range(COPIES if name == "mito" and chosen[species] else 0):
                yield mutated(sequence, CHANGED, at * COPIES + copy), genus, species


def chunks_of(network: semibin.SemiBin, sequence: bytes) -> np.ndarray:
    starts = np.arange(0, max(1, len(sequence) - PIECE_BP + 1), PIECE_BP)
    starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), MOST_PIECES)).astype(int)]
    counts = np.stack([semibin.counts(sequence[start : start + PIECE_BP]) for start in starts])
    head = np.column_stack([counts.sum(axis=1), np.zeros(len(starts)), np.ones(len(starts))])
    return np.hstack([head, network.features(counts)]).astype(np.float32)


def main() -> None:
    name, seeds = (sys.argv[1] if len(sys.argv) > 1 else "plasmid"), int((sys.argv[2:] or ["5"])[0])
    torch.set_num_threads(1)
    network = semibin.SemiBin("global")
    sequences, genera, species = zip(*collection(name), strict=True)
    chunks = [chunks_of(network, sequence) for sequence in sequences]
    names = np.unique(genera, return_inverse=True)[1]
    numbers = np.unique(species, return_inverse=True)[1]
    print(
        f"{machine()}; {name}: {len(chunks):,} genomes, {numbers.max() + 1:,} species, {names.max() + 1} genera, H {chunks[0].shape[1] - COLUMNS}"
    )
    right: dict[tuple[str, float], list[np.ndarray]] = {}
    for seed in range(seeds):
        part = np.digitize(np.random.default_rng(seed).random(numbers.max() + 1)[numbers], SHARES)
        data = TrainingData(chunks, names, numbers, part)
        references, test = np.flatnonzero(part < 2), data.rows(2)
        queries = test[np.isin(names[test], names[references])]
        right.setdefault(("mean", 0.0), []).append(
            nearest_has_name(pooled(None, chunks), names, references, queries)
        )
        for kind in ("attention", "gru"):
            for weight in WEIGHTS:
                pool_training.TWIN_WEIGHT = weight
                pool = train_pool(kind, data, quiet)
                found = nearest_has_name(pooled(pool.module, chunks), names, references, queries)
                right.setdefault((kind, weight), []).append(found)
        print(f"seed {seed}: {len(queries)} test genomes", flush=True)
    for (kind, weight), found in right.items():
        gain = [
            100 * (each.mean() - first.mean())
            for each, first in zip(found, right[kind, 1.0 if kind != "mean" else 0.0], strict=True)
        ]
        print(
            f"{kind:<9} weight {weight:<6g} {100 * np.mean(np.concatenate(found)):5.1f} %  against weight 1 {np.mean(gain):+.1f} (standard error {np.std(gain, ddof=1) / len(gain) ** 0.5:.1f})"
        )


if __name__ == "__main__":
    main()
