"""What is wrong with an input, a request, an index or a disk is said in a sentence, and the rest goes on."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from helpers.ncbi_server import dna

from genome_index.errors import GindexError
from genome_index.index.snapshots import read_snapshot
from genome_index.io.checksums import sealed
from genome_index.io.reader import file_stem

GENOME = f">g\n{dna(1, 3000)}\n".encode()
OTHER = f">o\n{dna(2, 3000)}\n".encode()
TORN = gzip.compress(GENOME)[:-200]
DAMAGED = "the compressed file is cut short or damaged ({}); download or copy it again"
CUT = DAMAGED.format("Compressed file ended before the end-of-stream marker was reached")
BINARY = "this is a binary file, not FASTA or GenBank (gz, bz2, xz and zst are read as they are)"
NEITHER = "neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found {}"
PROTEIN = (
    "record 'p' holds {}, which are no nucleotide codes; this looks like protein, gindex reads nucleotides"
)
UNKNOWN = "{} of the sequence is N or another ambiguity code; at most 50% is accepted."
NO_FILES = (
    "no sequence file in this folder; gindex looks for .fa, .fasta, .fna, .fas, .ffn, .gb, .gbk, .gbff, "
    ".genbank, also with .gz .bz2 .xz .zst"
)
CLOSED = "permission denied; make it readable"
GO_BACK = "Go back with `gindex undo`, or build it again."
FULL = "cannot write here ({}); make room or choose another folder, then run the same command again: "
FULL += "finished work is kept"


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.fa").write_bytes(GENOME)
    return tmp_path / "good.fa"


@pytest.fixture
def other(tmp_path):
    (tmp_path / "other.fa").write_bytes(OTHER)
    return tmp_path / "other.fa"


def refused(result, sentence):
    """Whether a command ended as wrong use does: nothing on standard output, one sentence, exit code 2."""
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"gindex: {sentence}\n")
    return True


# Bad inputs -------------------------------------------------------------------------------------------------


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
    "UTF-16": bad_file("x.fa", ">a\nACGT\n".encode("utf-16"), BINARY),
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
        "499 bp is too short to be called: at least 500 bp are asked for.",
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
EACH_BAD_INPUT = pytest.mark.parametrize("bad", BAD.values(), ids=BAD)


@EACH_BAD_INPUT
def test_query_gives_a_bad_input_its_row(gindex, small_index, good, other, tmp_path, bad):
    folder = tmp_path / "bad"
    folder.mkdir()
    given = bad.make(folder)
    result = gindex("query", good, given, other, "--index", small_index, "--format", "jsonl")
    first, row, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert (first["query"], last["query"]) == ("good", "other")
    assert None not in (first["closest"], last["closest"])
    assert (row["query"], row["source"]) == (bad.id or str(given), str(given))
    assert (row["verdict"], row["reason"]) == (bad.verdict, bad.reason)
    assert (row["rank"], row["name"], row["confidence"], row["closest"], row["hits"]) == (
        None,
        None,
        None,
        None,
        [],
    )


@EACH_BAD_INPUT
def test_build_names_a_bad_input_and_builds_the_others(gindex, good, other, tmp_path, bad):
    folder, index = tmp_path / "bad", tmp_path / "index"
    folder.mkdir()
    given = bad.make(folder)
    result = gindex("build", good, given, other, "--index", index)
    assert (result.exit_code, result.stdout) == (1, "")
    *_, failed, last = result.stderr.splitlines()
    assert failed == f"failed: {given}: {bad.id or given}: {bad.reason}"
    done = r"built 2 genomes \(0\.0 Mbp\), 1 failed in \d+\.\d s: (.*) holds 2 genomes, snapshot 1"
    assert re.fullmatch(done, last).group(1) == str(index)
    assert (
        gindex("info", "--failures", "--index", index).stdout == f"{bad.id or given}\t{given}\t{bad.reason}\n"
    )
    listed = gindex("list", "--index", index).stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["genome_id", "good", "other"]


EACH_FORMAT = pytest.mark.parametrize("format", ["table", "tsv", "json", "jsonl"])


@pytest.mark.parametrize("name", ["missing", "a folder without genomes", "FASTQ"])
@EACH_FORMAT
def test_query_ends_with_1_and_says_how_many(gindex, small_index, good, tmp_path, name, format):
    (tmp_path / "bad").mkdir()
    given = BAD[name].make(tmp_path / "bad")
    result = gindex("query", given, good, given, "--index", small_index, "--format", format)
    assert result.exit_code == 1
    assert re.fullmatch(r"3 inputs: 2 failed, 1 [a-z ]+; the rows of what failed say why\n", result.stderr)


@pytest.mark.parametrize("name", ["N only", "too short"])
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
        "70 inputs: 70 failed; the rows of what failed say why\n",
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


# Permissions: each makes something closed under a folder, and is given as the path that is returned ---------


def closed_file(folder, close):
    (folder / "x.fa").write_bytes(GENOME)
    return close(folder / "x.fa")


def file_in_a_closed_folder(folder, close):
    (folder / "in").mkdir()
    (folder / "in" / "x.fa").write_bytes(GENOME)
    close(folder / "in")
    return folder / "in" / "x.fa"


def closed_folder(folder, close):
    return file_in_a_closed_folder(folder, close).parent


def closed_folder_beside_an_open_file(folder, close):
    (folder / "a.fa").write_bytes(GENOME)
    return closed_folder(folder, close).parent


@pytest.mark.parametrize(
    ("make", "ids"),
    [
        (closed_file, ["good", "x", "other"]),
        (file_in_a_closed_folder, ["good", "x", "other"]),
        (closed_folder, ["good", "{folder}/in", "other"]),
        (closed_folder_beside_an_open_file, ["good", "a", "{folder}/in", "other"]),
    ],
)
def test_what_may_not_be_read_has_its_row(gindex, small_index, good, other, tmp_path, close, make, ids):
    folder = tmp_path / "closed"
    folder.mkdir()
    given = make(folder, close)
    result = gindex("query", good, given, other, "--index", small_index, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["query"] for row in rows] == [one.format(folder=folder) for one in ids]
    assert [row["reason"].split(";")[0] for row in rows if row["verdict"] == "failed"] == [
        "permission denied"
    ]
    assert result.exit_code == 1
    assert re.search(r"\b1 failed\b.*; the rows of what failed say why$", result.stderr)


def test_build_goes_on_without_what_may_not_be_read(gindex, good, tmp_path, close):
    (tmp_path / "closed").mkdir()
    given = closed_file(tmp_path / "closed", close)
    result = gindex("build", given, good, "--index", tmp_path / "index")
    assert result.exit_code == 1
    assert f"failed: {given}: x: {CLOSED}\n" in result.stderr


@pytest.mark.parametrize("format", ["table", "tsv", "json", "jsonl"])
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


# Collections that do not fit together -----------------------------------------------------------------------


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
    expected = f"failed: {twin}: good: the id 'good' was already given by {good}; rename one of the two"
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


# Wrong use --------------------------------------------------------------------------------------------------

NO_INPUT = "no input: give files, folders, - for standard input, or --from-file LIST"
NO_INDEX = "no index at {nowhere}; make one with `gindex build INPUT... --index {nowhere}`"
FOLDS = "give --folds 2 or more, or --leave-one-out, not both"
ENCODER = (
    "no encoder is called 'nt'; choose spectrum, profile, or give a language model: its folder, or its name "
    "on the hub (OWNER/NAME)"
)
PER = "--genome-per is 'contig'; choose file or record"
CANNOT_READ_LIST = (
    "{nowhere}: cannot read the list of inputs (no such file or folder; check the path); "
    "give a text file, one path a line"
)

WRONG_USE = {
    "query --index {index}": NO_INPUT,
    "build --index {nowhere}": NO_INPUT,
    "add --index {index}": NO_INPUT,
    "query --from-file {empty} --index {index}": NO_INPUT,
    "query --from-file {nowhere} --index {index}": CANNOT_READ_LIST,
    "build --from-file {nowhere} --index {nowhere}": CANNOT_READ_LIST,
    "query {good} --format xml --index {index}": (
        "no format is called 'xml'; choose one of: table, tsv, json, jsonl"
    ),
    "evaluate --format tsv --index {index}": "no format is called 'tsv'; choose one of: table, json",
    "build {good} --encoder nt --index {nowhere}": ENCODER,
    "query {good} --genome-per contig --index {index}": PER,
    "build {good} --genome-per contig --index {nowhere}": PER,
    "add {good} --genome-per contig --index {index}": PER,
    "build {good} --taxonomy {nowhere} --index {nowhere}": "{nowhere}: no such file; check the path",
    "build {empty} --index {nowhere}": (
        "{nowhere}: no genome could be read, so nothing was built; the first of 1 failures: "
        "{empty}: the file is empty; give a FASTA or GenBank file"
    ),
    "query {good} --index {nowhere}": NO_INDEX,
    "query {good} --index {good}": "no index at {good}; make one with `gindex build INPUT... --index {good}`",
    "add {good} --index {nowhere}": NO_INDEX,
    "remove x --index {nowhere}": NO_INDEX,
    "relabel {labels} --index {nowhere}": NO_INDEX,
    "undo --index {nowhere}": NO_INDEX,
    "refit --index {nowhere}": NO_INDEX,
    "info --index {nowhere}": NO_INDEX,
    "list --index {nowhere}": NO_INDEX,
    "check --index {nowhere}": NO_INDEX,
    "evaluate --index {nowhere}": NO_INDEX,
    "merge {nowhere} --index {index}": NO_INDEX,
    "build {good} --index {good}": "{good}: " + FULL.format("File exists"),
    "remove DEMO_0001 x y --index {index}": (
        "{index}: no genome has the id 'x' and 1 more; `gindex list` shows the ids. Nothing was removed"
    ),
    "remove DEMO_0001 DEMO_0002 DEMO_0004 DEMO_0005 DEMO_0015 DEMO_0017 --index {index}": (
        "{index}: that would remove every genome; delete the folder instead. Nothing was removed"
    ),
    "undo --index {index}": "{index}: nothing to undo: snapshot 1 (build) is the oldest that is kept",
    "evaluate --folds 1 --index {index}": FOLDS,
    "evaluate --folds 2 --leave-one-out --index {index}": FOLDS,
    "fetch": "give accessions, or one taxon (--taxon NAME), and not both",
}


@pytest.fixture
def places(own_index, good, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "labels.tsv").write_text("genome_id\tspecies\nDEMO_0001\tAa b\n")
    return {
        "index": own_index,
        "good": good,
        "nowhere": tmp_path / "nowhere",
        "empty": tmp_path / "empty",
        "labels": tmp_path / "labels.tsv",
    }


@pytest.mark.parametrize("line", WRONG_USE)
def test_wrong_use_is_a_sentence_and_exit_code_2(gindex, places, line):
    words = [word.format(**places) for word in line.split()]
    assert refused(gindex(*words), WRONG_USE[line].format(**places))


@pytest.mark.parametrize(
    "line",
    [
        *("query {good}", "info", "list", "check", "evaluate", "build", "build {good} --encoder nt"),
        *("add {good}", "remove x", "relabel {labels}", "undo", "refit", "build {empty}", "merge {nowhere}"),
    ],
)
def test_wrong_use_makes_nothing(gindex, places, line):
    words = [word.format(**places) for word in line.split()]
    assert gindex(*words, "--index", places["nowhere"]).exit_code == 2
    assert not places["nowhere"].exists()


@pytest.mark.parametrize("line", [line for line in WRONG_USE if "--index {index}" in line])
def test_wrong_use_changes_no_index(gindex, places, line):
    def content():
        files = sorted(path for path in places["index"].rglob("*") if path.is_file() and path.name != "lock")
        return [(path, path.read_bytes()) for path in files]

    before = content()
    assert gindex(*[word.format(**places) for word in line.split()]).exit_code == 2
    assert content() == before


def test_a_factory_string_that_faiss_does_not_know(gindex, good, other, tmp_path):
    result = gindex("build", good, other, "--faiss", "Bogus7", "--index", tmp_path / "index")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        "gindex: FAISS cannot build 'Bogus7' for 2 vectors: .*could not parse index string Bogus7"
        "; choose another --faiss",
        result.stderr.splitlines()[-1],
    )


# An index that cannot be used -------------------------------------------------------------------------------

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


EACH_DAMAGE = pytest.mark.parametrize("damage", [flip, cut, empty, delete])


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
        lambda values: values.update(format=2),
        "{index}: format is 2 in the index but 1 here, so their numbers cannot be compared; "
        "use the same format, or build a new index",
    ),
    "no format": (
        lambda values: values.pop("format"),
        "{index}: format is None in the index but 1 here, so their numbers cannot be compared; "
        "use the same format, or build a new index",
    ),
    "another encoder": (
        lambda values: values["spec"].update(encoder="nt"),
        ENCODER,
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


@pytest.mark.parametrize("damage", [cut, empty, delete])
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
@pytest.mark.parametrize("name", ["hashes.bin", "hashes.idx", "bases.bin", "bases.idx"])
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
    assert result.stderr.endswith(", no snapshot number. Write 000001 into it.\n")


def test_without_a_pointer_there_is_no_index(gindex, own_index, good):
    (own_index / "CURRENT").unlink()
    assert refused(gindex("query", good, "--index", own_index), NO_INDEX.format(nowhere=own_index))


# The cure that is advised helps -----------------------------------------------------------------------------


def answers(gindex, index, demo):
    result = gindex(
        "query", demo / "sample.fasta", "--genome-per", "file", "--index", index, "--format", "json"
    )
    return result.exit_code == 0 and json.loads(result.stdout)[0]["name"] == "Demobacter simulatus"


@pytest.mark.parametrize("name", [*SNAPSHOT_FILES, "manifest.json"])
def test_undo_leaves_a_damaged_snapshot(gindex, own_index, good, demo, name):
    assert gindex("add", good, "--index", own_index).exit_code == 0
    cut(snapshot(own_index, 2) / name)
    assert not answers(gindex, own_index, demo)
    assert gindex("undo", "--index", own_index).exit_code == 0
    assert answers(gindex, own_index, demo)


@EACH_DAMAGE
@pytest.mark.parametrize("name", [*SNAPSHOT_FILES, "manifest.json"])
def test_building_again_mends_a_damaged_snapshot(gindex, own_index, six_genomes, demo, name, damage):
    damage(snapshot(own_index) / name)
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
    assert answers(gindex, own_index, demo)


@EACH_DAMAGE
@pytest.mark.parametrize("name", ["raw.bin", "hashes.bin", "hashes.idx", "bases.bin"])
def test_building_again_mends_a_damaged_segment(gindex, own_index, six_genomes, demo, name, damage):
    damage(segment(own_index) / name)
    result = gindex("build", *six_genomes, "--taxonomy", demo / "taxonomy.tsv", "--index", own_index)
    assert result.exit_code == 0
    assert gindex("check", "--index", own_index).exit_code == 0
    assert answers(gindex, own_index, demo)


@pytest.mark.parametrize("damage", [cut, empty, delete])
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


# A disk that refuses ----------------------------------------------------------------------------------------


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
    "the vectors": ("genome_index.index.calibration.model.Vectors.save", 0),
    "the catalogue": ("genome_index.index.index.write_catalog", 0),
    "the manifest": ("genome_index.index.snapshots.write_file", 0),
    "the pointer": ("genome_index.index.snapshots.write_file", 1),
}


@pytest.mark.parametrize(("step", "calls_before"), FULL_AT.values(), ids=FULL_AT)
def test_a_disk_that_is_full_leaves_the_index_as_it_was(
    gindex, demo, own_index, six_genomes, small_disk, monkeypatch, step, calls_before
):
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
    assert ("5 of them from an unfinished run" in result.stderr) == (step != FULL_AT["a segment"][0])


def _named(path):
    module, *names = path.split(".")
    found = sys.modules[module]
    for name in names:
        found = getattr(found, name)
    return found


def test_vectors_that_fill_the_disk_are_told(gindex, demo, small_disk, monkeypatch):
    """Few vectors wait in a buffer until the file is closed; these are written at once."""
    disk = small_disk(60)

    def save(vectors, path):
        fill(disk)
        original(vectors, path)

    original = _named("genome_index.index.calibration.model.Vectors.save")
    monkeypatch.setattr("genome_index.index.calibration.model.Vectors.save", save)
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

    original = _named("genome_index.index.calibration.model.Vectors.save")
    monkeypatch.setattr("genome_index.index.calibration.model.Vectors.save", save)
    result = gindex("build", *six_genomes[:5], "--genome-per", "file", "--index", index)
    assert result.exit_code == 2


def test_output_that_fills_the_disk_is_told(gindex, demo, small_index, small_disk):
    disk = small_disk(1)
    fill(disk)
    path = disk / "calls.jsonl"
    queries = sorted((demo / "genomes").iterdir())[:9]
    for format in ("table", "tsv", "json", "jsonl"):
        words = ["--genome-per", "file", "--index", small_index, "--format", format, "--output", path]
        assert refused(gindex("query", *queries, *words), f"{path}: {FULL.format('No space left on device')}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["query {good} -k 50 --format json", "list", "info"])
def test_standard_output_that_fills_the_disk_is_told(good, small_index, command):
    words = [*command.format(good=good).split(), "--index", str(small_index)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [Path(sys.executable).with_name("gindex"), *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("gindex: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_may_not_be_written_to_is_told(gindex, good, small_index, own_index, tmp_path, close):
    (tmp_path / "closed").mkdir()
    closed = close(tmp_path / "closed", 0o555)
    denied = FULL.format("Permission denied")
    assert refused(gindex("build", good, "--index", closed / "index"), f"{closed}/index: {denied}")
    output = closed / "calls.tsv"
    result = gindex("query", good, "--index", small_index, "--output", output)
    assert refused(result, f"{output}: {denied}")


def test_output_into_a_folder_that_is_not_there_is_told(gindex, good, small_index, tmp_path):
    output = tmp_path / "nowhere" / "calls.tsv"
    result = gindex("query", good, "--index", small_index, "--output", output)
    assert refused(result, f"{output}: {FULL.format('No such file or directory')}")


def test_an_index_that_may_only_be_read_is_read(gindex, good, demo, own_index, close):
    for path in [own_index, *own_index.rglob("*")]:
        close(path, 0o555 if path.is_dir() else 0o444)
    assert answers(gindex, own_index, demo)
    for command in ("info", "list", "check", "evaluate"):
        assert gindex(command, "--index", own_index).exit_code == 0
    for command in (["add", good], ["remove", "DEMO_0001"], ["undo"], ["refit"]):
        result = gindex(*command, "--index", own_index)
        assert refused(result, f"{own_index}: {FULL.format('Permission denied')}")


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("CURRENT", "CURRENT"),
        ("snapshots/000001/manifest.json", "manifest.json"),
        ("snapshots/000001/vectors.faiss", "vectors.faiss"),
        ("snapshots/000001/catalog.duckdb", "catalog.duckdb"),
        ("snapshots", "manifest.json"),
    ],
)
@pytest.mark.parametrize("command", ["query", "check"])
def test_an_index_that_may_not_be_read_is_told(gindex, good, own_index, close, name, of, command):
    close(own_index / name)
    result = gindex(command, *([good] if command == "query" else []), "--index", own_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.match(f"gindex: {re.escape(str(own_index))}.*{of}: .*(?i:permission denied)", result.stderr)
