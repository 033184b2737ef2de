"""Ids of genomes at the command line: names of NCBI's files, lists with ids, --id-from."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.command_line import rows
from helpers.ncbi_server import dna

LINEAGE = "d__Bacteria;p__P;c__C;o__O;f__F;g__Hyla;s__Hyla {}"


@pytest.fixture
def ncbi(write_fasta, tmp_path: Path) -> Path:
    """A folder of genomes under the names of NCBI's files."""
    for number in range(1, 4):
        name = f"g/GCF_00000{number}845.1_ASM{number}84v1_genomic.fna"
        write_fasta(name, {f"NZ_CP00000{number}.1": dna(number, 1500)})
    return tmp_path / "g"


def listed(gindex, index: Path) -> dict[str, tuple[str, str]]:
    """Id -> molecule and species."""
    result = gindex("list", "--index", index, "--format", "jsonl")
    return {row["genome_id"]: (row["molecule"], row["species"]) for row in rows(result)}


TABLES = {
    "GTDB": ("RS_{}", "{}\t{}\n", ""),
    "GTDB's GenBank copies": ("GB_{}", "{}\t{}\n", ""),
    "sourmash": ("{}", "{},d__Bacteria,g__Hyla,s__{}\n", "ident,superkingdom,genus,species\n"),
    "GTDB-Tk": ("{}_ASM1v1", "{}\t{}\tN/A\n", "user_genome\tclassification\twarnings\n"),
}


@pytest.mark.parametrize(("spelling", "row", "header"), TABLES.values(), ids=TABLES)
def test_files_of_ncbi_meet_their_rows(gindex, ncbi, tmp_path, spelling, row, header):
    text = header
    for number, name in ((1, "a"), (2, "b"), (3, "c")):
        key = spelling.format(f"GC{'A' if 'GB_' in spelling else 'F'}_00000{number}845.1")
        text += row.format(key, f"Hyla {name}" if "ident" in header else LINEAGE.format(name))
    (tmp_path / "t.tsv").write_text(text)
    result = gindex("build", ncbi, "--taxonomy", tmp_path / "t.tsv", "--index", tmp_path / "index")
    rule = (
        "RefSeq for GenBank (GCF for GCA, NZ_X for X)"
        if "GB_" in spelling
        else "the accession in a longer name"
    )
    note, last = result.stderr.splitlines()
    assert note.startswith("note: 3 genomes found in t.tsv ")
    assert note.endswith(f": 3 by {rule}")
    assert last.startswith("built 3 genomes ")
    assert listed(gindex, tmp_path / "index") == {
        f"GCF_00000{number}845.1_ASM{number}84v1_genomic": ("prokaryote", f"Hyla {name}")
        for number, name in ((1, "a"), (2, "b"), (3, "c"))
    }


def test_what_does_not_fit_is_shown(gindex, ncbi, tmp_path):
    (tmp_path / "t.tsv").write_text("genome_id\tspecies\nGCF_000001845.2\tHyla a\nother\tHyla b\n")
    result = gindex("build", ncbi, "--taxonomy", tmp_path / "t.tsv", "--index", tmp_path / "index")
    ids = [f"GCF_00000{number}845.1_ASM{number}84v1_genomic" for number in (1, 2, 3)]
    release = result.stderr.split(" has another version")[0].split("warning: ")[-1]
    assert result.stderr.splitlines()[:4] == [
        f"warning: 3 genomes without taxonomy, which cannot name a query: {ids[0]} and 2 more",
        f"warning: 2 labels of {release} name no genome that was read: GCF_000001845.2 and 1 more",
        f"warning: {release} has another version of 1 genome, which names none: "
        f"{ids[0]}, where the row is 'GCF_000001845.2'",
        f"warning: the first that do not fit in {release}: genomes {', '.join(map(repr, ids))}; "
        "rows 'GCF_000001845.2', 'other'",
    ]


