"""When memory runs out: how the libraries say it, each in its own way."""

from __future__ import annotations

SMALLER = "choose a smaller model"
SAID = (
    "out of memory",
    "allocate memory",
    "enough memory",
    "alloc_failed",  # of cuBLAS
    "could not create a primitive",  # of oneDNN, which has no other words for it
    "could not execute a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means memory: torch's own, or a plain RuntimeError or OSError that says so."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in SAID)
