"""Tables for people: aligned columns in a pipe, drawn to fit on a terminal."""

from __future__ import annotations

import pytest
from gindex_cli.columns import Column, table_lines
from gindex_cli.table import render
from helpers.command_line import FILE, GINDEX
from helpers.terminal import plain, run_on_terminal

from genome_index.records import Call, Component, Evidence, Hit, Lineage

HITS = (
    Hit("DEMO_1", Lineage({"species": "Hyla arborea"}), {}, 0.98765, 0.9912, Evidence(98.765, 91.26, 100.0)),
    Hit("DEMO_20", Lineage(), {}, -0.01, 0.6, Evidence()),
)
CALL = Call(
    "sample", "sample.fa", 9_000, "species", "ANI 98.77.", "species", "Hyla arborea", confidence=0.987,
    hits=HITS, warnings=("short",), labels={"host": ("frog", 0.75)},
)  # fmt: skip
TABLE = """\
  hit      similarity  k-mer %    ANI  AF query  AF ref.  species
  DEMO_1        0.988     99.1  98.77      91.3    100.0  Hyla arborea
  DEMO_20      -0.010        -      -         -        -  -
"""
BLOCK = f"""\
sample: Hyla arborea (species), confidence 0.99
  ANI 98.77.
  warning: short
  labels: host frog (0.75)
{TABLE}"""


def test_a_call_is_a_block_of_aligned_lines():
    assert "".join(render([CALL])) == BLOCK
    assert "".join(render([CALL, CALL])) == f"{BLOCK}\n{BLOCK}"


@pytest.mark.parametrize(
    ("call", "first"),
    [
        (Call("x", "x.fa", 900, "novel", "r"), "x: novel"),
        (Call("x", "x.fa", 900, "qc_fail", "r"), "x: qc fail"),
        (Call("x", "x.fa", 900, "piece", "r", members=("Aa b", "Aa c")), "x: piece"),
        (
            Call("x", "x.fa", 900, "piece", "r", "genus", "Aa", confidence=0.876, members=("Aa b",)),
            "x: piece of Aa (genus), confidence 0.88",
        ),
        (Call("x", "x.fa", 900, "ambiguous", "r", members=("Aa b", "Aa c")), "x: ambiguous: Aa b or Aa c"),
    ],
)
def test_the_answer_comes_first(call, first):
    assert "".join(render([call])) == f"{first}\n  r\n"


def test_components_are_a_line():
    parts = (Component("Aa b", "species", 0.254, 0.9876), Component("Bb", "genus", 0.02, 0.91))
    call = Call("x", "x.fa", 900, "qc_fail", "r", components=parts, warnings=("w",))
    assert "".join(render([call])) == (
        "x: qc fail\n  r\n  warning: w\n  components: 25% Aa b (identity 98.8%), 2% Bb (identity 91.0%)\n"
    )


def test_a_terminal_has_the_same_cells_and_bold_headings(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    drawn = "".join(render([CALL], terminal=True))
    assert "\x1b[1m" in drawn
    assert [line.rstrip() for line in plain(drawn).splitlines()] == BLOCK.splitlines()


def test_a_narrow_terminal_folds_long_cells(monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    columns = [Column("id"), Column("name"), Column("bp", number=True)]
    rows = [("a", "Candidatus Demobacter simulatus", "1,200"), ("b", "[bold]", "7")]
    lines = [plain(line) for line in table_lines(columns, rows, terminal=True, indent=2)]
    assert max(map(len, lines)) <= 24
    assert "[bold]" in "".join(lines)
    assert len(lines) > 3


def test_sql_draws_its_table_on_a_terminal(small_index):
    command = [GINDEX, "sql", "SELECT id, length_bp FROM genomes LIMIT 1", "--index", small_index]
    done, drawn = run_on_terminal(command, "stdout")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b[1mid" in drawn
    assert plain(drawn).split() == ["id", "length_bp", "DEMO_0001", *plain(drawn).split()[3:]]


@pytest.mark.long
def test_query_draws_its_table_on_a_terminal(demo, demo_index):
    command = [GINDEX, "query", demo / "sample.fasta", *FILE, "--index", demo_index]
    done, drawn = run_on_terminal(command, "stdout", columns=76)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b[1m" in drawn
    first, _, _, heading, *hits = plain(drawn).splitlines()
    assert first.startswith("sample: Demobacter simulatus (species), confidence ")
    assert heading.split() == TABLE.split("\n")[0].split()
    assert hits[0].startswith("  DEMO_0005")
    assert [hit.split()[-1] for hit in hits[:2]] == ["Demobacter", "simulatus"]
    assert max(map(len, [heading, *hits])) <= 76
