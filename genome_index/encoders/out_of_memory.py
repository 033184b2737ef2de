"""When memory runs out: how the libraries say it, each in its own way, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from genome_index.errors import ModelError

SMALLER = "choose a smaller model"
ERRORS = (MemoryError, RuntimeError)  # torch's OutOfMemoryError is of the second kind
SAID = (
    "out of memory",
    "allocate memory",
    "enough memory",
    "alloc_failed",  # of cuBLAS
    "cublas_status_not_initialized",  # as it says when it finds no room for itself
    "allocation_failed",  # of cuDNN
    "could not create a primitive",  # of oneDNN, which has no other words for it
    "could not execute a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means memory: torch's own, or a plain RuntimeError or OSError that says so."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in SAID)


@contextmanager
def room_for_weights(where: str, device: str) -> Iterator[None]:
    """Turn memory that runs out within into a ModelError: a model's weights do not fit."""
    try:
        yield
    except ERRORS as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(where, f"its weights do not fit into the memory of {device}; {SMALLER}") from error
