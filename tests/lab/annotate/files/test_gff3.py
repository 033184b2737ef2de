"""GFF3: what is read, what is complained of, and what is written."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from helpers.annotations import annotations, real_annotations
from hypothesis import given, settings

from genome_index.errors import InputError, UsageError
from genome_index.lab.annotate.files.features import Annotation, Feature, Part, Region
from genome_index.lab.annotate.files.gff3 import gff3_annotation
from genome_index.lab.annotate.files.gff3_writer import gff3_lines, ordered, write_gff3
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.records import Contig

ROW = "c\ts\tgene\t1\t9\t.\t+\t.\tID=g"
COLUMNS = "instead of 9, left out; separate them by tabs and write . for an unknown value"
FORMATS = "give GFF3, GTF, GenBank or EMBL"
HEADER = "##gff-version 3.1.26\n"
SPLICED = """\
##sequence-region ctg%20123 1 9000
# a comment
ctg%20123\t.\tgene\t1000\t9000\t.\t+\t.\tID=gene00001;Name=EDEN
ctg%20123\t.\tmRNA\t1050\t9000\t.\t+\t.\tID=mRNA1;Parent=gene00001
ctg%20123\t.\tmRNA\t1050\t9000\t.\t+\t.\tID=mRNA2;Parent=gene00001

