import bz2
import csv
import gzip
import hashlib
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from genome_index.errors import TaxonomyError
from genome_index.records import RANKS, Lineage, Taxon
from genome_index.taxonomy.lookup import Taxonomy, reconcile
from genome_index.taxonomy.names import is_empty_name, molecule_of, species_genus, usable_name
from genome_index.taxonomy.tables import read_taxonomy

GENOMES = Path(__file__).parents[2].parent / "shared" / "genomes"
needs_genomes = pytest.mark.skipif(
    not GENOMES.is_dir(), reason="shared/genomes, the labelled genomes, is absent"
)

GTDB = (
    "d__Bacteria;p__Pseudomonadota;c__Gammaproteobacteria;o__;f__Enterobacteriaceae;"
    "g__Escherichia;s__Escherichia coli_D"
)
GTDB_NAMES = {
    "superkingdom": "Bacteria",
    "phylum": "Pseudomonadota",
    "class": "Gammaproteobacteria",
    "family": "Enterobacteriaceae",
    "genus": "Escherichia",
    "species": "Escherichia coli_D",
}


def taxon(names=None, **labels):
    return Taxon(Lineage(names or {}), labels)


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


TABLES = {
    "tsv": (
        "genome_id\tgenus\tspecies\thost\na\tHyla\tHyla arborea\tfrog\n",
        {"a": taxon({"genus": "Hyla", "species": "Hyla arborea"}, host="frog")},
    ),
    "csv": ("genome_id,species\na,Hyla arborea\n", {"a": taxon({"species": "Hyla arborea"})}),
    "csv, quoted": (
        'genome_id,species,note\na,"Hyla, arborea","a ""b"", c"\n',
        {"a": taxon({"species": "Hyla, arborea"}, note='a "b", c')},
    ),
    "csv, space before the quote": ('genome_id, note\na, "b, c"\n', {"a": taxon(note="b, c")}),
    "csv, quoted line break": (
        'genome_id,note\na,"b\nc"\nd,e\n',
        {"a": taxon(note="b\nc"), "d": taxon(note="e")},
    ),
    "semicolons": ("genome_id;species\na;Hyla arborea\n", {"a": taxon({"species": "Hyla arborea"})}),
    "tsv, quoted cells": ('"genome_id"\t"note"\n"a"\t"b ""c"""\n', {"a": taxon(note='b "c"')}),
    "tsv, a stray quote": (
        'genome_id\tnote\na\t"type II\nb\tx\n',
        {"a": taxon(note='"type II'), "b": taxon(note="x")},
    ),
    "tsv with commas": ("genome_id\tnote\na\tb, c\n", {"a": taxon(note="b, c")}),
    "byte order mark": ("\ufeffgenome_id\tgenus\na\tHyla\n", {"a": taxon({"genus": "Hyla"})}),
    "crlf": ("genome_id\tgenus\r\na\tHyla\r\n", {"a": taxon({"genus": "Hyla"})}),
    "cr": ("genome_id\tgenus\ra\tHyla\r", {"a": taxon({"genus": "Hyla"})}),
    "Unicode text of Excel": (
        '\ufeffGenome ID\tgenus\tnote\r\n"a"\tHyla\t"caf\xe9, ""b"""\r\n'.encode("utf-16-le"),
        {"a": taxon({"genus": "Hyla"}, note='caf\xe9, "b"')},
    ),
    "utf-16, big end first": (
        "\ufeffgenome_id,genus\na,Hyla\n".encode("utf-16-be"),
        {"a": taxon({"genus": "Hyla"})},
    ),
    "utf-16 without a mark": (
        "genome_id\tgenus\na\tHyla\n".encode("utf-16-le"),
        {"a": taxon({"genus": "Hyla"})},
    ),
    "utf-32": ("genome_id\tgenus\na\tHyla\n".encode("utf-32"), {"a": taxon({"genus": "Hyla"})}),
    "Export-Csv of PowerShell": (
        '#TYPE System.Management.Automation.PSCustomObject\r\n"genome_id","genus"\r\n"a","Hyla"\r\n'.encode(
            "utf-16"
        ),
        {"a": taxon({"genus": "Hyla"})},
    ),
    "a comment with a comma": (
        "# made by hand, 2024\n#   See ftp://ftp.ncbi.nlm.nih.gov/README.txt for a description\n"
        "genome_id,genus\na,Hyla\n",
        {"a": taxon({"genus": "Hyla"})},
    ),
    "MetaPhlAn, behind its version": (
        "#mpa_v30\na\tk__Bacteria|g__Hyla|s__Hyla_sp\n",
        {"a": taxon({"superkingdom": "Bacteria", "genus": "Hyla", "species": "Hyla_sp"})},
    ),
    "CAT": (
        "# bin\tsuperkingdom\tfamily\tgenus\na.fa\tBacteria: 0.98\tHylidae*: 0.51\tno support\n",
        {"a.fa": taxon({"superkingdom": "Bacteria", "family": "Hylidae"})},
    ),
    "VMR of ICTV": (
        "Isolate ID,Kingdom,Species,Virus GENBANK accession\nVMR1,Orthornavirae,Hyla virus,AB012345\n",
        {
            "AB012345": Taxon(
                Lineage({"superkingdom": "Viruses", "species": "Hyla virus"}),
                {"isolate id": "VMR1", "kingdom": "Orthornavirae"},
            )
        },
    ),
    "BV-BRC": (
        "genome.genome_id\tgenome.taxon_id\tgenome.species\n1.2\t83332\tHyla arborea\n",
        {"1.2": taxon({"species": "Hyla arborea"}, taxid="83332")},
    ),
    "pangolin": (
        "taxon,lineage,note\nA/1,B.1.1.7,x\n",
        {"A/1": taxon(lineage="B.1.1.7", note="x")},
    ),
    "seven names without a header": (
        "a\tBacteria;P;C;O;F;Hyla;Hyla arborea\n",
        {
            "a": taxon(
                {
                    "superkingdom": "Bacteria",
                    "phylum": "P",
                    "class": "C",
                    "order": "O",
                    "family": "F",
                    "genus": "Hyla",
                    "species": "Hyla arborea",
                }
            )
        },
    ),
    "blanks of a web page": (
        "genome_id\tspecies\na\tHyla\xa0arborea\n",
        {"a": taxon({"species": "Hyla arborea"})},
    ),
    "colons in the header": ("Genome ID:\tGenus:\na\tHyla\n", {"a": taxon({"genus": "Hyla"})}),
    "csv, crlf": ("genome_id,genus\r\na,Hyla\r\n", {"a": taxon({"genus": "Hyla"})}),
    "no line end at the end": ("genome_id\tgenus\na\tHyla", {"a": taxon({"genus": "Hyla"})}),
    "blank lines and spaces": ("\ngenome_id\tgenus\n\n a \t Hyla \n\t\n", {"a": taxon({"genus": "Hyla"})}),
    "header in capitals": (
        "Genome_ID\tGENUS\tHost\na\tHyla\tfrog\n",
        {"a": taxon({"genus": "Hyla"}, host="frog")},
    ),
    "header behind #": ("#genome_id\tgenus\na\tHyla\n", {"a": taxon({"genus": "Hyla"})}),
    "domain": ("genome_id\tdomain\na\tArchaea\n", {"a": taxon({"superkingdom": "Archaea"})}),
    "realm is a label": ("genome_id\trealm\na\tRiboviria\n", {"a": taxon(realm="Riboviria")}),
    "all ranks in any order": (
        "\t".join((*reversed(RANKS), "id")) + "\n" + "\t".join((*reversed(RANKS), "a")) + "\n",
        {"a": taxon({rank: rank for rank in RANKS})},
    ),
    "missing ranks do not shift": (
        "genome_id\tfamily\tgenus\tspecies\na\t\t\tHyla arborea\nb\tHylidae\t\t\n",
        {"a": taxon({"species": "Hyla arborea"}), "b": taxon({"family": "Hylidae"})},
    ),
    "short rows": (
        "genome_id\tfamily\tgenus\na\tHylidae\nb\n",
        {"a": taxon({"family": "Hylidae"}), "b": taxon()},
    ),
    "column without a name": ("genome_id\t\na\tx\n", {"a": taxon(column_2="x")}),
    "twice the same": ("genome_id\tgenus\na\tHyla\na\tHyla\n", {"a": taxon({"genus": "Hyla"})}),
    "only ids": ("genome_id\na\nb\n", {"a": taxon(), "b": taxon()}),
    "only a header": ("genome_id\tgenus\n", {}),
    "GTDB in lineage": (f"genome_id\tlineage\na\t{GTDB}\n", {"a": taxon(GTDB_NAMES)}),
    "GTDB in gtdb_taxonomy": (f"genome_id\tgtdb_taxonomy\na\t{GTDB}\n", {"a": taxon(GTDB_NAMES)}),
    "GTDB in taxonomy, csv": (f"genome_id,taxonomy\na,{GTDB}\n", {"a": taxon(GTDB_NAMES)}),
    "GTDB with spaces": (f"genome_id\tlineage\na\t{GTDB.replace(';', '; ')};\n", {"a": taxon(GTDB_NAMES)}),
    "GTDB without spaces, as with": (
        "genome_id\tlineage\na\td__A;p__B__C;c__na;o__;f__F;g__Hyla;s__arborea\n"
        "b\td__A; p__B__C; c__na; o__; f__F; g__Hyla; s__arborea\n",
        dict.fromkeys(
            "ab",
            taxon(
                {
                    "superkingdom": "A",
                    "phylum": "B__C",
                    "family": "F",
                    "genus": "Hyla",
                    "species": "Hyla arborea",
                }
            ),
        ),
    ),
    "empty s__": (
        "genome_id\tlineage\na\td__Bacteria;g__Hyla;s__\n",
        {"a": taxon({"superkingdom": "Bacteria", "genus": "Hyla"})},
    ),
    "rank columns win": (
        f"genome_id\tlineage\tspecies\na\t{GTDB}\tEscherichia coli\n",
        {"a": taxon({**GTDB_NAMES, "species": "Escherichia coli"})},
    ),
    "gtdb_taxonomy wins over lineage": (
        "genome_id\tlineage\tgtdb_taxonomy\na\td__A;p__P\td__B\n",
        {"a": taxon({"superkingdom": "B", "phylum": "P"})},
    ),
    "plain lineage": (
        "genome_id\tlineage\na\tBacteria; Bacillota\n",
        {"a": taxon(lineage="Bacteria; Bacillota")},
    ),
    "plain lineage in taxonomy": (
        "genome_id\ttaxonomy\na\tBacteria; Bacillota\n",
        {"a": taxon(lineage="Bacteria; Bacillota")},
    ),
    "two plain lineages": (
        "genome_id\ttaxonomy\tlineage\na\tA;B\tC;D\n",
        {"a": taxon(taxonomy="A;B", lineage="C;D")},
    ),
    "GTDB beside a plain lineage": (
        "genome_id\tlineage\na\td__Bacteria\nb\tBacteria;X\n",
        {"a": taxon({"superkingdom": "Bacteria"}), "b": taxon(lineage="Bacteria;X")},
    ),
    "sourmash lineages": (
        "ident,superkingdom,genus,species\na,d__Bacteria,g__Hyla,s__Hyla arborea\nb,d__Archaea,g__,s__\n",
        {
            "a": taxon({"superkingdom": "Bacteria", "genus": "Hyla", "species": "Hyla arborea"}),
            "b": taxon({"superkingdom": "Archaea"}),
        },
    ),
    "GTDB-Tk summary": (
        f"user_genome\tclassification\tfastani_ani\na\t{GTDB}\t99.1\nb\tUnclassified\t\n",
        {"a": taxon(GTDB_NAMES, fastani_ani="99.1"), "b": taxon()},
    ),
    "QIIME": (
        "Feature ID\tTaxon\tConfidence\na\tk__Bacteria; p__; g__Hyla; s__arborea\t0.9\n",
        {
            "a": taxon(
                {"superkingdom": "Bacteria", "genus": "Hyla", "species": "Hyla arborea"}, confidence="0.9"
            )
        },
    ),
    "taxonkit": (
        "genome_id\tlineage\na\tsk__Bacteria;k__Bacillati;p__X;s__Hyla arborea\n",
        {"a": taxon({"superkingdom": "Bacteria", "phylum": "X", "species": "Hyla arborea"})},
    ),
    "SILVA": (
        "genome_id\tlineage\na\tD_0__Bacteria;D_1__X;D_5__Hyla;D_6__uncultured\n"
        "b\tD_0__Bacteria;D_5__Hyla;D_6__metagenome\n",
        {
            "a": taxon({"superkingdom": "Bacteria", "phylum": "X", "genus": "Hyla"}),
            "b": taxon({"superkingdom": "Bacteria", "genus": "Hyla", "species": "metagenome"}),
        },
    ),
    "MetaPhlAn": (
        "genome_id\tlineage\na\tk__Eukaryota|p__X|g__Hyla|s__Hyla_arborea|t__7\n",
        {
            "a": taxon(
                {
                    "superkingdom": "Eukaryota",
                    "phylum": "X",
                    "genus": "Hyla",
                    "species": "Hyla_arborea",
                    "strain": "7",
                }
            )
        },
    ),
    "UNITE": (
        "genome_id\tlineage\na\tk__Fungi;p__X\nb\tk__Odd\n",
        {"a": taxon({"superkingdom": "Eukaryota", "phylum": "X"}), "b": taxon({"superkingdom": "Odd"})},
    ),
    "ICTV": (
        "genome_id\tlineage\na\tr__Riboviria;k__Orthornavirae;f__X\nb\tr__;k__;p__;s__\n",
        {"a": taxon({"superkingdom": "Viruses", "family": "X"}), "b": taxon({"superkingdom": "Viruses"})},
    ),
    "a kingdom under a domain": (
        "genome_id\tlineage\na\td__Eukaryota;k__Metazoa;p__X\n",
        {"a": taxon({"superkingdom": "Eukaryota", "phylum": "X"})},
    ),
    "GTDB without a header, csv": (
        f"RS_GCF_000005845.2,{GTDB}\n",
        {"RS_GCF_000005845.2": taxon(GTDB_NAMES)},
    ),
    "k__ without a header": (
        "a\tk__Bacteria;g__X\n",
        {"a": taxon({"superkingdom": "Bacteria", "genus": "X"})},
    ),
    "seven names": (
        "genome_id\tlineage\na\tBacteria;P;NA;O;F;Hyla;Hyla arborea\nb\tViruses;P;C;O;F;Hyla;Rana x\n",
        {
            "a": taxon(
                {
                    "superkingdom": "Bacteria",
                    "phylum": "P",
                    "order": "O",
                    "family": "F",
                    "genus": "Hyla",
                    "species": "Hyla arborea",
                }
            ),
            "b": taxon(lineage="Viruses;P;C;O;F;Hyla;Rana x"),
        },
    ),
    "rank columns beside seven names": (
        "genome_id\tgenus\tlineage\na\tHyla\tBacteria;P;C;O;F;Hyla;Hyla arborea\n",
        {"a": taxon({"genus": "Hyla"}, lineage="Bacteria;P;C;O;F;Hyla;Hyla arborea")},
    ),
    "classification that is no lineage": (
        "genome_id\tclassification\tspecies\na\tpathogen\tHyla arborea\nb\tBacteria;X\t\n",
        {
            "a": taxon({"species": "Hyla arborea"}, classification="pathogen"),
            "b": taxon(lineage="Bacteria;X"),
        },
    ),
    "marks of another rank": (
        "genome_id\tfamily\tgenus\na\tf__Hylidae\tf__Hylidae\n",
        {"a": taxon({"family": "Hylidae"})},
    ),
    "an epithet beside its genus": (
        "genome_id\tgenus\tspecies\na\tHyla\tarborea\nb\t\tarborea\n",
        {"a": taxon({"genus": "Hyla", "species": "Hyla arborea"}), "b": taxon({"species": "arborea"})},
    ),
    "kingdom": (
        "genome_id\tkingdom\na\tBacteria\nb\tMetazoa\nc\tX\nd\tk__Archaea\n",
        {
            "a": taxon({"superkingdom": "Bacteria"}, kingdom="Bacteria"),
            "b": taxon({"superkingdom": "Eukaryota"}, kingdom="Metazoa"),
            "c": taxon(kingdom="X"),
            "d": taxon({"superkingdom": "Archaea"}, kingdom="k__Archaea"),
        },
    ),
    "kingdom beside the domain": (
        "genome_id\tdomain\tkingdom\na\tViruses\tOrthornavirae\n",
        {"a": taxon({"superkingdom": "Viruses"}, kingdom="Orthornavirae")},
    ),
    "NCBI datasets": (
        "Assembly Accession\tOrganism Name\tOrganism Taxonomic ID\na\tHyla arborea\t8418\n",
        {"a": Taxon(Lineage(), {"organism name": "Hyla arborea", "taxid": "8418"})},
    ),
    "NCBI assembly summary": (
        "##  See ftp://ftp.ncbi.nlm.nih.gov/README, a text\n#assembly_accession\ttaxid\na\t562\n",
        {"a": taxon(taxid="562")},
    ),
    "Kraken's output": (
        "C\ta\t562\t4641\t562:9\nU\tb\t0\t70\t0:9\nC\tc\tHyla arborea (taxid 8418)\t9\t\n",
        {"a": taxon(taxid="562"), "b": taxon(), "c": taxon(taxid="8418")},
    ),
    "Kraken's seqid2taxid.map": (
        "kraken:taxid|562|NC_000913.3\t562\n",
        {"kraken:taxid|562|NC_000913.3": taxon(taxid="562")},
    ),
    "Excel": (
        "\ufeffGenome ID;Species;Note, in short;\r\na;Hyla arborea;x, y;\r\nb;#N/A;;;;\r\n",
        {"a": taxon({"species": "Hyla arborea"}, **{"note, in short": "x, y"}), "b": taxon()},
    ),
    "Excel, with a separator": ("sep=;\ngenome_id;genus\na;Hyla\n", {"a": taxon({"genus": "Hyla"})}),
    "Excel, lineage": (f'genome_id;lineage\na;"{GTDB}"\n', {"a": taxon(GTDB_NAMES)}),
    "GTDB file": (
        f"RS_GCF_000005845.2\t{GTDB}\nGB_GCA_000006155.2\t{GTDB}\n",
        {"RS_GCF_000005845.2": taxon(GTDB_NAMES), "GB_GCA_000006155.2": taxon(GTDB_NAMES)},
    ),
}


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES)
def test_table_means(write, text, expected):
    assert read_taxonomy(write(text)).taxa == expected


