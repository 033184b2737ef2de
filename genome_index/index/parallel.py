"""How many threads libraries (torch, FAISS, BLAS) take by themselves: all cores, unless told beforehand."""

from __future__ import annotations

import os

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def bound_threads(most: int) -> None:
    """Let no library that is loaded from now on take more than so many; what is set lower stays."""
    for name in VARIABLES:
        said = os.environ.get(name, "")
        os.environ[name] = str(min(most, int(said)) if said.isdigit() else most)
