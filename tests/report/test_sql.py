"""SQL over an index: answers from the catalogue, error messages, and the sandbox."""

import csv
import hashlib
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from gindex_cli.commands.sql import MOST_ROWS

from genome_index import GindexError, Index
from genome_index.errors import UsageError
from genome_index.index.changes import remove
from genome_index.index.commit import ChangeSettings
from genome_index.records import RANKS
from genome_index.report.sql import SETTINGS as CONNECTION
from genome_index.report.sql import ask, listing_query, parquet_of

GINDEX = Path(sys.executable).with_name("gindex")


@pytest.fixture(scope="module")
def index(demo_index):
    return Index.open(demo_index)


def rows(index, query):
    return list(ask(index, query).rows)


def digests(folder):
    """Every file below a folder, with the SHA-256 of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


# What is answered -------------------------------------------------------------------------------------------


def test_genomes_are_those_of_the_catalogue(index):
    answer = ask(index, "SELECT * FROM genomes")
    assert answer.columns == (
        "row", "id", "length_bp", "contigs", "molecule", "sha256", "source", *RANKS, "labels",
    )  # fmt: skip
    expected = [
        (one.row, one.id, one.length_bp, one.contigs, one.molecule, one.sha256, one.source)
        + (*(one.lineage.name(rank) for rank in RANKS), dict(one.taxon.labels))
        for one in index.catalog.entries()
    ]
    assert list(answer.rows) == expected
    assert len(expected) == 60


def test_labels_are_json(index):
    found = rows(index, "SELECT labels->>'habitat' h, count(*) FROM genomes GROUP BY h ORDER BY h")
    counts = {}
    for entry in index.catalog.entries():
        counts[entry.taxon.labels["habitat"]] = counts.get(entry.taxon.labels["habitat"], 0) + 1
    assert found == sorted(counts.items())
    assert len(found) > 1


def test_events_failures_and_settings(own_index, tmp_path):
    before = Index.open(own_index)
    remove(own_index, ["DEMO_0001"], ChangeSettings())
    index = Index.open(own_index)
    assert [row[2] for row in rows(index, "FROM events")] == ["build", "remove DEMO_0001"]
    assert rows(index, "FROM failures") == []
    settings = dict(rows(index, "FROM settings"))
    assert (settings["genomes"], settings["snapshot"], settings["changed"]) == ("5", "2", "1")
    assert settings["fingerprint"] == index.snapshot.fingerprint != before.snapshot.fingerprint
    assert (settings["dim"], settings["encoder"]) == (str(index.spec.dim), "spectrum")
    assert settings["version of duckdb"] == duckdb.__version__


def test_a_removed_genome_is_not_there(own_index):
    remove(own_index, ["DEMO_0002"], ChangeSettings())
    found = [row[0] for row in rows(Index.open(own_index), "SELECT id FROM genomes")]
    assert "DEMO_0002" not in found
    assert len(found) == 5


def test_columns_of_one_name_are_told_apart(index):
    assert ask(index, "SELECT 1 AS n, 2 AS n, 3 AS n_1").columns == ("n", "n_1", "n_1_1")


def test_rows_stream(index):
    """Ten thousand million rows, of which a few are taken."""
    answer = ask(index, "SELECT * FROM range(10000000000)")
    assert [next(answer.rows) for _ in range(3)] == [(0,), (1,), (2,)]


# What is refused --------------------------------------------------------------------------------------------

READS = {
    "read_csv": "SELECT * FROM read_csv('{secret}')",
    "read_text": "SELECT * FROM read_text('{secret}')",
    "read_blob": "SELECT * FROM read_blob('{secret}')",
    "read_json": "SELECT * FROM read_json('{secret}')",
    "read_parquet": "SELECT * FROM read_parquet('{secret}')",
    "a file as a table": "SELECT * FROM '{secret}'",
    "passwd": "SELECT * FROM read_csv('/etc/passwd')",
    "environment": "SELECT * FROM read_text('/proc/self/environ')",
    "glob": "SELECT * FROM glob('/*')",
    "sniff": "SELECT * FROM sniff_csv('{secret}')",
    "the catalogue's own file": "SELECT * FROM read_text('{catalog}')",
    "what was attached": "SELECT * FROM held.genomes",
    "attach": "ATTACH '{secret}' AS other",
    "attach the catalogue": "ATTACH '{catalog}' AS other",
    "web": "SELECT * FROM read_csv('http://localhost/x.csv')",
}
WRITES = {
    "copy": "COPY genomes TO '{target}'",
    "copy beside the catalogue": "COPY genomes TO '{catalog}.wal'",
    "copy over the catalogue": "COPY genomes TO '{catalog}'",
    "copy in a select": "WITH x AS (COPY genomes TO '{target}') SELECT 1",
    "copy in a select beside the catalogue": "WITH x AS (COPY genomes TO '{catalog}.wal') SELECT 1",
    "export": "EXPORT DATABASE '{target}'",
    "delete": "DELETE FROM genomes",
    "delete in a select": "WITH x AS (DELETE FROM genomes RETURNING *) SELECT * FROM x",
    "insert in a select": "WITH x AS (INSERT INTO events VALUES (9, '', '', '') RETURNING *) SELECT 1",
    "update": "UPDATE genomes SET species = 'x'",
    "insert": "INSERT INTO failures VALUES ('a', 'b', 'c')",
    "drop": "DROP TABLE genomes",
    "alter": "ALTER TABLE genomes ADD COLUMN x INT",
    "create": "CREATE TABLE x AS SELECT 1",
    "create for a while": "CREATE TEMP TABLE x AS SELECT 1",
    "attach new": "ATTACH '{target}' AS other",
    "two": "SELECT 1; DROP TABLE genomes",
    "detach": "DETACH memory",
    "checkpoint": "FORCE CHECKPOINT",
    "commit": "COMMIT",
    "merge": "MERGE INTO genomes USING genomes AS o ON (genomes.id = o.id) WHEN MATCHED THEN DELETE",
    "log": "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{target}')",
}
SETTINGS = {
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "load a file": "LOAD '{secret}'",
    "pragma": "PRAGMA database_list",
    "profiling": "PRAGMA enable_profiling",
    "set": "SET enable_external_access = true",
    "set memory": "SET memory_limit = '100GB'",
    "set variable": "SET VARIABLE x = 1",
    "reset": "RESET lock_configuration",
    "call": "CALL duckdb_settings()",
    "prepare": "PREPARE p AS SELECT 1",
    "use": "USE temp",
    "nothing": "-- nothing",
    "secret": "CREATE SECRET (TYPE s3)",
}


@pytest.fixture(scope="module")
def place(small_index, tmp_path_factory):
    """A folder with an index, and a file that is none of its business."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(small_index, folder / "index")
    (folder / "secret.csv").write_text("word\nhidden\n")
    return folder


