"""gindex lab proteins: a row for every query and every failure, in all formats, from all sources of genes."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from Bio.Seq import Seq
from helpers.fasta import Gindex

from genome_index.lab.annotate.files.features import Feature, Part
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.proteins.coding import coding_proteins
from genome_index.lab.proteins.rows import COLUMNS, HEADINGS
from genome_index.records import Contig

CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in ("TAA", "TAG", "TGA")]


def gene(seed: int, codons: int = 200) -> str:
    return "ATG" + "".join(random.Random(seed).choices(CODONS, k=codons)) + "TAA"


def six_frame_kmers(sequence: str, k: int = 7) -> set[str]:
    """By Biopython and plain sets."""
    kmers: set[str] = set()
    for strand in (Seq(sequence), Seq(sequence).reverse_complement()):
        for frame in range(3):
            whole = strand[frame : frame + (len(strand) - frame) // 3 * 3]
            stretches = [one for one in str(whole.translate(table=11)).split("*") if len(one) >= 30]
            kmers |= {one[at : at + k] for one in stretches for at in range(len(one) - k + 1)}
    return kmers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """References `same` (three genes), `part` (two of them), `other`, `bad`; queries of three kinds."""
    references = tmp_path / "references"
    references.mkdir()
    genomes = {
        references / "same": gene(1) + gene(2) + gene(3), references / "part": gene(2) + gene(3),
        references / "other": gene(9), references / "bad": "",
        tmp_path / "query": gene(1) + gene(2) + gene(3),
        tmp_path / "short": "ATGAAATAA", tmp_path / "strange": gene(77),
    }  # fmt: skip
    for path, sequence in genomes.items():
        path.with_suffix(".fa").write_text(f">{path.name}\n{sequence}\n" if sequence else "")
    (tmp_path / "taxonomy.tsv").write_text("genome_id\tgenus\tspecies\nsame\tHyla\tHyla arborea\n")
    return tmp_path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_every_query_and_every_failure_has_a_row(gindex: Gindex, folder: Path) -> None:
    queries = [folder / f"{name}.fa" for name in ("query", "short", "missing", "strange")]
    known = ("--references", folder / "references", "--taxonomy", folder / "taxonomy.tsv")
    done = gindex("lab", "proteins", *queries, *known, "--format", "tsv")
    assert done.exit_code == 1
    assert "2 of 5 inputs failed; the reasons are in the rows\n" in done.stderr
    found = rows(done.stdout)
    assert list(found[0]) == list(COLUMNS)
    bad, same, part, short, missing, strange = found
    assert (bad["query"], bad["reference"], bad["failed"]) == ("", "bad", "reference")
    assert "empty" in bad["note"]
    assert (same["reference"], same["name"], same["aai"]) == ("same", "Hyla arborea", "100.0")
    assert (same["containment"], same["jaccard"], same["note"]) == ("1.0", "1.0", "")
    query = six_frame_kmers(gene(1) + gene(2) + gene(3))
    shared = query & six_frame_kmers(gene(2) + gene(3))
    assert (part["reference"], part["shared_kmers"]) == ("part", str(len(shared)))
    assert part["containment"] == str(round(len(shared) / len(query), 6))
    assert part["aai"] == str(round(100 * (len(shared) / len(query)) ** (1 / 7), 2))
    assert part["query_kmers"] == same["reference_kmers"] == str(len(query))
    assert (short["query"], short["reference"], short["failed"]) == ("short", "", "")
    assert (short["note"], short["query_genes"]) == ("no protein with 7 residues was found", "0")
    assert (missing["query"], missing["failed"], missing["query_genes"]) == ("missing", "query", "")
    assert missing["note"] == "no such file or folder; check the path"
    assert (strange["query"], strange["reference"]) == ("strange", "")
    assert strange["note"] == "no k-mer is shared with any of 3 references"


def test_json_lines_have_the_values_of_the_rows(gindex: Gindex, folder: Path) -> None:
    command = ("lab", "proteins", folder / "query.fa", "--references", folder / "references")
    lines = [json.loads(line) for line in gindex(*command, "--format", "jsonl").stdout.splitlines()]
    table = rows(gindex(*command, "--format", "tsv").stdout)
    assert [
        {key: "" if value is None else str(value) for key, value in line.items()} for line in lines
    ] == table
    assert lines[1]["aai"] == 100.0
    assert lines[0]["query"] is None


def test_the_table_says_what_was_compared(gindex: Gindex, folder: Path) -> None:
    command = (
        "lab",
        "proteins",
        folder / "query.fa",
        folder / "short.fa",
        "--references",
        folder / "references",
    )
    lines = gindex(*command, "--hits", 1).stdout.splitlines()
    query = six_frame_kmers(gene(1) + gene(2) + gene(3))
    assert lines[0].startswith("reference bad: failed: ")
    assert lines[1].startswith("query: ")
    assert lines[1].endswith(f"residues, {len(query):,} 7-mers")
    assert [heading.strip() for heading in re.split("  +", lines[2].strip())] == list(HEADINGS)
    assert lines[3].split()[:6] == ["same", "-", "100.0", "1.0000", "1.0000", f"{len(query):,}"]
    assert lines[4:] == ["short: 0 genes, 0 residues, 0 7-mers; no protein with 7 residues was found"]


def test_identical_references_are_left_out_on_demand(gindex: Gindex, folder: Path) -> None:
    command = (
        "lab",
        "proteins",
        folder / "query.fa",
        "--references",
        folder / "references",
        "--format",
        "tsv",
    )
    assert [row["reference"] for row in rows(gindex(*command, "--exclude-identical").stdout)] == [
        "bad",
        "part",
    ]


def test_wrong_choices_are_one_sentence(gindex: Gindex, folder: Path) -> None:
    command = ("lab", "proteins", folder / "query.fa", "--references", folder / "references")
    need = "gindex: --genes model and --model DIR need each other: give both or neither\n"
    for wrong, sentence in {
        ("--code", 7): "gindex: --code 7: NCBI has no such code; choose of 1, 2, 3, 4, 5, 6, 9, 10, 11",
        ("--genes", "model"): need,
        ("--model", "there"): need,
        (
            "--genes",
            "pyrodigal",
            "--pyrodigal",
            folder / "no",
        ): f"gindex: --pyrodigal {folder / 'no'}: cannot be run",
        ("--genes", "pyrodigal", "--pyrodigal", "false"): "gindex: false cannot run pyrodigal; install it",
    }.items():
        done = gindex(*command, *wrong)
        assert (done.exit_code, done.stdout) == (2, ""), wrong
        assert done.stderr.startswith(sentence), wrong


# -- pyrodigal -----------------------------------------------------------------------------------------------

ANSWERS = """\
#!{python}
import json, sys
print(json.dumps({{"version": "9.9", "least_bp": 20}}), flush=True)
for line in sys.stdin:
    contigs = json.loads(line)["contigs"]
    if len(contigs) > 2:
        print(json.dumps({{"error": "no"}}), flush=True)
    else:
        genes = [[n, 1, len(one), 1, False, False, 11, "ATG", 1.0] for n, one in enumerate(contigs)]
        print(json.dumps({{"genes": genes}}), flush=True)
