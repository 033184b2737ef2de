"""GenBank records for tests of descriptions: headers, features and sequences as real ones have them."""

from __future__ import annotations

from helpers.ncbi_server import dna

HOT_SPRING = "Complete genome of a thermophilic archaeon from a hot spring"


def genbank(
    accession: str, sequence: str, organism: str = "Hyla arborea", common: str = "European tree frog",
    lineage: str = "Eukaryota; Metazoa; Chordata; Amphibia; Anura; Hylidae; Hyla.",
    papers: tuple[tuple[str, str], ...] = (), source: str = "", comment: str = "", features: str = "",
) -> str:  # fmt: skip
    """One record; `papers` are titles with PubMed ids, `source` and `features` lines of the feature table."""
    name = f"mitochondrion {organism} ({common})" if common else organism
    references = "".join(_reference(number, *paper) for number, paper in enumerate(papers, 1))
    note = f"COMMENT     {comment}\n" if comment else ""
    locus = accession.partition(".")[0]
    return f"""LOCUS       {locus:<16} {len(sequence)} bp    DNA     circular VRT 24-MAY-2012
DEFINITION  {organism} mitochondrion, complete
            genome.
ACCESSION   {locus}
VERSION     {accession}
KEYWORDS    .
SOURCE      {name}
  ORGANISM  {organism}
            {lineage}
{references}REFERENCE   99 (bases 1 to {len(sequence)})
  AUTHORS   Author,A.
  TITLE     Direct Submission
  JOURNAL   Submitted (12-JUN-2006) Institute, Street, Town
{note}FEATURES             Location/Qualifiers
     source          1..{len(sequence)}
                     /organism="{organism}"
                     /mol_type="genomic DNA"
{source}{features}ORIGIN
        1 {sequence.lower()}
//
"""


def _reference(number: int, title: str, pubmed: str) -> str:
    cited = f"   PUBMED   {pubmed}\n" if pubmed else ""
    first, _, rest = title.partition(" of ")
    wrapped = f"{first} of\n            {rest}" if rest else first
    return f"""REFERENCE   {number}  (bases 1 to 9)
  AUTHORS   Author,A. and Writer,B.
  TITLE     {wrapped}
  JOURNAL   J. Frogs 81 (3), 181-191 (2006)
{cited}"""


def qualifier(name: str, value: str) -> str:
    return f'                     /{name}="{value}"\n'


GENES = """     gene            1..90
                     /gene="ND1"
     CDS             1..90
                     /gene="ND1"
                     /product="NADH dehydrogenase
                     subunit 1"
     tRNA            100..160
                     /product="tRNA-Val"
"""

MEDLINE = """
PMID- 16905872
TI  - Phylogenetic analysis of diprotodontian marsupials based on complete mitochondrial
      genomes.
AB  - Australidelphia is the cohort, originally named by Szalay,
      of all Australian marsupials.
CI  - (c) 2006 The Society.
AU  - Munemasa M

PMID- 17284675
TI  - mtDNA phylogeny.
AU  - Goios A
"""


def four_records() -> list[str]:
    """Four species: the first two cite one paper, the fourth has the sequence of the third's other strand."""
    other = dna(3, 900)[::-1].translate(str.maketrans("ACGT", "TGCA"))
    return [
        genbank("NC_000001.1", dna(1, 900), "Hyla arborea", papers=(("Frogs of Europe", "11"),)),
        genbank("NC_000002.1", dna(2, 900), "Bufo bufo", "common toad", papers=(("Frogs of Europe", "11"),)),
        genbank("NC_000003.1", dna(3, 900), "Rana temporaria", "", papers=(("Rana", ""),)),
        genbank("AB000004.1", other, "Rana temporaria", "", papers=(("Rana", ""),)),
    ]
