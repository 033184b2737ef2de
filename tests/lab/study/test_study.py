"""Studies on demo genomes: rows, resumption to the bit, failures, scores against plain loops, the report."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from genome_index.errors import UsageError
from genome_index.lab.architectures.networks import StudyNetwork
from genome_index.lab.architectures.shapes import Shape
from genome_index.lab.architectures.table import Task, network_of
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.study import run
from genome_index.lab.study.baselines import ORDERS, baseline_bits, mixture_bits
from genome_index.lab.study.batches import StudyBatches
from genome_index.lab.study.grid import Grid
from genome_index.lab.study.plan import StudyPlan
from genome_index.lab.study.report import write_report
from genome_index.lab.study.results import Results
from genome_index.lab.study.scores import EXAMINED, fitted_head, head_bits, own_bits
from genome_index.lab.study.study import RUNS, best_rates, run_study

torch.set_num_threads(1)
LENGTH = 120


def plan_of(corpus: Path, **changes: object) -> StudyPlan:
    settings = {"length": LENGTH, "batch": 4, "steps": 12, "seeds": (0, 1), **changes}
    return StudyPlan(corpus, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyPlan, Path, Results]:
    """A masked study of two architectures, one of them with tied weights; a rate is found for each."""
    grid = Grid(("bert", "multires"), ("nano",), ("cross-entropy + 0.1 line-mse", "strand-consistency"))
    plan = plan_of(corpus, direction="masked", rates=(1e-3, 1e-9), sweep_steps=6, grid=grid)
    out = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "VALIDATIONS", 2)
        return plan, out, run_study(plan, out / "out")


def weights(folder: Path) -> dict[str, bytes]:
    return {
        path.parents[1].name: path.read_bytes()
        for path in sorted(folder.glob(f"{RUNS}/*/model/*.safetensors"))
    }


# -- runs ----------------------------------------------------------------------------------------------------


def test_every_run_has_its_row(study: tuple[StudyPlan, Path, Results]) -> None:
    plan, _, results = study
    rows = results.rows("SELECT * FROM runs")
    assert [row["error"] for row in rows] == [None] * len(rows)
    assert len(rows) == 4 * 2 + 4 * 2
    assert {row["tokens"] for row in rows if row["kind"] == "run"} == {12 * 4 * LENGTH}
    assert all(1 < row["test_head_bits"] < 2.1 for row in rows if row["kind"] == "run")
    assert all(math.isnan(row["test_bits"]) for row in rows if row["kind"] == "sweep")  # it reads no test
    assert len(list(plan.runs(best_rates(results)))) == 8


def test_untrained_networks_have_rows(study: tuple[StudyPlan, Path, Results]) -> None:
    _, folder, results = study
    rows = results.rows("SELECT name FROM baselines WHERE name LIKE '%untrained' ORDER BY name")
    assert [row["name"] for row in rows] == [
        "bert of size nano, untrained", "multires of size nano, untrained"
    ]  # fmt: skip
    assert "| bert of size nano, untrained |  |  | " in write_report(folder / "out")


def test_the_rate_that_learns_is_taken(study: tuple[StudyPlan, Path, Results]) -> None:
    """1e-9 learns nothing."""
    _, _, results = study
    assert set(best_rates(results).values()) == {1e-3}
    assert {row["rate"] for row in results.rows("SELECT rate FROM runs WHERE kind = 'run'")} == {1e-3}


def test_nothing_is_run_twice(study: tuple[StudyPlan, Path, Results]) -> None:
    plan, folder, results = study
    made = "SELECT fingerprint, seconds, validation_bits FROM runs ORDER BY ALL"
    before = results.rows(made)
    run_study(plan, folder / "out", resume=True)
    assert results.rows(made) == before
    with pytest.raises(UsageError, match="holds results of a study; give --resume to go on with it"):
        run_study(plan, folder / "out")


def test_a_run_that_fails_has_a_row_and_the_others_go_on(corpus: Path, tmp_path: Path) -> None:
    grid = Grid(loss=("cross-entropy", "strand-consistency"))  # which a causal network has not
    results = run_study(plan_of(corpus, seeds=(0,), steps=4, grid=grid), tmp_path / "out")
    errors = {row["loss"]: row["error"] for row in results.rows("SELECT loss, error FROM runs")}
    assert errors["cross-entropy"] is None
    assert errors["strand-consistency"].startswith("UsageError: strand-consistency needs a masked network")
    assert "| pythia | nano | strand-consistency | 0 | UsageError" in write_report(tmp_path / "out")


def test_a_gpu_that_is_not_there(corpus: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="--device cuda: torch finds no GPU here; give --device cpu"):
        run_study(plan_of(corpus), tmp_path, device="cuda")
    with pytest.raises(UsageError, match="--device tpu: choose cpu or cuda"):
        run_study(plan_of(corpus), tmp_path, device="tpu")


@pytest.mark.long
def test_a_killed_study_goes_on_to_the_bit(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        f'corpus = "{corpus}"\nlength = {LENGTH}\nbatch = 4\nsteps = 60\nseeds = [0]\n'
        '[grid]\narchitecture = ["multires"]\nloss = ["cross-entropy + 0.1 line-gaussian-learned"]\n'
    )
    command = [sys.executable, "-m", "gindex_cli", "lab", "study", "run", tmp_path / "study.toml", "--out"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, whole], check=True)
    killed = subprocess.Popen([*command, cut], start_new_session=True)
    while not list(cut.glob(f"{RUNS}/*/checkpoint.safetensors")) and killed.poll() is None:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    subprocess.run([*command, cut, "--resume"], check=True)
    assert weights(whole) == weights(cut)
    scores = "SELECT validation_loss, best_step, test_bits, test_head_bits FROM runs"
    assert Results(whole).rows(scores) == Results(cut).rows(scores)


@pytest.mark.long
def test_workers_end_with_a_study_that_is_killed(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        f'corpus = "{corpus}"\nlength = {LENGTH}\nbatch = 4\nsteps = 100000\nseeds = [0, 1]\n'
    )
    command = [sys.executable, "-m", "gindex_cli", "lab", "study", "run", tmp_path / "study.toml", "--jobs"]
    killed = subprocess.Popen([*command, "2", "--out", tmp_path / "out"])
    wait_until(lambda: len(children_of(killed.pid)) >= 2 or killed.poll() is not None)
    workers = children_of(killed.pid)
    killed.kill()
    killed.wait()
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def children_of(parent: int) -> list[int]:
    """Its child processes that train: those that spawn made."""
    found = Path(f"/proc/{parent}/task/{parent}/children")
    children = [int(child) for child in found.read_text().split()] if found.exists() else []
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_until(happened: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.long
def test_two_at_once_give_what_one_after_the_other_gives(corpus: Path, tmp_path: Path) -> None:
    plan = plan_of(corpus, steps=4)
    for jobs, name in ((1, "one"), (2, "two")):
        run_study(plan, tmp_path / name, jobs=jobs)
    one, two = (
        Results(tmp_path / name).rows("SELECT seed, test_bits FROM runs ORDER BY seed")
        for name in ("one", "two")
    )
    for own, other in zip(one, two, strict=True):
        assert own["test_bits"] == pytest.approx(other["test_bits"], abs=1e-4)  # one thread, or more


# -- batches and scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["causal", "masked"])
def test_a_batch_is_a_function_of_its_step(shards: Shards, direction: str) -> None:
    first, again = (StudyBatches(shards, "train", direction, LENGTH, 3, seed=4) for _ in range(2))  # type: ignore[arg-type]
    for part in ("ids", "inputs", "targets"):
        assert torch.equal(getattr(first.at(5), part), getattr(again.at(5), part))
    assert not torch.equal(first.at(5).ids, first.at(6).ids)
    assert first.at(0).ids.shape == (3, LENGTH)


def small_network() -> StudyNetwork:
    return network_of("pythia", Shape(32, 2, 2, 64), Task(length=LENGTH))


def test_own_bits_are_the_mean_of_the_bases(shards: Shards) -> None:
    network, batches = small_network(), StudyBatches(shards, "validation", "causal", LENGTH, 8)
    bits = []
    for step in range(EXAMINED // 8):
        batch = batches.at(step)
        with torch.no_grad():
            logits = network(batch.inputs).logits[..., 4:8].double().numpy()
        for b, t in np.ndindex(*batch.ids.shape):
            if batch.ids[b, t] >= 4:
                shares = np.exp(logits[b, t]) / np.exp(logits[b, t]).sum()
                bits.append(-math.log2(shares[int(batch.ids[b, t]) - 4]))
    assert own_bits(network, batches) == pytest.approx(float(np.mean(bits)), abs=1e-5)


def test_a_new_head_finds_what_states_hold(shards: Shards) -> None:
    """States of a network that is not trained hold the last bases; the head is that of scikit-learn."""
    from sklearn.linear_model import LogisticRegression

    network, training = small_network(), StudyBatches(shards, "train", "causal", LENGTH, 8)
    head = fitted_head(network, training)
    states, right = [], []
    for step in range(12):
        batch = training.at(step)
        with torch.no_grad():
            hidden = network(batch.inputs).hidden
        states.append(hidden[batch.ids >= 4])
        right.append(batch.ids[batch.ids >= 4] - 4)
    x, y = (torch.cat(states) - head.mean) / head.scale, torch.cat(right)
    other = LogisticRegression(C=1 / (2 * 1e-4 * len(y)), max_iter=400).fit(x.numpy(), y.numpy())
    theirs = -np.log2(other.predict_proba(x.numpy())[np.arange(len(y)), y.numpy()]).mean()
    assert head_bits(network, head, training) == pytest.approx(theirs, abs=2e-3)
    assert theirs < own_bits(network, training) - 0.01


# -- baselines and the report --------------------------------------------------------------------------------


def test_a_mixture_weighs_models_by_what_they_said_of_the_bases_before() -> None:
    bits = np.random.default_rng(0).exponential(2, (40, 3))
    bits[17] = np.nan
    weights, expected = np.ones(3), []
    for row in bits:
        if np.isnan(row[0]):
            expected.append(np.nan)
            continue
        expected.append(-math.log2((weights * 2.0**-row).sum() / weights.sum()))
        weights = weights**0.95 * 2.0**-row
    np.testing.assert_allclose(mixture_bits(bits), expected)


def test_baselines_are_of_the_same_fragments(shards: Shards) -> None:
    rows = {row.name: (row.validation_bits, row.test_bits) for row in baseline_bits(shards, LENGTH)}
    order_0 = rows["Markov model of order 0"]
    assert all(1.5 < bits < 2.1 for bits in order_0)
    mixture = rows["mixture of Markov models, as in GeCo"]
    assert all(
        mixed < max(rows[f"Markov model of order {k}"][at] for k in ORDERS)
        for at, mixed in enumerate(mixture)
    )
    assert rows["zstd, with a dictionary"][1] < 8


def test_the_report_says_whether_order_12_is_beaten(study: tuple[StudyPlan, Path, Results]) -> None:
    _, folder, results = study
    text = write_report(folder / "out")
    assert (folder / "out" / "report.md").read_text() == f"{text}\n"
    assert (folder / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    query = "SELECT test_bits FROM baselines WHERE name = 'Markov model of order 12'"
    order_12 = results.rows(query)[0]["test_bits"]
    query = (
        "SELECT avg(validation_bits) AS own, avg(validation_head_bits) AS head, avg(test_bits) AS test_own, "
        "avg(test_head_bits) AS test_head FROM runs WHERE kind = 'run' GROUP BY architecture, loss"
    )
    best = min(results.rows(query), key=lambda row: min(row["own"], row["head"]))
    bits = best["test_own"] if best["own"] < best["head"] else best["test_head"]
    says = "**beats**" if bits < order_12 else "**does not beat**"
    assert f"{bits:.4f} bits a base of test fragments and {says}" in text
    assert f"the Markov model of order 12 ({order_12:.4f})." in text
    assert text.count("| 0.001 | 12 | 2 |") == 4  # rate, steps and seeds of each cell
    assert (
        "The same in all runs: size nano, temperature 0.5, deduplicated 0, curriculum none, budget 0" in text
    )
    assert "the best of 1e-09, 0.001 by validation loss, after 6 steps with the first seed (a sweep" in text


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no study.duckdb; run `gindex lab study run STUDY.toml"):
        write_report(tmp_path)
