"""gindex find: descriptions that `relabel` adds are found; formats, notes and sentences."""

from __future__ import annotations

import json

import pytest

SPRING = "Thermophilic archaeon, isolated from a hot spring in Iceland"


@pytest.fixture
def described(gindex, own_index, tmp_path):
    """The small index, in which one genome has a description."""
    (tmp_path / "descriptions.tsv").write_text(f"genome_id\tdescription\nDEMO_0004\t{SPRING}\n")
    assert gindex("relabel", tmp_path / "descriptions.tsv", "--index", own_index).exit_code == 0
    return own_index


def test_a_description_is_found_by_words_in_other_forms(gindex, described):
    result = gindex("find", "archaeon from hot springs", "--index", described, "--format", "jsonl")
    assert (result.exit_code, result.stderr) == (0, "")
    hit, *others = map(json.loads, result.stdout.splitlines())
    assert {one["description"] for one in others} <= {None}
    assert (hit["genome_id"], hit["description"]) == ("DEMO_0004", SPRING)
    assert hit["species"] == "Demobacter simulatus"
    assert "hot spring in Iceland" in hit["passage"]


def test_names_are_found_without_descriptions_and_a_note_says_so(gindex, small_index):
    result = gindex("find", "specimenella", "--index", small_index, "--limit", 1)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["genome", "DEMO_0017"]
    assert result.stderr == (
        "note: no genome of the index has a description, so names and labels alone are searched; "
        "`gindex relabel descriptions.tsv` adds those of `gindex lab describe`\n"
    )


def test_tsv_and_file(gindex, described, tmp_path):
    result = gindex(
        "find", "iceland", "--index", described, "--format", "tsv", "--output", tmp_path / "a.tsv"
    )
    assert (result.exit_code, result.stdout) == (0, "")
    header, row = (tmp_path / "a.tsv").read_text().splitlines()
    assert header.split("\t")[:2] == ["genome_id", "score"]
    assert len(row.split("\t")) == len(header.split("\t"))


def test_nothing_found_is_said(gindex, described):
    result = gindex("find", "zebra", "--index", described)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no genome has one of these words; 6 were searched\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("...",), "gindex: no word to search for in '...'; give words, such as 'hot spring archaeon'\n"),
        (
            ("frog", "--engine", "vectors"),
            "gindex: --engine vectors needs --projection DIR, which `gindex lab project` trains\n",
        ),
    ],
)
def test_wrong_use_is_a_sentence(gindex, small_index, words, sentence):
    result = gindex("find", *words, "--index", small_index)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence)


def test_descriptions_of_records_reach_the_index(gindex, tmp_path):
    """GenBank records -> gindex lab describe -> gindex relabel -> gindex find."""
    from helpers.flat_records import HOT_SPRING, genbank
    from helpers.ncbi_server import dna

    records = [genbank(f"NC_00000{n}.1", dna(n, 3000), f"Hyla {'abcdef'[n]}") for n in range(5)]
    records[2] = genbank("NC_000002.1", dna(2, 3000), "Sulfolobus acidus", papers=((HOT_SPRING, ""),))
    (tmp_path / "a.gb").write_text("".join(records))
    index, pairs = tmp_path / "index", tmp_path / "pairs"
    assert gindex("build", tmp_path / "a.gb", "--genome-per", "record", "--index", index).exit_code == 0
    assert gindex("lab", "describe", tmp_path / "a.gb", "--out", pairs).exit_code == 0
    assert gindex("relabel", pairs / "descriptions.tsv", "--index", index).exit_code == 0
    result = gindex("find", "thermophilic archaeon from a hot spring", "--index", index, "--format", "json")
    assert [hit["genome_id"] for hit in json.loads(result.stdout)] == ["NC_000002.1"]
