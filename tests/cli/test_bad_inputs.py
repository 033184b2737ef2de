"""Inputs that give no genome: each has its row and reason, and the others are processed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from helpers.command_line import (
    GENOME,
    OTHER,
    invoke,
    mostly_long,
    rows,
)
from helpers.ncbi_server import dna

from genome_index.io.inputs import file_stem

TORN = gzip.compress(GENOME)[:-200]
DAMAGED = "the compressed file is cut short or damaged ({}); download or copy it again"
CUT = DAMAGED.format("Compressed file ended before the end-of-stream marker was reached")
BINARY = "this is a binary file, not FASTA or GenBank (of compressed files, gz, bz2, xz and zst are read)"
UTF_16 = (
    "this is text in UTF-16, as PowerShell and Notepad write it; save it as UTF-8 or ASCII "
    "(PowerShell: Out-File -Encoding ascii)"
)
NEITHER = "neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found {}"
PROTEIN = (
    "record 'p' has {}, which are not nucleotide codes; this looks like protein, gindex reads nucleotides"
)
UNKNOWN = "{} of the sequence is N or another ambiguity code; at most 50% is accepted."
NO_FILES = (
    "no sequence file in this folder; gindex reads .fa, .fasta, .fna, .fas, .fsa, .fsa_nt, .ffn, .mfa, .gb, "
    ".gbk, .gbff, .gbf, .genbank, .embl, also with .gz .bz2 .xz .zst"
)


@dataclass(frozen=True)
class Bad:
    """An input that gives no genome: how to make it, the id of its row ("" for its path), and the reason."""

    make: Callable[[Path], Path | str]
    id: str
    reason: str
    verdict: str = "failed"


def bad_file(name, content, reason, verdict="failed"):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return Bad(make, file_stem(name), reason, verdict)


def folder_without_genomes(folder):
    (folder / "notes.txt").write_text("nothing here\n")
    return folder


def looping_link(folder):
    (folder / "loop.fa").symlink_to(folder / "loop.fa")
    return folder / "loop.fa"


def flat_file(sequence, kind):
    text = io.StringIO()
    SeqIO.write(SeqRecord(Seq(sequence), "p", "p", annotations={"molecule_type": kind}), text, "genbank")
    return text.getvalue().encode()


def without_sequence(text):
    return text[: text.index(b"ORIGIN")] + b"CONTIG      join(CP1.1:1..600)\n//\n"


def damaged(packed):
    return (
        packed[: len(packed) // 2] + bytes([packed[len(packed) // 2] ^ 0xFF]) + packed[len(packed) // 2 + 1 :]
    )


BAD = {
    "empty": bad_file("x.fa", b"", "the file is empty; give a FASTA or GenBank file"),
    "white space": bad_file("x.fa", b"\n \r\n\t\n", "the file is empty; give a FASTA or GenBank file"),
    "empty, packed": bad_file(
        "x.fa.gz", gzip.compress(b""), "the file is empty; give a FASTA or GenBank file"
    ),
    "no '>'": bad_file("x.fa", GENOME.split(b"\n")[1], NEITHER.format(repr(dna(1, 10)))),
    "words": bad_file("x.fa", b"Dear all,\nplease find\n", NEITHER.format("'Dear all,\\n'")),
    "headers only": bad_file(
        "x.fa", b">a\n>b\n", "headers but no sequence; give a complete FASTA or GenBank file"
    ),
    "protein": bad_file("x.faa", b">p\nMKLVINGKTLKGEITVEG\n", PROTEIN.format("'E', 'I', 'L'")),
    "protein, GenPept": bad_file(
        "x.gb", flat_file("MKLVINGKTLKGE", "protein"), PROTEIN.format("'E', 'I', 'L'")
    ),
    "GenBank without sequence": bad_file(
        "x.gb",
        without_sequence(flat_file(dna(1, 600), "DNA")),
        "a record without its sequence (no ORIGIN); download it with the sequence",
    ),
    "FASTQ": bad_file(
        "x.fastq",
        b"@read\nACGT\n+\nIIII\n",
        "this is FASTQ, single reads; assemble them first and give the contigs as FASTA",
    ),
    "FASTQ, packed": bad_file(
        "x.fq.gz",
        gzip.compress(b"@read\nACGT\n+\nIIII\n"),
        "this is FASTQ, single reads; assemble them first and give the contigs as FASTA",
    ),
    "binary": bad_file("x.fa", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", BINARY),
    "UTF-16": bad_file("x.fa", ">a\nACGT\n".encode("utf-16"), UTF_16),
    "cut gz": bad_file("x.fa.gz", gzip.compress(GENOME)[:-200], CUT),
    "cut bz2": bad_file("x.fa.bz2", bz2.compress(GENOME)[:-200], CUT),
    "cut xz": bad_file("x.fa.xz", lzma.compress(GENOME)[:-200], CUT),
    "cut zst": bad_file("x.fa.zst", zstandard.compress(GENOME)[:-200], CUT),
    "damaged zst": bad_file(
        "x.fa.zst",
        damaged(zstandard.ZstdCompressor(write_checksum=True).compress(GENOME)),
        DAMAGED.format("zstd decompressor error: Data corruption detected"),
    ),
    "N only": bad_file("x.fa", b">n\n" + b"N" * 3000, UNKNOWN.format("100%"), "qc_fail"),
    "gaps only": bad_file("x.fa", b">n\n" + b"-" * 3000, UNKNOWN.format("100%"), "qc_fail"),
    "more than half N": bad_file(
        "x.fa", b">n\n" + b"N" * 520 + GENOME[3:483], UNKNOWN.format("52%"), "qc_fail"
    ),
    "too short": bad_file(
        "x.fa",
        b">n\n" + GENOME[3:502],
        "499 bp is too short to be called: at least 500 bp are required.",
        "qc_fail",
    ),
    "missing": Bad(lambda folder: folder / "x.fa", "x", "no such file or folder; check the path"),
    "a file taken for a folder": Bad(
        lambda folder: Path(__file__) / "x.fa", "x", "cannot be read: not a directory"
    ),
    "a path too long": Bad(lambda folder: "A" * 300, "A" * 300, "cannot be read: file name too long"),
    "a folder without genomes": Bad(folder_without_genomes, "", NO_FILES),
    "a link to itself": Bad(looping_link, "loop", "cannot be read: too many levels of symbolic links"),
    "a disk error": Bad(lambda folder: "/proc/self/mem", "mem", "cannot be read: input/output error"),
}
EACH_BAD_INPUT = pytest.mark.parametrize("name", BAD)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The bad inputs by name, each in a folder of its own."""
    return {name: bad.make(tmp_path_factory.mktemp("bad")) for name, bad in BAD.items()}