def test_genomes_of_one_lineage_share_their_taxon(write):
    """A table of GTDB has 700,000 rows, and each taxon takes half a kilobyte."""
    taxa = read_taxonomy(write(f"a\t{GTDB}\nb\t{GTDB}\n")).taxa
    assert taxa["a"] == taxon(GTDB_NAMES)
    assert taxa["b"] is taxa["a"]


HEADERS = {
    **{name: name for name in ("genome_id", "id", "accession", "genome", "name", "ident", "user_genome")},
    **{
        "Accession": "accession",
        "GENOME_ID": "genome_id",
        "Genome ID": "genome_id",
        "genome-id": "genome_id",
    },
    **{
        "Assembly Accession": "assembly_accession",
        "Bin Id": "bin_id",
        "accession.version": "accession_version",
        "Sample": "sample",
        "sample_id": "sample_id",
        "Filename": "filename",
        "seqName": "seqname",
        "taxon_oid": "taxon_oid",
    },
}


@pytest.mark.parametrize(("header", "name"), HEADERS.items())
def test_id_column_is_found_and_named(write, header, name):
    taxonomy = read_taxonomy(write(f"genus\t{header}\nHyla\ta\n"))
    assert (taxonomy.id_column, taxonomy.taxa) == (name, {"a": taxon({"genus": "Hyla"})})


