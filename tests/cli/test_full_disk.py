"""A full disk: the sentence, the index as it was, and the next run that resumes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command_line import (
    FULL,
    answers,
    mostly_long,
    refused,
)


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of some megabytes, or gives the one there is another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(megabytes):
        nonlocal mounted
        options = f"{'remount,' if mounted else ''}size={megabytes}m"
        try:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True
            )
        except FileNotFoundError:
            pytest.skip("there is no mount command to make a small disk with")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk):
    """Leave not one block of a disk free."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


@pytest.mark.long
def test_a_build_that_fills_the_disk_goes_on_where_there_is_room(gindex, demo, small_disk):
    disk = small_disk(3)
    command = ["build", demo / "genomes", "--taxonomy", demo / "taxonomy.tsv", "--genome-per", "file"]
    result = gindex(*command, "--index", disk / "index")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        f"gindex: {disk}/index(/.*)?: " + re.escape(FULL.format("No space left on device")),
        result.stderr.strip(),
    )
    small_disk(60)
    result = gindex(*command, "--index", disk / "index")
    assert result.exit_code == 0
    assert f"{disk}/index holds 60 genomes, snapshot 1" in result.stderr
    assert answers(gindex, disk / "index", demo)


FULL_AT = {
    "a segment": ("genome_index.index.ingest.write_segment", 0),
    "the projection": ("genome_index.index.calibration.model.Projection.save", 0),
    "the vectors": ("genome_index.index.vectors.kinds.Vectors.save", 0),
    "the catalogue": ("genome_index.index.commit.write_catalog", 0),
    "the manifest": ("genome_index.index.snapshots.write_file", 0),
    "the pointer": ("genome_index.index.snapshots.write_file", 1),
}


@pytest.mark.parametrize("moment", mostly_long(FULL_AT, ["a segment", "the catalogue", "the pointer"]))
def test_a_disk_that_is_full_leaves_the_index_as_it_was(
    gindex, demo, own_index, six_genomes, small_disk, monkeypatch, moment
):
    step, calls_before = FULL_AT[moment]
    disk = small_disk(20)
    index = Path(shutil.copytree(own_index, disk / "index"))
    module, _, name = step.rpartition(".")
    calls = []

    def on_a_full_disk(*args, **values):
        if len(calls) == calls_before:
            fill(disk)
        calls.append(step)
        return original(*args, **values)

    command = ["build", *six_genomes[:5], "--genome-per", "file", "--index", index]
    with monkeypatch.context() as patch:
        original = _named(step)
        patch.setattr(step, on_a_full_disk)
        result = gindex(*command)
    assert (disk / "ballast").exists()
    assert (result.exit_code, result.stdout) == (2, "")
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"gindex: {index}")
    assert last.endswith(f": {FULL.format('No space left on device')}")
    assert answers(gindex, index, demo)
    (disk / "ballast").unlink()
    result = gindex(*command)
    assert result.exit_code == 0
    assert f"{index} holds 5 genomes" in result.stderr
    assert ("5 of them from an interrupted run" in result.stderr) == (step != FULL_AT["a segment"][0])


def _named(path):
    module, *names = path.split(".")
    found = sys.modules[module]
    for name in names:
        found = getattr(found, name)
    return found


@pytest.mark.long
def test_vectors_that_fill_the_disk_are_told(gindex, demo, small_disk, monkeypatch):
    """Few vectors wait in a buffer until the file is closed; these are written at once."""
    disk = small_disk(60)

    def save(vectors, path):
        fill(disk)
        original(vectors, path)

    original = _named("genome_index.index.vectors.kinds.Vectors.save")
    monkeypatch.setattr("genome_index.index.vectors.kinds.Vectors.save", save)
    result = gindex("build", demo / "genomes", "--genome-per", "file", "--index", disk / "index")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f": {FULL.format('No space left on device')}\n")


def test_vectors_that_did_not_fit_are_not_committed(gindex, own_index, six_genomes, small_disk, monkeypatch):
    """The disk is full for a moment, while another program's file is on it."""
    disk = small_disk(20)
    index = Path(shutil.copytree(own_index, disk / "index"))

    def save(vectors, path):
        fill(disk)
        original(vectors, path)
        (disk / "ballast").unlink()

    original = _named("genome_index.index.vectors.kinds.Vectors.save")
    monkeypatch.setattr("genome_index.index.vectors.kinds.Vectors.save", save)
    result = gindex("build", *six_genomes[:5], "--genome-per", "file", "--index", index)
    assert result.exit_code == 2


def test_output_that_fills_the_disk_is_told(gindex, demo, small_index, small_disk):
    disk = small_disk(1)
    fill(disk)
    path = disk / "calls.jsonl"
    queries = sorted((demo / "genomes").iterdir())[:2]
    for format in ("table", "tsv", "json", "jsonl"):
        words = ["--genome-per", "file", "--index", small_index, "--format", format, "--output", path]
        assert refused(gindex("query", *queries, *words), f"{path}: {FULL.format('No space left on device')}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "command", mostly_long(["list", "query {good} -k 50 --format json", "info"], ["list"])
)
def test_standard_output_that_fills_the_disk_is_told(good, small_index, command):
    words = [*command.format(good=good).split(), "--index", str(small_index)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [Path(sys.executable).with_name("gindex"), *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("gindex: ")
    assert len(done.stderr.splitlines()) == 1


def test_output_into_a_folder_that_is_not_there_is_told(gindex, good, small_index, tmp_path):
    output = tmp_path / "nowhere" / "calls.tsv"
    result = gindex("query", good, "--index", small_index, "--output", output)
    assert refused(result, f"{output}: {FULL.format('No such file or directory')}")
