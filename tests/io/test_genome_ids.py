"""Ids of genomes: names of records, a second column of a list, and the rules of --id-from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genome_index.io.ids.record_names import record_name
from genome_index.io.inputs import Input, read_list
from genome_index.io.reader import first_names, iter_genomes
from genome_index.records import Failure

NAMES = {
    "NC_000913.3 Escherichia coli str. K-12": "NC_000913.3",
    "kraken:taxid|751944|NZ_CP007060.1 Halobacterium sp. DL1": "kraken:taxid|751944|NZ_CP007060.1",
    "gi|9626372|ref|NC_001422.1| Coliphage phi-X174": "gi|9626372|ref|NC_001422.1|",
    "NC_000009.1\ttab description": "NC_000009.1",
    "A/mute swan/Austria/1/2023|EPI_ISL_1|PB2": "A/mute swan/Austria/1/2023|EPI_ISL_1|PB2",
    "A/Hong Kong/1/1968": "A/Hong Kong/1/1968",
    "A/Hong Kong/1/68(H3N2)": "A/Hong Kong/1/68(H3N2)",
    "hCoV-19/South Africa/KRISP-1/2020|EPI_ISL_2|2020-12-01": (
        "hCoV-19/South Africa/KRISP-1/2020|EPI_ISL_2|2020-12-01"
    ),
    "EPI_ISL_1 | A/duck/Laos/1/2006 | HA": "EPI_ISL_1 | A/duck/Laos/1/2006 | HA",
    "A/duck/Laos/1/2006 segment 4": "A/duck/Laos/1/2006",
    "A/mute swan/Austria/1/2023\tsegment 4": "A/mute swan/Austria/1/2023",
    "read/1 ccs": "read/1",
    "k141_7 flag=1 multi=2.0 len=300": "k141_7",
    "CY121680.1 Influenza A virus (A/mute swan/Austria/1/2008(H1N1))": "CY121680.1",
    "": "",
    "  ": "",
}


@pytest.mark.parametrize(("header", "name"), NAMES.items())
def test_record_name(header: str, name: str) -> None:
    assert record_name(header.encode()) == name


@given(st.text("ab1 _.:=-\t", max_size=20))
def test_a_header_without_slashes_and_bars_is_named_by_its_first_word(header: str) -> None:
    assert record_name(header.encode()) == (header.split() or [""])[0]


def test_isolates_with_blanks_are_different_records(tmp_path: Path) -> None:
    path = tmp_path / "flu.fa"
    names = [f"A/mute swan/Austria/{number}/2023|EPI_ISL_{number}|PB2" for number in range(3)]
    path.write_text("".join(f">{name}\nACGT\n" for name in names))
    assert [genome.id for genome in iter_genomes([path], "record")] == names
    assert first_names(str(path)) == names


LISTS = {
    "one column": ("a.fa", "a.fa"),
    "an id": ("a.fa\tfirst", Input("a.fa", id="first")),
    "blanks around": (" a b.fa \t my genome ", Input("a b.fa", id="my genome")),
    "GTDB-Tk, with a translation table": ("a.fa\tfirst\t11", Input("a.fa", id="first")),
    "no id in the second column": ("a.fa\t", "a.fa"),
    "PopPUNK, the id first": ("first\there.fa", Input("here.fa", id="first")),
    "both are files": ("here.fa\thome.fa", Input("here.fa", id="home.fa")),
    "neither is a file": ("x\ty", Input("x", id="y")),
    "standard input": ("-\tfirst", Input("-", id="first")),
    "a comma": ("here.fa,first", Input("here.fa", id="first")),
    "quoted by Excel": ('"here.fa","my genome"', Input("here.fa", id="my genome")),
    "a comma, the id first": ("first,here.fa", Input("here.fa", id="first")),
    "a comma in a name": ("a,b.fa", "a,b.fa"),
    "a comma in the name of a file": ("c,d.fa", "c,d.fa"),
    "a comma in an id": ("here.fa\tE. coli, K-12", Input("here.fa", id="E. coli, K-12")),
    "behind a header": ("Genome\tname\na.fa\tfirst", Input("a.fa", id="first")),
    "behind a header of a CSV": ("sample,fasta\nfirst,here.fa", Input("here.fa", id="first")),
    "a folder called genome": ("genome\tfirst", Input("genome", id="first")),
}


@pytest.mark.parametrize(("line", "expected"), LISTS.values(), ids=LISTS)
def test_the_second_column_of_a_list_is_the_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, expected: str | Input
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here.fa").write_text(">x\nACGT\n")
    Path("home.fa").write_text(">x\nACGT\n")
    Path("c,d.fa").write_text(">x\nACGT\n")
    Path("genome").mkdir()
    Path("list.tsv").write_text(f"# path\tid\n{line}\n")
    assert read_list(Path("list.tsv")) == [expected]


@pytest.fixture
def bins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of the same name in two folders, each with two records."""
    monkeypatch.chdir(tmp_path)
    for sample in ("s1", "s2"):
        folder = Path(sample, "bins")
        folder.mkdir(parents=True)
        (folder / "bin.1.fa").write_text(f">{sample}_c1 x\nACGT\n>{sample}_c2\nAC\n")


