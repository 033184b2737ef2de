"""Functions that numba compiles once they are needed; a little work is done by numpy instead.

To import numba and load its first compiled function takes 0.7 s, more than all else in a query of one
mitogenome. So numba is imported by the first call, and a kernel with a plain twin in numpy uses that until
the process has done so much work that compiled functions pay. Both give the same bits.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

PLAIN_ELEMENTS = 1 << 20  # of the first arguments of plain calls in a process: some four mitogenomes
_done = 0  # of those


class Kernel(Generic[P, R]):
    """A compiled function, called as the function that it is made of."""

    def __init__(self, function: Callable[P, R], plain: Callable[P, R] | None = None) -> None:
        functools.update_wrapper(self, function)
        self.function, self.plain = function, plain

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain twin for a little work while numba is not there, else the compiled function."""
        if self.plain is not None and _is_little(args[0]):
            return self.plain(*args, **kwargs)
        return self.compiled(*args, **kwargs)

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """The function as numba compiles it, from its cache on disk if it has been compiled before."""
        from numba import njit

        compiled: Callable[P, R] = njit(cache=True, nogil=True)(self.function)
        return compiled

    @property
    def _numba_type_(self) -> Any:  # noqa: ANN401  # numba has no types
        """What numba takes a kernel for that another one calls: the compiled function."""
        from numba.core.types import Dispatcher

        return Dispatcher(self.compiled)


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Decorate a function that numba compiles."""
    return Kernel(function)


def kernel_with(plain: Callable[P, R]) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Decorate a function that numba compiles, and whose `plain` twin does the same by numpy."""
    return lambda function: Kernel(function, plain)


def load_numba() -> None:
    """Let the compiled functions do all work from now on, as a process needs that lives for long."""
    importlib.import_module("numba")


def _is_little(first: object) -> bool:
    """Whether work on this array is done by numpy; it is counted."""
    global _done
    if "numba" in sys.modules or not isinstance(first, np.ndarray):
        return False
    _done += first.size
    return _done <= PLAIN_ELEMENTS
