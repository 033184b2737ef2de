"""Changes of an index in processes that are killed by SIGKILL, at a durable step or after some time.

A job is a line of JSON on standard input. A child process does it, and a line of JSON answers: the summary of
the change and its steps, or the signal that ended the child. A durable step is a call of one of STEPS on a
path in the index; the steps show what reaches the disk in which order.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from genome_index import add_genomes, build_index
from genome_index.encoders.spectrum import Spectrum
from genome_index.index import changes, ingest, merge
from genome_index.index.commit import ChangeSettings, ChangeSummary
from genome_index.index.index import undo
from genome_index.index.store.sketches import hash_sketch
from genome_index.io.kernels.kernel import load_numba
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec
from genome_index.taxonomy.tables import read_taxonomy

SEGMENT_GENOMES = 64  # so that 520 genomes make nine segments
STEPS = ((os, "fsync"), (os, "replace"), (os, "rename"), (shutil, "rmtree"))
REMOVALS = ((os, "unlink"), (os, "rmdir"))  # the steps of rmtree
MANIFESTS = ("segment.json", "manifest.json")


def perform(job: dict[str, Any]) -> ChangeSummary:
    """Make the change of a job."""
    path, inputs, table = Path(job["index"]), job.get("inputs", []), job.get("taxonomy")
    match job["change"]:
        case "build":
            return build_index(
                inputs, path, table, "record", IndexSpec(**job.get("spec", {})), ChangeSettings()
            )
        case "add":
            return add_genomes(inputs, path, table, "record", ChangeSettings())
        case "remove":
            return changes.remove(path, inputs, ChangeSettings())
        case "relabel":
            return changes.relabel(path, read_taxonomy(Path(table)), ChangeSettings())
        case "merge":
            return merge.merge(path, [Path(other) for other in inputs], ChangeSettings())
        case "refit":
            return changes.refit(path, ChangeSettings())
        case "undo":
            return ChangeSummary(undo(path))
    raise ValueError(job["change"])


def step_name(function: str, args: tuple[Any, ...], values: dict[str, Any], root: str) -> str:
    """A step as text: 'replace segments/*', with a star for names that vary; empty outside the index."""
    last = args[-1]
    path = os.readlink(f"/proc/self/fd/{last}") if isinstance(last, int) else os.fspath(last)
    if values.get("dir_fd") is not None:
        path = os.path.join(os.readlink(f"/proc/self/fd/{values['dir_fd']}"), path)
    path = os.path.abspath(path)
    if path != root and not path.startswith(root + os.sep):
        return ""
    inside = re.sub(r"[0-9a-f]{12}-[0-9a-f]{16}|\d{6}", "*", os.path.relpath(path, root))
    return f"{function} {inside}"


def watch(job: dict[str, Any], steps: list[str]) -> None:
    """Record every durable step, and die before or after one: the `occurrence`th with the name `kill_on`.

    During removals (`past` the step that moved the pointer) a star in `kill_on` stands for any text, because
    folders are renamed before they are removed. With an `order` files are removed in that order, and each
    removal is a step.
    """
    root = os.path.abspath(job["index"])
    wanted, past = job.get("kill_on", ""), job.get("past")
    alike: Callable[[str, str], bool] = fnmatchcase if past else str.__eq__
    at = (job.get("occurrence", 1), job.get("moment", "before"))

    def die(name: str, moment: str) -> None:
        if not alike(name, wanted) or (past and past not in steps):
            return
        since = steps[steps.index(past) + 1 :] if past else steps
        if (sum(alike(step, wanted) for step in since), moment) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **values: Any) -> Any:
            name = step_name(function.__name__, args, values, root)
            if not name:
                return function(*args, **values)
            steps.append(name)
            die(name, "before")
            done = function(*args, **values)
            die(name, "after")
            return done

        return step

    for module, name in (*STEPS, *(REMOVALS if "order" in job else ())):
        setattr(module, name, watched(getattr(module, name)))
    if "order" in job:
        os.scandir = lambda *args: Sorted(SCANDIR(*args), job["order"])  # type: ignore[assignment]


SCANDIR = os.scandir


class Sorted:
    """The entries of os.scandir with manifests first or last, as a file system may list them."""

    def __init__(self, entries: Any, order: str) -> None:
        with entries:
            by_name = sorted(entries, key=lambda entry: entry.name)
        self._entries = sorted(
            by_name, key=lambda entry: (entry.name in MANIFESTS) == (order == "manifest last")
        )

    def __enter__(self) -> Sorted:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)


def child(job: dict[str, Any], out: int) -> None:
    steps: list[str] = []
    watch(job, steps)
    start = time.monotonic()
    try:
        summary = perform(job)
        counts = ("added", "resumed", "unchanged", "removed", "relabelled")
        report: dict[str, Any] = {name: getattr(summary, name) for name in counts}
    except Exception as error:  # noqa: BLE001  # the test shows it
        report = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(out, "w") as pipe:
        json.dump({**report, "steps": steps, "seconds": time.monotonic() - start}, pipe)


def carry_out(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job in a child, and return its report, or the signal that killed it."""
    inlet, out = os.pipe()
    process = os.fork()
    if not process:
        os.close(inlet)
        child(job, out)
        os._exit(0)
    os.close(out)
    if "kill_after_s" in job:
        time.sleep(job["kill_after_s"])
        os.kill(process, signal.SIGKILL)  # before waitpid, so the process id is still the child's
    with os.fdopen(inlet) as pipe:
        report = pipe.read()
    _, status = os.waitpid(process, 0)
    return dict(json.loads(report)) if report else {"signal": os.WTERMSIG(status)}


def main() -> None:
    ingest.SEGMENT_GENOMES = SEGMENT_GENOMES
    genome = Genome("warm", (Contig("warm", b"ACGTTGCAAC" * 100),), "-")
    load_numba()  # and the code that it compiled, once for all children
    Spectrum().encode([genome])
    hash_sketch(genome, IndexSpec())
    for line in sys.stdin:
        sys.stdout.write(json.dumps(carry_out(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
