"""Reports of scaling: studies whose rows follow a known law, parabolas, and forecasts beside runs."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genome_index.errors import UsageError
from genome_index.lab.scaling import report
from genome_index.lab.scaling.isoflop import valley
from genome_index.lab.scaling.law import ScalingLaw
from genome_index.lab.scaling.report import report_scaling
from genome_index.lab.study.baselines import ORDER_12, Baseline
from genome_index.lab.study.plan import StudyPlan
from genome_index.lab.study.results import Results
from genome_index.lab.study.run import RunScores

LAW = ScalingLaw(1.6, 3.0, 8.0, 0.35, 0.3)  # bits
SIZES = {"pico": 1e4, "nano": 4e4, "micro": 2e5, "mini": 7e5}  # N
BUDGETS = (1e11, 3e11, 1e12)


def add_run(results: Results, size: str, budget: float, apart: float = 0.0) -> None:
    """A row whose loss is that of the law, or apart from it."""
    n = SIZES[size]
    tokens = round(budget / 6 / n)
    bits = float(LAW.loss(n, tokens)) + apart
    plan = replace(next(StudyPlan(Path("c")).cells()), size=size, budget=budget)
    scores = RunScores(16, 2, 1, 2 * n, tokens, 1.0, 1.0, 1, bits, bits, bits, bits, math.nan)
    results.add(f"{size} {budget} {apart}", plan, scores)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "SAMPLES", 10)
    results = Results(tmp_path / "study")
    results.add_baselines("c", 256, [Baseline(ORDER_12, 1.5, 1.5)])
    for size in SIZES:
        for budget in BUDGETS:
            add_run(results, size, budget)
    return tmp_path / "study"


def numbers(line: str) -> list[float]:
    return [float(word.replace(",", "")) for word in re.findall(r"-?[\d,]*\d(?:\.\d+)?(?:e\+\d+)?", line)]


def test_a_known_law_and_its_forecast_are_found(study: Path) -> None:
    text = report_scaling(study)
    assert (study / "scaling.md").read_text() == f"{text}\n"
    assert (study / "scaling.png").read_bytes().startswith(b"\x89PNG")
    table = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("|")}
    assert numbers(table["E, the loss that remains"])[0] == pytest.approx(LAW.floor, abs=2e-3)
    assert numbers(table["power of N"])[0] == pytest.approx(LAW.size_power, abs=5e-3)
    excess = table["E, the loss that remains"].split(" | ")[3]
    assert float(excess) == pytest.approx(LAW.floor, abs=2e-3)
    forecast = next(line for line in text.splitlines() if line.startswith("**Forecast**"))
    best = LAW.optimum(1e13)
    assert "for 1e+13 operations, 10 times the largest budget: the best network has N = " in forecast
    found = numbers(forecast.partition("N = ")[2])
    assert found[0] == pytest.approx(best.parameters, rel=0.05)
    assert found[2] == pytest.approx(best.loss, abs=1e-3)
    assert f"{found[2] - 1.5:+.4f} beside the Markov model of order 12" in forecast
    assert "run beyond" not in text


def test_runs_beyond_are_not_fitted_and_stand_beside_their_forecast(study: Path) -> None:
    before = report_scaling(study)
    add_run(Results(study), "nano", 1e13)
    add_run(Results(study), "micro", 1e13, apart=0.2)
    text = report_scaling(study, up_to=1e12)
    assert text.startswith(before.partition("![")[0].rstrip())  # the same law
    rows = {line.split(" | ")[0].strip("| "): line for line in text.partition("run beyond")[2].splitlines()}
    assert rows["nano"].endswith("| yes |")
    assert rows["micro"].endswith("| no |")
    assert report_scaling(study) != before  # without --up-to they are fitted


def test_networks_as_good_as_the_markov_model_have_no_excess(study: Path) -> None:
    add_run(Results(study), "nano", 1e12, apart=-0.6)
    text = report_scaling(study)
    assert "as good as the Markov model of order 12, so there is no excess to fit" in text
    [row] = [line for line in text.splitlines() if line.startswith("| E, the loss")]
    assert row.endswith("|  |  |")


def test_what_cannot_be_reported(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--up-to 1: the budgets of pythia, cross-entropy begin at 1e\+11"):
        report_scaling(study, up_to=1)
    with pytest.raises(UsageError, match="runs of 4 sizes and 1 budgets support no scaling law"):
        report_scaling(study, up_to=1e11)
    with pytest.raises(UsageError, match=r"there is no study.duckdb; run `gindex lab study run STUDY.toml"):
        report_scaling(tmp_path)
    Results(tmp_path / "empty")
    with pytest.raises(UsageError, match="no run has a budget; give three or more in the plan: budget"):
        report_scaling(tmp_path / "empty")


def test_a_parabola_has_the_lowest_point_that_it_was_made_with() -> None:
    sizes = np.array([1e4, 4e4, 2e5, 7e5])
    found = valley(1e12, sizes, 1.8 + 0.01 * (np.log(sizes) - np.log(1e5)) ** 2)
    assert found is not None
    assert (found.parameters, found.loss) == (pytest.approx(1e5), pytest.approx(1.8))
    assert found.inside
    outside = valley(1e12, sizes, 1.8 + 0.01 * (np.log(sizes) - np.log(1e3)) ** 2)
    assert outside is not None
    assert not outside.inside


def test_what_has_no_lowest_point() -> None:
    sizes = np.array([1e4, 4e4, 2e5])
    assert valley(1e12, sizes, np.array([1.0, 2.0, 1.0])) is None
    assert valley(1e12, sizes[:2], np.array([1.0, 2.0])) is None
