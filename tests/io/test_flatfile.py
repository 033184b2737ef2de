"""Flat files as annotation programs write them: sequence, name and organism are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.ncbi_server import dna

from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.records import Failure, Genome, Lineage, Taxon

BASES = dna(14, 3000)
ORGANISM = "  ORGANISM  Escherichia coli\n            Bacteria; Enterobacteriaceae; Escherichia.\n"
COLI = {"superkingdom": "Bacteria", "family": "Enterobacteriaceae", "genus": "Escherichia"}
COLI["species"] = "Escherichia coli"
MASTER = (
    "LOCUS       JABAQG010000000          62 rc    DNA     linear   BCT 10-FEB-2022\n"
    f"ACCESSION   JABAQG000000000\nVERSION     JABAQG000000000.1\nSOURCE      x\n{ORGANISM}"
    "FEATURES             Location/Qualifiers\nWGS         JABAQG010000001-JABAQG010000062\n//\n"
)
NO_MASTER = (
    "record 'JABAQG000000000.1' is the master of a project, without sequence; "
    "download its contigs (JABAQG010000001-JABAQG010000062), or the assembly"
)
WRONG = "it was cut or changed: download it again, or correct the length"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        (tmp_path / "x.gbk").write_bytes(text.encode("latin-1"))
        return tmp_path / "x.gbk"

    return write


def origin(bases: str = BASES) -> str:
    lines = (
        f"{at + 1:>9} " + " ".join(bases[at : at + 60][block : block + 10] for block in range(0, 60, 10))
        for at in range(0, len(bases), 60)
    )
    return "ORIGIN\n" + "".join(f"{line.lower()}\n" for line in lines)


def record(
    locus: str, names: str = "", features: str = "", bases: str = BASES, end: str = "//\n", above: str = ""
) -> str:
    return (
        f"{above}LOCUS       {locus}\nDEFINITION  A contig.\n{names}SOURCE      x\n{ORGANISM}"
        f"FEATURES             Location/Qualifiers\n     source          1..{len(bases)}\n"
        f"{features}{origin(bases)}{end}"
    )


NODE = "NODE_1_length_3000_cov_35.2"
GOOD = "HM181955                3000 bp    RNA     linear   VRL 01-JAN-2011"
VERSION = "ACCESSION   HM181955\nVERSION     HM181955.1\n"
READ = {
    "as it should be": (record(GOOD, VERSION), "HM181955.1"),
    "a name that runs into the length": (record(f"{NODE}3000 bp    DNA     linear   BCT"), NODE),
    "a length that ends a name of SPAdes": (
        record("NODE_212_length_10468_cov_3000 bp    DNA", VERSION),
        "HM181955.1",
    ),
    "empty ACCESSION and VERSION": (
        record(f"{NODE}3000 bp    DNA     linear", "ACCESSION   \nVERSION\n"),
        NODE,
    ),
    "ACCESSION and VERSION of DFAST": (
        record("sequence01 3000 bp DNA linear BCT", "ACCESSION   unknown\nVERSION     unknown\n"),
        "sequence01",
    ),
    "ACCESSION and VERSION of SnapGene": (
        record("Exported 3000 bp ds-DNA circular SYN", "ACCESSION   .\nVERSION     .\n"),
        "Exported",
    ),
    "ACCESSION and VERSION of Biopython": (
        record("c1 3000 bp DNA UNK", "ACCESSION   <unknown id>\nVERSION     <unknown id>\n"),
        "c1",
    ),
    "a long name": (
        record("contig_with_a_very_long_name_by_an_assembler_00001 3000 bp DNA"),
        "contig_with_a_very_long_name_by_an_assembler_00001",
    ),  # fmt: skip
    "an ISO date": (record("scf_19                  3000 bp    DNA     linear   VRL 2022-09-23"), "scf_19"),
    "a French date": (
        record("BBa_J23101              3000 bp    DNA     linear       07-juin-2022"),
        "BBa_J23101",
    ),  # fmt: skip
    "no date": (record("pEH010                  3000 bp    DNA     circular"), "pEH010"),
    "no length": (record("x"), "x"),
    "an accession without a version": (record(GOOD, "ACCESSION   HM181955 HM181956\n"), "HM181955"),
    "no // at the end": (record(GOOD, VERSION, end=""), "HM181955.1"),
    "broken features": (
        record(
            GOOD,
            VERSION,
            '     CDS             complement(join(5..1,9..<3\n                     /note="unclosed quote\n'
            "     gene            1..2\n                     /locus_tag=\nx\n   \n\t/product\n",
        ),
        "HM181955.1",
    ),
    "a line of a reference that is none": (record(GOOD, VERSION + "  JOURNAL   Here\n"), "HM181955.1"),
    "bytes that are not UTF-8": (
        record(GOOD, VERSION, '     CDS             1..9\n /note="\xe9\xff"\n'),
        "HM181955.1",
    ),  # fmt: skip
    "the header of a release": (
        record(
            GOOD,
            VERSION,
            above="GBVRL1.SEQ           Genetic Sequence Data Bank\n                April 15 2026\n\n   "
            "             NCBI-GenBank Flat File Release 265.0\n\n      1 loci,       3000 bases\n\n",
        ),
        "HM181955.1",
    ),
    "CR alone": (record(GOOD, VERSION).replace("\n", "\r"), "HM181955.1"),
}


@pytest.mark.parametrize(("text", "name"), READ.values(), ids=READ)
def test_sequence_name_and_organism_are_read(write: Write, text: str, name: str) -> None:
    (genome,) = iter_genomes([write(text)])
    assert isinstance(genome, Genome), genome
    assert [(contig.name, contig.sequence) for contig in genome.contigs] == [(name, BASES.upper().encode())]
    assert genome.taxon == Taxon(Lineage(COLI), {"lineage": "Bacteria; Enterobacteriaceae; Escherichia"})
    assert genome.notes == ()


REFUSED = {
    "a master of a WGS project": (MASTER, NO_MASTER),
    "cut where the length is known": (
        record(GOOD, VERSION, bases=BASES[:2400], end=""),
        f"record 'HM181955.1' has 2400 bp, but its length is given as 3000; {WRONG}",
    ),
    "cut where name and length collide": (
        record(f"{NODE}3000 bp    DNA", bases=BASES[:2400], end=""),
        f"record '{NODE}3000' has 2400 bp, but its LOCUS line has '{NODE}3000'; {WRONG}",
    ),
    "cut where there is no length": (
        record("x", end=""),
        "record 'x' ends without //; it may be cut: download it again",
    ),
    "cut within the features": (
        record(GOOD, VERSION).split("ORIGIN")[0],
        "not a well-formed GenBank file (Premature end of line during sequence data); "
        "download it again, or give it as FASTA",
    ),
    "cut before the next record": (
        record(GOOD, VERSION, bases=BASES[:60], end="") + record(GOOD, VERSION),
        f"record 'HM181955.1' has 60 bp, but its length is given as 3000; {WRONG}",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_record_without_all_its_sequence_is_a_failure(write: Write, text: str, sentence: str) -> None:
    path = write(text)
    assert list(iter_genomes([path])) == [Failure("x", str(path), sentence)]


@pytest.mark.parametrize(("per", "ids"), [("file", ["x"]), ("record", ["JABAQG000000000.1", "HM181955.1"])])
def test_the_contigs_after_a_master_are_read(write: Write, per: GenomePer, ids: list[str]) -> None:
    genomes = list(iter_genomes([write(MASTER + record(GOOD, VERSION))], per))
    assert [genome.id for genome in genomes] == ids
    assert [genome.reason for genome in genomes if isinstance(genome, Failure)] == [NO_MASTER] * (
        len(ids) - 1
    )
    assert isinstance(genomes[-1], Genome)
    assert genomes[-1].length_bp == 3000
    assert genomes[-1].taxon.lineage.names == COLI


EMBL = (
    "ID   HM181955; SV 1; linear; genomic RNA; STD; VRL; 3000 BP.\nXX\nAC   HM181955; HM1;\nXX\nDE   Dengue\n"
    "OS   Escherichia coli\nOC   Bacteria; Enterobacteriaceae;\nOC   Escherichia.\nXX\n"
    "FT   CDS             join(5..1\nFT                   /note=\"open\nXX\nSQ   Sequence 3000 BP;\n"
)  # fmt: skip


@pytest.mark.parametrize("kind", ["as it should be", "without SV", "an SV line", "cut"])
def test_embl(write: Write, kind: str) -> None:
    lines = [BASES[at : at + 60].lower() for at in range(0, 3000, 60)]
    text = EMBL + "".join(f"     {line} {60 * at + 60:>9}\n" for at, line in enumerate(lines)) + "//\n"
    text = text.replace(" SV 1;", "") if kind in ("without SV", "an SV line") else text
    text = text.replace("DE   Dengue", "SV   HM181955.1") if kind == "an SV line" else text
    (genome,) = iter_genomes([write(text[:-500] if kind == "cut" else text)])
    if kind == "cut":
        assert isinstance(genome, Failure)
        assert genome.reason.endswith(f" bp, but its length is given as 3000; {WRONG}")
        return
    assert isinstance(genome, Genome)
    (contig,) = genome.contigs
    assert contig.name == ("HM181955" if kind == "without SV" else "HM181955.1")
    assert contig.sequence == BASES.upper().encode()
    assert genome.taxon.lineage.names == COLI


@pytest.mark.parametrize(
    ("organism", "lineage", "species"),
    [
        ("Genus species", "Unclassified.", None),  # what Prokka writes where it is told no name
        (".", ".", None),
        ("Unknown.", "Unclassified.", None),
        ("unspecified", ".", None),  # SnapGene
        ("Escherichia coli", "Unclassified.", "Escherichia coli"),
    ],
)
def test_the_names_of_an_unknown_organism_are_none(
    write: Write, organism: str, lineage: str, species: str | None
) -> None:
    text = record(GOOD, VERSION).replace(ORGANISM, f"  ORGANISM  {organism}\n            {lineage}\n")
    (genome,) = iter_genomes([write(text)])
    assert isinstance(genome, Genome)
    assert genome.taxon == Taxon(Lineage({"species": species} if species else {}))


GFF = "##gff-version 3\n##sequence-region x 1 3000\nx\tprodigal\tCDS\t1\t90\t.\t+\t0\tID=a\n"


@pytest.mark.parametrize("features", [1, 6_000])
def test_the_sequences_of_a_gff_are_read(write: Write, features: int) -> None:
    (genome,) = iter_genomes([write(GFF * features + f"##FASTA\n>x\n{BASES}\n")])
    assert isinstance(genome, Genome)
    assert [(contig.name, contig.sequence) for contig in genome.contigs] == [("x", BASES.encode())]


def test_a_gff_without_sequences_is_a_failure(write: Write) -> None:
    (failure,) = iter_genomes([write(GFF)])
    assert isinstance(failure, Failure)
    assert failure.reason == "this is GFF without a ##FASTA section; give the FASTA file of the genome"