ctg%20123\tprogram%09x\texon\t1050\t1500\t0.5\t+\t.\tParent=mRNA1,mRNA2; Note=a%2Cb,c%3Bd%3D%26
ctg%20123\t.\tCDS\t1201\t1500\t.\t+\t0\tID=cds1;Parent=mRNA1
ctg%20123\t.\tCDS\t3000\t3902\t.\t+\t0\tID=cds1;Parent=mRNA1
###
ctg%20123\t.\tmatch\t1\t10\t1e-05\t?\t.\tID=m;Target=EST23 1 10
ctg%20123\t.\tmatch\t21\t30\t2\t?\t.\tID=m;Target=EST23 11 20
"""


def read(text: str) -> Annotation:
    return gff3_annotation(text.splitlines(keepends=True), "a.gff")


def file_of(path: Path, text: str) -> Annotation:
    path.write_text(text)
    return read_annotation(path)


def test_features_of_several_lines_and_parents() -> None:
    annotation = read(HEADER + SPLICED)
    assert annotation.complaints == ()
    assert annotation.regions == (Region("ctg 123", 0, 9000),)
    gene, first, second, exon, cds, match = annotation.features
    assert (gene.contig, gene.id, gene.name, gene.start, gene.end) == (
        "ctg 123",
        "gene00001",
        "EDEN",
        999,
        9000,
    )
    assert first.parents == second.parents == ("gene00001",)
    assert exon.parents == ("mRNA1", "mRNA2")
    assert exon.source == "program\tx"
    assert exon.values("Note") == ("a,b", "c;d=&")
    assert exon.parts == (Part(1049, 1500, "+", None, 0.5),)
    assert cds.parts == (Part(1200, 1500, "+", 0), Part(2999, 3902, "+", 0))
    assert (cds.line, match.line) == (9, 12)
    assert [part.attributes for part in match.parts] == [
        (("Target", ("EST23 1 10",)),), (("Target", ("EST23 11 20",)),)
    ]  # fmt: skip
    assert [part.score for part in match.parts] == [1e-05, 2.0]
    assert match.values("Target") == ("EST23 1 10", "EST23 11 20")


def test_line_ends_packing_and_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    text = HEADER + SPLICED
    expected = file_of(tmp_path / "plain.gff", text)
    assert len(expected.features) == 6
    for name, content in {
        "crlf.gff3": text.replace("\n", "\r\n").encode(),
        "cr.gff3": text.replace("\n", "\r").encode(),
        "bom.gff3": b"\xef\xbb\xbf" + text.encode(),
        "utf16.gff3": text.encode("utf-16"),
        "packed.gff3.gz": gzip.compress(text.encode()),
        "packed_under_another_name": gzip.compress(text.encode()),
        "without_header.txt": text.removeprefix(HEADER).encode(),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read_annotation(tmp_path / name) == expected, name


def test_trans_spliced_parts_keep_their_strands() -> None:
    rps12 = read(
        HEADER
        + "chl\tRefSeq\tCDS\t69611\t69724\t.\t-\t0\tID=cds-rps12;part=1\n"
        + "chl\tRefSeq\tCDS\t139856\t140087\t.\t+\t0\tID=cds-rps12;part=2\n"
    ).features
    assert len(rps12) == 1
    assert [(part.start, part.end, part.strand) for part in rps12[0].parts] == [
        (69610, 69724, "-"), (139855, 140087, "+")
    ]  # fmt: skip
    assert rps12[0].strand == "?"


def test_circular_contig_and_feature_over_its_origin() -> None:
    annotation = read(
        HEADER + "##sequence-region J02448 1 6407\n"
        "J02448\tGenBank\tregion\t1\t6407\t.\t+\t.\tID=J02448;Is_circular=true;\n"
        "J02448\tGenBank\tCDS\t6006\t7238\t.\t+\t0\tID=geneII;Name=II;\n"
    )
    assert annotation.circular == {"J02448"}
    assert annotation.features[1].parts == (Part(6005, 7238, "+", 0),)
    assert annotation.complaints == ()


@pytest.mark.parametrize("directive", ["##FASTA\n", "", "##FASTA\n\n"])
def test_embedded_sequences(directive: str) -> None:
    annotation = read(
        f"{HEADER}c\t.\tgene\t1\t4\t.\t+\t.\tID=g\n{directive}>c a description\nACGT\nNac\n>d\nGG\n"
    )
    assert annotation.sequences == (Contig("c", b"ACGTNac"), Contig("d", b"GG"))
    assert len(annotation.features) == 1


BAD_LINES = {
    "c s gene 1 9": (0, f"1 column {COLUMNS}"),
    "c\ts\tgene\t1\t9\t.\t+\t.": (
        0, f"8 columns {COLUMNS}"),
    ".\ts\tgene\t1\t9\t.\t+\t.\t.": (0, "the contig (column 1) is empty, left out; write its name"),
    "c\ts\t\t1\t9\t.\t+\t.\t.": (0, "the type (column 3) is empty, left out; write its name"),
    "c\ts\tgene\tx\t9\t.\t+\t.\t.": (0, "the start is 'x', left out; write a whole number of at least 1"),
    "c\ts\tgene\t0\t9\t.\t+\t.\t.": (0, "the start is '0', left out; write a whole number of at least 1"),
    "c\ts\tgene\t1\t9.5\t.\t+\t.\t.": (0, "the end is '9.5', left out; write a whole number of at least 1"),
    "c\ts\tgene\t9\t1\t.\t-\t.\t.": (
        0, "start 9 is after end 1, left out; write the smaller one first, the strand says the direction"),
    "c\ts\tgene\t1\t9\t.\tx\t.\t.": (1, "the strand is 'x', read as ?; write +, -, . or ?"),
    "c\ts\tgene\t1\t9\t.\t+\t3\t.": (1, "the phase is '3', read as unknown; write 0, 1, 2 or ."),
    "c\ts\tCDS\t1\t9\t.\t+\t.\t.": (1, "a CDS without phase, read as unknown; write 0, 1 or 2"),
    "c\ts\tgene\t1\t9\thigh\t+\t.\t.": (1, "the score is 'high', read as unknown; write a number or ."),
    "c\ts\tgene\t1\t9\tnan\t+\t.\t.": (1, "the score is 'nan', read as unknown; write a number or ."),
    "c\ts\tgene\t1\t9\t.\t+\t.\tID=a;pseudo": (
        1, "attribute 'pseudo' has no =, left out; write name=value, and %3B for ; in a value"),
    "c\ts\tmRNA\t1\t9\t.\t+\t.\tID=a;Parent=none": (
        1, "Parent 'none' is no ID of this file; give the parent a line with this ID, or remove the "
        "attribute"),
    "c\ts\tmRNA\t1\t9\t.\t+\t.\tID=a;Parent=a": (1, "'a' is its own ancestor; correct the attribute Parent"),
    "c\ts\tmRNA\t1\t9\t.\t+\t.\tID=g": (
        1, "ID 'g' is that of line 2, read as another feature; lines of one ID are one feature, of one "
        "contig, source and type: give it an ID of its own"),
    "##sequence-region c 9": (0, "'##sequence-region c 9', left out; write ##sequence-region NAME START END"),
    "##sequence-region c 9 1": (
        0, "'##sequence-region c 9 1', left out; write ##sequence-region NAME START END"),
    "##FASTA\nACGT\n>c\nAC": (
        0, "bases before the first > after ##FASTA, left out; write >NAME before them"),
    ">c\nMEFILPEFILPEFIL*": (
        0, "record 'c' has '*', 'E', 'F', 'I', 'L', 'P', which are not nucleotide codes; this looks like "
        "protein, gindex reads nucleotides, left out; write >NAME and bases"),
}  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_is_named_and_the_rest_is_read(line: str) -> None:
    features, reason = BAD_LINES[line]
    after = "" if ">" in line else f"\n{ROW.replace('ID=g', 'ID=h')}"
    annotation = read(f"{HEADER}{ROW}\n{line}{after}\n")
    assert [str(complaint) for complaint in annotation.complaints] == [f"a.gff, line 3: {reason}"]
    assert len(annotation.features) == 1 + features + bool(after)
    if after:
        assert annotation.features[-1].id == "h"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", f"the file is empty; {FORMATS}"),
        (b"\n\n", f"the file is empty; {FORMATS}"),
        (b">c\nACGT\n", f"this is FASTA, sequences without annotation; {FORMATS}"),
        (
            b"c\t1\t9\tname\n",
            "not an annotation file: no line has the nine columns of GFF3 and GTF, and none begins with "
            f"LOCUS or ID as in GenBank and EMBL; {FORMATS}",
        ),
        (
            gzip.compress(b"##gff-version 3\n" * 100, mtime=0)[:-9],
            "the compressed file is cut short or damaged (Compressed file ended before the end-of-stream "
            "marker was reached); download or copy it again",
        ),
    ],
)
def test_a_file_that_is_no_annotation_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.gff"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_annotation(path)
    assert str(error.value) == f"{path}: {reason}"
    with pytest.raises(InputError, match="no such file or folder; check the path"):
        read_annotation(tmp_path / "none.gff")


def test_a_header_without_features_is_an_empty_annotation(tmp_path: Path) -> None:
    assert file_of(tmp_path / "a.gff", HEADER) == Annotation(())


# -- writing -------------------------------------------------------------------------------------------------


def test_written_lines() -> None:
    gene = Feature(
        "c>1", ".", "gene", (Part(4, 9, "-", None, 3.0),), (("ID", ("a;b",)), ("Note", ("x,y", " z")))
    )
    cds = Feature(
        "c>1", "a\tb", "CDS", (Part(6, 9, "-", 0), Part(4, 5, "-", 2, 0.1, (("Target", ("t 1 2",)),))),
        (("ID", ("cds",)), ("Parent", ("a;b",))),
    )  # fmt: skip
    annotation = Annotation((cds, gene), (Region("c>1", 0, 12),), (Contig("c", b"ACGT" * 21),))
    assert "".join(gff3_lines(annotation)) == (
        "##gff-version 3\n"
        "##sequence-region c%3E1 1 12\n"
        "c%3E1\t.\tgene\t5\t9\t3\t-\t.\tID=a%3Bb;Note=x%2Cy,%20z\n"
        "c%3E1\ta%09b\tCDS\t7\t9\t.\t-\t0\tID=cds;Parent=a%3Bb\n"
        "c%3E1\ta%09b\tCDS\t5\t5\t0.1\t-\t2\tID=cds;Parent=a%3Bb;Target=t 1 2\n"
        f"##FASTA\n>c\n{'ACGT' * 20}\nACGT\n"
    )


def test_two_features_of_one_id_are_not_written() -> None:
    gene = Feature("c", ".", "gene", (Part(4, 9, "-"),), (("ID", ("a",)),))
    with pytest.raises(UsageError, match="c: two features gene have the ID 'a'; give each its own"):
        list(gff3_lines(Annotation((gene, gene))))


@given(annotations())
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(annotation: Annotation) -> None:
    lines = list(gff3_lines(annotation))
    back = gff3_annotation(lines, "a.gff")
    assert back == ordered(annotation)
    assert list(gff3_lines(back)) == lines
    unknown = [complaint for complaint in back.complaints if "is no ID of this file" not in complaint.reason]
    assert [one for one in unknown if "a CDS without phase" not in one.reason] == []


@pytest.mark.long
def test_real_files_are_read_back(tmp_path: Path) -> None:
    read_files = 0
    for path in real_annotations():
        try:
            annotation = read_annotation(path)
        except InputError:
            continue  # protein files, and examples of other formats
        write_gff3(annotation, tmp_path / "back.gff3")
        back = read_annotation(tmp_path / "back.gff3")
        assert back == ordered(annotation), path
        read_files += bool(back.features)
    assert read_files
