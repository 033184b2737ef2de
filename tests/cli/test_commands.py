"""Every command runs on a small index and prints what it did."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import typer
from gindex_cli import app
from helpers.command_line import (
    FILE,
    mostly_long,
    rows,
)

from genome_index.records import counted

SUMMARY = r" in \d+\.\d s: {index} holds {genomes} genomes, snapshot {snapshot}\n"
RUNS = {
    "build": (
        "{six} --taxonomy {taxonomy} --genome-per file",
        r"note: {index} was replaced; `gindex undo` restores the previous content\n"
        r"warning: 54 labels of taxonomy.tsv \w{{12}} name no genome that was read: DEMO_0003 and 53 more\n"
        r"built 6 genomes \(0\.4 Mbp\)" + SUMMARY.format(index="{index}", genomes=6, snapshot=2),
    ),
    "query": ("{sample} --genome-per file", ""),
    "explain": ("{sample} --genome-per file", ""),
    "add": (
        "{more} --taxonomy {taxonomy} --genome-per file",
        r"warning: 59 labels of taxonomy.tsv \w{{12}} name no genome that was read: DEMO_0001 and 58 more\n"
        r"added 1 genome \(0\.1 Mbp\)" + SUMMARY.format(index="{index}", genomes=7, snapshot=2),
    ),
    "remove": (
        "DEMO_0002 DEMO_0004",
        r"removed 2 genomes: {index} holds 4, snapshot 2; `gindex undo` restores them\n",
    ),
    "relabel": (
        "{labels}",
        r"warning: {labels}: no genome has a rank; .*\nrelabelled 1 genome, snapshot 2\n",
    ),
    "undo": (None, r"restored snapshot 1 \(build, {time}\): 6 genomes\n"),
    "merge": (
        "{other}",
        r"merged 1 genome \(.*\)" + SUMMARY.format(index="{index}", genomes=7, snapshot=2),
    ),
    "refit": ("", r".*" + SUMMARY.format(index="{index}", genomes=6, snapshot=2)),
    "find": ("specimenella", r"note: no genome of the index has a description, so names and labels .*\n"),
    "info": ("", ""),
    "list": ("", ""),
    "sql": ("VALUES(1)", ""),  # without a blank, for this table's words are split at blanks: test_sql.py
    "export": ("krona", ""),
    "report": (
        "--out {index}-report",
        r"wrote {index}-report/report.html, and 16 files beside it: tables and figures\n",
    ),
    "dereplicate": ("", r"\d+ representatives of 6 genomes at ANI 99\n"),
    "check": ("", r"{index}: 6 genomes, every file matches its checksum\n"),
    "evaluate": ("", ""),
    "evaluate-encoder": ("--lengths 1000,whole", ""),
    "fetch": (None, ""),  # asks NCBI: test_fetch.py
    "embed": (None, ""),  # writes no index: test_embed.py
    "compare": (None, ""),  # nor does this: test_comparison.py
    "draw": (None, ""),  # has commands of its own: test_pictures.py
    "serve": (None, ""),  # runs until it is told to stop: test_serve.py
    "key": (None, ""),  # has commands of its own: test_keys.py
    "annotate": (None, ""),  # asks for no index: test_tuning.py
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


def test_the_table_of_runs_has_every_command():
    assert sorted(RUNS) == sorted(typer.main.get_command(app).commands)


RUN = [command for command, (words, _) in RUNS.items() if words is not None]


@pytest.mark.parametrize("command", mostly_long(RUN, [command for command in RUN if command != "report"]))
def test_every_command_runs(gindex, places, command):
    words, expected = RUNS[command]
    if command == "merge":
        assert gindex("build", places["more"], "--index", places["other"], *FILE).exit_code == 0
    result = gindex(command, *(word.format(**places) for word in words.split()), "--index", places["index"])
    assert result.exit_code == 0
    escaped = {key: re.escape(str(path)) for key, path in places.items()} | {"time": places["time"]}
    assert re.fullmatch(expected.format(**escaped), result.stderr)
    assert bool(result.stdout) == (
        command
        in (
            "query",
            "explain",
            "info",
            "list",
            "sql",
            "export",
            "report",
            "dereplicate",
            "evaluate",
            "evaluate-encoder",
            "find",
        )
    )
    assert gindex("check", "--index", places["index"]).exit_code == 0


def test_undo_restores_what_a_change_removed(gindex, places):
    before = gindex("list", "--index", places["index"]).stdout
    assert gindex("remove", "DEMO_0001", "--index", places["index"]).exit_code == 0
    assert gindex("list", "--index", places["index"]).stdout != before
    result = gindex("undo", "--index", places["index"])
    assert re.fullmatch(RUNS["undo"][1].format(**places), result.stderr)
    assert gindex("list", "--index", places["index"]).stdout == before


@pytest.mark.parametrize("genomes", mostly_long([1, 2, 3, 4, 6], [2]))
def test_an_index_may_be_small(gindex, demo, six_genomes, tmp_path, genomes):
    index, taxonomy = tmp_path / "index", demo / "taxonomy.tsv"
    result = gindex("build", *six_genomes[:genomes], "--taxonomy", taxonomy, "--index", index, *FILE)
    assert (result.exit_code, f"built {counted(genomes)} (" in result.stderr) == (0, True)
    result = gindex("query", six_genomes[0], "--index", index, "--format", "jsonl", *FILE)
    assert [row["closest"]["id"] for row in rows(result)] == ["DEMO_0001"]
    for command in ("info", "list", "check", "evaluate", "refit"):
        assert gindex(command, "--index", index).exit_code == 0


def test_add_skips_genomes_of_the_index(gindex, places):
    result = gindex("add", places["six"], places["more"], "--index", places["index"], *FILE)
    assert (result.exit_code, " 6 already in the index" in result.stderr) == (0, True)
    assert "added 1 genome" in result.stderr


def test_merge_says_how_much_was_merged(gindex, places):
    assert gindex("build", places["more"], "--index", places["other"], *FILE).exit_code == 0
    result = gindex("merge", places["other"], "--index", places["index"])
    assert "merged 1 genome (0.1 Mbp)" in result.stderr


def test_refit_does_not_speak_of_adding(gindex, places):
    assert "added" not in gindex("refit", "--index", places["index"]).stderr


def test_a_build_over_an_index_says_that_undo_restores_it(gindex, six_genomes, tmp_path: Path) -> None:
    words = ("--index", tmp_path / "index", *FILE)
    note = f"note: {tmp_path / 'index'} was replaced; `gindex undo` restores the previous content\n"
    assert "note: " not in gindex("build", *six_genomes[:2], *words).stderr
    result = gindex("build", *six_genomes[2:], *words)
    assert result.exit_code == 0
    assert note in result.stderr
    assert gindex("undo", "--index", tmp_path / "index").exit_code == 0
    listed = gindex("list", "--index", tmp_path / "index").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed[1:]] == ["DEMO_0001", "DEMO_0002"]


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
    assert found["genomes"] == 6
    assert text.startswith("6 genomes queried: ")
    assert re.search(
        r"^species +4 ", text, re.MULTILINE
    )  # the two of Specimenella have no fellow to be found by
