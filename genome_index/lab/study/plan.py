"""The plan of a study, from a TOML file: a grid of architectures, sizes, losses and data, with seeds.

    corpus = "mito"                  # folder of `gindex lab corpus`; relative to the file
    direction = "causal"             # or masked
    length = 512                     # bases of a fragment
    batch = 16                       # fragments of a step
    steps = 400
    seeds = [0, 1, 2]
    rates = [1e-3]                   # several: the best one for each cell is found with the first seed
    sweep_steps = 100                # of the runs that find it
    weighing = "initial"             # of several losses: fixed, initial or uncertainty
    equal = "shape"                  # or parameters, operations: as many as pythia has at that size

    [grid]
    architecture = ["pythia", "s4d"]
    size = ["nano", "micro"]
    loss = ["cross-entropy", "cross-entropy + 0.1 line-mse"]
    temperature = [0.5]              # species are drawn by their genomes to this power
    deduplicated = [0, 0.9]          # one genome of those connected by this identity; 0: all of them
    curriculum = ["none"]            # or short-first, easy-first, common-first (curriculum.py)
    budget = [0]                     # operations of a training, which give its steps; 0: `steps`

All keys but `corpus` and `grid` have these values if they are left out, lists of the grid too.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from genome_index.errors import InputError, UsageError
from genome_index.lab.architectures.equal_shapes import Equal
from genome_index.lab.architectures.table import Direction, Task
from genome_index.lab.losses.combination import Weighing
from genome_index.lab.study.grid import AXES, CellName, Grid
from genome_index.lab.study.sizes import steps_of

Kind = Literal["sweep", "run"]
CODE = 2  # raised where the same plan gives other results


@dataclass(frozen=True)
class RunPlan(CellName):
    """One run: its place in the grid, and all else that decides its result, but for the corpus."""

    direction: Direction
    equal: Equal
    weighing: Weighing
    length: int
    batch: int
    steps: int
    rate: float
    seed: int
    kind: Kind = "run"

    def fingerprint(self, corpus: str) -> str:
        """A name for its results, on a corpus with a digest."""
        content = json.dumps([CODE, corpus, asdict(self)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def cell(self) -> CellName:
        """The place in the grid."""
        return CellName(*(getattr(self, name) for name in AXES))


@dataclass(frozen=True)
class StudyPlan:
    """The plan of a study."""

    corpus: Path
    direction: Direction = "causal"
    length: int = 512
    batch: int = 16
    steps: int = 400
    seeds: tuple[int, ...] = (0, 1, 2)
    rates: tuple[float, ...] = (1e-3,)
    sweep_steps: int = 100
    weighing: Weighing = "initial"
    equal: Equal = "shape"
    grid: Grid = field(default_factory=Grid)

    def __post_init__(self) -> None:
        for name in ("length", "batch", "steps", "sweep_steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} = {getattr(self, name)}: give 1 or more")
        for name, values in (("direction", Direction), ("weighing", Weighing), ("equal", Equal)):
            if getattr(self, name) not in get_args(values):
                raise UsageError(f"{name} = {getattr(self, name)!r}: choose {', '.join(get_args(values))}")
        if not self.seeds or not self.rates or min(self.rates) <= 0:
            raise UsageError("give at least one seed, and at least one rate above 0")
        self.grid.check(self.direction)
        list(self.cells())  # a budget that pays no step is told before the first run

    def cells(self) -> Iterator[RunPlan]:
        """A run of each cell of the grid, with the first seed and the first rate."""
        lists = (getattr(self.grid, name) for name in AXES)
        for values in product(*lists):
            cell = CellName(*values)
            yield RunPlan(
                **asdict(cell), direction=self.direction, equal=self.equal, weighing=self.weighing,
                length=self.length, batch=self.batch, steps=self._steps(cell), rate=self.rates[0],
                seed=self.seeds[0],
            )  # fmt: skip

    def _steps(self, cell: CellName) -> int:
        """As many as the budget pays, or those of the plan."""
        if not cell.budget:
            return self.steps
        task = Task(self.direction, self.length)
        return steps_of(cell.budget, cell.architecture, cell.size, self.equal, task, self.batch)

    def sweeps(self) -> Iterator[RunPlan]:
        """The runs that find the rate of each cell; none where one rate is given."""
        if len(self.rates) > 1:
            for cell, rate in product(self.cells(), self.rates):
                yield replace(cell, rate=rate, steps=self.sweep_steps, kind="sweep")

    def runs(self, rates: Mapping[CellName, float]) -> Iterator[RunPlan]:
        """The runs of all seeds, each cell with its rate."""
        for cell, seed in product(self.cells(), self.seeds):
            yield replace(cell, seed=seed, rate=rates.get(cell.cell, self.rates[0]))


def read_plan(path: Path) -> StudyPlan:
    """The plan in a TOML file.

    Raises
    ------
    InputError
        It cannot be read, or has a key or value that means nothing.
    """
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(str(path), f"it is no TOML file that can be read ({error})") from error
    try:
        return _plan(values, path.parent)
    except UsageError as error:
        raise InputError(str(path), str(error)) from error


def _plan(values: dict[str, Any], folder: Path) -> StudyPlan:
    if not isinstance(values.get("corpus"), str):
        raise UsageError('give corpus = "FOLDER", made by `gindex lab corpus`')
    grid = values.pop("grid", {})
    if not isinstance(grid, dict):
        raise UsageError("give the lists of the grid below a line [grid]")
    settings = {name: _typed(StudyPlan, name, value) for name, value in values.items()}
    settings["corpus"] = folder / values["corpus"]
    return StudyPlan(
        **settings, grid=Grid(**{name: _typed(Grid, name, value) for name, value in grid.items()})
    )


KINDS: Mapping[str, tuple[type, ...]] = {
    "int": (int,), "str": (str,), "Path": (str,), "float": (int, float), "Direction": (str,),
    "Weighing": (str,), "Equal": (str,),
}  # fmt: skip


def _typed(owner: type[StudyPlan | Grid], name: str, value: object) -> Any:  # noqa: ANN401  # by the field
    """A value of the type of its field, a list as a tuple; UsageError for another."""
    known = {each.name: str(each.type) for each in fields(owner) if each.name != "grid"}
    if name not in known:
        raise UsageError(f"{name} is no setting; choose {', '.join(known)}")
    kind = known[name]
    if not kind.startswith("tuple"):
        _check(name, value, KINDS[kind])
        return value
    if not isinstance(value, list) or not value:
        raise UsageError(f"{name} = {value!r}: give a list of one value or more")
    for each in value:
        _check(name, each, KINDS[kind.removeprefix("tuple[").partition(",")[0]])
    return tuple(value)


def _check(name: str, value: object, kinds: tuple[type, ...]) -> None:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise UsageError(f"{name} = {value!r}: give {'text' if str in kinds else 'a number'}")
