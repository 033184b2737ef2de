"""GenBank and EMBL: locations, phases, hierarchy; Biopython is the oracle."""

from __future__ import annotations

import warnings
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from helpers.annotations import flat_file, real_annotations
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.features import Annotation, Feature, Part, Region
from genome_index.lab.annotate.files.genbank import flat_file_annotation
from genome_index.lab.annotate.files.gff3 import gff3_annotation
from genome_index.lab.annotate.files.gff3_writer import gff3_lines, ordered
from genome_index.lab.annotate.files.locations import LocationError, Span, spans_of
from genome_index.lab.annotate.files.reader import read_annotation

SeqIO = pytest.importorskip("Bio.SeqIO")
Location = pytest.importorskip("Bio.SeqFeature").Location
BASES = "ATGGCTAAATGCCTGACCGGATTCAGCTAAGCTGCATTAGCAATGGCCTGA" * 4  # 204 bp


def read(table: str, bases: str = BASES, topology: str = "linear") -> Annotation:
    return flat_file_annotation(StringIO(flat_file(table, bases, topology)), "GenBank", "a.gb")


def bounds(feature: Feature) -> list[tuple[int, int, str]]:
    return [(part.start, part.end, part.strand) for part in feature.parts]


# -- locations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12..34", [Span(11, 34)]),
        ("12", [Span(11, 12)]),
        ("<12..>34", [Span(11, 34, opens_before=True, opens_after=True)]),
        ("complement(<12..34)", [Span(11, 34, True, opens_before=True)]),
        ("join(1..3, 5..9)", [Span(0, 3), Span(4, 9)]),
        ("complement(join(1..3,5..9))", [Span(4, 9, True), Span(0, 3, True)]),
        ("join(complement(5..9),complement(1..3))", [Span(4, 9, True), Span(0, 3, True)]),
        ("join(complement(7..9),20..30)", [Span(6, 9, True), Span(19, 30)]),
        ("order(1..3,5..9)", [Span(0, 3), Span(4, 9)]),
        ("12^13", [Span(11, 12, is_site=True)]),
        ("join(J00194.1:100..202,1..245)", [Span(99, 202, record="J00194.1"), Span(0, 245)]),
        ("(12.14)..30", [Span(11, 30)]),
        ("one-of(12,18)..one-of(30,33)", [Span(11, 33)]),
        ("12.34", [Span(11, 34)]),
    ],
)
def test_locations(text: str, expected: list[Span]) -> None:
    assert spans_of(text) == expected


@pytest.mark.parametrize("text", ["", "here", "join(1..3", "1..", "-2..492", "join(1..3,)"])
def test_bad_locations(text: str) -> None:
    with pytest.raises(LocationError):
        spans_of(text)


def simple() -> st.SearchStrategy[str]:
    numbers = st.tuples(
        st.integers(1, 500), st.integers(0, 500), st.sampled_from(["", "<"]), st.sampled_from(["", ">"])
    )
    return numbers.map(lambda n: f"{n[2]}{n[0]}..{n[3]}{n[0] + n[1]}")


def strands() -> st.SearchStrategy[str]:
    return simple() | simple().map(lambda text: f"complement({text})")


@given(
    strands()
    | st.tuples(st.sampled_from(["join", "order"]), st.lists(strands(), min_size=2, max_size=5)).map(
        lambda pair: f"{pair[0]}({','.join(pair[1])})"
    )
    | st.lists(simple(), min_size=2, max_size=5).map(lambda texts: f"complement(join({','.join(texts)}))")
)
@settings(deadline=None)
def test_locations_are_those_of_biopython(text: str) -> None:
    expected = [
        (int(part.start), int(part.end), part.strand == -1, type(part.start).__name__ == "BeforePosition",
         type(part.end).__name__ == "AfterPosition")
        for part in Location.fromstring(text).parts
    ]  # fmt: skip
    spans = spans_of(text)
    assert [(s.start, s.end, s.is_reverse, s.opens_before, s.opens_after) for s in spans] == expected


# -- records -------------------------------------------------------------------------------------------------

TABLE = """
source 1..204
  /organism="Testus testi"
gene complement(<5..>60)
  /locus_tag="T_1"
  /gene="abc"
CDS complement(join(<5..20,31..>60))
  /locus_tag="T_1"
  /codon_start=2
  /product="a ""quoted"" /name with
  a long line"
  /protein_id="P1.1"
  /pseudo
  /db_xref="GeneID:1"
  /db_xref="UniProt:2"
  /translation="MA
  KC"
misc_feature 12^13
  /note="site"
"""


