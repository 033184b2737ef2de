"""Silver labels: what the process answers becomes features; the process itself where pyrodigal is at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gindex_cli import app
from helpers.annotations import real_annotations
from helpers.pyrodigal import write_stand_in
from typer.testing import CliRunner

from genome_index.errors import UsageError
from genome_index.io.reader import iter_genomes
from genome_index.lab.annotate.files.features import Annotation, Part, Region
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.annotate.silver.labels import Finder, silver_labels
from genome_index.records import Contig, Failure, Genome


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    return write_stand_in(tmp_path)


def genome(name: str, *contigs: str, length: int = 30) -> Genome:
    return Genome(name, tuple(Contig(contig, b"A" * length) for contig in contigs), f"{name}.fa")


def test_answers_become_genes_with_open_ends(stand_in: str) -> None:
    labels = silver_labels([genome("g", "c", "d"), genome("h", "e", length=10)], Finder(stand_in))
    annotation = labels.annotation
    assert annotation.regions == (Region("c", 0, 30), Region("d", 0, 30), Region("e", 0, 10))
    assert [(one.contig, one.type, one.id, one.parents) for one in annotation.features[:4]] == [
        ("c", "gene", "gene-c_1", ()), ("c", "CDS", "cds-c_1", ("gene-c_1",)),
        ("d", "gene", "gene-d_1", ()), ("d", "CDS", "cds-d_1", ("gene-d_1",)),
    ]  # fmt: skip
    first, second = annotation.features[1], annotation.features[3]
    assert first.source == "pyrodigal_v9.9"
    assert (first.parts, second.parts) == ((Part(0, 9, "+", 0, -1.5),), (Part(3, 12, "-", 0, 7),))
    assert (first.values("start_range"), first.values("end_range"), first.value("partial")) == (
        (".", "1"),
        (),
        "true",
    )
    assert (second.values("start_range"), second.values("end_range")) == ((), ("12", "."))
    assert annotation.features[0].value("gene_biotype") == "protein_coding"
    assert [one.value("transl_table") for one in annotation.features if one.type == "CDS"] == [
        "11",
        "11",
        "4",
        "4",
    ]
    assert labels.notes == ("1 genome of less than 20 bp, too short to learn from: found as with --meta",)


def test_failures_do_not_stop_the_others(stand_in: str) -> None:
    given = [Failure("x", "x.fa", "gone"), genome("g", "a", "b", "c"), genome("h", "d")]
    labels = silver_labels(given, Finder(stand_in))
    assert [(one.id, one.reason) for one in labels.failures] == [
        ("x", "gone"), ("g", "pyrodigal cannot find genes (no); try --meta")
    ]  # fmt: skip
    assert {one.contig for one in labels.annotation.features} == {"d"}


def test_what_is_missing_is_named(stand_in: str, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="h.fa: another genome has a contig 'c' too; annotate them one by one"
    ):
        silver_labels([genome("g", "c"), genome("h", "c")], Finder(stand_in))
    with pytest.raises(
        UsageError, match="--python .*nothing: cannot be run .No such file or directory.; give a Python"
    ):
        silver_labels([], Finder(str(tmp_path / "nothing")))
    with pytest.raises(
        UsageError, match="false cannot run pyrodigal; install it with `pip install pyrodigal` .GPL-3"
    ):
        silver_labels([genome("g", "c")], Finder("false"))


def test_the_command_writes_gff3(stand_in: str, tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(f">c\n{'ACGT' * 10}\n")
    command = [
        "lab",
        "annotate",
        "silver",
        str(tmp_path / "g.fa"),
        "--out",
        str(tmp_path / "o.gff3"),
        "--code",
        "25",
    ]
    result = CliRunner().invoke(app, [*command, "--python", stand_in])
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("o.gff3: 2 genes on 1 contig, predicted, not observed.\n")
    annotation = read_annotation(tmp_path / "o.gff3")
    assert annotation.complaints == ()
    assert [one.value("transl_table") for one in annotation.features if one.type == "CDS"] == ["25", "25"]


# -- pyrodigal -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter that has pyrodigal: that of $GINDEX_PYRODIGAL, else this one."""
    path = os.environ.get("GINDEX_PYRODIGAL", sys.executable)
    if subprocess.run([path, "-c", "import pyrodigal"], check=False, capture_output=True).returncode:
        pytest.skip("pyrodigal is not installed: set GINDEX_PYRODIGAL to an interpreter that has it")
    return path


def coding(annotation: Annotation) -> set[tuple[int, int, str]]:
    return {(one.start, one.end, one.strand) for one in annotation.features if one.type == "CDS"}


def test_genes_of_a_plasmid(python: str) -> None:
    """NC_005816, 10 CDS in its record: pyrodigal finds 9 of them by the stop codon, 6 by both ends."""
    path = next((path for path in real_annotations() if path.name == "NC_005816.gb"), None)
    if path is None:
        pytest.skip("NC_005816.gb is not among the real files")
    found = coding(silver_labels(iter_genomes([str(path)]), Finder(python)).annotation)
    known = coding(read_annotation(path))
    stops = [{end if strand == "+" else start for start, end, strand in genes} for genes in (found, known)]
    assert (len(known), len(found), len(found & known), len(stops[0] & stops[1])) == (10, 9, 6, 9)


@pytest.mark.long
def test_genes_of_a_bacterium(python: str, shared_genomes: Path) -> None:
    labels = silver_labels(
        iter_genomes([str(shared_genomes / "bacteria" / "NC_000908.2.fa.gz")]), Finder(python, code=4)
    )
    genes = coding(labels.annotation)
    assert len(genes) == 527
    assert all((end - start) % 3 == 0 for start, end, _ in genes)
