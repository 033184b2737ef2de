"""An index is complete at any moment: a change may be killed at every step."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import simulated

from genome_index import Genome, Index
from genome_index.errors import IndexNotFound
from genome_index.index.snapshots import current_snapshot

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="durable steps are named with the help of /proc"
)

DRIVER = Path(__file__).parents[1] / "helpers" / "crash_driver.py"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# A star stands for what differs between runs.
SEGMENT_STEPS = [
    step.format(folder)
    for folder in ("staging", "segments")
    for step in ("rmtree {}/.*.work", "replace {}/.*.work/segment.json", "replace {}/*", "fsync {}")
]
SNAPSHOT_STEPS = [
    *("rmtree snapshots/.*.work", "replace snapshots/.*.work/manifest.json"),
    *("replace snapshots/*", "fsync snapshots"),
]
POINTER_STEPS = ["fsync .CURRENT.new", "replace CURRENT", "fsync ."]


# -- dull oracles --------------------------------------------------------------------------------------------


def spectrum_of(sequence: bytes) -> np.ndarray:
    """Counts of canonical spaced k-mers with the pattern 11011011011, base by base: (32896,)."""
    code = {ord("A"): 0, ord("C"): 1, ord("T"): 2, ord("G"): 3}
    counts = np.zeros(256 * 257 // 2, np.int64)
    for start in range(len(sequence) - 10):
        word = [code[sequence[start + at]] for at in (0, 1, 3, 4, 6, 7, 9, 10)]
        other = [base ^ 2 for base in reversed(word)]
        left, right = (sum(base << 2 * (3 - i) for i, base in enumerate(half[:4])) for half in (word, other))
        counts[max(left, right) * (max(left, right) + 1) // 2 + min(left, right)] += 1
    return counts


def hashes_of(sequence: bytes) -> list[int]:
    """Sampled canonical 21-mers, one in eight."""
    forward = sequence.translate(bytes.maketrans(b"ACTG", b"0123"))
    backward = sequence[::-1].translate(bytes.maketrans(b"ACTG", b"2301"))
    found = set()
    for start in range(len(sequence) - 20):
        end = len(sequence) - start
        h = min(int(forward[start : start + 21], 4), int(backward[end - 21 : end], 4))
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            h = (h ^ h >> 33) * factor % 2**64
        h ^= h >> 33
        if h < 2**64 // 8:
            found.add(h)
    return sorted(found)


# -- the world: genomes, a driver, prepared indexes ----------------------------------------------------------


@contextmanager
def driver() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, DRIVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
    ) as process:
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=60)


@dataclass(frozen=True)
class State:
    """The content that an index must have."""

    ids: list[str]
    names: dict[str, str]  # id -> species
    answers: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """A change of an existing index, or the build of a new one."""

    before: "Change | None"
    kind: str
    given: str = ""  # what of the world's inputs


FEW = Change(None, "build", "few")
MANY = Change(None, "build", "many")
ALL = Change(FEW, "add", "many")


@dataclass
class World:
    folder: Path
    process: subprocess.Popen[str]
    known: simulated.Collection
    queries: list[Genome]
    inputs: dict[str, dict[str, Any]]
    made: dict[Change, tuple[Path, dict[str, Any]]] = field(default_factory=dict)
    states: dict[Change, State] = field(default_factory=dict)

    def run(self, kind: str, index: Path, **job: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps({"change": kind, "index": str(index), **job}, default=str) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def given(self, change: Change) -> dict[str, Any]:
        return (
            {"inputs": [self.undisturbed(MANY)[0]]} if change.given == "index" else self.inputs[change.given]
        )

    def copy(self, before: Change | None, to: Path) -> Path:
        if before is not None:
            shutil.copytree(self.undisturbed(before)[0], to)
        return to

    def undisturbed(self, change: Change) -> tuple[Path, dict[str, Any]]:
        """The index after a change that nothing kills, and the driver's report of it."""
        if change not in self.made:
            if change.before is not None:
                self.undisturbed(change.before)
            given = self.given(change)  # which may make an index, and take a number
            path = self.copy(change.before, self.folder / f"index_{len(self.made)}")
            said = self.run(change.kind, path, **given)
            assert "error" not in said, said
            self.made[change] = path, said
        return self.made[change]

    def state(self, change: Change) -> State:
        if change not in self.states:
            index = Index.open(self.undisturbed(change)[0])
            entries = index.catalog.entries()
            names = {entry.id: entry.lineage.name("species") for entry in entries}
            answers = simulated.answers(index, self.queries)
            self.states[change] = State([entry.id for entry in entries], names, answers)
        return self.states[change]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crash")
    many, few = simulated.collection(13, 5, 8), simulated.collection(3, 5, 4, seed=2, prefix="x")
    assert len(many) == 520
    known = simulated.Collection(many.sequences | few.sequences, many.names | few.names)
    renamed = {one: {**names, "species": f"{names['genus']} renamed"} for one, names in many.names.items()}
    inputs: dict[str, dict[str, Any]] = {"": {}, "forty ids": {"inputs": many.ids[100:140]}}
    for name, one in (("many", many), ("few", few), ("names", simulated.Collection(many.sequences, renamed))):
        fasta, table = one.write(folder, name)
        inputs[name] = {"inputs": [fasta], "taxonomy": table}
    with driver() as process:
        yield World(folder, process, known, simulated.relatives(known, 83), inputs)


