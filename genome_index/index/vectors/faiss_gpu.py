"""FAISS on a GPU, where its build sees one; what a GPU cannot do is done on the CPU, and finds the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import faiss

Found = TypeVar("Found")

MOST_NEIGHBOURS = 2_048  # that FAISS can be asked for there
# Taken at once and kept; FAISS's own 1.5 GB and 256 MB may not be left beside a language model.
TEMPORARY_BYTES, PINNED_BYTES = 256 << 20, 16 << 20


@dataclass
class Gpu:
    """FAISS on a GPU, until that fails once: after that FAISS would bring the process down."""

    resources: Any  # None where FAISS sees no GPU; its build for CUDA is the extra `gpu`
    failed: bool = False

    def found(self, search: Callable[[Any], Found]) -> Found | None:
        """What a search with its resources finds; None where there is no GPU, or none with memory left."""
        if self.resources is None or self.failed:
            return None
        try:
            return search(self.resources)
        except RuntimeError:
            self.failed = True
            return None


@cache
def gpu() -> Gpu:
    """The one of this process."""
    kinds: Any = faiss  # its types know nothing of GPUs
    if not kinds.get_num_gpus():
        return Gpu(None)
    resources = kinds.StandardGpuResources()
    resources.setTempMemory(TEMPORARY_BYTES)
    resources.setPinnedMemory(PINNED_BYTES)
    return Gpu(resources)
