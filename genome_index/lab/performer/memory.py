"""Memory of a training step: the peak of a process of its own, and the tensors that autograd stores."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from traceback import format_exception_only
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from genome_index.errors import GindexError, UsageError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Result = TypeVar("Result")


class Ledger:
    """Bytes that graphs store for the backward pass; tensors over the same memory count once."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._holders: Counter[int] = Counter()  # saved tensors by address

    def take(self, address: int, size: int) -> None:
        self._holders[address] += 1
        self.now += size if self._holders[address] == 1 else 0
        self.peak = max(self.peak, self.now)

    def give(self, address: int, size: int) -> None:
        self._holders[address] -= 1
        self.now -= size if self._holders[address] == 0 else 0


class _Saved:
    """A tensor in a graph, subtracted when the graph is freed."""

    def __init__(self, tensor: Tensor, ledger: Ledger) -> None:
        storage = tensor.untyped_storage()
        self.tensor, self._ledger = tensor, ledger
        self._entry = storage.data_ptr(), storage.nbytes()
        ledger.take(*self._entry)

    def __del__(self) -> None:
        self._ledger.give(*self._entry)


@contextmanager
def counted() -> Iterator[Ledger]:
    """Count the bytes stored by the graphs that are made inside this block."""
    ledger = Ledger()
    with saved_tensors_hooks(lambda tensor: _Saved(tensor, ledger), lambda saved: saved.tensor):
        yield ledger


def apart(work: Callable[..., Result], *arguments: object) -> Result | None:
    """The result of `work` in a new process, on one core; None if the system killed it for lack of memory.

    Raises
    ------
    GindexError
        The work failed, or its process could not begin.
    """
    spawn = get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_work, args=(sender, work, arguments))
    try:
        process.start()
        sender.close()  # the child then has the only copy, and the pipe ends with it
        result, reason = receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return None
        result, reason = None, _exit_reason(process.exitcode or 0)
    finally:
        receiver.close()
        if process.is_alive() and sys.exc_info()[0] is not None:
            process.kill()
    process.join()
    if reason:
        raise GindexError(f"{getattr(work, '__name__', work)}, in a process of its own: {reason}")
    return cast(Result, result)


def _work(sender: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    torch.set_num_threads(1)
    try:
        result = work(*arguments)
    except BaseException as error:
        sender.send((None, "".join(format_exception_only(error)).strip()))
        raise
    sender.send((result, ""))


def _exit_reason(code: int) -> str:
    """The reason for the end of a process that sent none."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return (
        f"ended with exit code {code} and no reason; see what it wrote to standard error. "
        "A script must call this under `if __name__ == '__main__':`"
    )


def resident_bytes() -> tuple[int, int]:
    """Resident memory of this process: now, and at its peak."""
    # Not getrusage: a child starts there with the maximum of its parent.
    status = _fields("/proc/self/status")
    return status["VmRSS"], status["VmHWM"]


def available_bytes() -> int:
    """Memory available without swapping."""
    return _fields("/proc/meminfo")["MemAvailable"]


def _fields(path: str) -> dict[str, int]:
    if not Path(path).exists():
        raise UsageError(f"memory is measured with {path}, which is missing here; measure on Linux")
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {line[0].rstrip(":"): 1024 * int(line[1]) for line in lines if line[-1] == "kB"}