@pytest.fixture(scope="module")
def two_good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    (folder / "good.fa").write_bytes(GENOME)
    (folder / "other.fa").write_bytes(OTHER)
    return folder / "good.fa", folder / "other.fa"


@pytest.fixture(scope="module")
def answered(given, two_good, small_index):
    """The rows of one query for all bad inputs, between two good ones."""
    good, other = two_good
    result = invoke("query", good, *given.values(), other, "--index", small_index, "--format", "jsonl")
    assert result.exit_code == 1
    first, *answers, last = rows(result)
    assert (first["query"], last["query"]) == ("good", "other")
    assert None not in (first["closest"], last["closest"])
    return dict(zip(given, answers, strict=True))


@EACH_BAD_INPUT
def test_query_gives_a_bad_input_its_row(answered, given, name):
    bad, row = BAD[name], answered[name]
    assert (row["query"], row["source"]) == (bad.id or str(given[name]), str(given[name]))
    assert (row["verdict"], row["reason"]) == (bad.verdict, bad.reason)
    empty = (row["rank"], row["name"], row["confidence"], row["closest"], row["hits"])
    assert empty == (None, None, None, None, [])


@pytest.fixture(scope="module")
def built(given, two_good, tmp_path_factory):
    """An index built from the same inputs, and how that ended."""
    index, (good, other) = tmp_path_factory.mktemp("built") / "index", two_good
    return index, invoke("build", good, *given.values(), other, "--index", index)


@pytest.fixture(scope="module")
def failures(built, given):
    """The lines of `gindex info --failures`, by name."""
    lines = invoke("info", "--failures", "--index", built[0]).stdout.splitlines()
    return dict(zip(given, lines, strict=True))


@EACH_BAD_INPUT
def test_the_index_knows_why_an_input_gave_no_genome(failures, given, name):
    bad, path = BAD[name], given[name]
    assert failures[name] == f"{bad.id or path}\t{path}\t{bad.reason}"


def test_build_names_bad_inputs_and_builds_the_others(built, given):
    index, result = built
    assert (result.exit_code, result.stdout) == (1, "")
    *_, more, last = result.stderr.splitlines()
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    shown = [(given[name], bad) for name, bad in BAD.items()][:20]
    assert failed == [f"failed: {path}: {bad.id or path}: {bad.reason}" for path, bad in shown]
    assert more == f"... and {len(BAD) - 20} more; `gindex info --failures` lists them all"
    done = rf"built 2 genomes \(0\.0 Mbp\), {len(BAD)} failed in \d+\.\d s: (.*) holds 2 genomes, snapshot 1"
    assert re.fullmatch(done, last).group(1) == str(index)
    listed = invoke("list", "--index", index).stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["genome_id", "good", "other"]


def test_build_names_one_bad_input(gindex, good, tmp_path):
    missing, index = tmp_path / "x.fa", tmp_path / "index"
    result = gindex("build", missing, good, "--index", index)
    assert (result.exit_code, result.stdout) == (1, "")
    *_, failed, last = result.stderr.splitlines()
    assert failed == f"failed: {missing}: x: no such file or folder; check the path"
    done = r"built 1 genome \(0\.0 Mbp\), 1 failed in \d+\.\d s: (.*) holds 1 genome, snapshot 1"
    assert re.fullmatch(done, last).group(1) == str(index)


