"""Damaged indexes: the damaged file is named, and the advised cure works."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest
from helpers.command_line import (
    GO_BACK,
    NO_ENCODER,
    NO_INDEX,
    answers,
    mostly_long,
    refused,
)

from genome_index.errors import GindexError
from genome_index.index.snapshots import read_snapshot
from genome_index.io.checksums import sealed

SNAPSHOT_FILES = ("calibration.json", "catalog.duckdb", "projection.npz", "references.npz", "vectors.faiss")
SEGMENT_FILES = ("raw.bin", "raw.idx", "hashes.bin", "hashes.idx", "bases.bin", "bases.idx", "skani.idx")


def flip(path):
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "does not match its checksum"


def cut(path):
    size = path.stat().st_size
    os.truncate(path, size - 1)
    return f"{size - 1} bytes, expected {size}"


def empty(path):
    size = path.stat().st_size
    os.truncate(path, 0)
    return f"0 bytes, expected {size}"


def delete(path):
    path.unlink()
    return "missing"


EACH_DAMAGE = pytest.mark.parametrize("damage", mostly_long([flip, cut, empty, delete], [flip]))


def snapshot(index, number=1):
    return index / "snapshots" / f"{number:06}"


def segment(index):
    (only,) = (index / "segments").iterdir()
    return only


def edit(index, change, seal=json.dumps):
    """Change the values of the manifest."""
    path = snapshot(index) / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(seal(values))


def seal_again(values):
    """So that it is as another gindex would have written it."""
    return sealed({key: value for key, value in values.items() if key != "sha256"}).decode()


EDITS = {
    "another format": (
        lambda values: values.update(format=3),
        "{index}: its format is 3, and this gindex reads 1 and 2; use the gindex that wrote it, "
        "or a newer one",
    ),
    "no format": (
        lambda values: values.pop("format"),
        "{index}: its format is None, and this gindex reads 1 and 2; use the gindex that wrote it, "
        "or a newer one",
    ),
    "another encoder": (
        lambda values: values["spec"].update(encoder="nt"),
        NO_ENCODER,
    ),
    "another mask of the encoder": (
        lambda values: values["spec"].update(encoder_version="111111"),
        "{index}: encoder_version is '111111' in the index but '11011011011 ^ 0.25' here, so their numbers "
        "cannot be compared; use the same encoder_version, or build a new index",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_index_of_other_settings_is_refused(gindex, own_index, good, name):
    change, sentence = EDITS[name]
    edit(own_index, change, seal_again)
    assert refused(gindex("query", good, "--index", own_index), sentence.format(index=own_index))
    if "encoder" in name:
        assert refused(gindex("add", good, "--index", own_index), sentence.format(index=own_index))
        assert gindex("list", "--index", own_index).exit_code == 0


def test_an_index_of_settings_of_another_name_is_refused(gindex, own_index, good):
    edit(own_index, lambda values: values["spec"].pop("small_bp"), seal_again)
    result = gindex("query", good, "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gindex: {own_index}: settings is ['dim', 'encoder', ")


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["spec"].update(sketch_k=16),
        lambda values: values["spec"].update(small_scaled=16),
        lambda values: values["spec"].pop("small_bp"),
        lambda values: values.update(genomes=7),
        lambda values: values["files"].pop("vectors.faiss"),
    ],
    ids=["sketch_k", "small_scaled", "no small_bp", "genomes", "a file"],
)
def test_a_changed_manifest_is_noticed(gindex, own_index, change):
    edit(own_index, change)
    sentence = f"{snapshot(own_index)}/manifest.json: does not match its checksum. {GO_BACK}"
    assert refused(gindex("check", "--index", own_index), sentence)


def test_every_changed_bit_of_the_manifest_is_noticed(own_index):
    path = snapshot(own_index) / "manifest.json"
    content = path.read_bytes()
    assert len(content) > 1_000
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(GindexError):
            read_snapshot(own_index, 1)


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"format": 1}', "\0" * 100])
def test_a_manifest_that_is_none_is_refused(gindex, own_index, good, content):
    (snapshot(own_index) / "manifest.json").write_text(content)
    result = gindex("query", good, "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gindex: {own_index}")


@EACH_DAMAGE
@pytest.mark.parametrize("name", SNAPSHOT_FILES)
def test_a_damaged_snapshot_is_named(gindex, own_index, good, name, damage):
    path = snapshot(own_index) / name
    complaint = damage(path)
    for command in (["query", good], ["info"]):
        assert refused(gindex(*command, "--index", own_index), f"{path}: {complaint}. {GO_BACK}")
    result = gindex("check", "--index", own_index)
    cure = "Go back with `gindex undo`, or build the index again."
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{path}: {complaint}\n{cure}\n")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (name, command)
        for name in ("catalog.duckdb", "references.npz")
        for command in (
            *("query {good}", "info", "list", "evaluate", "refit"),
            *("add {good}", "remove DEMO_0001", "relabel {labels}", "merge {small}"),
        )
        if (name, command) != ("references.npz", "list")  # the list is in the catalogue
    ],
)
def test_every_command_names_the_damaged_file_it_reads(gindex, places, small_index, name, command):
    path = snapshot(places["index"]) / name
    content = path.read_bytes()
    start, end = len(content) // 4, 3 * len(content) // 4
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    words = [word.format(**places, small=small_index) for word in command.split()]
    result = gindex(*words, "--index", places["index"])
    assert refused(result, f"{path}: does not match its checksum. {GO_BACK}")


def test_a_missing_manifest_is_named(gindex, own_index, good):
    path = snapshot(own_index) / "manifest.json"
    path.unlink()
    for command in (["query", good], ["info"], ["list"], ["check"], ["evaluate"], ["undo"]):
        assert refused(gindex(*command, "--index", own_index), f"{path}: missing. Build the index again.")


@EACH_DAMAGE
@pytest.mark.parametrize("name", SEGMENT_FILES)
def test_check_finds_a_damaged_segment(gindex, own_index, name, damage):
    path = segment(own_index) / name
    complaint = damage(path)
    result = gindex("check", "--index", own_index)
    cure = "Go back with `gindex undo`, or build the index again."
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{path}: {complaint}\n{cure}\n")


@pytest.mark.parametrize("damage", mostly_long([cut, empty, delete], [cut]))
def test_check_finds_a_damaged_segment_manifest(gindex, own_index, damage):
    damage(segment(own_index) / "segment.json")
    result = gindex("check", "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gindex: {segment(own_index)}: segment cannot be read (")
    assert result.stderr.endswith(f"). {GO_BACK}\n")


def test_check_finds_a_changed_segment_manifest(gindex, own_index):
    path = segment(own_index) / "segment.json"
    path.write_bytes(path.read_bytes().replace(b"DEMO_0001", b"DEMO_0009"))
    assert gindex("check", "--index", own_index).exit_code == 2


def test_check_finds_a_missing_segment(gindex, own_index):
    gone = segment(own_index)
    shutil.rmtree(gone)
    result = gindex("check", "--index", own_index)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, f"{gone}: missing")


@EACH_DAMAGE
@pytest.mark.parametrize(
    "name", mostly_long(["hashes.bin", "hashes.idx", "bases.bin", "bases.idx"], ["hashes.bin", "bases.idx"])
)
def test_a_query_that_needs_a_damaged_segment_says_so(gindex, own_index, demo, name, damage):
    path = segment(own_index) / name
    damage(path)
    sample = demo / "sample.fasta"
    result = gindex("query", sample, "--genome-per", "file", "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        f"gindex: {re.escape(str(path.with_suffix('.bin')))}: "
        r"(entry \d does not match its checksum|cannot be read \(.*\))\. " + re.escape(GO_BACK),
        result.stderr.strip(),
    )


POINTERS = {
    "nothing": (b"", "''"),
    "a line end": (b"\n", "''"),
    "a word": (b"latest\n", "'latest'"),
    "a negative number": (b"-1", "'-1'"),
    "a fraction": (b"1.0", "'1.0'"),
    "zero bytes": (b"\0" * 7, repr("\0" * 7)),
    "much": (b"x" * 100_000, repr("x" * 20)),
    "no text": (b"\xff\xfe1", "'"),
    "a superscript": ("²".encode(), "'²'"),
    "a number too many": (b"000001 latest", "'000001 latest'"),
    "more digits than a number has": (b"9" * 5000, repr("9" * 20)),
}


@pytest.mark.parametrize("name", POINTERS)
def test_a_pointer_that_names_nothing_is_refused(gindex, own_index, good, name):
    content, shown = POINTERS[name]
    (own_index / "CURRENT").write_bytes(content)
    result = gindex("query", good, "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gindex: {own_index}/CURRENT: holds {shown}")
    assert result.stderr.endswith(", which is not a snapshot number. Write 000001 into it.\n")


def test_without_a_pointer_there_is_no_index(gindex, own_index, good):
    (own_index / "CURRENT").unlink()
    assert refused(gindex("query", good, "--index", own_index), NO_INDEX.format(nowhere=own_index))


@pytest.mark.parametrize(
    "name", mostly_long([*SNAPSHOT_FILES, "manifest.json"], ["catalog.duckdb", "manifest.json"])
)
def test_undo_leaves_a_damaged_snapshot(gindex, own_index, good, demo, name):
    assert gindex("add", good, "--index", own_index).exit_code == 0
    cut(snapshot(own_index, 2) / name)
    assert not answers(gindex, own_index, demo)
    assert gindex("undo", "--index", own_index).exit_code == 0
    assert answers(gindex, own_index, demo)


@EACH_DAMAGE
@pytest.mark.parametrize(
    "name", mostly_long([*SNAPSHOT_FILES, "manifest.json"], ["vectors.faiss", "manifest.json"])
)
def test_building_again_mends_a_damaged_snapshot(gindex, own_index, six_genomes, demo, name, damage):
    damage(snapshot(own_index) / name)
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
    assert answers(gindex, own_index, demo)


@EACH_DAMAGE
@pytest.mark.parametrize(
    "name", mostly_long(["raw.bin", "hashes.bin", "hashes.idx", "bases.bin"], ["raw.bin"])
)
def test_building_again_mends_a_damaged_segment(gindex, own_index, six_genomes, demo, name, damage):
    damage(segment(own_index) / name)
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
    assert gindex("check", "--index", own_index).exit_code == 0
    assert answers(gindex, own_index, demo)


@pytest.mark.parametrize("damage", mostly_long([cut, empty, delete], [cut]))
def test_building_again_mends_a_segment_manifest(gindex, own_index, six_genomes, demo, damage):
    damage(segment(own_index) / "segment.json")
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
    assert gindex("check", "--index", own_index).exit_code == 0


def test_the_number_that_is_advised_is_the_right_one(gindex, own_index, good, demo):
    assert gindex("add", good, "--index", own_index).exit_code == 0
    (own_index / "CURRENT").write_text("garbage")
    advised = re.search(r"Write (\d+) into it\.", gindex("list", "--index", own_index).stderr).group(1)
    (own_index / "CURRENT").write_text(advised)
    assert len(gindex("list", "--index", own_index).stdout.splitlines()) == 1 + 7
    assert answers(gindex, own_index, demo)


def test_the_file_to_write_the_number_into_is_named(gindex, own_index, good):
    (own_index / "CURRENT").write_text("000099\n")
    result = gindex("query", good, "--index", own_index)
    assert result.exit_code == 2
    assert f" Write 000001 into {own_index}/CURRENT." in result.stderr


def test_building_again_mends_a_pointer(gindex, own_index, six_genomes, demo):
    (own_index / "CURRENT").write_text("")
    shutil.rmtree(snapshot(own_index))
    assert "Build the index again." in gindex("list", "--index", own_index).stderr
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
