"""Pairs of sequence and text: rows, duplicates, parts, card, files of papers, and the command."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import numpy as np
import pytest
from gindex_cli import app
from helpers.flat_records import MEDLINE, four_records, genbank
from helpers.ncbi_server import dna
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from genome_index.errors import InputError, UsageError
from genome_index.io import tsv
from genome_index.lab.corpus.split import PARTS, SplitPlan
from genome_index.lab.describe.abstracts import UNSTATED, Abstract, read_abstracts
from genome_index.lab.describe.build import INSDC, UNKNOWN_LICENCE, build_pairs
from genome_index.lab.describe.papers import joined_by_paper
from genome_index.lab.describe.tables import TYPES, PairWriter, iter_pairs
from genome_index.lab.describe.texts import MOST_NAMED, _named

PLAN = SplitPlan(test=0.5, validation=0)


def write(folder: Path, records: list[str], name: str = "a.gb") -> str:
    (folder / name).write_text("".join(records))
    return str(folder / name)


def table(path: Path) -> list[list[str]]:
    return [tsv.cells_of(line) for line in path.read_text().splitlines()]


def test_every_record_has_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, [*four_records(), four_records()[0], genbank("XX1.1", "")])
    summary = build_pairs([path, str(tmp_path / "none.gb")], tmp_path / "out", split=PLAN)
    rows = {(row[0], row[2]): row for row in table(tmp_path / "out" / "records.tsv")[1:]}
    kept = {name for name, part in rows if part in PARTS}
    assert kept == {"NC_000001.1", "NC_000002.1", "NC_000003.1"}
    assert rows["AB000004.1", "dropped"][3] == "the same sequence as NC_000003.1"
    assert rows["NC_000001.1", "dropped"][3] == "its id was given before, in a.gb"
    assert "no sequence" in rows["XX1.1", "dropped"][3] or "0 bp" in rows["XX1.1", "dropped"][3]
    assert rows["", "failed"][1] == str(tmp_path / "none.gb")
    assert len(rows) == 7
    assert dict(summary.reasons) == {"duplicates": 1, "given twice": 1, "unusable": 1}
    assert sum(summary.parts.values()) == 3
    assert not list((tmp_path / "out").glob("batch-*"))


def test_records_of_one_paper_are_in_one_part(tmp_path: Path) -> None:
    """Twelve species, six papers by twos: whatever the seed, each pair is together and some parts differ."""
    records = [
        genbank(f"NC_{number:06}.1", dna(number, 600), f"Hyla species{number}",
                papers=((f"Paper {number // 2}", ""),))
        for number in range(12)
    ]  # fmt: skip
    path, seen = write(tmp_path, records), set()
    for seed in range(3):
        out = tmp_path / f"out-{seed}"
        build_pairs([path], out, split=SplitPlan(seed=seed, test=0.4, validation=0.2))
        part = {row[0]: row[2] for row in table(out / "records.tsv")[1:]}
        for number in range(0, 12, 2):
            assert part[f"NC_{number:06}.1"] == part[f"NC_{number + 1:06}.1"]
        seen |= set(part.values())
        assert "Of 6 papers cited, 0 are cited in more than one part." in (out / "README.md").read_text()
    assert seen == set(PARTS)


def test_relatives_are_in_one_part(tmp_path: Path) -> None:
    near = list(dna(1, 3000))
    for at in random.Random(0).sample(range(3000), 30):
        near[at] = "A" if near[at] != "A" else "C"
    records = [
        genbank("NC_000001.1", dna(1, 3000), "Hyla a"),
        genbank("NC_000002.1", "".join(near), "Bufo b"),
    ]
    records += [genbank(f"NC_00001{n}.1", dna(10 + n, 3000), f"Rana {'abcdef'[n]}") for n in range(6)]
    summary = build_pairs([write(tmp_path, records)], tmp_path / "out", split=SplitPlan(test=0.4))
    assert (summary.clusters, summary.largest_cluster) == (7, 2)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=3), min_size=1, max_size=9))
def test_groups_by_paper_are_connected_components(papers: list[list[str]]) -> None:
    """Against closing the relation by repeated passes."""
    groups = joined_by_paper(np.arange(len(papers)), papers).tolist()
    together = [{at} | {other for other in range(len(papers)) if set(papers[at]) & set(papers[other])}
                for at in range(len(papers))]  # fmt: skip
    for _ in papers:
        together = [set().union(*(together[other] for other in own)) for own in together]
    assert groups == [min(own) for own in together]


def test_rows_are_those_of_duckdb_and_of_the_reader(tmp_path: Path) -> None:
    abstract = {"11": Abstract("11", "Frogs", "Frogs live\tin ponds.", "(c) 2006 Frogs")}
    build_pairs([write(tmp_path, four_records())], tmp_path / "out", abstract, split=PLAN)
    pairs = {pair.id: pair for pair in iter_pairs(tmp_path / "out")}
    files = str(tmp_path / "out" / "data" / "*.parquet")
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{files}') ORDER BY id")
    assert rows.columns == [*TYPES, "part", "cluster"]
    for row in rows.fetchall():
        assert row[: len(TYPES)] == tuple(vars(pairs[row[0]]).values())
    frog = pairs["NC_000001.1"]
    assert (frog.sequence, frog.lineage[-1], frog.topology) == (dna(1, 900), "Hyla", "circular")
    assert frog.text == (
        "Hyla arborea (European tree frog), circular genomic DNA, 900 bp. Record: Hyla arborea "
        "mitochondrion, complete genome. Lineage: Eukaryota; Metazoa; Chordata; Amphibia; Anura; "
        "Hylidae; Hyla. Paper: Frogs of Europe."
    )
    assert frog.raw_text.splitlines() == [
        "Hyla arborea mitochondrion, complete genome", "Frogs of Europe", "Frogs live\tin ponds.",
    ]  # fmt: skip
    assert (frog.pubmed, frog.abstract_licences, frog.licence) == (["11"], ["(c) 2006 Frogs"], INSDC)
    assert pairs["NC_000003.1"].pubmed == [""]
    descriptions = {row[0]: row[1] for row in table(tmp_path / "out" / "descriptions.tsv")[1:]}
    assert descriptions["NC_000001.1"] == f"{frog.text} Frogs live in ponds."


def test_parts_of_small_batches_hold_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, four_records())
    build_pairs([path], tmp_path / "one", split=PLAN)
    monkeypatch.setattr(PairWriter.__init__, "__defaults__", (1,))  # a file for each record
    build_pairs([path], tmp_path / "many", split=PLAN)
    assert len(list((tmp_path / "many" / "data").iterdir())) == 3
    for part in ("train", "test"):
        assert list(iter_pairs(tmp_path / "many", part)) == list(iter_pairs(tmp_path / "one", part))
    build_pairs([path], tmp_path / "again", split=PLAN)
    for file in (tmp_path / "many" / "data").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / "data" / file.name).read_bytes()


def test_licences(tmp_path: Path) -> None:
    path = write(
        tmp_path, [genbank("NC_000001.1", dna(1, 200)), genbank("Exported", dna(2, 200), "Bufo bufo")]
    )
    build_pairs([path], tmp_path / "own")
    assert {pair.id: pair.licence for pair in iter_pairs(tmp_path / "own")} == {
        "NC_000001.1": INSDC, "Exported": UNKNOWN_LICENCE,
    }  # fmt: skip
    build_pairs([path], tmp_path / "given", licence="CC0-1.0")
    assert {pair.licence for pair in iter_pairs(tmp_path / "given")} == {"CC0-1.0"}
    assert "| sequence and record | CC0-1.0 | 2 |" in (tmp_path / "given" / "README.md").read_text()


def test_the_card_counts_what_rows_have(tmp_path: Path) -> None:
    path = write(tmp_path, four_records())
    build_pairs([path], tmp_path / "out", split=PLAN)
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nlicense: other\nconfigs:\n")
    assert "| `common_name` | 66.7 |" in card
    assert "| `pubmed` | 66.7 |" in card  # the third has a paper without an id
    assert "| `host` | 0.0 |" in card
    assert "| duplicates | 1 |" in card
    assert "| `sequence` | 900 | 900 | 900 | 900 | 900 |" in card


def test_genes_in_a_text_are_limited() -> None:
    names = tuple(f"g{number}" for number in range(MOST_NAMED + 2))
    assert _named(names).endswith(f"g{MOST_NAMED - 1}, and 2 more")
    assert _named(names[:MOST_NAMED]).endswith(f"g{MOST_NAMED - 1}")


# -- papers --------------------------------------------------------------------------------------------------


def test_abstracts_of_medline(tmp_path: Path) -> None:
    (tmp_path / "papers.nbib").write_text(MEDLINE)
    papers = read_abstracts(tmp_path / "papers.nbib")
    assert papers == {
        "16905872": Abstract(
            "16905872",
            "Phylogenetic analysis of diprotodontian marsupials based on complete mitochondrial genomes",
            "Australidelphia is the cohort, originally named by Szalay, of all Australian marsupials.",
            "(c) 2006 The Society.",
        )
    }


def test_abstracts_of_xml_are_those_of_medline(tmp_path: Path) -> None:
    (tmp_path / "papers.xml").write_text(
        """<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">7</PMID>
        <Article><ArticleTitle>The genome of <i>Hyla</i>.</ArticleTitle><Abstract><AbstractText>Frogs
        <sup>1</sup></AbstractText><AbstractText>sing.</AbstractText></Abstract></Article></MedlineCitation>
        </PubmedArticle></PubmedArticleSet>"""
    )
    assert read_abstracts(tmp_path / "papers.xml") == {
        "7": Abstract("7", "The genome of Hyla", "Frogs 1 sing.", UNSTATED)
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "no paper of PubMed in it"), ("<a><b></a>", "broken XML"), ("x\n", "no paper of PubMed in it")],
)
def test_other_files_are_no_papers(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "papers").write_text(content)
    with pytest.raises(InputError, match=reason):
        read_abstracts(tmp_path / "papers")


# -- the command ---------------------------------------------------------------------------------------------


def run(*words: object):
    return CliRunner().invoke(app, ["lab", "describe", *map(str, words)], catch_exceptions=False)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    path, out = write(tmp_path, four_records()), tmp_path / "out"
    done = run(path, "--out", out, "--test-share", "0.5", "--validation-share", "0")
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"{out}: 3 pairs (train 2, validation 0, test 1) in 2 clusters by relatives" in done.stderr
    assert "dropped: 1 duplicates; each with its reason in records.tsv" in done.stderr
    again = run(path, "--out", out)
    assert (again.exit_code, again.stderr) == (
        2, f"gindex: {out} exists; remove it, or give another folder with --out\n"
    )  # fmt: skip


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path, fasta = write(tmp_path, four_records()), write(tmp_path, [">a\nACGT\n"], "b.fa")
    done = run(path, fasta, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert f"{fasta}: this is FASTA, which describes nothing; give GenBank or EMBL" in done.stderr


def test_nothing_to_describe_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no record could be used: .*this is FASTA"):
        build_pairs([write(tmp_path, [">a\nACGT\n"])], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(
        InputError, match=r"no pairs \(data/test-\*.parquet\); make them with `gindex lab describe`"
    ):
        next(iter_pairs(tmp_path / "out", "test"))
