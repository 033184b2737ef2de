"""Plans of studies: the grid, sweeps of rates, fingerprints, and files that are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from genome_index.errors import InputError
from genome_index.lab.study.grid import CellName, Grid, parts_of
from genome_index.lab.study.plan import StudyPlan, read_plan

GRID = Grid(("pythia", "s4d"), ("nano",), ("cross-entropy", "headless"), (0.0, 0.5))


def test_a_file_is_a_plan(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'corpus = "mito"\nlength = 128\nrates = [1e-3, 1e-2]\nseeds = [3]\nequal = "parameters"\n'
        '[grid]\narchitecture = ["s4d"]\nloss = ["cross-entropy + 0.1 line-mse"]\ntemperature = [0, 0.5]\n'
    )
    assert read_plan(tmp_path / "study.toml") == StudyPlan(
        tmp_path / "mito", length=128, rates=(1e-3, 1e-2), seeds=(3,), equal="parameters",
        grid=Grid(("s4d",), loss=("cross-entropy + 0.1 line-mse",), temperature=(0, 0.5)),
    )  # fmt: skip


def test_every_cell_has_every_seed() -> None:
    runs = list(StudyPlan(Path("c"), seeds=(0, 1, 2), grid=GRID).runs({}))
    assert len(runs) == 2 * 2 * 2 * 3
    assert len({run.fingerprint("c") for run in runs}) == len(runs)
    assert {run.seed for run in runs} == {0, 1, 2}


def test_one_rate_needs_no_sweep_and_several_need_one_run_each() -> None:
    assert list(StudyPlan(Path("c"), grid=GRID).sweeps()) == []
    sweeps = list(StudyPlan(Path("c"), seeds=(5, 6), rates=(1e-3, 1e-2), sweep_steps=7, grid=GRID).sweeps())
    assert len(sweeps) == 8 * 2
    assert {(run.kind, run.steps, run.seed) for run in sweeps} == {("sweep", 7, 5)}


def test_a_cell_has_the_rate_that_was_found_for_it() -> None:
    plan = StudyPlan(Path("c"), seeds=(0,), rates=(1e-3, 1e-2), grid=GRID)
    cell = CellName("s4d", "nano", "headless", 0.5, 0.0, "none", 0.0)
    rates = {run.cell: run.rate for run in plan.runs({cell: 1e-2})}
    assert rates.pop(cell) == 1e-2
    assert set(rates.values()) == {1e-3}


def test_a_fingerprint_is_of_the_plan_and_of_the_corpus() -> None:
    run = next(StudyPlan(Path("here")).cells())
    assert run.fingerprint("c") == next(StudyPlan(Path("there")).cells()).fingerprint("c")
    others = [
        run.fingerprint("d"),
        replace(run, seed=9).fingerprint("c"),
        replace(run, rate=2e-3).fingerprint("c"),
    ]
    assert len({run.fingerprint("c"), *others}) == 4


def test_weights_stand_before_names() -> None:
    assert parts_of("2 spectrum:4+line-mse") == [(2.0, "spectrum:4"), (1.0, "line-mse")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("corpus = ", "it is no TOML file that can be read (Invalid value"),
        ("length = 5", 'give corpus = "FOLDER", made by `gindex lab corpus`'),
        ("corpus = 3", 'give corpus = "FOLDER", made by `gindex lab corpus`'),
        ('corpus = "c"\ngrid = 3', "give the lists of the grid below a line [grid]"),
        ('corpus = "c"\nlengths = 5', "lengths is no setting; choose corpus, direction, length"),
        (
            'corpus = "c"\n[grid]\nmodel = ["s4d"]',
            "model is no setting; choose architecture, size, loss",
        ),
        ('corpus = "c"\nlength = "5"', "length = '5': give a number"),
        ('corpus = "c"\nlength = true', "length = True: give a number"),
        ('corpus = "c"\nlength = 0', "length = 0: give 1 or more"),
        ('corpus = "c"\nseeds = 1', "seeds = 1: give a list of one value or more"),
        ('corpus = "c"\nseeds = []', "seeds = []: give a list of one value or more"),
        ('corpus = "c"\nseeds = ["a"]', "seeds = 'a': give a number"),
        ('corpus = "c"\nrates = [0.0]', "give at least one seed, and at least one rate above 0"),
        ('corpus = "c"\ndirection = "both"', "direction = 'both': choose causal, masked"),
        ('corpus = "c"\nweighing = "equal"', "weighing = 'equal': choose fixed, initial, uncertainty"),
        ('corpus = "c"\nequal = "time"', "equal = 'time': choose shape, parameters, operations"),
        ('corpus = "c"\n[grid]\narchitecture = ["bert"]', "bert is not causal; choose one of pythia, mamba2"),
        ('corpus = "c"\n[grid]\nsize = ["big"]', "no size is called 'big'; choose one of pico, nano"),
        ('corpus = "c"\n[grid]\nloss = ["mse"]', "no loss is called 'mse'; choose one of cross-entropy"),
        ('corpus = "c"\n[grid]\ncurriculum = ["a"]', "no curriculum is called 'a'; choose one of none"),
        ('corpus = "c"\n[grid]\ndeduplicated = [95]', "deduplicated = 95: give 0, or an identity below 1"),
        ('corpus = "c"\n[grid]\nbudget = [-1]', "budget = -1: give operations, or 0 for `steps`"),
        ('corpus = "c"\n[grid]\nbudget = [9]', "budget = 9: a step of pythia of size nano takes 2.9e+09"),
        ('corpus = "c"\n[grid]\nloss = ["x mse"]', "the loss 'x mse': give names with weights before them"),
    ],
)
def test_a_file_that_is_no_plan(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is no TOML file that can be read"):
        read_plan(tmp_path / "none.toml")