FILE_IDS = {
    "none": (["s1", "s2"], ["bin.1", "bin.1"]),
    "stem": ([Input("s1", id_from="stem"), Input("s2", id_from="stem")], ["bin.1", "bin.1"]),
    "parent": (
        [Input("s1/bins/bin.1.fa", id_from="parent"), Input("s2", id_from="parent")],
        ["bins", "bins"],
    ),
    "path": (
        [Input("s1", id_from="path"), Input("./s2", id_from="path")],
        ["s1/bins/bin.1", "s2/bins/bin.1"],
    ),
    "header": ([Input("s1", id_from="header"), Input("s2", id_from="header")], ["s1_c1", "s2_c1"]),
    "given": ([Input("s1/bins/bin.1.fa", id="one"), Input("s2/bins/bin.1.fa", id="two")], ["one", "two"]),
    "given, with a rule": ([Input("s1/bins/bin.1.fa", id="one", id_from="header")], ["one"]),
}


@pytest.mark.usefixtures("bins")
@pytest.mark.parametrize(("inputs", "ids"), FILE_IDS.values(), ids=FILE_IDS)
def test_ids_of_files(inputs: list[str | Input], ids: list[str]) -> None:
    assert [genome.id for genome in iter_genomes(inputs)] == ids


RECORD_IDS = {
    "none": (["s1"], ["s1_c1", "s1_c2"]),
    "header": ([Input("s1", id_from="header")], ["s1_c1", "s1_c2"]),
    "stem": ([Input("s1", id_from="stem")], ["bin.1|s1_c1", "bin.1|s1_c2"]),
    "path": ([Input("s1", id_from="path")], ["s1/bins/bin.1|s1_c1", "s1/bins/bin.1|s1_c2"]),
    "given": ([Input("s1/bins/bin.1.fa", id="one")], ["one|s1_c1", "one|s1_c2"]),
}


@pytest.mark.usefixtures("bins")
@pytest.mark.parametrize(("inputs", "ids"), RECORD_IDS.values(), ids=RECORD_IDS)
def test_ids_of_records(inputs: list[str | Input], ids: list[str]) -> None:
    assert [genome.id for genome in iter_genomes(inputs, "record")] == ids


@pytest.mark.usefixtures("bins")
def test_a_folder_with_an_id_is_a_failure() -> None:
    reason = "a folder has no single id; list its files, each with an id of its own"
    assert list(iter_genomes([Input("s1", id="one")])) == [Failure("one", "s1", reason)]


def test_a_file_that_cannot_be_read_has_its_given_id() -> None:
    reason = "no such file or folder; check the path"
    assert list(iter_genomes([Input("no.fa", id="one")])) == [Failure("one", "no.fa", reason)]