# -- what has to hold after a kill ---------------------------------------------------------------------------


def assert_whole(world: World, path: Path, state: State, seed: int = 0) -> None:
    """The index opens, every file matches its checksum, and catalogue, vectors and sketches agree."""
    index = Index.open(path)
    assert index.damage() == []
    entries = index.catalog.entries()
    assert [entry.id for entry in entries] == state.ids
    assert {entry.id: entry.lineage.name("species") for entry in entries} == state.names
    rows = np.array([entry.row for entry in entries])
    model, references = index.model, index.references
    assert np.array_equal(np.flatnonzero(model.live), rows)
    assert len(model.vectors) == len(model.live)
    rng = np.random.default_rng(seed)
    some = rng.choice(rows, min(24, len(rows)), replace=False)
    expected = model.projection.apply(references.features(some))
    np.testing.assert_allclose(model.vectors.rows()[some], expected, atol=1e-5)
    for entry in rng.choice(np.array(entries, object), 2, replace=False):
        sequence = world.known.sequences[entry.id]
        assert entry.sha256 == hashlib.sha256(sequence + b"\n").hexdigest()
        assert np.array_equal(references.raw([entry.row])[0], spectrum_of(sequence))
        assert references.hashes(entry.row).tolist() == hashes_of(sequence)
        assert [contig.sequence for contig in references.genome(entry.row).contigs] == [sequence]
    assert simulated.answers(index, world.queries) == state.answers


def finished(path: Path) -> int:
    """Number of genomes in the finished segments of an unfinished run."""
    return sum(
        len(json.loads(manifest.read_bytes())["genomes"])
        for manifest in (path / "segments").glob("[0-9a-f]*/segment.json")
        if (path / "staging" / manifest.parent.name / "segment.json").exists()
    )


def assert_tidy(path: Path) -> None:
    """There is nothing on disk to which no snapshot refers."""
    assert simulated.folders(path / "staging") == []
    assert simulated.folders(path / "segments") == simulated.referenced_segments(path)
    assert sorted(set(simulated.folders(path)) - {"staging"}) == ["CURRENT", "lock", "segments", "snapshots"]


