"""Proteins of an annotation: parts joined, phases of cut genes, both strands; translations of NCBI."""

from __future__ import annotations

import pytest
from Bio.Seq import Seq
from helpers.annotations import real_annotations

from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.features import Feature, Part
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.proteins.coding import coding_proteins
from genome_index.records import Contig, Genome

GENE = b"ATGAAACCCGGGTTTTAA"  # M K P G F stop


def proteins(sequence: bytes, *parts: Part, code: int = 11, kind: str = "CDS") -> list[bytes]:
    feature = Feature("c", "test", kind, parts, (("ID", ("x",)),))
    return list(coding_proteins([Contig("c", sequence)], [feature], code))


def test_a_gene_on_each_strand() -> None:
    assert proteins(b"CC" + GENE + b"G", Part(2, 20, "+", 0)) == [b"MKPGF"]
    assert proteins(reverse_complement(b"CC" + GENE + b"G"), Part(1, 19, "-", 0)) == [b"MKPGF"]


def test_only_cds_are_translated() -> None:
    assert proteins(GENE, Part(0, 18, "+", 0), kind="gene") == []


def test_a_stop_ends_a_protein() -> None:
    assert proteins(b"ATGTAGAAA", Part(0, 9, "+", 0)) == [b"M"]
    assert proteins(b"TAGAAA", Part(0, 6, "+", 0)) == []
    assert proteins(b"ATGTGAAAA", Part(0, 9, "+", 0), code=4) == [b"MWK"]


@pytest.mark.parametrize(("phase", "start"), [(0, 3), (1, 2), (2, 1)])
def test_a_cut_gene_is_read_from_its_phase(phase: int, start: int) -> None:
    """The first codon lacks its first bases: `phase` of it are left."""
    assert proteins(GENE, Part(start, 18, "+", phase)) == [b"KPGF"]
    assert proteins(reverse_complement(GENE), Part(0, 18 - start, "-", phase)) == [b"KPGF"]


def test_parts_are_joined_in_the_order_of_translation() -> None:
    """The first exon has 4 bases, so 2 are left of the second codon."""
    spliced = GENE[:4] + b"GTNNAG" + GENE[4:]
    first, second = Part(0, 4, "+", 0), Part(10, 24, "+", 2)
    assert proteins(spliced, first, second) == [b"MKPGF"]
    assert proteins(spliced, second, first) == [b"MKPGF"]
    mirrored = Part(0, 14, "-", 2), Part(20, 24, "-", 0)
    assert proteins(reverse_complement(spliced), *mirrored) == [b"MKPGF"]
    assert proteins(spliced, first, Part(10, 24, "+")) == [b"MKPGF"]


def test_a_part_whose_phase_contradicts_the_bases_before_it_begins_a_protein() -> None:
    """4 bases leave 2 of a codon; phase 0 says that a codon begins."""
    spliced = GENE[:4] + b"GTNNAG" + b"CCCGGG"
    assert proteins(spliced, Part(0, 4, "+", 0), Part(10, 16, "+", 0)) == [b"M", b"PG"]


def test_a_part_across_the_origin_of_a_circle() -> None:
    assert proteins(GENE[9:] + b"CC" + GENE[:9], Part(11, 29, "+", 0)) == [b"MKPGF"]


def test_translations_are_those_of_ncbi() -> None:
    """NC_005816, 10 CDS: its record has their translations; start codons other than ATG are M there."""
    path = next((path for path in real_annotations() if path.name == "NC_005816.gb"), None)
    if path is None:
        pytest.skip("NC_005816.gb is not among the real files")
    (genome,) = iter_genomes([str(path)])
    assert isinstance(genome, Genome)
    coding = [feature for feature in read_annotation(path).features if feature.type == "CDS"]
    sequence = Seq(genome.contigs[0].sequence.decode().upper())
    found = [protein.decode() for protein in coding_proteins(genome.contigs, coding, 11)]
    own = [sequence[feature.start : feature.end] for feature in coding]
    own = [
        bases.reverse_complement() if one.strand == "-" else bases
        for bases, one in zip(own, coding, strict=True)
    ]
    assert len(found) == 10
    assert found == [str(bases.translate(table=11, to_stop=True)) for bases in own]
    assert ["M" + protein[1:] for protein in found] == [one.value("translation") for one in coding]
