"""Curves for TensorBoard, read back from their files record by record."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from genome_index.lab.study.plan import RunPlan, StudyPlan
from genome_index.lab.study.results import Results
from genome_index.lab.study.study import run_study
from genome_index.lab.study.tracking import Tracker, folder_of

pytest.importorskip("tensorboardX", reason="the extra neural is not installed")


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Name, step and value of each scalar; a record is its length, a checksum, the event, a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    read = []
    for path in sorted(folder.glob("events*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            values = (value for value in event.summary.value if value.HasField("simple_value"))
            read += [(value.tag, event.step, value.simple_value) for value in values]
            at += 16 + size
    return read


@pytest.fixture
def plan() -> RunPlan:
    return next(StudyPlan(Path("c")).cells())


def test_curves_and_scores_are_written(plan: RunPlan, tmp_path: Path) -> None:
    tracker = Tracker(tmp_path / "run", plan)
    tracker.training(0, 1.5)
    tracker.training(1, 1.25)
    tracker.validation(1.0)
    tracker.close({"test_bits": 1.75})
    assert scalars(tmp_path / "run") == [
        ("loss/training", 0, 1.5), ("loss/training", 1, 1.25), ("loss/validation", 2, 1.0),
        ("scores/test_bits", 2, 1.75),
    ]  # fmt: skip


def test_without_a_folder_nothing_is_written(plan: RunPlan, tmp_path: Path) -> None:
    tracker = Tracker(None, plan)
    tracker.training(0, 1.5)
    tracker.validation(1.0)
    tracker.close({})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_named_by_its_run(plan: RunPlan, tmp_path: Path) -> None:
    assert folder_of(tmp_path, plan, "0123456789").name == "pythia_nano_cross-entropy_seed_0_012345"


def test_a_study_is_tracked(demo_corpus_of_three: Path, tmp_path: Path) -> None:
    plan = StudyPlan(demo_corpus_of_three, length=64, batch=2, steps=3, seeds=(0,))
    run_study(plan, tmp_path / "out", track=True)
    (folder,) = (tmp_path / "out" / "tensorboard").iterdir()
    found = {(name, step): value for name, step, value in scalars(folder)}
    assert {step for name, step in found if name == "loss/training"} == {0, 1, 2}
    lowest = Results(tmp_path / "out").rows("SELECT validation_loss, test_bits FROM runs")[0]
    assert found["scores/test_bits", 3] == pytest.approx(lowest["test_bits"], rel=1e-6)
    assert lowest["validation_loss"] == pytest.approx(
        min(value for (name, _), value in found.items() if name == "loss/validation"), rel=1e-6
    )