COVERS = {
    "columns": ("genome_id\tspecies\thost\nx\t\t\n", {"species", "host"}),
    "lineage": ("genome_id\tlineage\nx\td__A\n", set(RANKS[:7])),
    "lineage with strains": ("genome_id\tlineage\nx\td__A;t__B\n", set(RANKS)),
    "lineage without ranks": ("genome_id\tlineage\nx\tA;B\n", {"lineage"}),
    "lineage of both kinds": ("genome_id\tlineage\nx\tA;B\ny\td__A\n", {"lineage", *RANKS[:7]}),
    "GTDB file": ("x\td__A;g__B\n", set(RANKS[:7])),
    "domain": ("genome_id\tdomain\nx\t\n", {"superkingdom"}),
    "kingdom": ("genome_id\tkingdom\nx\t\n", {"superkingdom", "kingdom"}),
}


@pytest.mark.parametrize(("text", "covers"), COVERS.values(), ids=COVERS)
def test_a_taxonomy_knows_what_it_has_columns_for(write, text, covers):
    assert read_taxonomy(write(text)).covers == covers


def test_a_taxdump_covers_all_ranks(tmp_path, write):
    dump = save_folder(tmp_path / "dump", DUMP)
    assert read_taxonomy(write("a\t562\n"), dump).covers == {"taxid", *RANKS}


