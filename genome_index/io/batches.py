"""Batches: consecutive genomes or records grouped up to a number and a total length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class HasLength(Protocol):
    @property
    def length_bp(self) -> int: ...


Item = TypeVar("Item", bound=HasLength)


def batches(
    items: Iterable[Item], most_items: int | None, most_bp: int, strict: bool = False
) -> Iterator[list[Item]]:
    """Group items in order; a batch ends with the item by which it reaches `most_items` or `most_bp`.

    Parameters
    ----------
    items : iterable
        They are taken one by one: a batch is yielded before the next item is taken.
    most_items : int or None
        Items in a batch; None for any number.
    most_bp : int
        Base pairs after which a batch ends.
    strict : bool
        No batch exceeds `most_bp`, except one of a single longer item.
    """
    batch: list[Item] = []
    total_bp = 0
    for item in items:
        if strict and batch and total_bp + item.length_bp > most_bp:
            yield batch
            batch, total_bp = [], 0
        batch.append(item)
        total_bp += item.length_bp
        if len(batch) == most_items or total_bp >= most_bp:
            yield batch
            batch, total_bp = [], 0
    if batch:
        yield batch
