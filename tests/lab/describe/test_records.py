"""What records say, against values by hand and against Biopython, the oracle."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from helpers.annotations import real_annotations
from helpers.flat_records import GENES, genbank, qualifier
from helpers.ncbi_server import dna
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import InputError
from genome_index.io.formats.flatfile import NO_NAMES
from genome_index.lab.describe.headers import Reference
from genome_index.lab.describe.records import ReadRecord, iter_records

SeqIO = pytest.importorskip("Bio.SeqIO", reason="Biopython, the oracle, is not installed")
WORDS = st.lists(st.from_regex(r"[A-Za-z][a-z]{0,9}", fullmatch=True), min_size=1, max_size=5).map(" ".join)


def read(text: str, folder: Path) -> list[ReadRecord]:
    path = folder / "a.gb"
    path.write_text(text)
    return list(iter_records(str(path)))


def test_a_record_says_what_it_has(tmp_path: Path) -> None:
    source = qualifier("host", "Homo sapiens") + qualifier("geo_loc_name", "Iceland: Hveragerdi")
    source += qualifier("isolation_source", "hot spring") + qualifier("organelle", "mitochondrion")
    papers = (("Phylogeny of frogs", "16905872"), ("Unpublished tale", ""))
    text = genbank("NC_000001.1", dna(1, 300), papers=papers, source=source, features=GENES)
    [record] = read(text, tmp_path)
    says = record.description
    assert (record.reason, record.sequence) == ("", dna(1, 300).encode())
    assert (says.id, says.organism, says.common_name) == ("NC_000001.1", "Hyla arborea", "European tree frog")
    assert says.lineage == ("Eukaryota", "Metazoa", "Chordata", "Amphibia", "Anura", "Hylidae", "Hyla")
    assert says.names.names["family"] == "Hylidae"
    assert (says.molecule, says.organelle, says.is_circular) == ("genomic DNA", "mitochondrion", True)
    assert (says.host, says.country) == ("Homo sapiens", "Iceland: Hveragerdi")
    assert says.isolation_source == "hot spring"
    assert says.features == {"CDS": 1, "tRNA": 1}
    assert says.genes == ("ND1",)
    assert says.products == ("NADH dehydrogenase subunit 1", "tRNA-Val")
    assert says.definition == "Hyla arborea mitochondrion, complete genome"
    assert [(one.title, one.pubmed) for one in says.references] == list(papers)
    assert (says.date, says.comment, says.keywords) == ("24-MAY-2012", "", "")


def test_structured_comments_say_what_the_source_does_not(tmp_path: Path) -> None:
    comment = """A note.
            ##MIENS-Data-START##
            environment   :: hot spring
                             of Iceland
            country       :: Iceland
            ##MIENS-Data-END##
            The end."""
    says = read(genbank("A1.1", dna(1, 99), comment=comment), tmp_path)[0].description
    assert (says.isolation_source, says.country) == ("hot spring of Iceland", "Iceland")
    assert says.comment == "A note. The end."
    source = qualifier("country", "Norway")
    [record] = read(genbank("A1.1", dna(1, 99), comment=comment, source=source), tmp_path)
    assert record.description.country == "Norway"


def test_parentheses_of_a_virus_are_no_common_name(tmp_path: Path) -> None:
    name = "Influenza A virus (A/Wisconsin/36/2007(H1N1))"
    says = read(genbank("A1.1", dna(1, 99), name, ""), tmp_path)[0].description
    assert (says.organism, says.common_name) == (name, "")


@pytest.mark.parametrize("behind", ["(chloroplast Hyla arborea)", "(strain B) liver cDNA to mRNA"])
def test_other_words_behind_the_organism_are_no_common_name(tmp_path: Path, behind: str) -> None:
    text = genbank("A1.1", dna(1, 99)).replace("(European tree frog)", behind)
    assert behind in text
    assert read(text, tmp_path)[0].description.common_name == ""


def test_embl(tmp_path: Path) -> None:
    text = f"""ID   X56734; SV 1; circular; genomic DNA; STD; PLN; 60 BP.
