"""One rule for TSV: any table that is written reads back with its rows and cells, by any reader."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from helpers.fasta import Gindex, WriteFasta
from hypothesis import given
from hypothesis import strategies as st

from genome_index import build_index
from genome_index.io import tsv
from genome_index.io.ids.id_list import read_ids

BREAKING = '\t\n\r\v\f\0\x1c\x1d\x1e\x85\u2028\u2029"'
texts = st.text(max_size=12) | st.text(BREAKING + "a ", max_size=12)
values = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.lists(texts, max_size=2)
tables = st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(values, min_size=width, max_size=width)))


@pytest.mark.parametrize(("value", "cell"), [
    (None, ""), (math.nan, ""), (-math.inf, ""), (True, "true"), (0, "0"), (2.50, "2.5"), ("", ""),
    (["a", "\u00e9"], '["a", "\u00e9"]'), ({"a": None}, '{"a": null}'), ("a\tb\r\nc", "a b  c"), ("\0", " "),
    ("a\u2028b\u2029c\x85d", "a b c d"), ('sp. "x"', 'sp. "x"'), ('"x" sp.', '"""x"" sp."'), ("\ud800", " "),
])  # fmt: skip
def test_a_cell(value: object, cell: str) -> None:
    assert tsv.cell(value) == cell


@given(tables)
def test_every_reader_finds_the_same_number_of_cells(table: list[list[object]]) -> None:
    text = "".join(tsv.rows(table))
    text.encode()  # no lone surrogate
    widths = [len(values) for values in table]
    assert [line.count("\t") + 1 for line in text.splitlines()] == widths
    assert [len(cells) for cells in csv.reader(io.StringIO(text, newline=""), delimiter="\t")] == widths
    bare = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    assert [len(cells) for cells in bare] == widths
    assert [len(tsv.cells_of(line)) for line in text.split("\n")[:-1]] == widths


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))), min_size=2))
def test_what_can_stand_in_a_cell_comes_back_unchanged(cells: list[str]) -> None:
    [read] = csv.reader([tsv.row(cells)], delimiter="\t")
    assert read == tsv.cells_of(tsv.row(cells)) == cells


@given(st.lists(texts, min_size=1))
def test_quotation_marks_stay_for_programs_without_quoting(cells: list[str]) -> None:
    assert tsv.unquoted_row(cells) == "\t".join(map(tsv.one_line, cells)) + "\n"
    assert tsv.unquoted_row(cells).count("\t") == len(cells) - 1


HOSTILE = 'hot\tspring\r\nnorth\x85\u2028"x"'  # a table is read with \n for \r\n


def test_a_list_has_one_row_for_each_genome_whatever_its_labels_hold(
    gindex: Gindex, write_fasta: WriteFasta, six_genomes: list[Path], tmp_path: Path
) -> None:
    table = f"genome_id,species,habitat\nDEMO_0001,Demobacter fictus,{csv_cell(HOSTILE)}\n"
    taxonomy = tmp_path / "taxonomy.csv"
    taxonomy.write_text(table + f"DEMO_0002,Demobacter fictus,{csv_cell(chr(34) + HOSTILE)}\n", newline="")
    build_index(six_genomes[:2], tmp_path / "index", taxonomy)
    listed = gindex("list", "--index", tmp_path / "index").stdout
    lines = listed.splitlines()
    assert [line.count("\t") for line in lines] == [lines[0].count("\t")] * 3
    first, second = csv.DictReader(io.StringIO(listed, newline=""), delimiter="\t")
    assert first["habitat"] == 'hot spring north  "x"'
    assert second["habitat"] == '"hot spring north  "x"'
    listing = tmp_path / "list.tsv"
    listing.write_text(listed)
    assert read_ids(listing) == {"DEMO_0001", "DEMO_0002"}


def csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_failures_have_one_row_each(
    gindex: Gindex, write_fasta: WriteFasta, six_genomes: list[Path], tmp_path: Path
) -> None:
    broken = write_fasta("tab\tand\nline.fa", {"short": "ACGT"})
    build_index([*six_genomes[:1], broken], tmp_path / "index")
    [row] = gindex("info", "--failures", "--index", tmp_path / "index").stdout.splitlines()
    name, source, reason = row.split("\t")
    assert name == "tab and line"
    assert source.endswith("/tab and line.fa")
    assert reason
