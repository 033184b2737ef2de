"""Child processes: results, errors, deaths, time limits, and their end with the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

psutil = pytest.importorskip("psutil", reason="psutil is not installed")
pytest.importorskip("httpx", reason="the extra serve is not installed")

from helpers.running_service import DEADLINE_S, wait_until

from genome_index.errors import UsageError, need_installed
from genome_index.index.parallel import VARIABLES
from genome_index.service.processes import (
    READY,
    ChildDied,
    ChildProcess,
    ChildTimeout,
    answer_calls,
    outcome,
    stop_all,
)

# Raises a UsageError.
MISSING = partial(need_installed, "a test", "nothing_of_this_name", extra="serve")


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    process = ChildProcess("helper", answer_calls)
    yield process
    process.kill()


def test_a_child_answers_calls(child: ChildProcess) -> None:
    assert child.call(DEADLINE_S, os.getpid) == child.pid != os.getpid()
    assert child.call(DEADLINE_S, divmod, 7, 2) == (3, 1)


def test_an_error_of_the_library_is_raised_and_the_child_goes_on(child: ChildProcess) -> None:
    with pytest.raises(UsageError, match="nothing_of_this_name") as caught:
        child.call(DEADLINE_S, MISSING)
    with pytest.raises(UsageError) as expected:
        MISSING()
    assert str(caught.value) == str(expected.value)
    assert child.call(DEADLINE_S, os.getpid) == child.pid


def test_an_outcome_is_the_result_or_the_error() -> None:
    assert outcome(divmod, 7, 2) == (3, 1)
    assert isinstance(outcome(MISSING), UsageError)


@pytest.mark.parametrize(
    ("function", "arguments", "end"),
    [
        (os._exit, (3,), "helper ended with exit status 3"),
        (signal.raise_signal, (signal.SIGKILL,), "helper was killed by SIGKILL"),
        (divmod, (1, 0), "helper ended with exit status 1"),
    ],
)
def test_a_death_is_reported(
    child: ChildProcess, function: Callable[..., object], arguments: tuple[object, ...], end: str
) -> None:
    with pytest.raises(ChildDied, match=f"^{end}$"):
        child.call(DEADLINE_S, function, *arguments)
    assert not child.is_alive


def test_a_time_limit_is_reported_and_the_child_lives(child: ChildProcess) -> None:
    assert child.call(DEADLINE_S, os.getpid) == child.pid
    with pytest.raises(ChildTimeout, match="helper did not answer within 0.05 s"):
        child.call(0.05, time.sleep, DEADLINE_S)
    assert child.is_alive


def test_a_terminal_does_not_interrupt_a_child(child: ChildProcess) -> None:
    child.call(DEADLINE_S, signal.raise_signal, signal.SIGINT)
    assert child.call(DEADLINE_S, os.getpid) == child.pid


def test_threads_are_limited_in_the_child_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[0], "7")
    monkeypatch.delenv(VARIABLES[1], raising=False)
    child = ChildProcess("helper", answer_calls, threads=2, niceness=3)
    assert [child.call(DEADLINE_S, os.getenv, name) for name in VARIABLES] == ["2"] * len(VARIABLES)
    assert (
        child.call(DEADLINE_S, os.getpriority, os.PRIO_PROCESS, 0) == os.getpriority(os.PRIO_PROCESS, 0) + 3
    )
    assert (os.environ[VARIABLES[0]], os.environ.get(VARIABLES[1])) == ("7", None)
    child.kill()


def ready_then_sleep(pipe: Connection) -> None:
    pipe.send(READY)
    time.sleep(DEADLINE_S)


def test_children_report_that_they_are_ready_and_stop() -> None:
    children = [ChildProcess(f"helper {number}", ready_then_sleep) for number in range(2)]
    wait_until(lambda: all(child.check_ready() for child in children), "the children are ready")
    stop_all(children, DEADLINE_S)
    assert [child.how_it_ended() for child in children] == [
        "helper 0 was killed by SIGTERM", "helper 1 was killed by SIGTERM",
    ]  # fmt: skip


def test_a_child_that_does_not_stop_is_killed(child: ChildProcess) -> None:
    child.call(DEADLINE_S, signal.signal, signal.SIGTERM, signal.SIG_IGN)
    stop_all([child], 0.1)
    assert child.how_it_ended() == "helper was killed by SIGKILL"


PARENT = """
import os, time
from genome_index.service.processes import ChildProcess, answer_calls

if __name__ == "__main__":
    child = ChildProcess("helper", answer_calls)
    print(child.call(60, os.getpid), flush=True)
    time.sleep(600)
"""


def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child ends")


WARMED = """
import sys
from pathlib import Path
from genome_index.index.index import Index
from genome_index.service.jobs import worker
worker.answer = lambda *given: iter([None])  # a reference that is so small that numpy answers it
worker.warm_up(Index.open(Path(sys.argv[1])))
print("numba" in sys.modules)
"""


def test_a_worker_has_its_compiled_functions_before_the_first_query(demo_index: Path) -> None:
    """A command of one small genome does without them; a query that loads them waits for 0.7 s."""
    done = subprocess.run(
        [sys.executable, "-c", WARMED, str(demo_index)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "True\n"