"""


def test_genes_of_pyrodigal(gindex: Gindex, tmp_path: Path) -> None:
    """A stand-in that calls each contig a gene; two contigs of one name are two genes."""
    program = tmp_path / "python"
    program.write_text(ANSWERS.format(python=sys.executable))
    program.chmod(0o755)
    (tmp_path / "q.fa").write_text(f">c\n{gene(1)}\n>c\n{gene(2)}\n")
    (tmp_path / "r.fa").write_text(f">c\n{gene(2)}\n")
    (tmp_path / "f.fa").write_text(f">a\n{gene(2)}\n>b\n{gene(2)}\n>c\n{gene(2)}\n")
    queries = (tmp_path / "q.fa", tmp_path / "f.fa")
    source = ("--genes", "pyrodigal", "--pyrodigal", program)
    done = gindex("lab", "proteins", *queries, "--references", tmp_path / "r.fa", *source, "--format", "tsv")
    hit, failed = rows(done.stdout)
    sets = [{protein[at : at + 7] for protein in proteins for at in range(len(protein) - 6)} for proteins in (
        [str(Seq(gene(number)).translate(to_stop=True)) for number in numbers] for numbers in ((1, 2), (2,))
    )]  # fmt: skip
    assert (hit["query_genes"], hit["query_residues"], hit["reference_genes"]) == ("2", "402", "1")
    assert (hit["query_kmers"], hit["reference_kmers"]) == (str(len(sets[0])), str(len(sets[1])))
    assert hit["shared_kmers"] == str(len(sets[0] & sets[1])) == str(len(sets[1]))
    assert (failed["query"], failed["failed"]) == ("f", "query")
    assert failed["note"] == "pyrodigal cannot find genes (no); choose --genes six-frames"
    assert done.exit_code == 1


@pytest.mark.long
def test_genes_of_a_bacterium(gindex: Gindex, shared_genomes: Path) -> None:
    """Two strains of Mycoplasma genitalium, code 4: pyrodigal finds 527 genes of the first."""
    python = os.environ.get("GINDEX_PYRODIGAL", sys.executable)
    if subprocess.run([python, "-c", "import pyrodigal"], check=False, capture_output=True).returncode:
        pytest.skip("pyrodigal is not installed: set GINDEX_PYRODIGAL to an interpreter that has it")
    first, second = (shared_genomes / "bacteria" / f"{name}.fa.gz" for name in ("NC_000908.2", "NC_018497.1"))
    source = ("--genes", "pyrodigal", "--pyrodigal", python, "--code", 4, "--format", "tsv")
    (hit,) = rows(gindex("lab", "proteins", first, "--references", second, *source).stdout)
    assert hit["query_genes"] == "527"
    assert float(hit["aai"]) > 99


# -- a model -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An annotation model with random weights."""
    for needed in ("torch", "safetensors", "tokenizers"):
        pytest.importorskip(needed, reason="the extra neural is not installed")
    from genome_index.lab.annotate.model.initialise import Choices, make_model, plan_model
    from genome_index.lab.annotate.model.upcycle import StartPlan

    folder = tmp_path_factory.mktemp("models") / "model"
    make_model(plan_model(None, Choices(size="tiny", experts=0)), StartPlan(), folder)
    return folder


