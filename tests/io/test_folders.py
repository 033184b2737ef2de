"""Folders: which files are read as genomes, and what was passed over and why."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from helpers.ncbi_server import dna

from genome_index.io.inputs import file_stem, passed_over, sequence_files
from genome_index.io.reader import iter_genomes
from genome_index.records import Genome
from genome_index.taxonomy.input_plan import plan

FASTA = f">x\n{dna(1, 600)}\n".encode()
EMBL = b"ID   X; SV 1; linear; DNA; STD; BCT; 10 BP.\nSQ   Sequence 10 BP;\n     acgtacgtac 10\n//\n"
CURE = "; give a file by its own path to have it read"


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = EMBL if ".embl" in name else FASTA
        path.write_bytes(gzip.compress(content) if name.endswith(("gz", "gzip")) else content)
    return folder


def read(folder: Path) -> list[str]:
    """Paths within a folder of the genomes that are read from it."""
    genomes = list(iter_genomes([folder]))
    assert all(isinstance(genome, Genome) for genome in genomes)
    assert [genome.source for genome in genomes] == sequence_files([folder])
    return [os.path.relpath(genome.source, folder) for genome in genomes]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("PROKKA_1.fsa", "PROKKA_1"),
        ("wgs.ABCD01.1.fsa_nt.gz", "wgs.ABCD01.1"),
        ("d.fasta.gzip", "d"),
        ("e.fna.bgz", "e"),
        ("f.embl", "f"),
        ("g.fas", "g"),
        ("h.gbf", "h"),
        ("i.mfa.gz", "i"),
    ],
)
def test_further_endings_are_known(tmp_path: Path, name: str, stem: str) -> None:
    assert read(fill(tmp_path, name)) == [name]
    assert file_stem(name) == stem
    assert passed_over([tmp_path]) == []


PASSED = {
    "files of macOS": (["a.fna", "._a.fna", "._b.gbk.gz"], "2 files of macOS (._a.fna and 1 more)"),
    "CDS and RNA of NCBI": (
        ["GCF_1_genomic.fna", "cds_from_genomic.fna", "rna.fna", "GCF_1.1_ASM1v1_rna_from_genomic.fna.gz"],
        "3 files of CDS or RNA (GCF_1.1_ASM1v1_rna_from_genomic.fna.gz and 2 more)",
    ),
    "RNA of a genome at NCBI": (
        ["GCF_000005845.2_ASM584v2_genomic.fna.gz", "GCF_000005845.2_ASM584v2_rna.fna.gz"],
        "1 file of CDS or RNA (GCF_000005845.2_ASM584v2_rna.fna.gz)",
    ),
    "CDS of Ensembl": (
        ["E.dna.toplevel.fa.gz", "E.cds.all.fa.gz", "E.cdna.all.fa.gz", "E.ncrna.fa.gz"],
        "3 files of CDS or RNA (E.cdna.all.fa.gz and 2 more)",
    ),
    "proteins": (
        ["a.fna", "a.faa", "E.pep.all.fa.gz", "GCF_1_translated_cds.faa.gz"],
        "3 files of proteins (E.pep.all.fa.gz and 2 more)",
    ),
    "reads": (["a.fna", "a_R1.fastq.gz", "a_R2.fq"], "2 files of reads (a_R1.fastq.gz and 1 more)"),
    "archives": (["a.fna", "a.zip", "b.tar.gz"], "2 archives (a.zip and 1 more)"),
    "hidden files": (["a.fna", ".b.fna"], "1 hidden file (.b.fna)"),
    "copies of notebooks, and snapshots": (
        ["a.fna", ".ipynb_checkpoints/a-checkpoint.fna", "s/.snapshot/daily/a.fna"],
        "2 hidden folders (.ipynb_checkpoints and 1 more)",
    ),
    "other endings": (["a.fna", "e.fa.txt"], "1 file with another ending (e.fa.txt)"),
    "the folder of Prokka": (
        ["P.fna", "P.fsa", "P.ffn", "P.faa", "P.gbk", "P.gff", "P.tsv", "P.log"],
        "1 file of proteins (P.faa), 1 file of CDS or RNA (P.ffn), "
        "2 other forms of a genome beside them (P.fsa and 1 more), "
        "3 files with other endings (P.gff and 2 more)",
    ),
    "the folder of NCBI datasets": (
        ["GCF_1/GCF_1_ASM1_genomic.fna", "GCF_1/genomic.gbff", "GCF_1/cds_from_genomic.fna"],
        "1 file of CDS or RNA (GCF_1/cds_from_genomic.fna), "
        "1 other form of a genome beside it (GCF_1/genomic.gbff)",
    ),
}


@pytest.mark.parametrize(("names", "sentence"), PASSED.values(), ids=PASSED)
def test_what_is_no_genome_is_passed_over_and_said(tmp_path: Path, names: list[str], sentence: str) -> None:
    assert read(fill(tmp_path, *names)) == names[:1]
    note = f"{tmp_path}: passed over: {sentence}{CURE}"
    assert passed_over([tmp_path]) == [note]
    assert plan([str(tmp_path)], None, None).notes == (note,)
    assert plan([str(tmp_path)], None, "file").notes == (note,)


@pytest.mark.parametrize("name", ["x.ffn", "x.gbk", "zika_rna.fa", "rna.fa", "genomic.gbff", "cds.fasta"])
def test_a_file_that_may_be_a_genome_is_read(tmp_path: Path, name: str) -> None:
    assert read(fill(tmp_path, name)) == [name]
    assert passed_over([tmp_path]) == []


def test_a_file_given_by_its_own_path_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = fill(tmp_path, "cds_from_genomic.fna") / "cds_from_genomic.fna"
    assert [genome.id for genome in iter_genomes([path])] == ["cds_from_genomic"]
    assert passed_over([path]) == []


def test_hidden_files_that_are_no_sequences_are_not_counted(tmp_path: Path) -> None:
    fill(tmp_path, "a.fa", ".DS_Store", ".gitignore")
    assert (read(tmp_path), passed_over([tmp_path])) == (["a.fa"], [])


# Linked folders ---------------------------------------------------------------------------------------------


def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.fa", "elsewhere/deep/b.fa")
    (tmp_path / "in" / "linked").symlink_to("../elsewhere")
    assert read(tmp_path / "in") == ["a.fa", "linked/deep/b.fa"]
    assert passed_over([tmp_path / "in"]) == []


@pytest.mark.parametrize("target", [".", "..", "../..", "../deep"])
def test_a_link_that_leads_back_ends(tmp_path: Path, target: str) -> None:
    folder = fill(tmp_path / "in", "a.fa", "deep/b.fa", "deep/er/c.fa")
    (folder / "deep" / "back").symlink_to(target)
    assert read(folder) == ["a.fa", "deep/b.fa", "deep/er/c.fa"]
    sentence = "passed over: 1 linked folder that was searched already (deep/back)"
    expected = [] if target == "../.." else [f"{folder}: {sentence}{CURE}"]
    assert passed_over([folder]) == expected


def test_a_folder_that_two_links_lead_to_is_read_once(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/b.fa")
    (tmp_path / "in").mkdir()
    for name in ("two", "one"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path / "in") == ["one/b.fa"]
    sentence = "passed over: 1 linked folder that was searched already (two)"
    assert passed_over([tmp_path / "in"]) == [f"{tmp_path / 'in'}: {sentence}{CURE}"]


def test_two_linked_folders_that_lead_to_each_other_end(tmp_path: Path) -> None:
    fill(tmp_path, "in/z.fa", "a/a.fa", "b/b.fa")
    (tmp_path / "in" / "a").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    assert read(tmp_path / "in") == ["a/a.fa", "a/b/b.fa", "z.fa"]
