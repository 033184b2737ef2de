"""Results of a study in a DuckDB file: a row of each run, and of each baseline."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import duckdb

from genome_index.errors import InputError, UsageError
from genome_index.lab.study.baselines import Baseline
from genome_index.lab.study.plan import RunPlan
from genome_index.lab.study.run import RunScores
from genome_index.lab.training.runs import VALIDATION

FILE = "study.duckdb"
AGAIN = "remove the run's folder and its row, and give `gindex lab study run --resume`"
TYPES = {"str": "VARCHAR", "int": "BIGINT", "float": "DOUBLE"}


def _columns(owner: type) -> list[tuple[str, str]]:
    return [(each.name, TYPES.get(str(each.type), "VARCHAR")) for each in fields(owner)]


COLUMNS = [("fingerprint", "VARCHAR"), *_columns(RunPlan), *_columns(RunScores), ("error", "VARCHAR")]


class Results:
    """The file of a study; it is open only while it is read or written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS)
        self._execute(f"CREATE TABLE IF NOT EXISTS runs ({columns}, PRIMARY KEY (fingerprint))")
        self._execute(
            "CREATE TABLE IF NOT EXISTS baselines (corpus VARCHAR, length BIGINT, name VARCHAR, "
            "validation_bits DOUBLE, test_bits DOUBLE, genus_found DOUBLE, "
            "PRIMARY KEY (corpus, length, name))"
        )

    @classmethod
    def open(cls, folder: Path) -> Results:
        """The results in a folder of `gindex lab study run`; UsageError if there are none."""
        if not (folder / FILE).is_file():
            raise UsageError(
                f"{folder}: there is no {FILE}; run `gindex lab study run STUDY.toml --out {folder}` first"
            )
        return cls(folder)

    def ended(self) -> list[dict[str, Any]]:
        """The rows of runs with scores, but for those that look for a rate."""
        return self.rows("SELECT * FROM runs WHERE kind = 'run' AND error IS NULL ORDER BY ALL")

    def done(self) -> set[str]:
        """The fingerprints of runs that have scores."""
        return {row["fingerprint"] for row in self.rows("SELECT fingerprint FROM runs WHERE error IS NULL")}

    def add(self, fingerprint: str, plan: RunPlan, outcome: RunScores | Exception) -> None:
        """Add the row of a run, or replace that of a failure."""
        scores = asdict(outcome) if isinstance(outcome, RunScores) else {}
        error = None if scores else f"{type(outcome).__name__}: {outcome}"
        values = {"fingerprint": fingerprint, **asdict(plan), **scores, "error": error}
        row = [values.get(name) for name, _ in COLUMNS]
        self._execute(f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * len(row))})", row)

    def add_baselines(self, corpus: str, length: int, rows: Iterable[Baseline]) -> None:
        """Add what stands beside the networks, on a corpus and fragments of a length."""
        for row in rows:
            self._execute(
                "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?, ?)", [corpus, length, *row]
            )

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, by column."""
        with closing(duckdb.connect(str(self.path))) as connection:
            found = connection.execute(query, list(values))
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _execute(self, query: str, values: Iterable[Any] = ()) -> None:
        with closing(duckdb.connect(str(self.path))) as connection:
            connection.execute(query, list(values))


def validation_losses(run: Path) -> list[tuple[int, float]]:
    """Steps and validation losses of a run, from its folder.

    Raises
    ------
    InputError
        The table is missing, damaged or empty.
    """
    path = run / VALIDATION
    try:
        with path.open(newline="") as file:
            rows = [(int(step), float(loss)) for step, loss in list(csv.reader(file, delimiter="\t"))[1:]]
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"it is no table of losses ({error}); {AGAIN}") from error
    if not rows:
        raise InputError(str(path), f"it has no loss; {AGAIN}")
    return rows
