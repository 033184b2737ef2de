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
from genome_index.lab.training.run_card import (
    CARD,
    CURVE,
    READ_ME,
    Display,
    History,
    Schedule,
    draw_curve,
)
from genome_index.lab.training.runs import CHECKPOINT, VALIDATION, Validation, train

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


# -- validation ---------------------------------------------------------------------------------------------


def validated(folder: Path, stop: int = 0, every: int = 7) -> ProfileNetwork:
    """The run of `go` with a validation loss, the sum of the weights; it ends by an error before a step."""
    torch.manual_seed(7)
    network = ProfileNetwork(ProfileConfig(kmers=12, hidden=8, dim=4))

    def loss_at(step: int) -> torch.Tensor:
        if step == stop > 0:
            raise KeyboardInterrupt
        rows = torch.randn(10, 12, generator=torch.Generator().manual_seed(step))
        return weighted_simclr(*network(torch.cat([rows, rows + 0.1])).chunk(2))

    def loss() -> float:
        assert not network.training
        assert not torch.is_grad_enabled()
        return sum(float(one.sum()) for one in network.parameters())

    torch.set_num_threads(1)
    display = Display("sums", per_nat=2.0)
    train(folder, network, loss_at, PLAN, "random", display=display, validation=Validation(loss, every))
    return network


def test_the_validation_loss_is_measured_on_its_steps_and_kept(tmp_path: Path) -> None:
    network = validated(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    assert [step for step, _ in card["validation"]] == [7, 14, 21, 28, 35, 40]
    expected = sum(float(one.detach().sum()) for one in network.parameters())
    assert card["validation"][-1][1] == expected
    lines = [line.split("\t") for line in (tmp_path / VALIDATION).read_text().splitlines()]
    assert lines[0] == ["step", "validation loss, sums"]
    assert [[int(step), float(loss)] for step, loss in lines[1:]] == card["validation"]
    go(tmp_path / "without")
    assert not (tmp_path / "without" / VALIDATION).exists()
    assert json.loads((tmp_path / "without" / CARD).read_text())["validation"] == []


def test_measuring_changes_no_weight(tmp_path: Path) -> None:
    plain, measured = go(tmp_path / "plain").state_dict(), validated(tmp_path / "measured").state_dict()
    assert all(torch.equal(plain[name], measured[name]) for name in plain)


@pytest.mark.parametrize("stop", [5, 16, 29])
def test_an_interrupted_run_has_the_same_validation_to_the_byte(stop: int, tmp_path: Path) -> None:
    """Stopped between checkpoints (every 3 steps) and before or after a measurement (every 7)."""
    validated(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        validated(tmp_path / "broken", stop)
    validated(tmp_path / "broken")
    for name in (CHECKPOINT, VALIDATION):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    one, other = (json.loads((tmp_path / run / CARD).read_text()) for run in ("whole", "broken"))
    assert one["validation"] == other["validation"]


def test_a_checkpoint_without_validation_goes_on(tmp_path: Path) -> None:
    """As those of an older gindex."""
    go(tmp_path)
    validated(tmp_path)
    assert json.loads((tmp_path / CARD).read_text())["validation"] == []


def test_the_curve_has_both_losses_in_one_unit(tmp_path: Path, monkeypatch) -> None:
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    history = History([1.0, 2.0, 3.0], [(2, 5.0), (3, 4.0)])
    draw_curve(history, Display("sums", per_nat=2.0), tmp_path / CURVE)
    (axes,) = drawn[0].axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines["training, each step"] == [[1, 2], [2, 4], [3, 6]]
    assert lines["validation"] == [[2, 5], [3, 4]]
    assert axes.get_ylabel() == "loss (sums)"