def test_a_record_has_the_attributes_of_gff3() -> None:
    annotation = read(TABLE)
    assert annotation.complaints == ()
    assert annotation.regions == (Region("TEST1.1", 0, 204),)
    assert annotation.circular == frozenset()
    region, gene, cds, site = annotation.features
    assert (region.type, region.id, region.line) == ("region", "region-TEST1.1", 5)
    assert gene.attributes == (
        ("ID", ("gene-T_1",)), ("Name", ("abc",)), ("partial", ("true",)), ("locus_tag", ("T_1",)),
        ("gene", ("abc",)), ("start_range", (".", "5")), ("end_range", ("60", ".")),
    )  # fmt: skip
    assert cds.id == "cds-P1.1"
    assert cds.parents == ("gene-T_1",)
    assert cds.value("product") == 'a "quoted" /name with a long line'
    assert cds.value("translation") == "MAKC"
    assert cds.value("pseudo") == "true"
    assert cds.values("Dbxref") == ("GeneID:1", "UniProt:2")
    assert bounds(cds) == [(30, 60, "-"), (4, 20, "-")]
    assert [part.phase for part in cds.parts] == [1, 1]  # 30 - 1 bases: 9 codons and 2 bases
    assert [part.attributes for part in cds.parts] == [
        (("end_range", ("60", ".")),), (("start_range", (".", "5")),)
    ]  # fmt: skip
    assert bounds(site) == [(11, 12, "+")]
    assert site.value("site") == "12^13"


def test_a_trans_spliced_gene_is_one_feature_on_both_strands() -> None:
    annotation = read(
        """
gene join(complement(61..114),130..180)
  /gene="rps12"
  /trans_splicing
CDS join(complement(61..114),130..140,151..180)
  /gene="rps12"
  /trans_splicing
gene complement(join(100..180,61..114))
  /gene="rps12"
CDS complement(join(100..110,121..180,61..114))
  /gene="rps12"
"""
    )
    assert bounds(annotation.features[0]) == [(60, 114, "-"), (129, 180, "+")]
    assert bounds(annotation.features[1]) == [(60, 114, "-"), (129, 140, "+"), (150, 180, "+")]
    assert [part.phase for part in annotation.features[1].parts] == [0, 0, 1]
    assert annotation.features[1].parents == ("gene-rps12",)
    assert annotation.features[3].parents == ("gene-rps12-2",)
    assert bounds(annotation.features[3]) == [(60, 114, "-"), (120, 180, "-"), (99, 110, "-")]


@pytest.mark.parametrize("location", ["join(190..204,1..15)", "190..15"])
def test_a_feature_over_the_origin_of_a_circle_ends_beyond_its_length(location: str) -> None:
    annotation = read(f'CDS {location}\n  /gene="a"', topology="circular")
    landmark, cds = annotation.features
    assert annotation.circular == {"TEST1.1"}
    assert (landmark.type, bounds(landmark)) == ("region", [(0, 204, "+")])
    assert cds.parts == (Part(189, 219, "+", 0),)
    reverse = read(f'CDS complement({location})\n  /gene="a"', topology="circular").features[1]
    assert reverse.parts == (Part(189, 219, "-", 0),)


def test_on_a_linear_record_parts_do_not_meet_at_the_ends() -> None:
    assert bounds(read("CDS join(190..204,1..15)").features[0]) == [(189, 204, "+"), (0, 15, "+")]


BAD_TABLES = {
    "gene 190..15": "gene: '190..15' does not run upwards from 1, left out; correct it",
    "gene 0..15": "gene: '0..15' does not run upwards from 1, left out; correct it",
    "gene here": "gene: 'here' is no location, left out; write it as GenBank does",
    "gene join(1..5": "gene: 'join(1..5' has no closing parenthesis, left out; write it as GenBank does",
    "gene J00194.1:1..5": "gene: parts on J00194.1 are left out; give them in one record",
}


@pytest.mark.parametrize("table", BAD_TABLES)
def test_a_bad_feature_is_named_and_the_rest_is_read(table: str) -> None:
    annotation = read(f"gene 1..9\n{table}\ngene 11..19")
    assert [str(complaint) for complaint in annotation.complaints] == [f"a.gb, line 6: {BAD_TABLES[table]}"]
    assert [feature.start for feature in annotation.features] == [0, 10]


def test_other_complaints() -> None:
    annotation = read("CDS 1..9\n  /codon_start=4\ngene join(J00194.1:1..5,X1:7..9,4..8)")
    assert [complaint.reason for complaint in annotation.complaints] == [
        "/codon_start is '4', read as 1; write 1, 2 or 3",
        "gene: parts on J00194.1, X1 are left out; give them in one record",
    ]
    assert bounds(annotation.features[1]) == [(3, 8, "+")]
    empty = flat_file_annotation(StringIO(flat_file("gene 1..9", "")), "GenBank", "a.gb")
    assert len(empty.features) == 1
    assert empty.sequences == ()


