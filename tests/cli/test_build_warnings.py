"""Genomes, ids and labels that do not fit together: warnings and failures of a build."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil

import pytest
from helpers.command_line import (
    GENOME,
    OTHER,
)


@pytest.fixture
def labels(tmp_path):
    """A taxonomy file of some genomes: id -> species. Gives the path and the release it is known by."""

    def write(species):
        path = tmp_path / "labels.tsv"
        rows = [f"{genome}\t{name}\n" for genome, name in species.items()]
        path.write_text("".join(["genome_id\tspecies\n", *rows]))
        return path, f"labels.tsv {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"

    return write


def warnings_of_build(gindex, index, *inputs, taxonomy=None):
    result = gindex("build", *inputs, "--index", index, *(["--taxonomy", taxonomy] if taxonomy else []))
    assert result.exit_code == 0
    return [
        line.removeprefix("warning: ") for line in result.stderr.splitlines() if line.startswith("warning: ")
    ]


def test_genomes_and_labels_that_match_are_no_warning(gindex, good, other, tmp_path, labels):
    path, _ = labels({"good": "Aa b", "other": "Aa c"})
    assert warnings_of_build(gindex, tmp_path / "index", good, other, taxonomy=path) == []


def test_a_genome_without_label_is_a_warning(gindex, good, other, tmp_path, labels):
    path, _ = labels({"good": "Aa b"})
    expected = "1 genome without taxonomy, which cannot name a query: other"
    assert warnings_of_build(gindex, tmp_path / "index", good, other, taxonomy=path) == [expected]


def test_genomes_without_any_taxonomy_are_a_warning(gindex, good, other, tmp_path):
    expected = "2 genomes without taxonomy, which cannot name a query: good and 1 more"
    assert warnings_of_build(gindex, tmp_path / "index", good, other) == [expected]


def test_a_label_without_genome_is_a_warning(gindex, good, other, tmp_path, labels):
    path, release = labels({"good": "Aa b", "gone": "Aa d", "other": "Aa c", "lost": "Aa e"})
    expected = f"2 labels of {release} name no genome that was read: gone and 1 more"
    assert warnings_of_build(gindex, tmp_path / "index", good, other, taxonomy=path) == [expected]


@pytest.mark.parametrize(
    ("second", "conflict"),
    [("Aa b", ""), ("Aa c", ", under two species: Aa b and Aa c")],
    ids=["one species", "two species"],
)
def test_one_sequence_under_two_ids_is_a_warning(gindex, good, other, tmp_path, labels, second, conflict):
    header, sequence = GENOME.split()
    lines = b"\n".join(sequence.lower()[at : at + 61] for at in range(0, len(sequence), 61))
    (tmp_path / "twin.fa").write_bytes(b">another name\r\n" + lines)
    path, _ = labels({"good": "Aa b", "other": "Aa d", "twin": second})
    found = warnings_of_build(gindex, tmp_path / "index", good, other, tmp_path / "twin.fa", taxonomy=path)
    assert found == [f"good and twin are the same sequence{conflict}"]


@pytest.mark.parametrize("content", [OTHER, GENOME], ids=["another sequence", "the same sequence"])
def test_one_id_for_two_files_is_a_failure_of_the_second(gindex, good, tmp_path, content):
    twin = tmp_path / "twin" / "good.fasta.gz"
    twin.parent.mkdir()
    twin.write_bytes(gzip.compress(content))
    result = gindex("build", good, twin, "--index", tmp_path / "index")
    assert result.exit_code == 1
    expected = (
        f"failed: {twin}: good: the id 'good' was already given by {good}; "
        "rename one of the two, or use --id-from path"
    )
    assert expected in result.stderr.splitlines()
    assert " holds 1 genome, " in result.stderr


def test_one_id_for_two_records_is_a_failure_of_the_second(gindex, tmp_path):
    path = tmp_path / "all.fa"
    path.write_bytes(GENOME + OTHER + OTHER)
    result = gindex("build", path, "--genome-per", "record", "--index", tmp_path / "index")
    expected = f"failed: {path}: o: the id 'o' was already given by {path}; rename one of the two"
    assert (result.exit_code, expected in result.stderr.splitlines()) == (1, True)


def test_one_id_for_two_queries_is_two_rows(gindex, small_index, good, tmp_path):
    (tmp_path / "twin").mkdir()
    twin = shutil.copy(good, tmp_path / "twin")
    result = gindex("query", good, twin, "--index", small_index, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, [(row["query"], row["source"]) for row in rows]) == (
        0,
        [("good", str(good)), ("good", str(twin))],
    )


def test_another_sequence_under_an_id_of_the_index_is_refused(gindex, own_index, tmp_path):
    path = tmp_path / "DEMO_0001.fa"
    path.write_bytes(GENOME)
    result = gindex("add", path, "--index", own_index)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        f"failed: {path}: DEMO_0001: the id 'DEMO_0001' is in the index with another sequence; "
        "remove it first (`gindex remove DEMO_0001`) or rename the new one"
    )
