"""How much memory a training step takes: in a process of its own, and what autograd keeps till backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from genome_index.errors import UsageError

Result = TypeVar("Result")


class Ledger:
    """Bytes that graphs keep for the way back; tensors over the same memory count once."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._holders: Counter[int] = Counter()  # how many saved tensors lie over an address

    def take(self, address: int, size: int) -> None:
        self._holders[address] += 1
        self.now += size if self._holders[address] == 1 else 0
        self.peak = max(self.peak, self.now)

    def give(self, address: int, size: int) -> None:
        self._holders[address] -= 1
        self.now -= size if self._holders[address] == 0 else 0


class _Saved:
    """A tensor in a graph, written off when the graph is freed."""

    def __init__(self, tensor: Tensor, ledger: Ledger) -> None:
        storage = tensor.untyped_storage()
        self.tensor, self._ledger = tensor, ledger
        self._entry = storage.data_ptr(), storage.nbytes()
        ledger.take(*self._entry)

    def __del__(self) -> None:
        self._ledger.give(*self._entry)


@contextmanager
def counted() -> Iterator[Ledger]:
    """Count what graphs made within keep."""
    ledger = Ledger()
    with saved_tensors_hooks(lambda tensor: _Saved(tensor, ledger), lambda saved: saved.tensor):
        yield ledger


def apart(work: Callable[..., Result], *arguments: object) -> Result | None:
    """What `work` gives in a new process, on one core; None if that was killed, as for want of memory."""
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool:
            return None


def resident_bytes() -> tuple[int, int]:
    """Memory that this process has, and the most it ever had."""
    # Not getrusage: the maximum there is that of the parent where the parent had more.
    said = _fields("/proc/self/status")
    return said["VmRSS"], said["VmHWM"]


def available_bytes() -> int:
    """Memory that could be had without swapping."""
    return _fields("/proc/meminfo")["MemAvailable"]


def _fields(path: str) -> dict[str, int]:
    if not Path(path).exists():
        raise UsageError(f"memory is measured with {path}, which is not here; do it on Linux")
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {line[0].rstrip(":"): 1024 * int(line[1]) for line in lines if line[-1] == "kB"}