PLACEHOLDERS = (
    "s__", "d__", "D_0__", "#N/A", "#n/a", "N/A", "NA", "n.a.", "nan", "None", "null", "-", "--", "?", ".",
    "_", "uncultured",
    "not assigned", "Not Assigned", "not_assigned", "TBD", "tba", "to be determined", "unknown", "Unknown",
    "unclassified", "unassigned", "unknown species", "[unclassified]", "(none)", "<NA>", "#REF!", "#VALUE!",
    "#DIV/0!", "g__unclassified", "s__unknown", "no rank", "not available", "missing",
)  # fmt: skip


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_no_name_at_any_rank(write, text):
    assert not any(usable_name(rank, text) for rank in RANKS)
    row = "\t".join([text] * len(RANKS))
    header = "\t".join(RANKS)
    assert read_taxonomy(write(f"genome_id\t{header}\na\t{row}\n")).taxa == {"a": taxon()}


def test_a_placeholder_in_a_lineage_is_no_name(write):
    text = "genome_id\tlineage\na\td__Bacteria;f__not assigned;g__Hyla;s__#N/A\n"
    expected = {"superkingdom": "Bacteria", "genus": "Hyla"}
    assert read_taxonomy(write(text)).taxa == {"a": taxon(expected)}


def test_genome_id_is_taken_before_id(write):
    taxonomy = read_taxonomy(write("id\tname\tgenome_id\n1\tx\ta\n"))
    assert (taxonomy.id_column, taxonomy.taxa) == ("genome_id", {"a": taxon(id="1", name="x")})


def test_columns_are_the_labels_that_have_values_in_header_order(write):
    text = "zeta\tgenome_id\tspecies\tlineage\tnever\talpha\t\n1\ta\tHyla arborea\tA;B\t\t2\t\n"
    assert read_taxonomy(write(text)).columns == ("zeta", "lineage", "alpha")


def test_release_is_name_and_sha256(write):
    content = b"genome_id\tgenus\na\tHyla\n"
    expected = f"t.tsv {hashlib.sha256(content).hexdigest()[:12]}"
    assert read_taxonomy(write(content)).release == expected


def test_table_without_ranks_has_a_warning(write):
    path = write("genome_id\ttaxid\na\t9606\n")
    cure = "name columns after ranks, give lineages as d__...;s__..., or taxids and a taxdump"
    assert read_taxonomy(path).warnings == (f"{path}: no genome has a rank; {cure}",)


def test_table_of_descriptions_needs_no_rank(write):
    assert read_taxonomy(write("genome_id\tdescription\na\tA frog\n")).warnings == ()


def test_table_with_ranks_has_no_warnings(write):
    assert read_taxonomy(write("genome_id\tgenus\na\tHyla\nb\t\n")).warnings == ()


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_compressed_table_reads_as_plain(write, packer):
    # Two frames, as `cat a.gz b.gz` and parallel compressors make them; the name does not say it is packed.
    packed = packer(b"genome_id\tgenus\n") + packer(b"a\tHyla\n")
    assert read_taxonomy(write(packed)).taxa == {"a": taxon({"genus": "Hyla"})}


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_truncated_archive_is_an_error(write, packer):
    packed = packer(b"genome_id\tgenus\n" + b"".join(b"g%d\tHyla\n" % at for at in range(9999)))
    path = write(packed[: len(packed) // 2])
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(path)
    assert str(caught.value) == (
        f"{path}: cannot be read (Compressed file ended before the end-of-stream marker was reached); "
        "check its permissions, or fetch it again if it is damaged"
    )


@given(
    st.dictionaries(st.from_regex(r"[A-Za-z0-9_.]{1,12}", fullmatch=True), st.text("abc é\"',;|", max_size=9))
)
def test_csv_reads_what_csv_wrote(tmp_path_factory, notes):
    folder = tmp_path_factory.mktemp("round", numbered=True)
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("genome_id", "note"), *notes.items()])
    expected = {key: taxon(note=note.strip()) if note.strip() else taxon() for key, note in notes.items()}
    assert read_taxonomy(folder / "t.csv").taxa == expected