XX
DT   12-SEP-1991 (Rel. 29, Created)
DT   25-NOV-2005 (Rel. 85, Last updated, Version 11)
XX
DE   Trifolium repens mRNA for
DE   beta-glucosidase
XX
OS   Trifolium repens (white clover)
OC   Eukaryota; Viridiplantae; Fabaceae; Trifolium.
XX
RN   [5]
RX   PUBMED; 1907511.
RX   DOI; 10.1007/BF00039495.
RA   Oxtoby E., Hughes M.A.;
RT   "Nucleotide and derived amino acid sequence of
RT   beta-glucosidase";
RL   Plant Mol. Biol. 17(2):209-219(1991).
XX
RN   [6]
RT   ;
RL   Submitted (19-NOV-1990) to the INSDC.
XX
FH   Key             Location/Qualifiers
FT   source          1..60
FT                   /organism="Trifolium repens"
FT                   /mol_type="mRNA"
SQ   Sequence 60 BP;
     {dna(1, 60).lower()}        60
//
"""
    [record] = read(text, tmp_path)
    says = record.description
    assert (says.organism, says.common_name) == ("Trifolium repens", "white clover")
    assert (says.definition, says.date) == ("Trifolium repens mRNA for beta-glucosidase", "12-SEP-1991")
    title = "Nucleotide and derived amino acid sequence of beta-glucosidase"
    journal = "Plant Mol. Biol. 17(2):209-219(1991)."
    assert says.references == (Reference(title, journal, "1907511"),)
    assert (says.is_circular, says.molecule) == (True, "mRNA")


def test_records_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    protein = genbank("NP_1.1", "MKV" * 20).replace(" bp ", " aa ")
    bare = "LOCUS       Test 12 bp DNA\nORIGIN\n        1 acgtacgtacgt\n//\n"
    empty = genbank("A2.1", "").replace("ORIGIN\n        1 \n", "")
    reasons = [one.reason for one in read(protein + bare + empty, tmp_path)]
    assert reasons[0].startswith("a protein, whose length is of residues (aa); ")
    assert reasons[1] == "record 'Test' has no organism, definition or paper: nothing describes it"
    assert reasons[2].startswith("a record without its sequence (no ORIGIN)")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "the file is empty; give GenBank or EMBL files"),
        (">a\nACGT\n", "this is FASTA, which describes nothing; give GenBank or EMBL"),
        ("hello\n", "not a flat file; give GenBank or EMBL"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace("(", r"\(")):
        read(content, tmp_path)


def check_against_biopython(record: ReadRecord, other) -> None:
    says, titles = record.description, [one.title for one in other.annotations.get("references", [])]
    for title in (one.title for one in says.references):
        assert title in {one.strip('";. ') for one in titles}
    assert says.definition == " ".join(other.description.split()).rstrip(".").replace(" .", "")
    assert "; ".join(says.lineage) == "; ".join(
        name for name in other.annotations.get("taxonomy", []) if name and name.casefold() not in NO_NAMES
    )
    assert sum(says.features.values()) == sum(one.type not in ("source", "gene") for one in other.features)
    own = [one for one in other.features if one.type != "source"]
    assert list(says.genes) == list(dict.fromkeys(v for one in own for v in one.qualifiers.get("gene", [])))
    assert record.sequence == bytes(other.seq).upper()


@settings(deadline=None, max_examples=30)
@given(organism=WORDS, titles=st.lists(WORDS, max_size=3), host=WORDS, length=st.integers(60, 400))
def test_random_records_are_those_of_biopython(tmp_path_factory, organism, titles, host, length) -> None:
    papers = tuple((title, str(number)) for number, title in enumerate(titles, 1))
    text = genbank("AB000001.1", dna(length, length), organism, papers=papers, features=GENES,
                   source=qualifier("host", host))  # fmt: skip
    folder = tmp_path_factory.mktemp("records")
    [record] = read(text, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [other] = SeqIO.parse(folder / "a.gb", "genbank")
    check_against_biopython(record, other)
    assert [one.title for one in record.description.references] == titles
    assert record.description.host == host


def test_real_records_are_those_of_biopython() -> None:
    """Every record of real files that Biopython reads without a warning, and that has its whole sequence."""
    paths = [path for path in real_annotations() if path.suffix in (".gb", ".gbk", ".embl")]
    compared = 0
    for path in paths:
        try:
            records = {one.description.id: one for one in iter_records(str(path)) if not one.reason}
            with warnings.catch_warnings(), path.open() as file:
                warnings.simplefilter("error")
                others = list(SeqIO.parse(file, "embl" if path.suffix == ".embl" else "genbank"))
        except (InputError, ValueError, Warning):
            continue
        for other in others:
            if other.id in records and len(other) == records[other.id].description.length_bp:
                check_against_biopython(records[other.id], other)
                compared += 1
    if not compared:
        pytest.skip("no folder of real flat files: set GINDEX_ANNOTATIONS")
