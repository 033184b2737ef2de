"""gindex query: answers, output formats, number of hits, --exclude-identical."""

from __future__ import annotations

import gzip
import json

import pytest
from helpers.command_line import (
    FILE,
    QUERIES,
    SEVERAL_RECORDS,
    mostly_long,
    refused,
    rows,
)

from genome_index import Index, query_index
from genome_index.index.info import provenance
from genome_index.report.calls import COLUMNS, as_json, call_json

COUNTS = "3 inputs: 1 species, 1 genus, 1 novel\n"  # of the demo's three queries


def test_the_demo_is_answered_as_its_readme_says(gindex, demo_index, queries):
    result = gindex("query", *queries, "--index", demo_index, "--format", "jsonl")
    assert result.exit_code == 0
    assert result.stderr == f"note: {queries[0]}: {SEVERAL_RECORDS}\n{COUNTS}"
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
        answer, _, confidence = first.partition(", confidence ")
        name = f"{row['name']} ({row['rank']})" if row["name"] else "novel"
        assert (answer, reason) == (f"{row['query']}: {name}", f"  {row['reason']}")
        if row["name"]:  # two digits here, three there, each rounded once
            assert float(confidence) == pytest.approx(row["confidence"], abs=0.0056)
        assert [line.split()[0] for line in block.splitlines()[-5:]] == [hit["id"] for hit in row["hits"]]


@pytest.mark.parametrize("format", mostly_long(["table", "tsv", "json", "jsonl"], ["table"]))
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


@pytest.mark.parametrize("k", mostly_long([1, 3, 50], [3]))
def test_k_is_the_number_of_hits(gindex, demo_index, queries, k):
    words = ["query", queries[0], *FILE, "--index", demo_index, "--format", "jsonl"]
    (row,) = rows(gindex(*words, "-k", k))
    (most,) = rows(gindex(*words, "-k", 50))
    assert len(row["hits"]) == k
    assert row["hits"] == most["hits"][:k]
    assert row | {"hits": []} == most | {"hits": []}  # the answer does not hang on what is shown


@pytest.mark.parametrize(
    ("k", "needed"),
    [(0, "greater than or equal to 1"), (51, "less than or equal to 50"), ("many", "a valid integer")],
)
def test_k_out_of_range_is_wrong_use(gindex, queries, k, needed):
    sentence = f"-k is '{k}'; it must be {needed}; see `gindex query --help`"
    assert refused(gindex("query", queries[0], "-k", k), sentence)


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