NO_ID = "no column names the genomes; the columns are 'specimen', 'genus'; call one of them 'genome_id'"
NOT_GTDB = "in a GTDB lineage; give each of d__, p__, c__, o__, f__, g__, s__ at most once"
NOT_UTF8 = "these bytes are not UTF-8; save the file with the encoding UTF-8"
REPORT = (
    "this is a report of Kraken, which counts reads by taxon and names no genome; "
    "give a table of genome_id and taxid or lineage, such as Kraken's own output or seqid2taxid.map"
)
ERRORS = {
    "empty": ("", ": the file is empty; it needs a header with a column genome_id"),
    "blank": ("\n \n", ": the file is empty; it needs a header with a column genome_id"),
    "no id column": ("specimen\tgenus\na\tHyla\n", f", line 1: {NO_ID}"),
    "no id column, late header": ("\n\nspecimen,genus\na,Hyla\n", f", line 3: {NO_ID}"),
    "two columns of one meaning": (
        "genome_id\tdomain\tsuperkingdom\n",
        ", line 1: two columns mean superkingdom; rename or remove one",
    ),
    "two values": (
        "genome_id\tgenus\tspecies\na\tHyla\tHyla arborea\nb\nc\na\tHyla\tHyla meridionalis\n",
        ", line 5: 'a' has species 'Hyla arborea' on line 2 but 'Hyla meridionalis' here; "
        "keep one of the two rows",
    ),
    "a value and none": (
        "genome_id\tgenus\na\tHyla\na\t\n",
        ", line 3: 'a' has genus 'Hyla' on line 2 but empty here; keep one of the two rows",
    ),
    "none and a value": (
        "genome_id,host\na,\na,frog\n",
        ", line 3: 'a' has host empty on line 2 but 'frog' here; keep one of the two rows",
    ),
    "row too long": (
        "genome_id\tgenus\na\tHyla\nb\tRana\tx\n",
        ", line 3: 3 fields, but the header has 2; quote or remove the others",
    ),
    "csv row too long": (
        'genome_id,note\na,"x\ny"\nb,Rana,x\n',
        ", line 4: 3 fields, but the header has 2; quote or remove the others",
    ),
    "row without an id": (
        "accession\tgenus\n\tHyla\n",
        ", line 2: the accession is empty; fill it in or remove the row",
    ),
    "bad GTDB element": (
        "genome_id\tlineage\na\td__Bacteria;x__Y\n",
        f", line 2: cannot read 'x__Y' {NOT_GTDB}",
    ),
    "GTDB rank twice": ("a\td__Bacteria;g__X;g__Y\n", f", line 1: cannot read 'g__Y' {NOT_GTDB}"),
    "Kraken report": (
        " 99.10\t10\t2\tS\t562\t    Escherichia coli\n",
        f", line 1: {REPORT}",
    ),
    "Kraken report with minimisers": (
        "  1.00\t10\t2\t7\t7\tU\t0\tunclassified\n",
        f", line 1: {REPORT}",
    ),
    "Bracken report": ("name\ttaxonomy_id\ttaxonomy_lvl\nHyla arborea\t8418\tS\n", f", line 1: {REPORT}"),
    "KrakenUniq report": ("%\treads\ttaxID\trank\ttaxName\n1\t2\t562\tS\tx\n", f", line 1: {REPORT}"),
    "MetaPhlAn report": ("k__Bacteria|p__X\t7\n", f", line 1: {REPORT}"),
    "open quote": (
        'genome_id,note\na,"b\nc,d\n',
        ", line 3: not well-formed CSV (unexpected end of data); "
        "quote such fields, and double the quotes in them",
    ),
    "latin-1": ("genome_id\tgenus\na\tHyla\nb\tHÿla\n".encode("latin-1"), f", line 3: {NOT_UTF8}"),
    "latin-1 after a csv line break": (
        'genome_id,note\na,"x\ny"\nb,ÿ\n'.encode("latin-1"),
        f", line 4: {NOT_UTF8}",
    ),
    "utf-16, cut short": (
        "genome_id\tgenus\na\tHyla\n".encode("utf-16")[:-1],
        ", line 2: the text is in UTF-16, but cut short or damaged; save it again, as UTF-8",
    ),
    "Excel workbook": (
        b"PK\3\4\x14\0\x08\0xl/workbook.xml",
        ": this is an Excel workbook (.xlsx); save the table as CSV or as text",
    ),
    "old Excel": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        ": this is a document of an old Office (.xls, .doc); save the table as CSV or as text",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), ERRORS.values(), ids=ERRORS)
def test_error_names_place_and_cure(write, content, sentence):
    path = write(content)
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(path)
    assert str(caught.value) == f"{path}{sentence}"


@pytest.mark.long
def test_undecodable_byte_far_into_a_file_is_found(write):
    path = write(b"genome_id\tgenus\n" + b"".join(b"g%d\tHyla\n" % at for at in range(50_000)) + b"x\t\xff\n")
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(path)
    assert caught.value.line == 50_002


def test_absent_file(tmp_path):
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(tmp_path / "no.tsv")
    assert str(caught.value) == f"{tmp_path / 'no.tsv'}: no such file; check the path"


# NCBI taxdumps

NODES = [
    (1, 1, "no rank"),
    (131567, 1, "cellular root"),
    (2, 131567, "domain"),
    (1224, 2, "phylum"),
    (543, 1224, "family"),
    (561, 543, "genus"),
    (562, 561, "species"),
    (83333, 562, "strain"),
    (511145, 83333, "no rank"),
    (10239, 1, "acellular root"),
    (12637, 10239, "species"),
    (2759, 1, "superkingdom"),
]
NAMES = {
    1: "root",
    131567: "cellular organisms",
    2: "Bacteria",
    1224: "Pseudomonadota",
    543: "Enterobacteriaceae",
    561: "Escherichia",
    562: "Escherichia coli",
    83333: "Escherichia coli K-12",
    511145: "Escherichia coli MG1655",
    10239: "Viruses",
    12637: "dengue virus",
    2759: "Eukaryota",
}
ECOLI = {
    "superkingdom": "Bacteria",
    "phylum": "Pseudomonadota",
    "family": "Enterobacteriaceae",
    "genus": "Escherichia",
    "species": "Escherichia coli",
}
MAPPING = "genome_id\ttaxid\thost\n" + "".join(
    f"{genome_id}\t{taxid}\thuman\n"
    for genome_id, taxid in [
        ("coli", 562),
        ("k12", 511145),
        ("virus", 12637),
        ("old", 99),
        ("gone", 98),
        ("new", 97),
    ]
)
CURE = "so it gives no lineage; correct it or take a newer taxdump"


def dmp(rows):
    return "".join("\t|\t".join(map(str, row)) + "\t|\n" for row in rows)


DUMP = {
    "nodes.dmp": dmp((*row, "", "0", "1", "11") for row in NODES),
    "names.dmp": dmp(
        row
        for taxid, name in NAMES.items()
        for row in [(taxid, f"{name} of old", "", "synonym"), (taxid, name, "", "scientific name")]
    ),
    "merged.dmp": dmp([(99, 95), (95, 562), (90, 91), (91, 90)]),
    "delnodes.dmp": dmp([(98,), (4,)]),
    "genome2taxid.tsv": MAPPING,
}


