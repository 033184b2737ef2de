"""Written GFF3 in the hands of other programs: gffutils, and Biopython by way of bcbio-gff."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from helpers.annotations import flat_file, real_annotations

from genome_index.errors import InputError
from genome_index.lab.annotate.files.features import Annotation
from genome_index.lab.annotate.files.genbank import flat_file_annotation
from genome_index.lab.annotate.files.gff3_writer import ordered, write_gff3
from genome_index.lab.annotate.files.reader import read_annotation

BASES = "ATGGCTAAATGCCTGACCGGATTCAGCTAAGCTGCATTAGCAATGGCCTGA" * 4
TABLE = """
gene join(complement(61..114),130..180)
  /gene="rps12"
CDS join(complement(61..114),130..140,151..180)
  /gene="rps12"
  /product="ribosomal protein S12; a 40% = b, c & d"
gene 190..204
  /gene="x"
CDS 190..204
  /gene="x"
  /note="one, two"
"""


def hand_made() -> Annotation:
    return flat_file_annotation(StringIO(flat_file(TABLE, BASES)), "GenBank", "a.gb")


def lines_of(annotation: Annotation) -> list[tuple[str, str, int, int, str, str]]:
    """Every part as one line, as programs without multi-line features have it."""
    return sorted(
        (
            feature.contig,
            feature.type,
            part.start,
            part.end,
            part.strand,
            "." if part.phase is None else str(part.phase),
        )
        for feature in annotation.features
        for part in feature.parts
    )


def check_gffutils(annotation: Annotation, path: Path) -> None:
    gffutils = pytest.importorskip("gffutils", reason="gffutils, an oracle for GFF3, is not installed")
    write_gff3(annotation, path)
    database = gffutils.create_db(str(path), ":memory:", merge_strategy="create_unique", keep_order=True)
    found = list(database.all_features())
    assert lines_of(annotation) == sorted(
        (one.seqid, one.featuretype, one.start - 1, one.end, one.strand, one.frame) for one in found
    )
    own = {feature.id: dict(feature.attributes) for feature in annotation.features if feature.id}
    for one in found:
        if (name := one.attributes.get("ID", [""])[0]) in own:
            for key, values in own[name].items():
                expected = [value.strip() for value in values if value]  # it drops empty values
                assert key == "ID" or list(one.attributes[key]) == expected, name


def check_bcbio(annotation: Annotation, path: Path) -> None:
    gff = pytest.importorskip("BCBio.GFF", reason="bcbio-gff, an oracle for GFF3, is not installed")
    write_gff3(annotation, path)
    found = []

    def walk(record: str, features: list) -> None:
        for feature in features:
            strand = {1: "+", -1: "-"}.get(feature.location.strand, ".")
            if feature.type != "inferred_parent":
                found.append(
                    (record, feature.type, int(feature.location.start), int(feature.location.end), strand)
                )
            walk(record, feature.sub_features)

    with path.open() as file:
        for record in gff.parse(file):
            walk(record.id, record.features)
            sequences = {one.name: one.sequence.decode() for one in annotation.sequences}
            if record.id in sequences:
                assert str(record.seq) == sequences[record.id]
    expected = [(*line[:4], line[4] if line[4] in "+-" else ".") for line in lines_of(annotation)]
    assert set(found) == set(expected)


@pytest.mark.parametrize("check", [check_gffutils, check_bcbio])
def test_a_written_file_is_read_by_other_programs(check, tmp_path: Path) -> None:
    check(hand_made(), tmp_path / "a.gff3")


@pytest.mark.long
@pytest.mark.parametrize("check", [check_gffutils, check_bcbio])
def test_real_files_written_are_read_by_other_programs(check, tmp_path: Path) -> None:
    checked = 0
    for path in real_annotations():
        if path.stat().st_size > 3_000_000:
            continue
        try:
            annotation = ordered(read_annotation(path))
        except InputError:
            continue
        if annotation.features and path.suffix in (".gb", ".embl"):
            check(annotation, tmp_path / "a.gff3")
            checked += 1
    assert checked
