"""Batches of queries: one call for each input, in order, also for inputs that cannot be classified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from genome_index.io.batches import batches
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
    for batch in batches(inputs, batch_size, BATCH_BP):
        usable = [genome for genome in batch if isinstance(genome, Genome) and not complaint(genome)]
        calls = iter(classify(usable) if usable else ())
        for genome in batch:
            if isinstance(genome, Failure):
                yield Call(genome.id, genome.source, 0, "failed", genome.reason)
            elif reason := complaint(genome):
                yield Call(genome.id, genome.source, genome.length_bp, "qc_fail", reason)
            else:
                yield next(calls)