@dataclass
class Trial:
    """A change of one index that is killed repeatedly, and then completes."""

    world: World
    change: Change
    path: Path
    kills: int = 0

    def __post_init__(self) -> None:
        self.old = self.world.state(self.change.before) if self.change.before else None
        self.new = self.world.state(self.change)
        self.world.copy(self.change.before, self.path)
        self.start = current_snapshot(self.path)

    @property
    def done(self) -> bool:
        return current_snapshot(self.path) != self.start

    def run(self, **kill: Any) -> dict[str, Any]:
        return self.world.run(self.change.kind, self.path, **self.world.given(self.change), **kill)

    def kill(self, **kill: Any) -> None:
        """Run and kill it, and check that the index has the old content or the new."""
        said = self.run(**kill)
        assert said == {"signal": 9}, (kill, {name: said[name] for name in said if name != "steps"})
        self.kills += 1
        self.look()

    def look(self) -> None:
        state = self.new if self.done else self.old
        if state is None:
            with pytest.raises(IndexNotFound):
                Index.open(self.path)
        else:
            assert_whole(self.world, self.path, state, self.kills)

    def finish(self) -> dict[str, Any]:
        """The same command again resumes, and the index is as if nothing had been killed."""
        ready, was_done = finished(self.path), self.done
        said = self.run()
        assert "error" not in said, said
        assert said["resumed"] == (0 if self.change.kind == "add" and was_done else ready)
        assert self.done
        assert_whole(self.world, self.path, self.new, self.kills)
        return said


def steps_in(world: World, change: Change, *folders: str) -> list[str]:
    """The durable steps of a change in these folders until it moves the pointer, each once, in order."""
    steps = world.undisturbed(change)[1]["steps"]
    before = dict.fromkeys(steps[: steps.index("replace CURRENT")])
    return [step for step in before if step.split()[1].split("/")[0] in folders]


@pytest.mark.long
def test_durable_steps_are_those_of_the_design(world: World):
    steps = world.undisturbed(ALL)[1]["steps"]
    assert {*SEGMENT_STEPS, *SNAPSHOT_STEPS, *POINTER_STEPS} <= set(steps)
    assert {step.split()[1].split("/")[0] for step in steps} - {"."} == {
        *("staging", "segments", "snapshots", "CURRENT", ".CURRENT.new")
    }
    assert steps.count("replace segments/*") == 9  # 520 genomes, 64 a segment
    assert steps.count("replace snapshots/*") == steps.count("replace CURRENT") == 1
    assert world.undisturbed(Change(ALL, "undo"))[1]["steps"] == POINTER_STEPS


@pytest.mark.parametrize(
    ("folder", "manifest"),
    [("staging", "segment.json"), ("segments", "segment.json"), ("snapshots", "manifest.json")],
)
def test_content_reaches_the_disk_before_its_name(world: World, folder: str, manifest: str):
    """A kill cannot show a missing fsync, only a power failure can; so the order of steps is checked."""
    path, said = world.undisturbed(FEW)
    steps = said["steps"]
    kept = path / folder if folder != "staging" else path / "segments"
    names = [one.name for one in next(kept.iterdir()).iterdir()]
    if folder == "staging":
        names = [name for name in names if name.startswith("bases.")] + [manifest]
    assert len(names) >= 3
    contents = [steps.index(f"fsync {folder}/.*.work/{name}") for name in names]
    replaced = steps.index(f"replace {folder}/*")
    own_entries = [at for at, step in enumerate(steps) if step == f"fsync {folder}/.*.work"]
    of_folder = [at for at, step in enumerate(steps) if step == f"fsync {folder}"]
    assert max(contents) < max(at for at in own_entries if at < replaced) < replaced < of_folder[0]
    assert of_folder[0] < steps.index("replace CURRENT")


# -- kills at durable steps ----------------------------------------------------------------------------------


@pytest.mark.long
def test_build_killed_at_every_step_of_a_segment(world: World, tmp_path: Path):
    """Over an existing index, which readers keep using."""
    trial = Trial(world, Change(FEW, "build", "many"), tmp_path / "index")
    steps = steps_in(world, trial.change, "staging", "segments")
    for number, step in enumerate(steps):
        moment, occurrence = ("before", "after")[number % 2], 2 if number % 8 == 7 else 1
        trial.kill(kill_on=step, moment=moment, occurrence=occurrence)
        assert not trial.done
    assert finished(trial.path) >= 3 * 64
    assert trial.finish()["added"] == 520
    assert trial.kills == len(steps) >= 24
    assert_tidy(trial.path)