@pytest.mark.long
def test_genes_of_a_random_model(gindex: Gindex, model: Path, tmp_path: Path) -> None:
    """It writes what it likes, perhaps nothing; what `gindex annotate` writes is what is compared."""
    (tmp_path / "q.fa").write_text(f">q\n{gene(1)}\n")
    (tmp_path / "q.gff3").write_text(gindex("annotate", tmp_path / "q.fa", "--model", model).stdout)
    coding = [one for one in read_annotation(tmp_path / "q.gff3").features if one.type == "CDS"]
    proteins = list(coding_proteins([Contig("q", gene(1).encode())], coding, 11))
    source = ("--genes", "model", "--model", model, "--format", "tsv")
    (row,) = rows(
        gindex("lab", "proteins", tmp_path / "q.fa", "--references", tmp_path / "q.fa", *source).stdout
    )
    assert row["query_genes"] == str(len(proteins))


def test_genes_of_a_model(
    gindex: Gindex, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is real, what it writes is given: a gene, and one that is cut at its 5' end with phase 2."""
    from genome_index.lab.annotate.prediction import annotate

    written = [
        Feature("1", "gindex", "gene", (Part(0, 606, "+"),)),
        Feature("1", "gindex", "CDS", (Part(0, 606, "+", 0),)),
    ]
    written += [Feature("1", "gindex", "CDS", (Part(607, 1212, "+", 2),))]
    monkeypatch.setattr(annotate, "annotate", lambda contigs, annotator, plan, progress: iter(written))
    (tmp_path / "q.fa").write_text(f">any name\n{gene(1) + gene(2)}\n")
    source = ("--genes", "model", "--model", model, "--format", "tsv")
    (row,) = rows(
        gindex("lab", "proteins", tmp_path / "q.fa", "--references", tmp_path / "q.fa", *source).stdout
    )
    proteins = [str(Seq(bases).translate(to_stop=True)) for bases in (gene(1), gene(2)[3:])]
    kmers = {protein[at : at + 7] for protein in proteins for at in range(len(protein) - 6)}
    assert (row["query_genes"], row["query_residues"]) == ("2", str(sum(map(len, proteins))))
    assert (row["query_kmers"], row["shared_kmers"]) == (str(len(kmers)), str(len(kmers)))
