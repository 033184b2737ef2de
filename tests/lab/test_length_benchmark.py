"""Length benchmark and copy task, on tiny networks."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="the lab needs the extra `neural`")

from genome_index.encoders.networks.performer import PerformerConfig
from genome_index.errors import GindexError, UsageError
from genome_index.lab.performer import copy_task as copytask
from genome_index.lab.performer import length_benchmark as lengths
from genome_index.lab.performer.copy_task import SEED, Learned, Task, learn, learn_copying, rows
from genome_index.lab.performer.exact_gradients import IGNORED
from genome_index.lab.performer.memory import apart, counted, resident_bytes
from genome_index.lab.performer.softmax_baseline import softmax_transformer

TINY = PerformerConfig(8, 16, 1, 2, 32)


@pytest.fixture
def in_this_process(monkeypatch) -> None:
    """Measurements without a process of their own, which would import torch anew for each."""
    for module in (lengths, copytask):
        monkeypatch.setattr(module, "apart", lambda work, *arguments: work(*arguments))


def take(megabytes: int) -> int:
    before, _ = resident_bytes()
    held = torch.ones(megabytes * 1_000_000, dtype=torch.uint8)
    return resident_bytes()[1] - before if held.numel() else 0


@pytest.mark.long
def test_a_process_of_its_own_sees_what_it_takes_and_no_more() -> None:
    held = torch.ones(300_000_000, dtype=torch.uint8)  # here, which a child must not be charged with
    found = apart(take, 50)
    assert found is not None
    assert 45e6 < found < 80e6
    assert held.numel() == 300_000_000


def end(how: str) -> None:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "aborted":
        os.kill(os.getpid(), signal.SIGABRT)
    if how == "left":
        os._exit(3)
    raise UsageError("nothing to measure")


def test_a_process_that_was_killed_gives_nothing() -> None:
    assert apart(end, "killed") is None


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param("aborted", "ended by SIGABRT", marks=pytest.mark.long),
        ("raised", "genome_index.errors.UsageError: nothing to measure"),
        pytest.param(
            "left", "ended with exit code 3 and no reason; see what it wrote to standard error. "
            "A script must call this under `if __name__ == '__main__':`", marks=pytest.mark.long,
        ),
    ],
)  # fmt: skip
def test_a_process_that_failed_says_why(how, reason) -> None:
    with pytest.raises(GindexError) as caught:
        apart(end, how)
    assert str(caught.value) == f"end, in a process of its own: {reason}"


@pytest.mark.long
def test_a_script_without_a_main_guard_is_reported_so(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from genome_index.lab.performer.memory import apart\napart(abs, -1)\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "abs, in a process of its own: ended with exit code 1" in done.stderr
    assert "__main__" in done.stderr.splitlines()[-1]


def test_what_a_graph_keeps_is_counted_once_and_written_off() -> None:
    weights = torch.ones(1_000, requires_grad=True)
    with counted() as graphs:
        squared = weights * weights  # keeps both factors, which are one
        assert graphs.now == 4_000
        cubed = squared * weights
        assert graphs.now == 8_000
        cubed.sum().backward()
        del squared, cubed
    assert (graphs.now, graphs.peak) == (0, 8_000)


def test_plain_and_fused_softmax_are_the_same_network() -> None:
    hidden = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = softmax_transformer(TINY, fused)
        hidden.append(model(torch.arange(24).view(2, 12) % 8))
    torch.testing.assert_close(hidden[0], hidden[1], rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_lengths_are_measured_tabled_and_drawn(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the plot needs the extra `report`")
    points = lengths.measure((512, 2_048, 1 << 21), tmp_path, ("softmax", "chunked"), chunk=128, theme="dark")
    assert [(one.kind, one.length_bp) for one in points] == [
        ("softmax", 512), ("softmax", 2_048), ("chunked", 512), ("chunked", 2_048)
    ]  # fmt: skip
    assert points[1].peak_mb > points[3].peak_mb
    assert all(one.seconds > 0 for one in points)
    table = (tmp_path / "lengths.tsv").read_text().splitlines()
    assert table[0] == "kind\tlength_bp\tpeak_mb\tseconds\tnote"
    assert len(table) == 5
    assert {path.name for path in tmp_path.iterdir()} == {"lengths.tsv", "lengths.png", "lengths.svg"}


def test_what_would_not_fit_is_left_out(monkeypatch) -> None:
    monkeypatch.setattr(lengths, "available_bytes", lambda: 1_000_000_000)
    before = [lengths.Point("softmax", 4_096, 400.0, 1.0)]
    assert lengths._point("softmax", 8_192, 64, before).note == "left out: some 2 GB needed"


@pytest.mark.parametrize("wrong", [{"kinds": ("lstm",)}, {"theme": "red"}, {"lengths": ()}, {"chunk": 0}])
def test_what_cannot_be_measured_is_refused(wrong, tmp_path) -> None:
    with pytest.raises(UsageError):
        lengths.measure(**{"lengths": (64,), "out": tmp_path, **wrong})


def test_rows_of_the_copy_task_say_the_half_twice() -> None:
    for ids, targets in rows(Task(1, 12, TINY), SEED, 5):
        assert (ids[0, 0], ids[0, 1], targets[0, 6]) == (0, 0, 0)
        assert (targets[0, :6] == IGNORED).all()
        assert torch.equal(ids[0, 1:6], targets[0, 6:11])
        assert torch.equal(ids[0, 7:], targets[0, 6:11])


def test_the_settings_of_the_copy_task_are_the_published_ones() -> None:
    task = Task()
    assert (task.iterations, task.length, task.rate) == (15_000, 512, 0.01)
    assert (copytask.LOWERED_AT * task.iterations, copytask.LOWERED) == (10_000, 0.1)
    config = PerformerConfig(256, 256, 1, 4, 1024, "squared", pre_norm=True, last_norm=False)
    assert task.config == config


@pytest.mark.long
def test_copying_is_learned_at_the_published_rate_only_without_a_last_norm() -> None:
    learned = {}
    for last_norm in (False, True):
        config = PerformerConfig(64, 64, 1, 4, 256, last_norm=last_norm)
        learned[last_norm], _ = learn(Task(1_000, 32, config), 0)
    assert learned[False].bits < 2
    assert learned[False].accuracy > 60
    assert learned[True].bits > 4  # of log2(64) = 6
    assert learned[True].accuracy < 30


def test_in_chunks_the_same_is_learned() -> None:
    task = Task(30, 16, TINY, double=True)
    (whole, expected), (chunked, losses) = learn(task, 0), learn(task, 4)
    assert losses == pytest.approx(expected, abs=1e-9)
    assert whole.bits == pytest.approx(chunked.bits, abs=1e-9)
    assert chunked.graph_mb < whole.graph_mb
    assert sum(losses[-5:]) < sum(losses[:5])


def test_the_table_of_the_copy_task_is_written(in_this_process, tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra `report`")
    learned = learn_copying(tmp_path, Task(3, 8, TINY), (0, 4), theme="dark")
    assert [one.chunk for one in learned] == [0, 4]
    assert 0 <= learned[1].apart_from_whole < 1e-4
    assert not math.isnan(learned[1].bits)
    lines = (tmp_path / "copy-losses.tsv").read_text().splitlines()
    assert lines[0] == "iteration\twhole\tchunk_4"
    assert len(lines) == 4
    assert len((tmp_path / "copy.tsv").read_text().splitlines()) == 3
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"copy.tsv", "copy-losses.tsv", "copy.png", "copy.svg"}
    drawn = (tmp_path / "copy.svg").read_text()
    assert all(
        f"<!-- {text} -->" in drawn for text in ("whole", "chunks of 4", "training loss (bits a token)")
    )


def test_a_single_training_is_drawn_without_a_difference(in_this_process, tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra `report`")
    learn_copying(tmp_path, Task(3, 8, TINY), (0,))
    drawn = (tmp_path / "copy.svg").read_text()
    assert "<!-- training loss (bits a token) -->" in drawn
    assert "difference from" not in drawn


def test_tables_are_markdown() -> None:
    results = [
        Learned(0, 5, 1.25, 87.5, 3.0, 17.125, 40.0, 0.0),
        Learned(64, 5, 1.25, 87.5, 9.0, 4.5, 30.0, 2e-6),
    ]
    assert copytask.table(results).splitlines()[2:] == [
        "| whole | 1.2500 | 87.5 % | 3 | 17.12 | 40 | 0.0e+00 |",
        "| chunks of 64 | 1.2500 | 87.5 % | 9 | 4.50 | 30 | 2.0e-06 |",
    ]
    note = "left out: some 40 GB needed"
    points = [
        lengths.Point("softmax", 1_024, 35.04, 0.0612), lengths.Point("softmax", 4_096, None, None, note),
        lengths.Point("chunked", 1_024, 19.0, 0.03),
    ]  # fmt: skip
    assert lengths.table(points).splitlines() == [
        "| length, MB / seconds | softmax attention | linear attention, exact in chunks |",
        "|---|---|---|",
        "| 1,024 | 35.0 / 0.0612 | 19.0 / 0.03 |",
        f"| 4,096 | {note} | - |",
    ]


@pytest.mark.long
def test_one_command_measures_in_processes_of_their_own(gindex, tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the pictures need the extra `report`")
    words = ("--out", tmp_path, "--length", 64, "--iterations", 2, "--float64")
    both = gindex("lab", "reproduce", *words).stdout.split("\n\n")
    assert [table.count("\n") for table in both] == [2, 5]
    assert float(both[1].split("|")[-2]) < 1e-10


@pytest.mark.long
def test_one_command_does_both_or_one(in_this_process, gindex, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(copytask, "EXAMINED", 2)
    pytest.importorskip("matplotlib", reason="the pictures need the extra `report`")
    words = ("lab", "reproduce", "--out", tmp_path / "out", "--length", 64, "--iterations", 2, "--float64")
    both = gindex(*words).stdout.split("\n\n")
    assert [table.count("\n") for table in both] == [2, 5]
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert pictures == {"lengths.png", "copy.png"}
    assert float(both[1].split("|")[-2]) < 1e-10
    one = gindex("lab", "reproduce", "--out", tmp_path / "one", "--only", "lengths", "--length", 64)
    assert one.stdout.startswith("| length, MB / seconds | softmax attention |")
    assert not list((tmp_path / "one").glob("copy*"))
    wrong = gindex("lab", "reproduce", "--out", tmp_path / "two", "--only", "memory")
    sentence = "gindex: --only is 'memory'; choose lengths or copy; see `gindex lab reproduce --help`\n"
    assert (wrong.exit_code, wrong.stderr) == (2, sentence)


def test_steps_that_took_no_memory_are_drawn_without_a_point(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra `report`")
    from genome_index.report.figures.style import theme_named

    points = [lengths.Point("softmax", 64, 0.0, 0.001), lengths.Point("chunked", 64, None, None, "killed")]
    written = lengths._draw(points, 32, theme_named("light"), tmp_path / "lengths")
    assert {path.name for path in written} == {"lengths.png", "lengths.svg"}


def test_copying_that_cannot_be_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="even length"):
        learn_copying(tmp_path, Task(1, 7, TINY))