@pytest.mark.long
def test_build_from_nothing_killed(world: World, tmp_path: Path):
    trial = Trial(world, MANY, tmp_path / "index")
    trial.kill(kill_on="replace staging/*", occurrence=3)
    assert finished(trial.path) == 2 * 64
    trial.kill(kill_on="replace segments/*", occurrence=5, moment="after")
    assert finished(trial.path) == 7 * 64
    trial.kill(kill_on="replace snapshots/*", moment="after")
    trial.kill(kill_on="replace CURRENT")
    assert finished(trial.path) == 520
    assert not trial.done
    said = trial.finish()
    assert (said["added"], said["resumed"], said["unchanged"]) == (520, 520, 0)
    assert_tidy(trial.path)


@pytest.mark.long
def test_build_killed_once_the_pointer_has_moved(world: World, tmp_path: Path):
    trial = Trial(world, MANY, tmp_path / "index")
    trial.kill(kill_on="rmtree staging/*", occurrence=5, past="replace CURRENT")
    assert trial.done
    trial.finish()
    assert_tidy(trial.path)


@pytest.mark.long
def test_add_killed(world: World, tmp_path: Path):
    trial = Trial(world, ALL, tmp_path / "index")
    trial.kill(kill_on="fsync staging/.*.work/bases.bin")
    trial.kill(kill_on="replace segments/*", occurrence=4)
    assert finished(trial.path) == 3 * 64
    trial.kill(kill_on="fsync segments", occurrence=3, moment="after")
    assert finished(trial.path) == 6 * 64
    trial.kill(kill_on="rmtree segments/.*.work", occurrence=3)
    trial.kill(kill_on="rmtree snapshots/.*.work", moment="after")
    trial.kill(kill_on="replace snapshots/*")
    trial.kill(kill_on="fsync .CURRENT.new", moment="after")
    assert not trial.done
    assert trial.finish()["added"] == 520
    assert_tidy(trial.path)


@pytest.mark.parametrize(
    "kill",
    [
        {"kill_on": "replace CURRENT"},
        {"kill_on": "fsync ."},
        {"kill_on": "rmtree staging/*", "past": "replace CURRENT"},
    ],
    ids=lambda kill: kill["kill_on"],
)
@pytest.mark.long
def test_add_killed_once_the_pointer_has_moved(world: World, tmp_path: Path, kill: dict[str, str]):
    """The same command again has nothing left to do."""
    trial = Trial(world, ALL, tmp_path / "index")
    trial.kill(moment="after", **kill)
    assert trial.done
    said = trial.finish()
    assert (said["added"], said["unchanged"]) == (0, 520)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", POINTER_STEPS)
@pytest.mark.long
def test_undo_killed(world: World, tmp_path: Path, step: str, moment: str):
    """It removes 520 genomes, or none."""
    trial = Trial(world, Change(ALL, "undo"), tmp_path / "index")
    trial.kill(kill_on=step, moment=moment)
    assert trial.done == (step == "fsync ." or (step, moment) == ("replace CURRENT", "after"))
    if not trial.done:
        trial.finish()


@pytest.mark.long
def test_remove_killed_at_every_step_of_a_snapshot(world: World, tmp_path: Path):
    trial = Trial(world, Change(ALL, "remove", "forty ids"), tmp_path / "index")
    steps = steps_in(world, trial.change, "snapshots")
    for number, step in enumerate(steps):
        trial.kill(kill_on=step, moment=("after", "before")[number % 2])
        assert not trial.done
    assert trial.finish()["removed"] == 40
    assert trial.kills == len(steps) >= 10
    assert_tidy(trial.path)


@pytest.mark.long
def test_relabel_killed(world: World, tmp_path: Path):
    trial = Trial(world, Change(ALL, "relabel", "names"), tmp_path / "index")
    trial.kill(kill_on="fsync snapshots/.*.work/catalog.duckdb")
    trial.kill(kill_on="replace snapshots/*", moment="after")
    trial.kill(kill_on="replace CURRENT")
    assert not trial.done
    assert trial.finish()["relabelled"] == 520
    assert_tidy(trial.path)


