"""Batches of queries: one call for each input, in order, also for inputs that cannot be classified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from genome_index.io.quality import complaint
from genome_index.records import Call, Failure, Genome

BATCH_BP = 32_000_000  # after which a batch is full, however few its genomes


def calls_in_order(
    inputs: Iterable[Genome | Failure],
    batch_size: int,
    classify: Callable[[Sequence[Genome]], Sequence[Call]],
) -> Iterator[Call]:
    """One Call for each input, in order.

    Parameters
    ----------
    batch_size
        Inputs in a batch, at most.
    classify
        Gives the calls of up to `batch_size` genomes that pass quality control.
    """
    for batch in _batches(inputs, batch_size):
        usable = [genome for genome in batch if isinstance(genome, Genome) and not complaint(genome)]
        calls = iter(classify(usable) if usable else ())
        for genome in batch:
            if isinstance(genome, Failure):
                yield Call(genome.id, genome.source, 0, "failed", genome.reason)
            elif reason := complaint(genome):
                yield Call(genome.id, genome.source, genome.length_bp, "qc_fail", reason)
            else:
                yield next(calls)


def _batches(inputs: Iterable[Genome | Failure], batch_size: int) -> Iterator[list[Genome | Failure]]:
    batch: list[Genome | Failure] = []
    size_bp = 0
    for genome in inputs:
        batch.append(genome)
        size_bp += genome.length_bp if isinstance(genome, Genome) else 0
        if len(batch) >= batch_size or size_bp >= BATCH_BP:
            yield batch
            batch, size_bp = [], 0
    if batch:
        yield batch
