"""Child processes of the service: how they are started, called, and ended.

A child is spawned, because a fork would copy the locks of the service's threads. It ignores Ctrl-C, which a
terminal sends to children too: the parent decides when a child ends. It ends itself as soon as the parent is
gone, however the parent ended. An unexpected error ends a child too, with its traceback in the log.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

from genome_index.errors import GindexError
from genome_index.index.parallel import VARIABLES, end_with_parent

READY = "ready"  # the message by which a child reports that it can work
STARTING = threading.Lock()  # the environment is changed while a child starts

Result = TypeVar("Result")


class ChildDied(Exception):
    """A child process ended before it answered; the message says how it ended."""


class ChildTimeout(Exception):
    """A child process did not answer in time; it still runs."""


class ChildProcess:
    """A child process, with the parent's end of the pipe to it.

    Parameters
    ----------
    name : str
        Its name in messages.
    target : callable
        It runs in the child and takes the child's end of the pipe, then `arguments`.
    threads : int, optional
        Most threads of each numeric library in the child; None leaves the environment unchanged.
    niceness : int
        How far the child gives way to other processes, 0 to 19.
    """

    def __init__(
        self, name: str, target: Callable[..., None], *arguments: object, threads: int | None = None,
        niceness: int = 0,
    ) -> None:  # fmt: skip
        context = multiprocessing.get_context("spawn")
        self.name, self.is_ready = name, False
        self._pipe, child_end = context.Pipe()
        self._process = context.Process(
            target=_run, args=(niceness, target, child_end, arguments), name=name, daemon=True
        )
        with STARTING, _thread_limit(threads):
            self._process.start()
        child_end.close()  # so that the end of the child is the end of the pipe

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def check_ready(self) -> bool:
        """Whether the child has sent READY; for the one thread that watches the child."""
        if not self.is_ready and self._pipe.poll():
            try:
                self.is_ready = self._pipe.recv() == READY
            except (EOFError, OSError):
                return False
        return self.is_ready

    def call(
        self, timeout_s: float | None, function: Callable[..., Result], *arguments: object
    ) -> Result:  # fmt: skip
        """The result of a function in a child that runs `answer_calls`; one call at a time.

        Raises
        ------
        ChildDied, ChildTimeout
        GindexError
            The function raised it.
        """
        try:
            self._pipe.send((function, arguments))
            if not self._pipe.poll(timeout_s):
                raise ChildTimeout(f"{self.name} did not answer within {timeout_s:g} s")
            result = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildDied(self.how_it_ended()) from error
        if isinstance(result, GindexError):
            raise result
        answer: Result = result
        return answer

    def how_it_ended(self) -> str:
        """A clause about the end of the child, which has ended or is about to."""
        self._process.join()
        code = self._process.exitcode or 0
        if code >= 0:
            return f"{self.name} ended with exit status {code}"
        return f"{self.name} was killed by {signal.Signals(-code).name}"

    def kill(self) -> None:
        """End the child at once, whatever it is doing."""
        self._process.kill()
        self._process.join()

    def terminate(self) -> None:
        """Ask the child to end; see `stop_all`."""
        self._process.terminate()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the child, up to a time."""
        self._process.join(timeout_s)


def stop_all(children: Sequence[ChildProcess], within_s: float) -> None:
    """Ask all children to end, wait for them together, and kill those that still run after that time."""
    for child in children:
        child.terminate()
    end = time.monotonic() + within_s
    for child in children:
        child.join(max(0.0, end - time.monotonic()))
        if child.is_alive:
            child.kill()


def answer_calls(pipe: Connection) -> None:
    """The work of a child for `ChildProcess.call`: one function after the other, until it is killed."""
    while True:
        function, arguments = pipe.recv()
        pipe.send(outcome(function, *arguments))


def outcome(function: Callable[..., Result], *arguments: object) -> Result | GindexError:
    """What a function returns, or the error of the library that it raises."""
    try:
        return function(*arguments)
    except GindexError as error:
        return error


def _run(
    niceness: int, target: Callable[..., None], pipe: Connection, arguments: Sequence[object]
) -> None:  # fmt: skip
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it logs every build that it cannot load
    end_with_parent()
    target(pipe, *arguments)


@contextmanager
def _thread_limit(threads: int | None) -> Iterator[None]:
    """The environment in which a child starts, so that its numeric libraries take no more threads."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    if threads is not None:
        os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