@pytest.mark.parametrize("query", [*READS.values(), *WRITES.values(), *SETTINGS.values()])
def test_what_is_no_question_is_refused_and_changes_nothing(place, query):
    secret, target = place / "secret.csv", place / "target"
    index = Index.open(place / "index")
    before = digests(place)
    text = query.format(secret=secret, target=target, catalog=index.folder / "catalog.duckdb")
    for answer in (ask, parquet_of):
        with pytest.raises(UsageError) as raised:
            list(getattr(answer(index, text), "rows", ()))
        assert "hidden" not in str(raised.value)
        assert "root:" not in str(raised.value)
        assert len(str(raised.value).splitlines()) == 1
    assert digests(place) == before
    assert index.damage() == []


def test_the_locks_are_on(index):
    settings = dict(rows(index, "SELECT name, value FROM duckdb_settings()"))
    locks = {
        "enable_external_access": "false",
        "lock_configuration": "true",
        "allowed_paths": "[]",
        "allowed_directories": "[]",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_unsigned_extensions": "false",
        "allow_persistent_secrets": "false",
        "python_enable_replacements": "false",
        "temp_directory": "",
    }
    assert {name: settings[name] for name in locks} == locks
    assert [
        row[0] for row in rows(index, "SELECT database_name FROM duckdb_databases() WHERE path > ''")
    ] == []


def test_variables_of_python_are_no_tables(index):
    with pytest.raises(UsageError, match="Table with name query does not exist"):
        ask(index, "SELECT * FROM query")


def test_a_query_that_needs_too_much_memory_is_refused(index, monkeypatch):
    monkeypatch.setitem(CONNECTION, "memory_limit", "30MB")
    with pytest.raises(UsageError, match="needs more than 30MB of memory"):
        rows(index, "SELECT * FROM range(20000000) ORDER BY random()")


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("selec 1", 'Parser Error: syntax error at or near "selec"'),
        ("SELECT nope FROM genomes", 'Binder Error: Referenced column "nope" not found in FROM clause!'),
        ("SELECT * FROM nope", "Catalog Error: Table with name nope does not exist!"),
        ("SELECT id::INT FROM genomes", "Conversion Error: Could not convert string 'DEMO_0001' to INT32"),
    ],
)
def test_a_wrong_query_is_told_what_there_is(gindex, demo_index, query, complaint):
    result = gindex("sql", query, "--index", demo_index)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"gindex: DuckDB says: {complaint}")
    assert "genomes (row, id, length_bp, contigs, molecule, sha256, source, superkingdom," in line
    assert "suspects (row, id, kind, says, looks_like, evidence, witness, share), events (number, " in line
    assert "moment, action, detail), failures (id, source, reason)" in line
    assert line.endswith("settings (name, value)")