EACH_FORMAT = pytest.mark.parametrize("format", ["table", "tsv", "json", "jsonl"])


@pytest.mark.parametrize("name", mostly_long(["missing", "a folder without genomes", "FASTQ"], ["FASTQ"]))
@EACH_FORMAT
def test_query_ends_with_1_and_says_how_many(gindex, small_index, good, tmp_path, name, format):
    (tmp_path / "bad").mkdir()
    given = BAD[name].make(tmp_path / "bad")
    result = gindex("query", given, good, given, "--index", small_index, "--format", format)
    assert result.exit_code == 1
    passed_over = r"note: \S+: passed over: 1 file [^\n]+\n" if name == "a folder without genomes" else ""
    assert re.fullmatch(
        passed_over + r"3 inputs: 2 failed, 1 [a-z ]+; the reason is in the row of each failed input\n",
        result.stderr,
    )


@pytest.mark.parametrize("name", mostly_long(["N only", "too short"], ["too short"]))
@EACH_FORMAT
def test_a_refused_query_is_answered(gindex, small_index, good, tmp_path, name, format):
    """It was read, and qc_fail with its reason is the answer: nothing failed, so the exit code is 0."""
    given = BAD[name].make(tmp_path)
    result = gindex("query", given, good, "--index", small_index, "--format", format)
    assert result.exit_code == 0
    assert re.fullmatch(r"2 inputs: 1 qc fail, 1 [a-z ]+\n", result.stderr)
    verdict = "x: qc fail\n" if format == "table" else "qc_fail"
    assert verdict in result.stdout
    assert BAD[name].reason in result.stdout


def test_a_table_for_people_names_what_failed(gindex, small_index, good, tmp_path):
    missing = tmp_path / "x.fa"
    result = gindex("query", missing, good, "--index", small_index)
    assert result.stdout.startswith("x: failed\n  no such file or folder; check the path\n\ngood: ")


def test_query_of_nothing_but_bad_inputs_gives_all_rows(gindex, small_index, tmp_path):
    paths = [tmp_path / f"{number}.fa" for number in range(70)]  # more than one batch
    result = gindex("query", *paths, "--index", small_index, "--format", "jsonl")
    assert [json.loads(line)["source"] for line in result.stdout.splitlines()] == [
        str(path) for path in paths
    ]
    assert (result.exit_code, result.stderr) == (
        1,
        "70 inputs: 70 failed; the reason is in the row of each failed input\n",
    )


@pytest.mark.parametrize(
    "share",
    [0.5, 0.504],
)
def test_the_limit_of_unknown_bases_is_what_it_says(gindex, small_index, tmp_path, share):
    path = tmp_path / "x.fa"
    unknown = int(share * 1000)
    path.write_text(f">n\n{'N' * unknown}{dna(1, 1000 - unknown)}\n")
    (row,) = json.loads(gindex("query", path, "--index", small_index, "--format", "json").stdout)
    assert (row["verdict"] == "qc_fail") == (share > 0.5)
    assert row["reason"].startswith("50.4% of the sequence is N") == (share > 0.5)
    assert not row["reason"].startswith("50% of the sequence is N")


def test_the_shortest_genome_has_500_bp(gindex, small_index, tmp_path):
    (tmp_path / "x.fa").write_text(f">a\n{dna(1, 200)}\n>b\n{dna(2, 300)}\n")
    result = gindex(
        "query", tmp_path / "x.fa", "--genome-per", "file", "--index", small_index, "--format", "json"
    )
    (row,) = json.loads(result.stdout)
    assert (row["length_bp"], row["verdict"] in ("novel", "out_of_scope")) == (500, True)


@pytest.mark.parametrize("format", mostly_long(["table", "tsv", "json", "jsonl"], ["table", "json"]))
def test_a_name_that_is_not_utf_8_stops_nothing(gindex, good, tmp_path, format):
    folder, index = tmp_path / "in", tmp_path / "index"
    folder.mkdir()
    shutil.copy(good, folder / "good.fa")
    try:
        (folder / os.fsdecode(b"caf\xe9.fa")).write_bytes(OTHER)
        (folder / os.fsdecode(b"bad\xe9.fa")).write_bytes(b"")
    except OSError:
        pytest.skip("names have to be UTF-8 text here")
    result = gindex("build", folder, "--index", index)
    assert "built 2 genomes" in result.stderr
    assert f"failed: {folder}/bad\\xe9.fa: bad\\xe9: the file is empty" in result.stderr
    assert "\ncaf\\xe9\t" in gindex("list", "--index", index).stdout
    result = gindex("query", folder, "--index", index, "--format", format)
    assert result.exit_code == 1
    if format == "table":
        assert "\n\ncaf\\xe9: " in result.stdout
    else:
        shown = f"{folder}/caf\\xe9.fa"
        assert (json.dumps(shown) if "json" in format else shown) in result.stdout