def test_embl(tmp_path: Path) -> None:
    path = tmp_path / "a.embl"
    path.write_text(
        "ID   X1; SV 2; circular; DNA; STD; PRO; 12 BP.\nXX\nFH   Key             Location/Qualifiers\nFH\n"
        'FT   source          1..12\nFT                   /organism="a b"\n'
        'FT   CDS             join(10..12,\nFT                   1..3)\nFT                   /note="a\n'
        'FT                   b"\nXX\nSQ   Sequence 12 BP;\n     acgtacgtac gt        12\n//\n'
    )
    annotation = read_annotation(path)
    assert annotation.complaints == ()
    assert annotation.circular == {"X1.2"}
    assert annotation.features[1].parts == (Part(9, 15, "+", 0),)
    assert annotation.features[1].values("Note") == ("a b",)
    assert annotation.sequences[0].sequence == b"ACGTACGTACGT"


# -- real files ----------------------------------------------------------------------------------------------


def expected_of(path: Path) -> list[Any]:
    """Biopython's features of all records of a file."""
    with warnings.catch_warnings(), path.open() as file:
        warnings.simplefilter("ignore")
        records = list(SeqIO.parse(file, "embl" if path.suffix == ".embl" else "genbank"))
    return [feature for record in records for feature in record.features]


def coding_bases(feature: Feature, contig: bytes) -> bytes:
    """What the parts of a CDS spell from the first codon on; circular."""
    pieces = []
    for part in feature.parts:
        piece = (contig + contig)[part.start : part.end]
        pieces.append(reverse_complement(piece) if part.strand == "-" else piece)
    first = feature.parts[0].phase or 0
    return b"".join(pieces)[first:]


def own_pieces(feature: Feature, length: int) -> list[tuple[int, int, str]]:
    """The parts; one over the origin of a contig of so many bases is two, as in a flat file."""
    pieces: list[tuple[int, int, str]] = []
    for start, end, strand in bounds(feature):
        over = end > length > 0
        pieces += [(start, length, strand), (0, end - length, strand)] if over else [(start, end, strand)]
    return sorted(pieces)


def test_real_records_have_the_features_of_biopython() -> None:
    compared = 0
    for path in real_annotations():
        if path.suffix not in (".gb", ".embl"):
            continue
        annotation = read_annotation(path)
        try:
            expected = expected_of(path)
        except ValueError:
            continue  # files that Biopython refuses, on purpose
        reasons = [one.reason for one in annotation.complaints]
        is_whole = not any("left out" in reason or "not nucleotide codes" in reason for reason in reasons)
        if not is_whole or path.name == "patents.embl":  # it reads no features of patents
            continue
        own = [one for one in annotation.features if one.value("organism") or not one.is_circular]
        assert [one.type for one in own] == [one.type.replace("source", "region") for one in expected], path
        lengths = {region.contig: region.end for region in annotation.regions}
        for one, feature in zip(own, expected, strict=True):
            if not one.value("site"):
                pieces = sorted(
                    (int(part.start), int(part.end), "-" if part.strand == -1 else "+")
                    for part in feature.location.parts
                )
                assert own_pieces(one, lengths.get(one.contig, 0)) == pieces, (path, one.line)
                compared += 1
    assert compared


def test_real_coding_sequences_translate_to_their_proteins() -> None:
    """Phases and order of parts are right: NC_000932 has introns and trans-splicing."""
    from Bio.Seq import Seq

    right: dict[str, int] = {}
    for path in real_annotations():
        if path.name not in ("NC_000932.gb", "NC_005816.gb"):
            continue
        annotation = read_annotation(path)
        contig = annotation.sequences[0].sequence
        for feature in annotation.features:
            protein = feature.value("translation")
            if feature.type != "CDS" or not protein:
                continue
            bases = coding_bases(feature, contig)
            got = str(Seq(bases.decode()).translate(table=11, to_stop=False)).rstrip("*")
            assert got[1:] == protein[1:], (path.name, feature.id)  # the first is M, whatever its codon
            phase = feature.parts[0].phase
            for part, following in zip(feature.parts, feature.parts[1:], strict=False):
                assert (part.end - part.start - (part.phase or 0) + (following.phase or 0)) % 3 == 0
            assert phase == 0
            right[path.name] = right.get(path.name, 0) + 1
    if not right:
        pytest.skip("NC_000932.gb and NC_005816.gb are not among the real files")
    assert right == {"NC_000932.gb": 85, "NC_005816.gb": 10}


@given(st.lists(strands(), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_a_flat_file_has_is_the_same_in_gff3(texts: list[str]) -> None:
    coding = [f'CDS {text}\n  /gene="g"' for text in texts]
    table = "\n".join([*coding, f'gene join({",".join(texts)},600)\n  /gene="g"'])
    annotation = read(table, "ACGT" * 300)
    assert annotation.complaints == ()
    assert gff3_annotation(gff3_lines(annotation), "b.gff") == ordered(annotation)