def test_a_statement_that_writes_is_a_sentence_and_exit_code_2(gindex, demo_index):
    result = gindex("sql", "DELETE FROM genomes", "--index", demo_index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("gindex: DELETE is not answered, only one SELECT is: nothing was changed")
    assert len(rows(Index.open(demo_index), "FROM genomes")) == 60


def test_a_catalogue_that_is_damaged_is_not_asked(own_index):
    index = Index.open(own_index)
    path = index.folder / "catalog.duckdb"
    path.write_bytes(path.read_bytes()[:-100] + b"x" * 100)
    with pytest.raises(GindexError, match="checksum"):
        ask(index, "FROM genomes")


def test_a_quote_in_the_path_is_no_sql(own_index, tmp_path):
    path = tmp_path / "it's' AS y; --"
    own_index.rename(path)
    assert rows(Index.open(path), "SELECT count(*) FROM genomes") == [(6,)]


# How it is written ------------------------------------------------------------------------------------------

ODD = (
    "SELECT 'a' || chr(9) || 'b' || chr(10) || 'c' AS text, NULL AS none, 'NaN'::DOUBLE AS nan, 1.5 AS dec, "
    "DATE '2024-05-06' AS day, [1, 2] AS list, {'k': 'v'} AS struct, true AS yes, 'ab'::BLOB AS bytes, "
    "10::HUGEINT ** 2 AS big"
)


def test_tsv_keeps_one_line_a_row(gindex, demo_index):
    text = gindex("sql", ODD, "--format", "tsv", "--index", demo_index).stdout
    assert text.split("\n") == [
        "text\tnone\tnan\tdec\tday\tlist\tstruct\tyes\tbytes\tbig",
        'a b c\t\t\t1.5\t2024-05-06\t[1, 2]\t{"k": "v"}\ttrue\t6162\t100.0',
        "",
    ]


def test_json_is_json(gindex, demo_index):
    text = gindex("sql", ODD, "--format", "json", "--index", demo_index).stdout
    [row] = json.loads(text, parse_constant=pytest.fail)
    assert row == {
        "text": "a\tb\nc", "none": None, "nan": None, "dec": "1.5", "day": "2024-05-06", "list": [1, 2],
        "struct": {"k": "v"}, "yes": True, "bytes": "6162", "big": 100.0,
    }  # fmt: skip
    assert (
        json.loads(gindex("sql", "SELECT 1 WHERE 1 > 2", "--format", "json", "--index", demo_index).stdout)
        == []
    )


def test_the_formats_say_the_same(gindex, demo_index, tmp_path):
    query = "SELECT id, length_bp, labels FROM genomes ORDER BY length_bp DESC"
    arguments = ["sql", query, "--index", demo_index, "--format"]
    expected = json.loads(gindex(*arguments, "json").stdout)
    assert (len(expected), set(expected[0]["labels"])) == (60, {"kind", "habitat"})
    assert [json.loads(line) for line in gindex(*arguments, "jsonl").stdout.splitlines()] == expected
    table = list(
        csv.DictReader(io.StringIO(gindex(*arguments, "tsv").stdout), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    assert [
        {**row, "length_bp": int(row["length_bp"]), "labels": json.loads(row["labels"])} for row in table
    ] == (expected)
    assert gindex(*arguments, "parquet", "--output", tmp_path / "x.parquet").exit_code == 0
    assert (tmp_path / "x.parquet").read_bytes() == gindex(*arguments, "parquet").stdout_bytes
    kept = duckdb.sql(f"FROM '{tmp_path / 'x.parquet'}'").fetchall()
    assert [(a, b, json.loads(c)) for a, b, c in kept] == [tuple(row.values()) for row in expected]


def test_a_table_is_short_and_says_what_it_leaves_out(gindex, demo_index):
    lines = gindex("sql", "SELECT id, genus FROM genomes", "--index", demo_index).stdout.splitlines()
    assert lines[:2] == ["id         genus", "DEMO_0001  Demobacter"]
    assert len(lines) == 1 + MOST_ROWS + 1
    assert lines[-1] == "... and 10 more rows; `--format tsv` gives them all"
    all_of_them = gindex("sql", "SELECT id FROM genomes", "--format", "tsv", "--index", demo_index).stdout
    assert len(all_of_them.splitlines()) == 61
    short = gindex("sql", "SELECT id FROM genomes LIMIT 50", "--index", demo_index).stdout
    assert "more rows" not in short
    wild = gindex("sql", "SELECT chr(27) || '[31m' || repeat('x', 99) AS x", "--index", demo_index).stdout
    assert wild == f"x\n [31m{'x' * 42}…\n"


def test_an_unknown_format_is_wrong_use(gindex, demo_index):
    for arguments, formats in (
        (["sql", "SELECT 1"], "table, tsv, json, jsonl or parquet"),
        (["list"], "tsv, json, jsonl or parquet"),
    ):
        result = gindex(*arguments, "--format", "xml", "--index", demo_index)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"--format is 'xml'; choose {formats}; see `gindex {arguments[0]} --help`\n" in result.stderr


# gindex list ------------------------------------------------------------------------------------------------


@pytest.fixture
def odd_labels(own_index, tmp_path, gindex):
    """Labels whose names are not plain identifiers, or are taken."""
    header = ["genome_id", "species", "a/b", 'say "x"', "it's", "tilde~", "input"]
    cells = ["DEMO_0001", "Demobacter fictus", "1", "2", "3", "4", "5"]
    (tmp_path / "odd.csv").write_text(
        "\n".join(",".join(_csv(c) for c in row) for row in (header, cells)) + "\n"
    )
    assert gindex("relabel", tmp_path / "odd.csv", "--index", own_index).exit_code == 0
    return own_index


def _csv(cell):
    return '"' + cell.replace('"', '""') + '"'


def test_list_says_the_same_in_every_format(gindex, odd_labels, tmp_path):
    arguments = ["list", "--index", odd_labels, "--format"]
    text = gindex(*arguments, "tsv").stdout
    assert text == gindex("list", "--index", odd_labels).stdout
    header, *lines = [line.split("\t") for line in text.splitlines()]
    assert {"a/b", 'say "x"', "it's", "tilde~"} < set(header)
    assert header.count("input") == 2
    listed = json.loads(gindex(*arguments, "json").stdout)
    assert [["" if cell is None else str(cell) for cell in row.values()] for row in listed] == lines
    assert list(listed[0]) == [*header[:-1], "input_1"]
    assert [listed[0][name] for name in ("a/b", 'say "x"', "it's", "tilde~", "input")] == [
        "1",
        "2",
        "3",
        "4",
        "5",
    ]
    assert [json.loads(line) for line in gindex(*arguments, "jsonl").stdout.splitlines()] == listed
    assert gindex(*arguments, "parquet", "--output", tmp_path / "x.parquet").exit_code == 0
    kept = duckdb.sql(f"FROM '{tmp_path / 'x.parquet'}'")
    assert kept.fetchall() == [tuple(row.values()) for row in listed]
    assert kept.columns == list(listed[0])


@pytest.mark.long
def test_list_to_a_file_is_what_standard_output_gets(gindex, demo_index, tmp_path):
    for format in ("tsv", "json", "jsonl", "parquet"):
        arguments = ["list", "--index", demo_index, "--format", format]
        result = gindex(*arguments, "--output", tmp_path / format)
        assert (result.exit_code, result.stdout) == (0, "")
        assert (tmp_path / format).read_bytes() == gindex(*arguments).stdout_bytes


def test_listing_query_is_one_that_is_answered(index):
    answer = ask(index, listing_query(index))
    assert answer.columns[-3:] == ("habitat", "kind", "input")
    assert len(list(answer.rows)) == 60


@pytest.mark.parametrize("arguments", [["list"], ["sql", "SELECT 1"]])
def test_bytes_never_go_to_a_terminal(demo_index, arguments):
    ours, theirs = pty.openpty()
    command = [GINDEX, *arguments, "--format", "parquet", "--index", str(demo_index)]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(theirs)
    try:
        shown = os.read(ours, 100)
    except OSError:  # on Linux a terminal that nobody holds any more reads as an error
        shown = b""
    os.close(ours)
    assert (done.returncode, shown) == (2, b"")
    assert done.stderr == (
        "gindex: --format parquet is not text; give --output FILE, or redirect standard output\n"
    )