def save_folder(path, files):
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def save_tar(path, files):
    folder = save_folder(path.with_name("loose"), files)
    path = path.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, "taxdump")
    return path


def save_zip(path, files):
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


SAVERS = {"folder": save_folder, "tar.gz": save_tar, "zip": save_zip}


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
def test_taxdump_gives_lineages(tmp_path, save):
    taxonomy = read_taxonomy(save(tmp_path / "dump", DUMP))
    assert taxonomy.taxa == {
        "coli": taxon(ECOLI, taxid="562", host="human"),
        "k12": taxon({**ECOLI, "strain": "Escherichia coli K-12"}, taxid="511145", host="human"),
        "virus": taxon({"superkingdom": "Viruses", "species": "dengue virus"}, taxid="12637", host="human"),
        "old": taxon(ECOLI, taxid="99", host="human"),
        "gone": taxon(taxid="98", host="human"),
        "new": taxon(taxid="97", host="human"),
    }
    assert taxonomy.warnings == (
        f"gone: taxid 98 was deleted by NCBI, {CURE}",
        f"new: taxid 97 is not in the taxdump, {CURE}",
    )
    assert taxonomy.columns == ("taxid", "host")


@pytest.mark.parametrize("save", [save_tar, save_zip])
def test_release_of_an_archive_is_its_own_sha256(tmp_path, save):
    path = save(tmp_path / "dump", DUMP)
    assert read_taxonomy(path).release == f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def test_release_names_table_and_taxdump_and_follows_both(tmp_path, write):
    dump = save_folder(tmp_path / "dump", {name: DUMP[name] for name in ("nodes.dmp", "names.dmp")})
    parts = [
        hashlib.sha256(text.encode()).hexdigest()[:12]
        for text in (MAPPING, DUMP["nodes.dmp"] + DUMP["names.dmp"])
    ]
    release = read_taxonomy(write(MAPPING), dump).release
    assert release == f"t.tsv {parts[0]} + dump {parts[1]}"


def test_table_and_taxdump_without_merged_and_deleted(tmp_path, write):
    dump = save_folder(tmp_path / "dump", {name: DUMP[name] for name in ("nodes.dmp", "names.dmp")})
    table = (
        "genome_id,taxid,species,lineage\na,562,Shigella flexneri,\nb,562,,d__X\nc,,,\nd,2759,,A;B\ne,99,,\n"
    )
    taxonomy = read_taxonomy(write(table), dump)
    assert taxonomy.taxa == {
        "a": taxon({**ECOLI, "species": "Shigella flexneri"}, taxid="562"),
        "b": taxon({**ECOLI, "superkingdom": "X"}, taxid="562"),
        "c": taxon(),
        "d": taxon({"superkingdom": "Eukaryota"}, taxid="2759", lineage="A;B"),
        "e": taxon(taxid="99"),
    }
    assert taxonomy.warnings == (f"e: taxid 99 is not in the taxdump, {CURE}",)


def test_mapping_without_header(tmp_path, write):
    dump = save_folder(tmp_path / "dump", DUMP)
    assert read_taxonomy(write("a\t562\n"), dump).taxa == {"a": taxon(ECOLI, taxid="562")}


def test_circles_in_a_dump_end(tmp_path, write):
    circle = dmp([(1, 1, "no rank"), (5, 6, "genus"), (6, 5, "family")])
    names = dmp([(5, "Hyla", "", "scientific name"), (6, "Hylidae", "", "scientific name")])
    dump = save_folder(
        tmp_path / "dump", {"nodes.dmp": circle, "names.dmp": names, "merged.dmp": DUMP["merged.dmp"]}
    )
    taxonomy = read_taxonomy(write("a\t5\nb\t90\n"), dump)
    assert taxonomy.taxa == {
        "a": taxon({"family": "Hylidae", "genus": "Hyla"}, taxid="5"),
        "b": taxon(taxid="90"),
    }
    assert taxonomy.warnings == (f"b: taxid 90 is not in the taxdump, {CURE}",)


PACKED = "give NCBI's taxdump as a folder, taxdump.tar.gz or taxdmp.zip"
RECORD = "as a taxdump record; download the taxdump again"
BAD_DUMPS = {
    "no nodes": ({"nodes.dmp": None}, f": holds no nodes.dmp; {PACKED}"),
    "no names": ({"names.dmp": None}, f": holds no names.dmp; {PACKED}"),
    "no mapping": (
        {"genome2taxid.tsv": None},
        ": holds no genome2taxid.tsv; add it (columns genome_id, taxid) or give a table and this taxdump",
    ),
    "mapping without taxids": (
        {"genome2taxid.tsv": "genome_id\tgenus\na\tHyla\n"},
        "/genome2taxid.tsv: a taxdump needs a column 'taxid', which this table lacks; "
        "add it or leave the taxdump out",
    ),
    "taxid with a point": (
        {"genome2taxid.tsv": "genome_id\ttaxid\na\t562\nb\t562.0\n"},
        "/genome2taxid.tsv, line 3: taxid '562.0' is not a whole number; write it in digits only",
    ),
    "node cut short": (
        {"nodes.dmp": DUMP["nodes.dmp"] + "9\t|\t"},
        f"/nodes.dmp, line 13: cannot read '9\\t|' {RECORD}",
    ),
    "field missing": (
        {"nodes.dmp": dmp([(1, 1)])},
        f"/nodes.dmp, line 1: cannot read '1\\t|\\t1\\t|' {RECORD}",
    ),
    "parent is no number": (
        {"nodes.dmp": "1\t|\tx\t|\tno rank\t|\n"},
        f"/nodes.dmp, line 1: cannot read '1\\t|\\tx\\t|\\tno rank\\t|' {RECORD}",
    ),
    "parent is no node": (
        {"nodes.dmp": dmp([(562, 561, "species")])},
        "/nodes.dmp: taxid 561 is a parent but not a node; download the taxdump again",
    ),
    "no scientific name": (
        {"names.dmp": DUMP["names.dmp"].replace("coli\t|\t\t|\tscientific", "coli\t|\t\t|\tcommon")},
        "/names.dmp: taxid 562 has no scientific name; download the taxdump again",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), BAD_DUMPS.values(), ids=BAD_DUMPS)