@pytest.fixture
def bins(write_fasta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bins of the same name in two folders."""
    monkeypatch.chdir(tmp_path)
    for number, sample in enumerate(("s1", "s2")):
        write_fasta(f"{sample}/bin.1.fa", {f"{sample}_c1": dna(number, 1500)})


@pytest.mark.usefixtures("bins")
def test_bins_of_the_same_name_fail_with_a_cure(gindex, tmp_path):
    result = gindex("build", "s1", "s2", "--index", "index")
    assert result.exit_code == 1
    assert (
        "failed: s2/bin.1.fa: bin.1: the id 'bin.1' was already given by s1/bin.1.fa; "
        "rename one of the two, or use --id-from path"
    ) in result.stderr.splitlines()


RULES = {
    "path": ["s1/bin.1", "s2/bin.1"],
    "parent": ["s1", "s2"],
    "header": ["s1_c1", "s2_c1"],
}


@pytest.mark.usefixtures("bins")
@pytest.mark.parametrize(("rule", "ids"), RULES.items())
def test_build_add_and_query_make_ids_by_the_rule(gindex, rule, ids):
    assert gindex("build", "s1", "--id-from", rule, "--index", "index").exit_code == 0
    assert gindex("add", "s2", "--id-from", rule, "--index", "index").exit_code == 0
    assert list(listed(gindex, "index")) == ids
    result = gindex("query", "s1", "s2", "--id-from", rule, "--index", "index", "--format", "jsonl")
    assert [row["query"] for row in rows(result)] == ids


@pytest.mark.usefixtures("bins")
def test_the_second_column_of_a_list_names_genomes(gindex, tmp_path):
    (tmp_path / "batch.tsv").write_text("s1/bin.1.fa\tone\ns2/bin.1.fa\ttwo\n")
    (tmp_path / "t.tsv").write_text("genome_id\tspecies\none\tHyla a\ntwo\tHyla b\n")
    words = ["--from-file", "batch.tsv", "--index", "index"]
    assert gindex("build", *words, "--taxonomy", "t.tsv").exit_code == 0
    assert listed(gindex, "index") == {"one": ("other", "Hyla a"), "two": ("other", "Hyla b")}
    result = gindex("query", *words, "--format", "jsonl")
    assert [row["query"] for row in rows(result)] == ["one", "two"]


@pytest.mark.usefixtures("bins")
def test_a_list_with_ids_makes_each_file_a_genome(gindex, write_fasta, tmp_path):
    """Also where the taxonomy names a record of it."""
    write_fasta("all.fa", {"a": dna(1, 900), "b": dna(2, 900)})
    (tmp_path / "batch.tsv").write_text("all.fa\tone\n")
    (tmp_path / "t.tsv").write_text("genome_id\tspecies\na\tHyla a\n")
    gindex("build", "--from-file", "batch.tsv", "--taxonomy", "t.tsv", "--index", "index")
    assert list(listed(gindex, "index")) == ["one"]


@pytest.mark.usefixtures("bins")
def test_fragments_have_no_rule_for_ids(gindex, small_index):
    result = gindex("query", "s1", "--fragments", "--id-from", "path", "--index", small_index)
    assert result.exit_code == 2
    assert result.stderr == "gindex: --id-from is for whole genomes; leave it out, or --fragments\n"


@pytest.mark.long
@pytest.mark.usefixtures("bins")
def test_ids_of_a_list_stand_before_the_names_of_fragments(gindex, small_index, tmp_path):
    (tmp_path / "batch.tsv").write_text("s1/bin.1.fa\tone\n")
    words = ["--from-file", "batch.tsv", "--fragments", "--index", small_index, "--format", "jsonl"]
    assert [row["query"] for row in rows(gindex("query", *words))] == ["one|s1_c1"]


@pytest.mark.usefixtures("bins")
def test_relabel_with_one_column_leaves_the_others(gindex, tmp_path):
    (tmp_path / "t.tsv").write_text(
        "genome_id\tsuperkingdom\tgenus\tspecies\tsubtype\ns1\tViruses\tHyla\tHyla a\tA\n"
    )
    gindex("build", "s1", "--id-from", "parent", "--taxonomy", "t.tsv", "--index", "index")
    (tmp_path / "new.tsv").write_text("genome_id\tspecies\ns1\tHyla b\n")
    result = gindex("relabel", "new.tsv", "--index", "index")
    assert result.stderr == "relabelled 1 genome, snapshot 2\n"
    [row] = rows(gindex("list", "--index", "index", "--format", "jsonl"))
    kept = {key: row[key] for key in ("molecule", "superkingdom", "genus", "species", "subtype")}
    assert kept == {
        "molecule": "virus", "superkingdom": "Viruses", "genus": "Hyla", "species": "Hyla b", "subtype": "A",
    }  # fmt: skip


@pytest.mark.usefixtures("bins")
def test_lists_and_tables_of_excel_and_powershell(gindex, tmp_path):
    (tmp_path / "batch.txt").write_text("s1/bin.1.fa\tone\r\n", encoding="utf-16")
    (tmp_path / "t.txt").write_text("Genome ID\tspecies\r\none\tHyla a\r\n", encoding="utf-16")
    (tmp_path / "new.csv").write_text('#TYPE X\r\n"genome_id","species"\r\n"one","Hyla b"\r\n', "utf-16")
    gindex("build", "--from-file", "batch.txt", "--taxonomy", "t.txt", "--index", "index")
    result = gindex("relabel", "new.csv", "--index", "index")
    assert result.stderr == "relabelled 1 genome, snapshot 2\n"
    [row] = rows(gindex("list", "--index", "index", "--format", "jsonl"))
    assert (row["genome_id"], row["species"]) == ("one", "Hyla b")
