"""Carries out changes of an index in processes that are killed with SIGKILL: at a given durable step, or at a given time.

A job is a line of JSON on standard input; each is done by a child of its own, and answered by a line of JSON:
the steps that were taken, and either the change's summary or the signal that ended it. A durable step is a
call of one of STEPS by anything that runs here: the product knows nothing of this.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genome_index import add_genomes, build_index, changes, ingest
from genome_index.changes import Summary, Work
from genome_index.encoders.spectrum import Spectrum
from genome_index.index import undo
from genome_index.records import Contig, Genome
from genome_index.sketches import hash_sketch
from genome_index.spec import IndexSpec
from genome_index.taxonomy import read_taxonomy

SEGMENT_GENOMES = 64  # so that 520 genomes make nine segments
STEPS = ((os, "fsync"), (os, "replace"), (os, "rename"), (shutil, "rmtree"))
REMOVALS = ((os, "unlink"), (os, "rmdir"))  # what rmtree is made of


def perform(job: dict[str, Any]) -> Summary:
    """The change that a job asks for."""
    path, inputs, table = Path(job["index"]), job.get("inputs", []), job.get("taxonomy")
    match job["change"]:
        case "build":
            return build_index(inputs, path, table, "record", IndexSpec(**job.get("spec", {})), Work())
        case "add":
            return add_genomes(inputs, path, table, "record", Work())
        case "remove":
            return changes.remove(path, inputs, Work())
        case "relabel":
            return changes.relabel(path, read_taxonomy(Path(table)), Work())
        case "merge":
            return changes.merge(path, [Path(other) for other in inputs], Work())
        case "refit":
            return changes.refit(path, Work())
        case "undo":
            return Summary(undo(path))
    raise ValueError(job["change"])


def watch(steps: list[str], kill_at: int, after: bool, removals: bool) -> None:
    """Note every durable step, and die at number `kill_at`, before it is done or right after. Step 1 is the first."""

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **values: Any) -> Any:
            steps.append(f"{function.__name__} {args[-1] if isinstance(args[-1], str | Path) else ''}".strip())
            number = len(steps)
            if number == kill_at and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = function(*args, **values)
            if number == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return step

    for module, name in (*STEPS, *(REMOVALS if removals else ())):
        setattr(module, name, watched(getattr(module, name)))


def child(job: dict[str, Any], out: int) -> None:
    steps: list[str] = []
    watch(steps, job.get("kill_at", 0), job.get("after", False), job.get("removals", False))
    start = time.monotonic()
    try:
        summary = perform(job)
        said: dict[str, Any] = {
            "summary": {name: getattr(summary, name) for name in ("added", "resumed", "unchanged", "removed")},
            "snapshot": summary.index.snapshot.number,
        }
    except Exception as error:  # noqa: BLE001  # the test is to see whatever it is
        said = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(out, "w") as pipe:
        json.dump({**said, "steps": steps, "seconds": time.monotonic() - start}, pipe)


def carry_out(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job in a child; where it is killed there is only the signal to tell of."""
    inlet, out = os.pipe()
    process = os.fork()
    if not process:
        os.close(inlet)
        child(job, out)
        os._exit(0)
    os.close(out)
    if "kill_after_s" in job:
        time.sleep(job["kill_after_s"])
        os.kill(process, signal.SIGKILL)  # of a child that is done already: harmless, it is not waited for yet
    with os.fdopen(inlet) as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status) and not said:
        return {"signal": os.WTERMSIG(status)}
    return dict(json.loads(said))


def main() -> None:
    ingest.SEGMENT_GENOMES = SEGMENT_GENOMES
    genome = Genome("warm", (Contig("warm", b"ACGTTGCAAC" * 100),), "-")
    Spectrum().encode([genome])  # loads what numba compiled, once for all children
    hash_sketch(genome, IndexSpec())
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)  # noqa: T201  # the answer to a job


if __name__ == "__main__":
    main()