@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
def test_bad_taxdump_names_place_and_cure(tmp_path, save, changes, sentence):
    path = save(
        tmp_path / "dump", {name: text for name, text in {**DUMP, **changes}.items() if text is not None}
    )
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_taxdump_that_is_not_an_archive(write):
    path = write("genome_id\ttaxid\na\t562\n")
    with pytest.raises(TaxonomyError) as caught:
        read_taxonomy(path, path)
    sentence = "is neither a folder nor a tar or zip archive; give NCBI's taxdump as one of these"
    assert str(caught.value) == f"{path}: {sentence}"


def test_truncated_taxdump_is_an_error(tmp_path):
    path = save_tar(
        tmp_path / "dump", DUMP | {"names.dmp": DUMP["names.dmp"] + "".join(map(str, range(99_999)))}
    )
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(TaxonomyError, match="cannot be read .Compressed file ended before"):
        read_taxonomy(path)


# Asking

KEYS = {
    "exact": (["a"], "a", "a"),
    "unknown": (["a"], "b", None),
    "case counts": (["a"], "A", None),
    "without RS_": (["RS_GCF_000005845.2"], "GCF_000005845.2", "RS_GCF_000005845.2"),
    "without GB_": (["GB_GCA_000006155.2"], "GCA_000006155.2", "GB_GCA_000006155.2"),
    "RS_ on the genome": (["GCF_000005845.2"], "RS_GCF_000005845.2", "GCF_000005845.2"),
    "exact before unmarked": (
        ["RS_GCF_000005845.2", "GCF_000005845.2"],
        "GCF_000005845.2",
        "GCF_000005845.2",
    ),
    "both marks": (["RS_GCF_000005845.2", "GB_GCF_000005845.2"], "GCF_000005845.2", None),
    "RS_ is a mark only on assemblies": (["RS_17"], "17", None),
    "version on the genome": (["NC_001573"], "NC_001573.1", "NC_001573"),
    "version in the table": (["KU509261.1"], "KU509261", "KU509261.1"),
    "mark and version": (["RS_GCF_000005845.2"], "GCF_000005845", "RS_GCF_000005845.2"),
    "WGS accession": (["NZ_CP017135"], "NZ_CP017135.1", "NZ_CP017135"),
    "other version": (["NC_001573.1"], "NC_001573.2", None),
    "two versions": (["NC_001573.1", "NC_001573.2"], "NC_001573", None),
    "exact among versions": (["NC_001573.1", "NC_001573.2"], "NC_001573.2", "NC_001573.2"),
    "bare row and another version": (["NC_001573", "NC_001573.1"], "NC_001573.2", None),
    "bins are no versions": (["bin"], "bin.1", None),
    "nor the reverse": (["bin.1"], "bin", None),
    "MAGs are no versions": (["MAG00001"], "mag00001.1", None),
}


@pytest.mark.parametrize(("keys", "genome_id", "expected"), KEYS.values(), ids=KEYS)
def test_find_matches_ids(keys, genome_id, expected):
    taxonomy = Taxonomy({key: taxon(key=key) for key in keys}, "made up")
    assert taxonomy.find(genome_id) == (None if expected is None else taxon(key=expected))


def test_reconcile_sorts_and_knows_versions():
    taxonomy = Taxonomy({key: Taxon() for key in ("z", "NC_001573", "RS_GCF_000005845.2", "c")}, "made up")
    genomes = ["y", "GCF_000005845.2", "NC_001573.1", "b", "y"]
    assert reconcile(genomes, taxonomy) == (["b", "y"], ["c", "z"])


# Names

USABLE = [
    ("species", "Bacillus subtilis"),
    ("species", "Escherichia coli_D"),
    ("species", "Bacillus_A subtilis_B"),
    ("species", "Pseudomonas sp000746525"),
    ("species", "UBA1234 sp900000001"),
    ("species", "Candidatus Blochmannia pennsylvanicus"),
    ("species", "[Clostridium] difficile"),
    ("species", "Corynebacterium diphtheriae"),
    ("species", "Symplecta hybrida"),
    ("species", "Malus x domestica"),
    ("species", "Malus × domestica"),
    ("species", "Potato virus X"),
    ("species", "Dengue virus"),
    ("species", "Human immunodeficiency virus 1"),
    ("species", "Escherichia phage T4"),
    ("species", "Alphapapillomavirus 9"),
    ("species", "Salmonella enterica subsp. enterica"),
    ("strain", "Escherichia coli str. K-12 substr. MG1655"),
    ("strain", "SAR11 group"),
    ("genus", "Candidatus Blochmannia"),
    ("genus", "Bacillus_A"),
    ("genus", "JAAYUJ01"),
    ("genus", "CAG-83"),
    ("family", "Bacillaceae_H"),
    ("phylum", "candidate division WOR-3"),
]
UNUSABLE = [
    ("species", ""),
    ("species", " "),
    ("species", "-"),
    ("species", "?"),
    ("species", "562"),
    ("species", "NA"),
    ("species", "n/a"),
    ("species", "None"),
    ("species", "unknown"),
    ("species", "not available"),
    ("species", "Bacillus sp."),
    ("species", "Bacillus sp"),
    ("species", "Bacillus_sp._X"),
    ("species", "Sphingomonas sp. DC-6"),
    ("species", "Streptomyces sp. nov. X"),
    ("species", "Coregonus sp. 'cluncaformis'"),
    ("species", "Pelophylax cf. bedriagae"),
    ("species", "Litoditis aff. marina"),
    ("species", "Heterotermes nr. tenuis"),
    ("species", "Bacillus spp."),
    ("species", "Circoviridae gen. sp."),
    ("species", "uncultured Bacteroides sp."),
    ("species", "Uncultured archaeon"),
    ("species", "unidentified virus"),
    ("species", "environmental samples"),
    ("species", "gut metagenome"),
    ("species", "Firmicutes bacterium CAG:83"),
    ("species", "gamma proteobacterium HTCC5015"),
    ("species", "Candidatus Bathyarchaeota archaeon"),
    ("species", "Wolbachia endosymbiont of Drosophila"),
    ("species", "synthetic construct"),
    ("species", "Cyprinidae hybrid sp."),
    ("species", "Equus asinus x caballus"),
    ("species", "Carassius auratus x Cyprinus carpio"),
    ("species", "(Cyprinus carpio"),
    ("species", "Bacillus cereus group"),
    ("species", "Burkholderia cepacia complex"),
    ("genus", "Candidatus"),
    ("genus", "Ca."),
    ("genus", "unclassified Bolitoglossa"),
    ("genus", "uncultured"),
    ("family", "Clostridiales Family XIII. Incertae Sedis"),
    ("order", "incertae_sedis"),
    ("phylum", "unassigned"),
]


