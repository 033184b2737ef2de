"""GTF 2.2: attributes, parents made from ids, the stop codon."""

from __future__ import annotations

import pytest

from genome_index.lab.annotate.files.features import Annotation, Part
from genome_index.lab.annotate.files.gff3 import gff3_annotation
from genome_index.lab.annotate.files.gff3_writer import gff3_lines, ordered
from genome_index.lab.annotate.files.gtf import gtf_annotation
from genome_index.lab.annotate.files.reader import format_of

IDS = 'gene_id "g1"; transcript_id "t1";'
PLAIN = f"""\
#!genome-build X
1\tsrc\tCDS\t380\t401\t.\t+\t0\t{IDS} exon_number 1; # comment
1\tsrc\tCDS\t501\t649\t.\t+\t2\t{IDS} exon_number "2"; tag "a"; tag "b; c";
1\tsrc\texon\t300\t401\t.\t+\t.\t{IDS}
1\tsrc\tstart_codon\t380\t382\t.\t+\t0\t{IDS}
1\tsrc\tstop_codon\t650\t650\t.\t+\t0\t{IDS}
1\tsrc\tstop_codon\t700\t701\t.\t+\t2\t{IDS}
"""


def read(text: str) -> Annotation:
    return gtf_annotation(text.splitlines(keepends=True), "a.gtf")


def test_parents_are_made_and_the_stop_codon_belongs_to_the_coding_sequence() -> None:
    annotation = read(PLAIN)
    assert annotation.complaints == ()
    gene, transcript, cds, exon, start, *stops = annotation.features
    assert (gene.type, gene.id, gene.start, gene.end, gene.strand) == ("gene", "g1", 299, 701, "+")
    assert (transcript.type, transcript.id, transcript.parents) == ("transcript", "t1", ("g1",))
    assert (transcript.start, transcript.end) == (299, 701)
    assert (cds.id, cds.parents) == ("cds-t1", ("t1",))
    assert [(part.start, part.end, part.phase) for part in cds.parts] == [
        (379, 401, 0),
        (500, 650, 2),
        (699, 701, 2),
    ]
    assert cds.parts[1].attributes == (("exon_number", ("2",)), ("tag", ("a", "b; c")))
    assert (exon.type, exon.parents, exon.id) == ("exon", ("t1",), "")
    assert start.type == "start_codon"
    assert [stop.start for stop in stops] == [649, 699]


def test_on_the_reverse_strand_the_stop_codon_is_before_the_coding_sequence() -> None:
    annotation = read(
        f"1\ts\tCDS\t10\t30\t.\t-\t0\t{IDS}\n1\ts\tstop_codon\t7\t9\t.\t-\t0\t{IDS}\n"
        f"1\ts\tstop_codon\t10\t12\t.\t-\t0\t{IDS.replace('t1', 't2')}\n"
        f"1\ts\tCDS\t10\t30\t.\t-\t0\t{IDS.replace('t1', 't2')}\n"
    )
    coding = {one.id: one.parts for one in annotation.features if one.type == "CDS"}
    assert coding == {"cds-t1": (Part(6, 30, "-", 0),), "cds-t2": (Part(9, 30, "-", 0),)}


def test_lines_of_genes_and_transcripts_are_used_and_one_name_for_both_is_two_ids() -> None:
    annotation = read(
        '1\ts\tgene\t1\t90\t.\t+\t.\tgene_id "a"; gene_biotype "lncRNA";\n'
        '1\ts\ttranscript\t1\t90\t.\t+\t.\tgene_id "a"; transcript_id "a";\n'
        '1\ts\texon\t1\t90\t.\t+\t.\tgene_id "a"; transcript_id "a";\n'
        '2\ts\texon\t1\t90\t.\t+\t.\tgene_id "a"; transcript_id "b"; gene_biotype "x";\n'
    )
    assert [(one.contig, one.type, one.id, one.parents) for one in annotation.features] == [
        ("1", "gene", "a", ()), ("1", "transcript", "a-3", ("a",)), ("1", "exon", "", ("a-3",)),
        ("2", "gene", "a-2", ()), ("2", "transcript", "b", ("a-2",)), ("2", "exon", "", ("b",)),
    ]  # fmt: skip
    assert annotation.features[3].value("gene_biotype") == "x"


BAD_LINES = {
    "1\ts\texon\t5\t9\t.\t+\t.\tgene_id g1; transcript_id": (
        ["attributes from 'transcript_id' on are left out; write name \"value\"; each time",
         'exon without transcript_id, read alone; write transcript_id "ID";'], 1),
    '1\ts\tCDS\t5\t9\t.\t+\t0\tgene_id "";': (
        ['CDS without gene_id, read alone; write gene_id "ID";',
         'CDS without transcript_id, read alone; write transcript_id "ID";'], 1),
    "1\ts\texon\t9\t5\t.\t+\t.\tgene_id g1;": (
        ["start 9 is after end 5, left out; write the smaller one first, the strand says the direction"], 0),
}  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_is_named_and_the_rest_is_read(line: str) -> None:
    reasons, features = BAD_LINES[line]
    first, last = (f'1\ts\tgene\t1\t90\t.\t+\t.\tgene_id "{name}";' for name in ("g1", "g2"))
    annotation = read(f"{first}\n{line}\n{last}\n")
    assert [str(one) for one in annotation.complaints] == [f"a.gtf, line 2: {reason}" for reason in reasons]
    assert len(annotation.features) == 2 + features


def test_the_format_is_told_by_the_attributes() -> None:
    row = "1\ts\texon\t5\t9\t.\t+\t.\t"
    assert format_of(["#!x", f'{row}gene_id "a";']) == "GTF"
    assert format_of([f"{row}gene_id a;"]) == "GTF"
    assert format_of([f"{row}ID=a b;"]) == "GFF3"
    assert format_of([f"{row}."]) == "GFF3"
    assert format_of(["too few", f"{row}ID=a"]) == "GFF3"
    assert format_of(["##gff-version 3", f'{row}gene_id "a";']) == "GFF3"
    assert format_of(["\n", "LOCUS       X"]) == "GenBank"
    assert format_of(["ID   X; SV 1;"]) == "EMBL"


def test_what_a_gtf_has_is_the_same_in_gff3() -> None:
    annotation = read(PLAIN)
    assert gff3_annotation(gff3_lines(annotation), "b.gff") == ordered(annotation)
