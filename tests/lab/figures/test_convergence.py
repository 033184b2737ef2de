"""Curves of runs: shares of the first loss, what is called flat, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genome_index.errors import InputError
from genome_index.lab.figures.convergence import CellCurves, Curve, convergence_table, curve_of
from genome_index.lab.study.grid import CellName
from genome_index.lab.study.report import Cell
from genome_index.lab.training.runs import CHECKPOINT, VALIDATION


def run_folder(folder: Path, training: list[float], validation: str = "10\t2.0\n20\t1.0\n") -> Path:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({"losses": np.array(training)}, folder / CHECKPOINT)
    (folder / VALIDATION).write_text(f"step\tvalidation loss, loss\n{validation}")
    return folder


def cell_of(seeds: int = 1) -> Cell:
    row = {"parameters": 1_234, "validation_bits": 1.9, "validation_head_bits": 1.95}
    return Cell(CellName("pythia", "nano", "headless", 0.5, 0.0, "none", 0.0), (row,) * seeds)


def table_row(curves: list[Curve]) -> list[str]:
    lines = convergence_table([CellCurves(cell_of(), "headless", tuple(curves))]).splitlines()
    return lines[2].strip("| ").split(" | ")


def test_losses_are_shares_of_the_first_batch(tmp_path: Path) -> None:
    curve = curve_of(run_folder(tmp_path, [4.0] * 10 + [2.0] * 10))
    assert curve is not None
    assert curve.training.tolist() == [1.0] * 10 + [0.5] * 10
    assert (curve.steps.tolist(), curve.validation.tolist()) == ([10, 20], [0.5, 0.25])
    assert (curve.end, curve.fall) == (0.5, 0.5)


def test_a_loss_that_begins_at_or_below_0_has_no_share(tmp_path: Path) -> None:
    assert curve_of(run_folder(tmp_path / "zero", [0.0, 1.0])) is None
    assert curve_of(run_folder(tmp_path / "below", [-1.0, -2.0])) is None
    assert table_row([])[4] == "first not above 0"


def test_flat_is_a_fall_of_less_than_a_hundredth() -> None:
    steps, validation = np.array([50]), np.array([0.9])
    flat = Curve(np.linspace(1.0, 0.99, 50), steps, validation)
    falls = Curve(np.linspace(1.0, 0.9, 50), steps, validation)
    assert table_row([flat])[4:] == ["0.990", "0.008 (flat)", "0.900", "1.9000"]
    assert table_row([falls])[4:6] == ["0.904", "0.082"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (CHECKPOINT, "checkpoint.safetensors: its losses cannot be read"),
        (VALIDATION, "validation.tsv: it is no table of losses"),
    ],
)
def test_a_run_without_its_files_says_how_to_make_them(name: str, sentence: str, tmp_path: Path) -> None:
    run_folder(tmp_path, [1.0])
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{sentence} .*remove the run's folder and its row"):
        curve_of(tmp_path)


def test_tables_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no loss"):
        curve_of(run_folder(tmp_path / "none", [1.0], ""))
    with pytest.raises(InputError, match="it has no step"):
        curve_of(run_folder(tmp_path / "steps", []))
    with pytest.raises(InputError, match="it is no table of losses"):
        curve_of(run_folder(tmp_path / "words", [1.0], "ten\t1.0\n"))
