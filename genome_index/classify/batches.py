"""Batches of queries: one call for each input, in order, also for inputs that cannot be classified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from genome_index.io.batches import batches
from genome_index.io.quality import complaint
from genome_index.records import Call, Failure, Genome

Answer = TypeVar("Answer")

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
    return answers_in_order(inputs, batch_size, classify, lambda call: call)


def answers_in_order(
    inputs: Iterable[Genome | Failure],
    batch_size: int,
    classify: Callable[[Sequence[Genome]], Sequence[Answer]],
    unclassified: Callable[[Call], Answer],
) -> Iterator[Answer]:
    """One answer for each input, in order; `unclassified` makes that of an input which cannot be classified.

    The other parameters are those of `calls_in_order`.
    """
    for batch in batches(inputs, batch_size, BATCH_BP):
        usable = [genome for genome in batch if isinstance(genome, Genome) and not complaint(genome)]
        answers = iter(classify(usable) if usable else ())
        for genome in batch:
            if isinstance(genome, Failure):
                yield unclassified(Call(genome.id, genome.source, 0, "failed", genome.reason))
            elif reason := complaint(genome):
                yield unclassified(Call(genome.id, genome.source, genome.length_bp, "qc_fail", reason))
            else:
                yield next(answers)
