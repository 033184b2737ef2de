"""Out-of-memory errors: recognition by each library's message, and the error for weights that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from genome_index.errors import ModelError

SMALLER = "choose a smaller model"
ERRORS = (MemoryError, RuntimeError)  # torch's OutOfMemoryError is of the second kind
MESSAGES = (
    "out of memory",
    "allocate memory",
    "enough memory",
    "alloc_failed",  # of cuBLAS
    "cublas_status_not_initialized",  # its message when it has no memory for itself
    "allocation_failed",  # of cuDNN
    "could not create a primitive",  # of oneDNN, which has no other message for it
    "could not execute a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means out of memory: by its class, or by the message of a RuntimeError or OSError."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(message in text for message in MESSAGES)


@contextmanager
def room_for_weights(where: str, device: str) -> Iterator[None]:
    """Turn an out-of-memory error inside this block into a ModelError: a model's weights do not fit."""
    try:
        yield
    except ERRORS as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(where, f"its weights do not fit into the memory of {device}; {SMALLER}") from error
