"""All runs of a study: first those that find learning rates, then all seeds; several at once if asked.

A run whose row is there is not run again; one that was interrupted goes on from its checkpoint. A run that
fails has a row with its reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.index.parallel import end_with_parent
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.devices import require_device
from genome_index.lab.study.baselines import Baseline, baselines
from genome_index.lab.study.distinct import distinct_genomes
from genome_index.lab.study.grid import AXES, CellName
from genome_index.lab.study.plan import RunPlan, StudyPlan
from genome_index.lab.study.results import FILE, Results
from genome_index.lab.study.run import RunScores, run, untrained
from genome_index.lab.study.tracking import folder_of
from genome_index.records import Progress, quiet

RUNS = "runs"
DEVICES = ("cpu", "cuda")
Outcome = RunScores | Exception


@dataclass(frozen=True)
class Place:
    """Where runs are made, and with what."""

    corpus: Path
    digest: str
    folder: Path
    device: str
    jobs: int
    track: bool


def run_study(
    plan: StudyPlan, folder: Path, jobs: int = 1, resume: bool = False, device: str = "cpu",
    track: bool = False, progress: Progress = quiet,
) -> Results:  # fmt: skip
    """Make all runs of a plan that have no row yet; with `track` their curves are written for TensorBoard.

    Raises
    ------
    UsageError
        The folder holds results and `resume` is not given, or there is no such device.
    """
    if (folder / FILE).exists() and not resume:
        raise UsageError(
            f"{folder} holds results of a study; give --resume to go on with it, or another --out"
        )
    _check_device(device)
    shards = Shards.open(plan.corpus)
    place, results = Place(plan.corpus, shards.digest, folder, device, jobs, track), Results(folder)
    if not results.rows(
        "SELECT 1 FROM baselines WHERE corpus = ? AND length = ?", [shards.digest, plan.length]
    ):
        results.add_baselines(shards.digest, plan.length, baselines(shards, plan.length, progress))
    _add_untrained(plan, shards, results)
    for identity in plan.grid.deduplicated:
        distinct_genomes(shards, identity, folder)  # found once, before processes ask for it
    _make(list(plan.sweeps()), place, results, "finding learning rates", progress)
    _make(list(plan.runs(best_rates(results))), place, results, "runs", progress)
    return results


def _add_untrained(plan: StudyPlan, shards: Shards, results: Results) -> None:
    """A row for each network with random weights, which a trained one has to beat."""
    query = "SELECT name FROM baselines WHERE corpus = ? AND length = ?"
    known = {row["name"] for row in results.rows(query, [shards.digest, plan.length])}
    for cell in plan.cells():
        name = f"{cell.architecture} of size {cell.size}, untrained"
        if name not in known:
            row = Baseline(name, None, None, untrained(cell, shards))
            results.add_baselines(shards.digest, plan.length, [row])
            known.add(name)


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise UsageError(f"--device {device}: choose {' or '.join(DEVICES)}")
    require_device(device)


def best_rates(results: Results) -> dict[CellName, float]:
    """The rate with the lowest validation loss of each cell, of the runs that look for it."""
    columns = ", ".join(AXES)
    rows = results.rows(
        f"SELECT {columns}, arg_min(rate, validation_loss) AS rate FROM runs "
        "WHERE kind = 'sweep' AND error IS NULL GROUP BY ALL"
    )
    return {CellName(*(row[name] for name in AXES)): row["rate"] for row in rows}


def _make(plans: list[RunPlan], place: Place, results: Results, name: str, progress: Progress) -> None:
    done = results.done()
    open_plans = {key: plan for plan in plans if (key := plan.fingerprint(place.digest)) not in done}
    for number, (key, outcome) in enumerate(_outcomes(open_plans, place), start=1):
        results.add(key, open_plans[key], outcome)
        progress.stage(name, len(plans) - len(open_plans) + number, len(plans))


def _outcomes(plans: dict[str, RunPlan], place: Place) -> Iterator[tuple[str, Outcome]]:
    """The outcome of each run as it ends; several at once have a process and one thread each."""
    if place.jobs == 1:
        for key, plan in plans.items():
            yield key, _tried(partial(_one, plan, place, key))
        return
    with ProcessPoolExecutor(place.jobs, get_context("spawn"), _worker) as pool:
        waiting = {pool.submit(_one, plan, place, key): key for key, plan in plans.items()}
        for future in as_completed(waiting):
            yield waiting[future], _tried(future.result)


def _tried(make: Callable[[], RunScores]) -> Outcome:
    """Scores, or the reason why there are none, which is written into the run's row."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001  # it may fail in any way, and the other runs go on
        return error


def _one(plan: RunPlan, place: Place, key: str) -> RunScores:
    track = folder_of(place.folder, plan, key) if place.track else None
    return run(plan, place.corpus, place.folder / RUNS / key, place.device, track)


def _worker() -> None:
    """One thread each; and a worker ends with the study, also if that is killed."""
    import torch

    torch.set_num_threads(1)
    end_with_parent()
