"""The plot over lengths and the copy task: what is measured, on tiny networks."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the lab needs the extra `neural`")

from genome_index.encoders.performer import PerformerConfig  # noqa: E402
from genome_index.errors import UsageError  # noqa: E402
from genome_index.lab import lengths  # noqa: E402
from genome_index.lab.copytask import SEED, Task, learn, learn_copying, rows  # noqa: E402
from genome_index.lab.exact import IGNORED  # noqa: E402
from genome_index.lab.memory import apart, counted, resident_bytes  # noqa: E402
from genome_index.lab.softmax import softmax_transformer  # noqa: E402

TINY = PerformerConfig(8, 16, 1, 2, 32)


def take(megabytes: int) -> int:
    before, _ = resident_bytes()
    held = torch.ones(megabytes * 1_000_000, dtype=torch.uint8)
    return resident_bytes()[1] - before if held.numel() else 0


def test_a_process_of_its_own_sees_what_it_takes_and_no_more() -> None:
    held = torch.ones(300_000_000, dtype=torch.uint8)  # here, which a child must not be charged with
    found = apart(take, 50)
    assert found is not None
    assert 45e6 < found < 80e6
    assert held.numel() == 300_000_000


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


def test_in_chunks_the_same_is_learned() -> None:
    task = Task(30, 16, TINY, double=True)
    (whole, expected), (chunked, losses) = learn(task, 0), learn(task, 4)
    assert losses == pytest.approx(expected, abs=1e-9)
    assert whole.bits == pytest.approx(chunked.bits, abs=1e-9)
    assert chunked.graph_mb < whole.graph_mb
    assert sum(losses[-5:]) < sum(losses[:5])


def test_the_table_of_the_copy_task_is_written(tmp_path) -> None:
    learned = learn_copying(tmp_path, Task(3, 8, TINY), (0, 4))
    assert [one.chunk for one in learned] == [0, 4]
    assert 0 <= learned[1].apart_from_whole < 1e-4
    assert not math.isnan(learned[1].bits)
    lines = (tmp_path / "copy-losses.tsv").read_text().splitlines()
    assert lines[0] == "iteration\twhole\tchunk_4"
    assert len(lines) == 4
    assert len((tmp_path / "copy.tsv").read_text().splitlines()) == 3


def test_copying_that_cannot_be_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="even length"):
        learn_copying(tmp_path, Task(1, 7, TINY))
