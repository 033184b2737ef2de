"""Inputs: order, folders, several records in a file, --from-file, standard input."""

from __future__ import annotations

import gzip
import re
import subprocess

import pytest
from helpers.command_line import (
    FILE,
    GINDEX,
    SEVERAL_RECORDS,
    rows,
    run,
)
from helpers.ncbi_server import dna


@pytest.mark.parametrize("threads", [1, 3])
def test_every_input_has_exactly_one_row_in_order(
    gindex, small_index, write_fasta, tmp_path, monkeypatch, threads
):
    """More inputs than a batch, in which answers, refusals and failures take turns."""
    monkeypatch.setattr("genome_index.classify.query.BATCH_GENOMES", 4)
    given, expected = [], []
    for number in range(14):
        name, kind = f"q{number}", number % 5
        path = tmp_path / f"{name}.fa"
        if kind == 1:
            write_fasta(path.name, {"n": "N" * 900})
        elif kind == 2:
            path.write_text("no genome")
        elif kind != 3:  # the fourth of each five is missing
            write_fasta(path.name, {"g": dna(number, 1500), "h": dna(number + 100, 700)})
        given.append(path)
        expected.append((name, str(path), {1: "qc_fail", 2: "failed", 3: "failed"}.get(kind, "answered")))
    for number in range(3):
        write_fasta(f"in/{number}.fa", {"g": dna(number, 900)})
        expected.append((str(number), str(tmp_path / "in" / f"{number}.fa"), "answered"))
    given += [tmp_path / "in", given[2], given[0]]
    expected += [expected[2], expected[0]]
    result = gindex("query", *given, *FILE, "--index", small_index, "--threads", threads, "--format", "jsonl")
    found = [
        (
            row["query"],
            row["source"],
            row["verdict"] if row["verdict"] in ("qc_fail", "failed") else "answered",
        )
        for row in rows(result)
    ]
    assert found == expected
    assert result.exit_code == 1
    assert re.fullmatch(
        r"19 inputs: 9 [a-z ]+, 7 failed, 3 qc fail; the reason is in the row of each failed input\n",
        result.stderr,
    )


def test_each_record_has_a_row_if_so_asked(gindex, small_index, write_fasta):
    path = write_fasta("all.fa", {"a x": dna(1, 900), "b": "", "c": "ACGT", "a": dna(2, 900)})
    result = gindex("query", path, "--genome-per", "record", "--index", small_index, "--format", "jsonl")
    verdicts = [(row["query"], row["verdict"] in ("qc_fail", "failed")) for row in rows(result)]
    assert verdicts == [("a", False), ("b", True), ("c", True), ("a", False)]
    assert result.exit_code == 1


def test_a_file_of_several_records_is_one_genome_and_a_note_says_so(gindex, small_index, write_fasta):
    one, two, three = (
        write_fasta(f"{name}.fa", dict.fromkeys(names, dna(1, 900)))
        for name, names in (("x", "a"), ("y", "ab"), ("z", "abc"))
    )
    result = gindex("query", one, two, three, "--index", small_index, "--format", "jsonl")
    first, counts = result.stderr.splitlines()
    assert first == f"note: {two} and 1 more: {SEVERAL_RECORDS}"
    assert counts.startswith("3 inputs: ")
    assert [row["length_bp"] for row in rows(result)] == [900, 1800, 2700]


def test_a_taxonomy_that_names_records_makes_each_a_genome(gindex, write_fasta, tmp_path):
    path = write_fasta("all.fa", {"a": dna(1, 900), "b": dna(2, 900)})
    (tmp_path / "labels.tsv").write_text("genome_id\tspecies\na\tAa b\nb\tAa c\n")
    words = ["build", path, "--taxonomy", tmp_path / "labels.tsv", "--index", tmp_path / "index"]
    result = gindex(*words)
    note = (
        r"note: each record is read as a genome, because labels\.tsv \w{12} names the records "
        r"\(--genome-per file would make each file one\)"
    )
    first, last = result.stderr.splitlines()
    assert re.fullmatch(note, first)
    assert last.startswith("built 2 genomes")
    result = gindex(*words, *FILE)
    assert "built 1 genome" in result.stderr
    assert "note: each record" not in result.stderr


def test_inputs_and_a_list_are_read_in_that_order(gindex, small_index, write_fasta, tmp_path, monkeypatch):
    for name in "abcd":
        write_fasta(f"{name}.fa", {name: dna(ord(name), 900)})
    (tmp_path / "list.txt").write_text(f"# some\n\n{tmp_path}/b.fa\r\n  d.fa\na.fa\n")
    monkeypatch.chdir(tmp_path)
    result = gindex("query", "c.fa", "--from-file", "list.txt", "--index", small_index, "--format", "jsonl")
    assert [row["source"] for row in rows(result)] == ["c.fa", f"{tmp_path}/b.fa", "d.fa", "a.fa"]


def test_a_list_builds_too(gindex, six_genomes, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in six_genomes[:2]))
    result = gindex("build", "--from-file", tmp_path / "list.txt", "--index", tmp_path / "index", *FILE)
    assert (result.exit_code, "built 2 genomes" in result.stderr) == (0, True)


@pytest.mark.long
@pytest.mark.parametrize("packer", [gzip.compress, bytes])
def test_standard_input_of_a_real_process(demo, demo_index, packer):
    text = packer((demo / "sample.fasta").read_bytes())
    words = ["query", demo / "novel.fasta", "-", "--index", demo_index, "--format", "tsv"]
    done = run(*words, input=text, text=False)
    assert (done.returncode, done.stderr) == (0, b"2 inputs: 1 genus, 1 species\n")
    found = [line.split("\t") for line in done.stdout.decode().splitlines()[1:]]
    assert [(line[0], line[3], line[-3]) for line in found] == [
        ("novel", "Specimenella", str(demo / "novel.fasta")),
        ("stdin", "Demobacter simulatus", "-"),
    ]


@pytest.mark.long
def test_a_closed_standard_input_is_a_failed_input(small_index):
    done = subprocess.run(
        f"{GINDEX} query - --index {small_index} --format tsv <&-", shell=True, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