@pytest.mark.parametrize(("rank", "name"), USABLE)
def test_usable(rank, name):
    assert usable_name(rank, name)


@pytest.mark.parametrize(("rank", "name"), USABLE)
def test_a_usable_name_is_no_placeholder(rank, name):
    assert not is_empty_name(name)


@pytest.mark.parametrize(("rank", "name"), UNUSABLE)
def test_unusable(rank, name):
    assert not usable_name(rank, name)


GENERA = {
    "Bacillus subtilis": "Bacillus",
    "Bacillus_A subtilis_B": "Bacillus_A",
    "Pseudomonas sp000746525": "Pseudomonas",
    "Salmonella enterica subsp. enterica": "Salmonella",
    "Candidatus Blochmannia pennsylvanicus": "Candidatus Blochmannia",
    "Ca. Blochmannia pennsylvanicus": "Candidatus Blochmannia",
    '"Candidatus Liberibacter" asiaticus': "Candidatus Liberibacter",
    "[Clostridium] difficile": "Clostridium",
    "'Nostoc azollae' 0708": "Nostoc",
    "Malus x domestica": "Malus",
    "Pelophylax cf. bedriagae": "Pelophylax",
    "Orthoflavivirus denguei": "Orthoflavivirus",
    "Escherichia": None,
    "Candidatus Blochmannia": None,
    "Candidatus": None,
    "": None,
    "Escherichia K-12": None,
    "Serranidae sp. JL-2015": None,
    "Cyprinidae hybrid sp.": None,
    "Firmicutes bacterium CAG:83": None,
    "uncultured Bacillus": None,
    "unclassified Bolitoglossa": None,
    "Hepatitis B virus": None,
    "Dengue virus": None,
    "Human immunodeficiency virus 1": None,
    "Bovine alphaherpesvirus 1": None,
    "Escherichia phage T4": None,
    "Potato spindle tuber viroid": None,
}


@pytest.mark.parametrize(("species", "genus"), GENERA.items())
def test_species_genus(species, genus):
    assert species_genus(species) == genus


@given(st.text("aA x×[]'\"().;_-1", max_size=20), st.sampled_from(RANKS))
def test_any_text_can_be_judged(name, rank):
    genus = species_genus(name)
    assert usable_name(rank, name) in (True, False)
    assert genus is None or genus.removeprefix("Candidatus ")[0].isupper()


# Molecules: kind, superkingdom, lineage, length in bp -> group

MOLECULES = [
    ("bacteria", "", "", 4_600_000, "prokaryote"),
    ("archaea", "", "", 1_700_000, "prokaryote"),
    ("virus", "", "", 10_000, "virus"),
    ("organelle:Metazoa", "", "", 17_553, "organelle"),
    ("organelle_part:Fungi", "", "", 1_136, "organelle"),
    ("mitochondrion", "", "", 16_600, "organelle"),
    ("Chloroplast", "", "", 150_000, "organelle"),
    ("plastid", "", "", 150_000, "organelle"),
    ("organelle", "Eukaryota", "", 11_300_000, "organelle"),
    ("plasmid:Bacteria", "Bacteria", "Bacteria; X", 23_229, "plasmid"),
    ("assembly", "Bacteria", "", 4_600_000, "prokaryote"),
    ("", "Bacteria", "", 580_076, "prokaryote"),
    ("", "Archaea", "", 1_700_000, "prokaryote"),
    ("", "Viruses", "", 10_000, "virus"),
    ("", "Eukaryota", "", 2_999_999, "organelle"),
    ("", "Eukaryota", "", 3_000_000, "other"),
    ("", "", "Eukaryota; Metazoa", 16_600, "organelle"),
    ("", "", "Viruses; Riboviria", 16_600, "virus"),
    ("", "", "cellular organisms; Bacteria; X", 16_600, "prokaryote"),
    ("", "", "root;cellular organisms;Archaea", 16_600, "prokaryote"),
    ("", "Viruses", "Bacteria; X", 16_600, "virus"),
    ("", "", "Metazoa; Chordata", 16_600, "other"),
    ("", "", "", 16_600, "other"),
    ("", "d__Bacteria", "", 580_076, "prokaryote"),
    ("", "d__Archaea", "", 580_076, "prokaryote"),
    ("", "k__Bacteria", "", 580_076, "prokaryote"),
    ("", "sk__Viruses", "", 10_000, "virus"),
    ("", "D_0__Eukaryota", "", 16_600, "organelle"),
    ("", "", "k__Bacteria; p__X", 580_076, "prokaryote"),
]


@pytest.mark.parametrize(("kind", "superkingdom", "lineage", "length_bp", "expected"), MOLECULES)
def test_molecule_of(kind, superkingdom, lineage, length_bp, expected):
    labels = {name: value for name, value in (("kind", kind), ("lineage", lineage)) if value}
    names = {"superkingdom": superkingdom} if superkingdom else {}
    assert molecule_of(Taxon(Lineage(names), labels), length_bp) == expected


# Real tables: genomes, species names, of those usable; molecule of all

REAL = {
    "mito": (7_382, 7_133, 7_004, "organelle"),
    "mito_newvert": (694, 689, 687, "organelle"),
    "dengue": (480, 1, 1, "virus"),
    "virus": (1_337, 11, 11, "virus"),
    "plasmid": (420, 172, 153, "plasmid"),
    "bacteria": (68, 52, 52, "prokaryote"),
}


@needs_genomes
@pytest.mark.parametrize(("name", "expected"), REAL.items(), ids=REAL)
def test_real_table(name, expected):
    taxa = read_taxonomy(GENOMES / f"{name}.tsv").taxa.values()
    species = {taxon.lineage.names["species"] for taxon in taxa if "species" in taxon.lineage.names}
    usable = [name for name in species if usable_name("species", name)]
    (molecule,) = {molecule_of(taxon, int(taxon.labels["length"])) for taxon in taxa}
    assert (len(taxa), len(species), len(usable), molecule) == expected


@needs_genomes
def test_real_row():
    found = read_taxonomy(GENOMES / "mito.tsv").find("NC_001573")
    assert found is not None
    assert found.lineage.names == {"family": "Pipidae", "genus": "Xenopus", "species": "Xenopus laevis"}
    assert "subtype" not in found.labels
    assert found.labels["kind"] == "organelle:Metazoa"


@needs_genomes
def test_a_genome_of_many_classes_is_a_conflict():
    path = GENOMES / "mldsp_datasets.tsv"
    with pytest.raises(TaxonomyError, match=r"line \d+: 'NC_\d+\.\d' has class 'Amphibians' on line 2 but"):
        read_taxonomy(path)