@pytest.mark.long
def test_merge_killed(world: World, tmp_path: Path):
    trial = Trial(world, Change(FEW, "merge", "index"), tmp_path / "index")
    trial.kill(kill_on="replace segments/*", occurrence=4, moment="after")
    trial.kill(kill_on="replace snapshots/*", moment="after")
    assert not trial.done
    assert trial.finish()["added"] == 520
    assert_tidy(trial.path)


@pytest.mark.long
def test_refit_killed(world: World, tmp_path: Path):
    trial = Trial(world, Change(ALL, "refit"), tmp_path / "index")
    trial.kill(kill_on="replace CURRENT")
    assert not trial.done
    trial.finish()
    assert_tidy(trial.path)


@pytest.mark.parametrize("change", [MANY, ALL], ids=["build", "add"])
@pytest.mark.long
def test_killed_at_random_times(world: World, tmp_path: Path, change: Change):
    trial = Trial(world, change, tmp_path / "index")
    share = np.random.default_rng(20).uniform(0.05, 0.6, 4)
    for seconds in share * world.undisturbed(change)[1]["seconds"]:
        if trial.run(kill_after_s=seconds) == {"signal": 9}:
            trial.kills += 1
        trial.look()
    assert trial.kills >= 3  # a machine that has just been relieved may finish first, once
    trial.finish()


# -- kills while old things are taken away -------------------------------------------------------------------

FIRST = {"past": "replace CURRENT", "moment": "after", "order": "manifest first"}
LAST = {"past": "replace CURRENT", "moment": "after", "order": "manifest last"}


@pytest.mark.long
def test_build_killed_while_it_removes_staged_bases(world: World, tmp_path: Path):
    trial = Trial(world, FEW, tmp_path / "index")
    trial.kill(kill_on="unlink staging/*/segment.json", **FIRST)
    trial.finish()
    assert_tidy(trial.path)


@pytest.mark.long
def test_build_of_large_genomes_killed_while_it_removes_staged_bases(world: World, tmp_path: Path):
    job = {**world.given(FEW), "spec": {"small_bp": 1_000, "large_scaled": 8}}
    kill = {**job, "kill_on": "unlink staging/*/bases.bin", **LAST}
    assert world.run("build", tmp_path / "index", **kill) == {"signal": 9}
    said = world.run("build", tmp_path / "index", **job)
    assert "error" not in said, said["error"]


@pytest.mark.long
def test_add_after_a_kill_while_undone_segments_were_removed(world: World, tmp_path: Path):
    path = world.copy(ALL, tmp_path / "index")
    assert "error" not in world.run("undo", path)
    kill = {"inputs": world.state(FEW).ids[:1], "kill_on": "unlink segments/*/segment.json", **FIRST}
    assert world.run("remove", path, **kill) == {"signal": 9}
    assert Index.open(path).damage() == []
    said = world.run("add", path, **world.given(ALL))
    assert "error" not in said, said["error"]
    assert said["added"] == 520


@pytest.mark.parametrize("order", [FIRST, LAST], ids=lambda order: order["order"])
@pytest.mark.long
def test_undo_never_leads_to_a_partly_removed_snapshot(world: World, tmp_path: Path, order: dict[str, str]):
    path, ids = world.copy(FEW, tmp_path / "index"), world.state(FEW).ids
    for genome_id in ids[:4]:
        assert "error" not in world.run("remove", path, inputs=[genome_id])
    kill = {"inputs": [ids[4]], "kill_on": "unlink snapshots/*/references.npz", **order}
    assert world.run("remove", path, **kill) == {"signal": 9}
    assert Index.open(path).snapshot.genomes == 55
    for _ in range(5):
        world.run("undo", path)
    assert Index.open(path).damage() == []
    assert "error" not in world.run("remove", path, inputs=[ids[5]])
