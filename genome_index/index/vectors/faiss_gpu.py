"""FAISS on a GPU, if its build sees one; where the GPU cannot search, the CPU does, with the same result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import faiss

Result = TypeVar("Result")

MOST_NEIGHBOURS = 2_048  # FAISS's limit on a GPU
# Allocated once; FAISS's defaults of 1.5 GB and 256 MB may not be free beside a language model.
TEMPORARY_BYTES, PINNED_BYTES = 256 << 20, 16 << 20


@dataclass
class Gpu:
    """FAISS on a GPU, until a search fails: after that FAISS would crash the process."""

    resources: Any  # None where FAISS sees no GPU; its build for CUDA is the extra `gpu`
    failed: bool = False

    def result(self, search: Callable[[Any], Result]) -> Result | None:
        """The result of a search with the GPU's resources; None without a GPU or free memory on it."""
        if self.resources is None or self.failed:
            return None
        try:
            return search(self.resources)
        except RuntimeError:
            self.failed = True
            return None


@cache
def gpu() -> Gpu:
    """The GPU of this process."""
    untyped: Any = faiss  # FAISS's types lack its GPU part
    if not untyped.get_num_gpus():
        return Gpu(None)
    resources = untyped.StandardGpuResources()
    resources.setTempMemory(TEMPORARY_BYTES)
    resources.setPinnedMemory(PINNED_BYTES)
    return Gpu(resources)
