"""Training runs: killed at any moment, they end on the same bits; folders of other runs are refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("safetensors", reason="the extra neural is not installed")
pytest.importorskip("matplotlib", reason="the extra neural is not installed")

from genome_index.encoders.profile import ProfileConfig
from genome_index.encoders.profile_network import ProfileNetwork
from genome_index.errors import ModelError, UsageError
from genome_index.lab.training.losses import weighted_simclr
from genome_index.lab.training.runs import CARD, CHECKPOINT, CURVE, READ_ME, Schedule, train

PLAN = Schedule(steps=40, rate=1e-2, decay=0.01, save_every=3)


def go(folder: Path, plan: Schedule = PLAN, pause: float = 0.0, data: str = "random") -> ProfileNetwork:
    """Train a small network with dropout and batch norm on numbers that only the step decides."""
    torch.manual_seed(7)
    network = ProfileNetwork(ProfileConfig(kmers=12, hidden=8, dim=4))

    def loss_at(step: int) -> torch.Tensor:
        time.sleep(pause)
        rows = torch.randn(10, 12, generator=torch.Generator().manual_seed(step))
        left, right = network(torch.cat([rows, rows + 0.1])).chunk(2)
        return weighted_simclr(left, right)

    torch.set_num_threads(1)  # sums over several threads are other sums
    train(folder, network, loss_at, plan, data)
    return network


def sha(folder: Path) -> str:
    return hashlib.sha256((folder / CHECKPOINT).read_bytes()).hexdigest()


def started(folder: Path) -> subprocess.Popen[bytes]:
    """The same run in a process of its own, slow enough to be killed."""
    code = f"import test_runs, pathlib; test_runs.go(pathlib.Path({str(folder)!r}), pause=0.05)"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths})


def steps_done(folder: Path) -> int:
    from safetensors import safe_open

    with safe_open(folder / CHECKPOINT, "pt") as file:
        return len(file.get_tensor("losses"))


@pytest.mark.long
def test_killed_twice_it_ends_on_the_same_bits(tmp_path: Path) -> None:
    go(tmp_path / "whole")
    broken, done = tmp_path / "broken", 0
    for _ in range(2):
        process = started(broken)
        deadline = time.monotonic() + 120
        while not (broken / CHECKPOINT).exists() or steps_done(broken) <= done:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        done = steps_done(broken)
        assert 0 < done < PLAN.steps
    go(broken)
    assert sha(broken) == sha(tmp_path / "whole")


def test_the_seed_decides_the_bits(tmp_path: Path) -> None:
    go(tmp_path / "a")
    go(tmp_path / "b", Schedule(steps=40, rate=1e-2, decay=0.01, save_every=3, seed=1))
    assert sha(tmp_path / "a") != sha(tmp_path / "b")


def test_a_run_that_is_done_is_left_as_it_is(tmp_path: Path) -> None:
    first = go(tmp_path).state_dict()
    before = sha(tmp_path)
    again = go(tmp_path).state_dict()
    assert sha(tmp_path) == before
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    ("plan", "data"), [(Schedule(steps=41, rate=1e-2, decay=0.01), "random"), (PLAN, "other")]
)
def test_another_run_is_not_continued(tmp_path: Path, plan: Schedule, data: str) -> None:
    go(tmp_path)
    with pytest.raises(UsageError, match="give a new folder"):
        go(tmp_path, plan, data=data)


def test_a_damaged_checkpoint_is_reported(tmp_path: Path) -> None:
    go(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:100])
    with pytest.raises(ModelError, match="remove it to train from the start"):
        go(tmp_path)


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    network = ProfileNetwork(ProfileConfig(kmers=3, dim=2))
    with pytest.raises(UsageError, match="loss of step 0 is nan"):
        train(tmp_path, network, lambda step: network(torch.ones(2, 3)).sum() * float("nan"), PLAN, "x")
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_card_says_what_it_was(tmp_path: Path) -> None:
    network = go(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    assert card["data"] == "random"
    assert card["schedule"]["steps"] == 40
    assert card["parameters"] == sum(one.numel() for one in network.parameters())
    assert "| seed | 0 |" in (tmp_path / READ_ME).read_text()
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")


def test_the_rate_goes_up_then_down() -> None:
    plan = Schedule(steps=100, rate=1.0, warm_up=0.1)
    rates = [plan.rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.505)
    assert rates[99] < 0.02
