"""The command line: every command runs, every input has its row, and nothing heavy is loaded for nothing."""

import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from gindex_cli import app
from gindex_cli.shared import ProgressLine, guarded
from helpers.ncbi_server import dna

from genome_index import Index, query_index
from genome_index.index.info import provenance
from genome_index.index.parallel import VARIABLES, bound_threads
from genome_index.records import counted
from genome_index.report.calls import COLUMNS, as_json, call_json

GINDEX = Path(sys.executable).with_name("gindex")
COUNTS = "3 inputs: 1 species, 1 genus, 1 novel\n"  # of the demo's three queries
NOTE = "several records, read as one genome (--genome-per record makes each record one)"
FILE = ("--genome-per", "file")
QUERIES = {"sample": "Demobacter simulatus", "novel": "Specimenella", "stranger": None}


@pytest.fixture
def queries(demo):
    return [demo / f"{name}.fasta" for name in QUERIES]


def rows(result):
    """The rows of `--format jsonl`."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def run(*words, **values):
    """A gindex of its own, as a shell starts it."""
    environment = {key: value for key, value in os.environ.items() if key != "GINDEX_INDEX"}
    values = {"capture_output": True, "text": True, "env": environment, "timeout": 60} | values
    return subprocess.run([GINDEX, *map(str, words)], **values)


# Every command ----------------------------------------------------------------------------------------------

SUMMARY = r" in \d+\.\d s: {index} holds {genomes} genomes, snapshot {snapshot}\n"
RUNS = {
    "build": (
        "{six} --taxonomy {taxonomy} --genome-per file",
        r"note: {index} held other genomes before; `gindex undo` brings them back\n"
        r"warning: 54 labels of taxonomy.tsv \w{{12}} name no genome that was read: DEMO_0003 and 53 more\n"
        r"built 6 genomes \(0\.4 Mbp\)" + SUMMARY.format(index="{index}", genomes=6, snapshot=2),
    ),
    "query": ("{sample} --genome-per file", ""),
    "add": (
        "{more} --taxonomy {taxonomy} --genome-per file",
        r"warning: 59 labels of taxonomy.tsv \w{{12}} name no genome that was read: DEMO_0001 and 58 more\n"
        r"added 1 genome \(0\.1 Mbp\)" + SUMMARY.format(index="{index}", genomes=7, snapshot=2),
    ),
    "remove": (
        "DEMO_0002 DEMO_0004",
        r"removed 2 genomes: {index} holds 4, snapshot 2; `gindex undo` brings them back\n",
    ),
    "relabel": (
        "{labels}",
        r"warning: {labels}: no genome has a rank; .*\nrelabelled 1 genome, snapshot 2\n",
    ),
    "undo": (None, r"back at snapshot 1 \(build, {time}\): 6 genomes\n"),
    "merge": (
        "{other}",
        r"merged 1 genome \(.*\)" + SUMMARY.format(index="{index}", genomes=7, snapshot=2),
    ),
    "refit": ("", r".*" + SUMMARY.format(index="{index}", genomes=6, snapshot=2)),
    "info": ("", ""),
    "list": ("", ""),
    "sql": ("VALUES(1)", ""),  # without a blank, for this table's words are split at blanks: test_sql.py
    "export": ("krona", ""),
    "report": (
        "--out {index}-report",
        r"wrote {index}-report/report.html, and 15 files beside it: tables and figures\n",
    ),
    "dereplicate": ("", r"\d+ representatives of 6 genomes at ANI 99\n"),
    "check": ("", r"{index}: 6 genomes, every file matches its checksum\n"),
    "evaluate": ("", ""),
    "fetch": (None, ""),  # asks NCBI: test_fetch.py
    "embed": (None, ""),  # writes no index: test_embed.py
    "compare": (None, ""),  # nor does this: test_comparison.py
    "draw": (None, ""),  # has commands of its own: test_pictures.py
    "serve": (None, ""),  # runs until it is told to stop: test_serve.py
    "key": (None, ""),  # has commands of its own: test_keys.py
    "lab": (None, ""),  # has commands of its own: test_corpus.py, test_contrast.py, test_lengths.py
    "backup": (None, ""),  # asks for no index: test_backup.py
    "fit-pool": (None, ""),  # needs an index of a language model: test_fitpool.py
}


@pytest.fixture
def places(demo, six_genomes, own_index, gindex, tmp_path):
    (tmp_path / "six").mkdir()
    for path in six_genomes:
        shutil.copy(path, tmp_path / "six")
    (tmp_path / "labels.tsv").write_text("genome_id\tdepth\nDEMO_0001\t20 m\n")
    return {
        "six": tmp_path / "six",
        "more": demo / "genomes" / "DEMO_0030.fa.gz",
        "taxonomy": demo / "taxonomy.tsv",
        "sample": demo / "sample.fasta",
        "labels": tmp_path / "labels.tsv",
        "other": tmp_path / "other",
        "index": own_index,
        "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    }


def test_the_table_of_runs_is_the_help(gindex):
    shown = re.findall(r"^  ([\w-]+)  +\w", gindex("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert sorted(shown) == sorted(RUNS) == sorted(typer.main.get_command(app).commands)


@pytest.mark.parametrize("command", RUNS)
def test_every_command_has_help_with_each_option_explained(gindex, command):
    result = gindex(command, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for parameter in typer.main.get_command(app).commands[command].params:
        assert parameter.help, parameter.name
        assert (parameter.metavar or parameter.opts[0]) in result.stdout


@pytest.mark.parametrize("command", [command for command, (words, _) in RUNS.items() if words is not None])
def test_every_command_runs(gindex, places, command):
    words, expected = RUNS[command]
    if command == "merge":
        assert gindex("build", places["more"], "--index", places["other"], *FILE).exit_code == 0
    result = gindex(command, *(word.format(**places) for word in words.split()), "--index", places["index"])
    assert result.exit_code == 0
    escaped = {key: re.escape(str(path)) for key, path in places.items()} | {"time": places["time"]}
    assert re.fullmatch(expected.format(**escaped), result.stderr)
    assert bool(result.stdout) == (
        command in ("query", "info", "list", "sql", "export", "report", "dereplicate", "evaluate")
    )
    assert gindex("check", "--index", places["index"]).exit_code == 0


def test_undo_brings_back_what_a_change_took_away(gindex, places):
    before = gindex("list", "--index", places["index"]).stdout
    assert gindex("remove", "DEMO_0001", "--index", places["index"]).exit_code == 0
    assert gindex("list", "--index", places["index"]).stdout != before
    result = gindex("undo", "--index", places["index"])
    assert re.fullmatch(RUNS["undo"][1].format(**places), result.stderr)
    assert gindex("list", "--index", places["index"]).stdout == before


@pytest.mark.parametrize("genomes", [1, 2, 3, 4, 6])
def test_an_index_may_be_small(gindex, demo, six_genomes, tmp_path, genomes):
    index, taxonomy = tmp_path / "index", demo / "taxonomy.tsv"
    result = gindex("build", *six_genomes[:genomes], "--taxonomy", taxonomy, "--index", index, *FILE)
    assert (result.exit_code, f"built {counted(genomes)} (" in result.stderr) == (0, True)
    result = gindex("query", six_genomes[0], "--index", index, "--format", "jsonl", *FILE)
    assert [row["closest"]["id"] for row in rows(result)] == ["DEMO_0001"]
    for command in ("info", "list", "check", "evaluate", "refit"):
        assert gindex(command, "--index", index).exit_code == 0


def test_add_passes_over_what_is_there(gindex, places):
    result = gindex("add", places["six"], places["more"], "--index", places["index"], *FILE)
    assert (result.exit_code, " 6 already there" in result.stderr) == (0, True)
    assert "added 1 genome" in result.stderr


def test_merge_says_how_much_was_merged(gindex, places):
    assert gindex("build", places["more"], "--index", places["other"], *FILE).exit_code == 0
    result = gindex("merge", places["other"], "--index", places["index"])
    assert "merged 1 genome (0.1 Mbp)" in result.stderr


def test_refit_does_not_speak_of_adding(gindex, places):
    assert "added" not in gindex("refit", "--index", places["index"]).stderr


def test_info_for_people_and_for_programs(gindex, demo_index):
    found = json.loads(gindex("info", "--json", "--index", demo_index).stdout)
    assert (found["genomes"], found["ranks"]["species"], found["ranks"]["genus"]) == (60, 26, 8)
    text = gindex("info", "--index", demo_index).stdout
    assert text.startswith(f"{demo_index}: 60 genomes, 4.2 Mbp, ")
    assert f"fingerprint {found['fingerprint']}\n" in text


def test_list_is_tsv_of_all_genomes(gindex, demo, demo_index):
    header, *lines = [line.split("\t") for line in gindex("list", "--index", demo_index).stdout.splitlines()]
    expected = sorted(path.name.removesuffix(".fa.gz") for path in (demo / "genomes").iterdir())
    listed = [dict(zip(header, line, strict=True)) for line in lines]
    assert [row["genome_id"] for row in listed] == expected
    assert (listed[4]["species"], listed[4]["habitat"]) == ("Demobacter simulatus", "rhizosphere")
    assert {row["input"] for row in listed} == {str(path) for path in (demo / "genomes").iterdir()}


def test_evaluate_for_people_and_for_programs(gindex, small_index):
    found = json.loads(gindex("evaluate", "--format", "json", "--index", small_index).stdout)
    text = gindex("evaluate", "--index", small_index).stdout
    assert found["asked"] == 6
    assert text.startswith("6 genomes asked about: ")
    assert re.search(
        r"^species +4 ", text, re.MULTILINE
    )  # the two of Specimenella have no fellow to be found by


# Answers ----------------------------------------------------------------------------------------------------


def test_the_demo_is_answered_as_its_readme_says(gindex, demo_index, queries):
    result = gindex("query", *queries, "--index", demo_index, "--format", "jsonl")
    assert result.exit_code == 0
    assert result.stderr == f"note: {queries[0]}: {NOTE}\n{COUNTS}"
    assert [(row["query"], row["name"]) for row in rows(result)] == list(QUERIES.items())
    assert [row["verdict"] for row in rows(result)] == ["species", "genus", "novel"]
    sample, novel, _ = rows(result)
    assert (sample["closest"]["id"], novel["closest"]["lineage"]["genus"]) == ("DEMO_0005", "Specimenella")


def test_the_formats_say_the_same(gindex, demo_index, queries):
    def ask(format):
        result = gindex("query", *queries, *FILE, "--index", demo_index, "--format", format)
        assert (result.exit_code, result.stderr) == (0, COUNTS)
        return result.stdout

    opened = Index.open(demo_index)
    calls = list(query_index(opened, queries))
    expected = [call_json(call, provenance(opened)) for call in calls]
    assert [row["name"] for row in expected] == list(QUERIES.values())
    assert json.loads(ask("json")) == expected
    assert ask("json") == "".join(as_json(calls, provenance(opened)))
    assert [json.loads(line) for line in ask("jsonl").splitlines()] == expected
    header, *lines = [line.split("\t") for line in ask("tsv").splitlines()]
    assert tuple(header) == COLUMNS
    assert [len(line) for line in lines] == [len(COLUMNS)] * 3
    for line, row in zip(lines, expected, strict=True):
        cells = dict(zip(header, line, strict=True))
        for column in ("query", "verdict", "rank", "name", "confidence", "next_rank", "length_bp", "reason"):
            assert cells[column] == ("" if row[column] is None else str(row[column])), column
        assert cells["source"] == row["source"]
        assert (cells["closest"], cells["closest_species"]) == (
            row["closest"]["id"],
            row["closest"]["species"],
        )
        assert cells["ani"] == str(row["closest"]["ani"] or "")
    blocks = ask("table").split("\n\n")
    assert len(blocks) == 3
    for block, row in zip(blocks, expected, strict=True):
        first, reason, *_ = block.splitlines()
        answer = (
            f"{row['name']} ({row['rank']}), confidence {row['confidence']:.2f}" if row["name"] else "novel"
        )
        assert (first, reason) == (f"{row['query']}: {answer}", f"  {row['reason']}")
        assert [line.split()[0] for line in block.splitlines()[-5:]] == [hit["id"] for hit in row["hits"]]


@pytest.mark.parametrize("format", ["table", "tsv", "json", "jsonl"])
def test_output_gets_what_standard_output_would(gindex, demo_index, queries, tmp_path, format):
    words = ["query", *queries, *FILE, "--index", demo_index, "--format", format]
    result = gindex(*words, "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", COUNTS)
    assert (tmp_path / "out").read_bytes() == gindex(*words).stdout_bytes


def test_output_has_the_rows_of_failures_too(gindex, demo_index, queries, tmp_path):
    words = ["query", queries[0], tmp_path / "x.fa", *FILE, "--index", demo_index, "--format", "jsonl"]
    result = gindex(*words, "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    found = [json.loads(line)["verdict"] for line in (tmp_path / "out").read_text().splitlines()]
    assert found == ["species", "failed"]


@pytest.mark.parametrize("k", [1, 3, 50])
def test_k_is_the_number_of_hits(gindex, demo_index, queries, k):
    words = ["query", queries[0], *FILE, "--index", demo_index, "--format", "jsonl"]
    (row,) = rows(gindex(*words, "-k", k))
    (most,) = rows(gindex(*words, "-k", 50))
    assert len(row["hits"]) == k
    assert row["hits"] == most["hits"][:k]
    assert row | {"hits": []} == most | {"hits": []}  # the answer does not hang on what is shown


@pytest.mark.parametrize("k", [0, 51, "many"])
def test_k_out_of_range_is_wrong_use(gindex, demo_index, queries, k):
    result = gindex("query", queries[0], "--index", demo_index, "-k", k)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for '-k'" in result.stderr


def test_exclude_identical_leaves_the_very_genome_out(gindex, demo, demo_index):
    words = ["query", demo / "genomes" / "DEMO_0004.fa.gz", *FILE, "--index", demo_index, "--format", "jsonl"]
    (itself,) = rows(gindex(*words))
    (another,) = rows(gindex(*words, "--exclude-identical"))
    assert (itself["closest"]["id"], itself["closest"]["ani"]) == ("DEMO_0004", 100.0)
    assert (another["closest"]["id"], another["name"]) == ("DEMO_0005", "Demobacter simulatus")
    assert "DEMO_0004" not in [hit["id"] for hit in another["hits"]]
    assert [hit["id"] for hit in itself["hits"] if hit["id"] != "DEMO_0004"] == [
        hit["id"] for hit in another["hits"][:4]
    ]


def test_exclude_identical_leaves_a_near_genome_in(gindex, demo, demo_index, tmp_path):
    text = gzip.decompress((demo / "genomes" / "DEMO_0004.fa.gz").read_bytes())
    (tmp_path / "near.fa").write_bytes(text[:-2])  # one base less
    words = [tmp_path / "near.fa", *FILE, "--index", demo_index, "--format", "jsonl", "--exclude-identical"]
    (row,) = rows(gindex("query", *words))
    assert row["closest"]["id"] == "DEMO_0004"


def test_answers_do_not_hang_on_threads_case_or_line_width(gindex, demo, demo_index, tmp_path):
    header, *lines = (demo / "novel.fasta").read_text().splitlines()
    text = "".join(lines).lower()
    (tmp_path / "novel.fasta").write_text(
        "\r\n".join([header, *(text[at : at + 61] for at in range(0, len(text), 61))])
    )
    one, other = (
        gindex(
            "query",
            folder / "novel.fasta",
            *FILE,
            "--index",
            demo_index,
            "--format",
            "tsv",
            "--threads",
            threads,
        )
        for folder, threads in ((demo, 1), (tmp_path, 3))
    )
    assert one.stdout.replace(str(demo), str(tmp_path)) == other.stdout
    assert len(one.stdout.splitlines()) == 2


# Inputs -----------------------------------------------------------------------------------------------------


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
        r"19 inputs: 9 [a-z ]+, 7 failed, 3 qc fail; the rows of what failed say why\n", result.stderr
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
    assert first == f"note: {two} and 1 more: {NOTE}"
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


@pytest.mark.parametrize("packer", [bytes, gzip.compress], ids=["plain", "gz"])
def test_standard_input_of_a_real_process(demo, demo_index, packer):
    text = packer((demo / "sample.fasta").read_bytes())
    words = ["query", demo / "novel.fasta", "-", "--index", demo_index, "--format", "tsv"]
    done = run(*words, input=text, text=False)
    assert (done.returncode, done.stderr) == (0, b"2 inputs: 1 genus, 1 species\n")
    found = [line.split("\t") for line in done.stdout.decode().splitlines()[1:]]
    assert [(line[0], line[3], line[-1]) for line in found] == [
        ("novel", "Specimenella", str(demo / "novel.fasta")),
        ("stdin", "Demobacter simulatus", "-"),
    ]


def test_a_closed_standard_input_is_a_failed_input(small_index):
    done = subprocess.run(
        f"{GINDEX} query - --index {small_index} --format tsv <&-", shell=True, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2


# Which index ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["query", "list", "info", "check"])
def test_the_index_is_the_option_else_the_environment_else_the_default(
    gindex, demo, demo_index, small_index, tmp_path, monkeypatch, command
):
    words = [command, *([demo / "novel.fasta", "--format", "json"] if command == "query" else [])]
    monkeypatch.chdir(tmp_path)

    def outcome(*more):
        result = gindex(*words, *more)
        return result.exit_code, (result.stdout + result.stderr).replace(str(demo_index), "INDEX")

    expected = outcome("--index", demo_index)
    assert expected[0] == 0
    missing = "gindex: no index at gindex-index; make one with `gindex build INPUT... --index gindex-index`\n"
    assert outcome() == (2, missing)
    monkeypatch.setenv("GINDEX_INDEX", str(demo_index))
    assert outcome() == expected
    assert outcome("--index", "nowhere")[0] == 2
    monkeypatch.setenv("GINDEX_INDEX", str(small_index))
    assert outcome("--index", demo_index) == expected
    monkeypatch.delenv("GINDEX_INDEX")
    shutil.copytree(demo_index, "gindex-index")
    assert outcome() == (0, expected[1].replace("INDEX", "gindex-index"))


def test_build_makes_the_default_index(gindex, six_genomes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gindex("build", *six_genomes[:2], *FILE).exit_code == 0
    assert (tmp_path / "gindex-index" / "CURRENT").read_text() == "000001\n"


# Exit codes -------------------------------------------------------------------------------------------------


def test_exit_codes_of_real_processes(demo, demo_index, tmp_path):
    sample = demo / "sample.fasta"
    codes = {
        0: run("query", sample, "--index", demo_index, *FILE),
        1: run("query", sample, tmp_path / "x.fa", "--index", demo_index, *FILE),
        2: run("query", sample, "--index", tmp_path / "nowhere"),
    }
    assert [done.returncode for done in codes.values()] == list(codes)
    assert codes[0].stderr == ""
    assert codes[1].stderr == "2 inputs: 1 species, 1 failed; the rows of what failed say why\n"
    nowhere = tmp_path / "nowhere"
    assert codes[2].stderr == (
        f"gindex: no index at {nowhere}; make one with `gindex build INPUT... --index {nowhere}`\n"
    )
    assert codes[0].stdout.startswith("sample: Demobacter simulatus (species), confidence ")
    assert codes[1].stdout.startswith(codes[0].stdout)
    assert codes[2].stdout == ""


@pytest.mark.parametrize(
    "words", ["nonsense", "query --nonsense", "query x --threads 0", "list x", "remove", "merge"]
)
def test_a_command_line_that_is_none_is_wrong_use(gindex, words):
    result = gindex(*words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: gindex ")


def test_no_words_at_all_give_the_help(gindex):
    assert "Commands:" in gindex().output


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "gindex_cli", "--help"], capture_output=True, text=True)
    assert (done.returncode, "Commands:" in done.stdout, done.stderr) == (0, True, "")


# A reader that goes away ------------------------------------------------------------------------------------


def test_head_closes_the_pipe_in_silence(demo, demo_index):
    """More than a pipe holds, so that the writing itself is what fails."""
    inputs = f"{demo}/genomes/DEMO_000?.fa.gz --genome-per file -k 50 --format json --index {demo_index}"
    line = f"{GINDEX} query {inputs} | head -n 1; echo ${{PIPESTATUS[0]}} >&2"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 1
    assert re.fullmatch(r"\d+\n", done.stderr)


@pytest.mark.parametrize(
    "command", ["query {sample} --genome-per file", "query {sample} --format jsonl {file}", "list", "info"]
)
def test_a_pipe_closed_at_once_is_silence(demo, demo_index, command):
    """Little is written, so that it is the last flush that fails."""
    words = command.format(sample=demo / "sample.fasta", file="--genome-per file").split()
    process = subprocess.Popen(
        [GINDEX, *words, "--index", str(demo_index)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) in (0, 1)


# What is loaded ---------------------------------------------------------------------------------------------

HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "faiss",
    "duckdb",
    "numba",
    "pyskani",
    "Bio",
    "sourmash",
    "sklearn",
    "rich",
}


@pytest.mark.parametrize(
    ("name", "error", "code", "said"),
    [
        ("build", KeyboardInterrupt(), 130,
         "gindex: interrupted; finished work is kept, run the same command again to go on"),
        ("compare", KeyboardInterrupt(), 130, "gindex: interrupted"),
        ("build", MemoryError(), 2,
         "gindex: not enough memory; give fewer or smaller genomes, or a smaller model"),
    ],
)  # fmt: skip
def test_how_a_command_ends_that_was_stopped(capsys, name: str, error: BaseException, code: int, said: str):
    def command() -> None:
        raise error

    command.__name__ = name
    with pytest.raises(typer.Exit) as stopped:
        guarded(command)()
    assert stopped.value.exit_code == code
    assert capsys.readouterr().err == f"{said}\n"


def test_a_build_over_an_index_says_how_to_have_that_again(gindex, six_genomes, tmp_path: Path) -> None:
    words, said = (
        ("--index", tmp_path / "index", *FILE),
        f"note: {tmp_path / 'index'} held other genomes before",
    )
    assert said not in gindex("build", *six_genomes[:2], *words).stderr
    result = gindex("build", *six_genomes[2:], *words)
    assert result.exit_code == 0
    assert f"{said}; `gindex undo` brings them back" in result.stderr
    assert gindex("undo", "--index", tmp_path / "index").exit_code == 0
    listed = gindex("list", "--index", tmp_path / "index").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed[1:]] == ["DEMO_0001", "DEMO_0002"]


NEVER_FOR_A_QUERY = {"torch", "transformers", "sourmash", "sklearn", "pandas", "matplotlib", "Bio", "pytest"}
LOADED = """
import sys
from gindex_cli import app
from gindex_cli.shared import ProgressLine, guarded
try:
    app(sys.argv[1:])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*words):
    """The top-level modules that a process holds after a command."""
    command = [sys.executable, "-c", LOADED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout
    found = set(done.stderr.splitlines()[-1].split())
    assert {"gindex_cli", "typer"} <= found
    return found


def cpu_seconds(*words):
    """User and system time of a process, the least of three."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(*words).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


# The time is asserted where the modules are: alone it would come and go with the machine.
def test_help_is_quick_and_loads_nothing_heavy():
    assert loaded("--help") & HEAVY == set()
    assert cpu_seconds("--help") < 0.5


@pytest.mark.parametrize("words", ["query --help", "fetch --help"])
def test_help_of_a_command_loads_nothing_heavy(words):
    assert loaded(*words.split()) & HEAVY == set()


def test_a_query_loads_no_learning_library(demo, demo_index):
    found = loaded("query", demo / "sample.fasta", "--index", demo_index)
    assert {"numpy", "faiss", "duckdb"} <= found
    assert found & NEVER_FOR_A_QUERY == set()


def test_a_build_loads_no_learning_library(six_genomes, tmp_path):
    words = ["build", *six_genomes[:2], *FILE, "--index", tmp_path / "index"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = set(done.stderr.splitlines()[-1].split())
    assert "faiss" in found
    assert found & NEVER_FOR_A_QUERY == set()


# Progress ---------------------------------------------------------------------------------------------------


def test_lines_of_progress_where_there_is_no_terminal(gindex, demo_index, queries, monkeypatch):
    monkeypatch.setattr("gindex_cli.shared.LINE_EVERY_S", 0.0)
    lines = gindex("query", *queries, *FILE, "--index", demo_index, "--format", "tsv").stderr.splitlines()
    assert re.fullmatch(r"answered 1 genome, [\d.,]+ a second", lines[0])
    assert re.fullmatch(r"answered 3 genomes, [\d.,]+ a second", lines[2])


def test_time_left_is_said_anew_where_a_stage_begins_again(monkeypatch, capsys):
    monkeypatch.setattr("gindex_cli.shared.LINE_EVERY_S", 0.0)
    show = ProgressLine()
    for done in (0, 5, 2, 7):
        show.stage("reading", done, 10)
    lines = capsys.readouterr().err.splitlines()
    assert [bool(re.fullmatch(r"reading \d of 10, \d+ s left", line)) for line in lines] == [
        False, True, False, True,
    ]  # fmt: skip


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor is one thread anyway")
def test_libraries_keep_to_the_threads_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = """
import gindex_cli
try:
    gindex_cli.main()
except SystemExit:
    import faiss, torch
    print(torch.get_num_threads(), faiss.omp_get_max_threads())
"""
    command = [sys.executable, "-c", script, "refit", "--index", str(tmp_path / "none"), "--threads"]
    one = subprocess.run([*command, "1"], capture_output=True, text=True, check=True)
    assert one.stdout == "1 1\n"


def test_what_is_bound_lower_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, before in zip(VARIABLES, ("1", "8", "", "many"), strict=True):
        monkeypatch.setenv(name, before)
    bound_threads(4)
    assert [os.environ[name] for name in VARIABLES] == ["1", "4", "4", "4"]
