"""Genomes and rows of a taxonomy: ids as NCBI, GTDB, ENA, Kraken and GISAID write them, on either side."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genome_index.records import Lineage, Taxon
from genome_index.taxonomy.lookup import Rule, Taxonomy
from genome_index.taxonomy.matching import match
from genome_index.taxonomy.tables import read_taxonomy

GENOMES = Path(__file__).parents[2].parent / "shared" / "genomes"
needs_genomes = pytest.mark.skipif(
    not GENOMES.is_dir(), reason="shared/genomes, the labelled genomes, is absent"
)


def known(*keys: str, same: bool = False) -> Taxonomy:
    """A taxonomy with these rows, each of another species unless `same`."""
    taxa = {key: Taxon(Lineage({"species": "Hyla arborea" if same else f"Hyla {key}"})) for key in keys}
    return Taxonomy(taxa, "t.tsv")


# The id of a genome, the id of a row, the rule by which they fit, which is the same the other way round.
FITS = [
    ("bin.1", "bin.1", Rule.SAME),
    ("GCF_000005845.2", "RS_GCF_000005845.2", Rule.GTDB_PREFIX),
    ("GCA_000005845.2", "GB_GCA_000005845.2", Rule.GTDB_PREFIX),
    ("bin.1", "bin.1.fa", Rule.FILE_NAME),
    ("bin.1", "s1/bins/bin.1.fasta.gz", Rule.FILE_NAME),
    ("GCF_000005845.2_ASM584v2_genomic", "GCF_000005845.2", Rule.ACCESSION),
    ("GCF_000005845.2_ASM584v2_genomic", "RS_GCF_000005845.2", Rule.ACCESSION),
    ("GCF_000005845.2_ASM584v2_genomic", "GCF_000005845.2_ASM584v2", Rule.ACCESSION),
    ("GCF_000005845.2_ASM584v2_genomic.fna", "GCF_000005845.2", Rule.ACCESSION),
    ("GCA_000001405.15_GRCh38_genomic", "GCA_000001405.15", Rule.ACCESSION),
    ("Escherichia_coli_K12_GCF_000005845.2", "GCF_000005845.2", Rule.ACCESSION),
    ("kraken:taxid|751944|NZ_CP007060.1", "NZ_CP007060.1", Rule.ACCESSION),
    ("gi|9626372|ref|NC_001422.1|", "NC_001422.1", Rule.ACCESSION),
    ("lcl|NC_000001.1", "NC_000001.1", Rule.ACCESSION),
    ("ref|NC_000002.1|", "NC_000002.1", Rule.ACCESSION),
    ("gb|AB036910.1|HPBADW1", "AB036910.1", Rule.ACCESSION),
    ("emb|X14112.1|", "X14112.1", Rule.ACCESSION),
    ("dbj|AB036910.1|", "AB036910.1", Rule.ACCESSION),
    ("NC_000003.1:1-3000", "NC_000003.1", Rule.ACCESSION),
    ("NC_000003.1:c3000-1", "NC_000003.1", Rule.ACCESSION),
    ("NC_000005.1,plasmid", "NC_000005.1", Rule.ACCESSION),
    ('"NC_000006.1"', "NC_000006.1", Rule.ACCESSION),
    ("NC_000007.1;size=5;", "NC_000007.1", Rule.ACCESSION),
    (">NC_000008.1", "NC_000008.1", Rule.ACCESSION),
    ("ENA|AB000010|AB000010.1", "AB000010.1", Rule.ACCESSION),
    ("ENA|AB000010|AB000010.1", "AB000010", Rule.VERSION),
    ("tpg|BK000011.1|", "BK000011", Rule.VERSION),
    ("NC_001573.1", "NC_001573", Rule.VERSION),
    ("GCF_000005845.2_ASM584v2_genomic", "RS_GCF_000005845", Rule.VERSION),
    ("AB036910_HBV_genotype_F", "AB036910", Rule.ACCESSION),
    ("CP007060.1_Halobacterium", "CP007060.1", Rule.ACCESSION),
    ("JAAYUJ010000001.1", "JAAYUJ010000001", Rule.VERSION),
    ("GCF_000005845.2", "GCA_000005845.2", Rule.REFSEQ_COPY),
    ("GCF_000005845.2_ASM584v2_genomic", "GB_GCA_000005845.2", Rule.REFSEQ_COPY),
    ("NZ_CP007060.1", "CP007060.1", Rule.REFSEQ_COPY),
    ("GCF_000005845.2", "GCA_000005845", Rule.COPY_AND_VERSION),
    ("A/mute swan/Austria/1/2023|EPI_ISL_1|PB2", "A/mute swan/Austria/1/2023", Rule.NAME),
    ("A/mute swan/Austria/1/2023|EPI_ISL_1|PB2", "EPI_ISL_1", Rule.NAME),
    ("EPI_ISL_1 | A/duck/Laos/1/2006 | HA", "A/duck/Laos/1/2006", Rule.NAME),
    ("hCoV-19/South Africa/x-1/2020|EPI_ISL_2|2020", "hCoV-19/South Africa/x-1/2020", Rule.NAME),
    ("gi|9626372|ref|NC_001422.1|", "9626372", Rule.NAME),
    ("lcl|contig_7", "contig_7", Rule.NAME),
    ("A/mute swan/Austria/1/2023|EPI_ISL_1|PB2", "A/mute_swan/Austria/1/2023", Rule.NAME),
    ("A/mute_swan/Austria/1/2023|EPI_ISL_1|PB2", "A/mute swan/Austria/1/2023", Rule.NAME),
    ("sample 7", "sample_7", Rule.NAME),
    ("HBV_AB036910", "AB036910", Rule.ACCESSION),
    ("Hepatitis B virus (AB036910)", "AB036910", Rule.ACCESSION),
    ("Ref.A1.AU.03.PS1044.EU123456", "EU123456", Rule.ACCESSION),  # LANL
    ("B.FR.83.HXB2_LAI_IIIB_BRU.K03455", "K03455.1", Rule.VERSION),
    ("MN908947.3", "RNA1: MN908947; RNA2: MN908948", Rule.VERSION),  # ICTV
    ("hCoV-19/Wuhan/WIV04/2019|EPI_ISL_402124|2019-12-30", "Wuhan/WIV04/2019", Rule.NAME),  # Nextstrain
    ("hCoV-19/Wuhan/WIV04/2019", "Wuhan/WIV04/2019", Rule.NAME),
    ("A_duck_Laos_1_2006", "A/duck/Laos/1/2006", Rule.NAME),  # the name of a file
    ("gnl|Prokka|contig_7", "contig_7", Rule.NAME),
    ("otu1;size=5;", "otu1", Rule.NAME),
    ("contig_7:c500-1", "contig_7", Rule.NAME),
    ("kraken:taxid|9|contig_7", "contig_7", Rule.NAME),
]


@pytest.mark.parametrize(("genome_id", "key", "rule"), FITS)
def test_a_genome_has_its_row_however_the_ids_are_written(genome_id: str, key: str, rule: Rule) -> None:
    for first, second in ((genome_id, key), (key, genome_id)):
        matches = match([first], known(second, "another", "NC_999999.1"))
        assert matches.fits[first] == (rule, second)
        assert list(matches.warnings()) == []


NO_FITS = [
    ("plate1_K03455", "plate2_K03455"),  # a well, not an accession
    ("s1_bins_bin.1", "s1/bins/bin.2.fa"),
    ("bin.1", "bin"),
    ("bin.1", "bin.2"),
    ("GCF_000005845.2", "GCF_000005845.1"),
    ("GCF_000005845.2", "GCA_000005845.1"),
    ("GCF_000005845.2", "GCF_000005846.2"),
    ("GCF_0000058451.2", "GCF_000005845.2"),
    ("NC_001573.1", "NC_001573.12"),
    ("sample_A12345_run", "A12345"),  # a bare INSDC accession may be a sample's name
    ("MAG00001.1", "mag00001"),
    ("A/mute swan/Austria/1/2023|EPI_ISL_1|PB2", "PB2"),
    ("A/mute swan/Austria/1/2023|EPI_ISL_1|PB2", "EPI_ISL_11"),
    ("kraken:taxid|751944|NZ_CP007060.1", "751944"),
    ("GCF_000005845.2_ASM584v2_genomic", "ASM584v2"),
]


@pytest.mark.parametrize(("genome_id", "key"), NO_FITS)
def test_what_only_looks_alike_does_not_fit(genome_id: str, key: str) -> None:
    for first, second in ((genome_id, key), (key, genome_id)):
        assert match([first], known(second)).fits == {}
        assert known(second).find(first) is None


def sentences(ids: list[str], taxonomy: Taxonomy) -> list[str]:
    matches = match(ids, taxonomy)
    return [*matches.notes(), *matches.warnings(), *matches.misfits()]


def test_same_ids_need_no_word() -> None:
    assert sentences(["a", "b"], known("a", "b")) == []


def test_a_note_says_how_many_fit_by_which_rule() -> None:
    ids = ["a", "GCF_000005845.2_ASM584v2_genomic", "GCF_000006945.2_ASM694v2_genomic", "NC_1", "NC_001573.1"]
    taxonomy = known("a", "RS_GCF_000005845.2", "GB_GCA_000006945.2", "NC_001573", "NC_1")
    assert sentences(ids, taxonomy) == [
        "5 genomes found in t.tsv: 2 by the same id, 1 by the accession in a longer name, "
        "1 by the accession without its version, 1 by RefSeq for GenBank (GCF for GCA, NZ_X for X)"
    ]


def test_of_two_rows_the_strictest_rule_decides_and_a_sentence_says_so() -> None:
    ids = ["GCF_000005845.2_ASM584v2_genomic"]
    taxonomy = known("GCA_000005845.2", "RS_GCF_000005845.2")
    assert match(ids, taxonomy).fits[ids[0]].key == "RS_GCF_000005845.2"
    assert sentences(ids, taxonomy)[1:] == [
        "several rows of t.tsv fit 1 genome; the strictest rule decided: "
        "GCF_000005845.2_ASM584v2_genomic has 'RS_GCF_000005845.2' (the accession in a longer name), "
        "not 'GCA_000005845.2' (RefSeq for GenBank (GCF for GCA, NZ_X for X))",
    ]


def test_two_rows_by_the_same_rule_are_none() -> None:
    ids = ["GCF_000005845.2_ASM584v2_NC_000913.3", "x"]
    taxonomy = known("GCF_000005845.2", "NC_000913.3")
    assert match(ids, taxonomy).fits == {}
    assert sentences(ids, taxonomy) == [
        "several rows of t.tsv fit 1 genome equally well, so that none was taken: "
        "GCF_000005845.2_ASM584v2_NC_000913.3 fits 'GCF_000005845.2' and 'NC_000913.3'",
        "the first that do not fit in t.tsv: genomes 'GCF_000005845.2_ASM584v2_NC_000913.3', 'x'; "
        "rows 'GCF_000005845.2', 'NC_000913.3'",
    ]


def test_two_rows_that_say_the_same_are_one() -> None:
    taxonomy = known("RS_GCF_000005845.2", "GB_GCF_000005845.2", same=True)
    assert match(["GCF_000005845.2"], taxonomy).fits["GCF_000005845.2"].rule is Rule.GTDB_PREFIX


def test_of_two_genomes_the_strictest_has_the_row() -> None:
    ids = ["GCA_000005845.2", "GCF_000005845.2_ASM584v2_genomic"]
    matches = match(ids, known("RS_GCF_000005845.2"))
    assert list(matches.fits) == ["GCF_000005845.2_ASM584v2_genomic"]
    assert list(matches.warnings()) == [
        "rows of t.tsv fit 1 genome less strictly than another genome, which has them: GCA_000005845.2 "
        "(RefSeq for GenBank (GCF for GCA, NZ_X for X)): 'RS_GCF_000005845.2' names "
        "GCF_000005845.2_ASM584v2_genomic (the accession in a longer name)"
    ]


def test_genomes_that_fit_a_row_by_the_same_rule_share_it() -> None:
    """Eight segments of an isolate are one virus."""
    ids = [f"A/mute swan/Austria/1/2023|EPI_ISL_1|{segment}" for segment in ("PB2", "HA", "NA")]
    matches = match(ids, known("A/mute swan/Austria/1/2023"))
    assert set(matches.fits) == set(ids)
    assert list(matches.warnings()) == [
        "1 row of t.tsv for several genomes by the same rule: 'A/mute swan/Austria/1/2023' names "
        f"{ids[0]} and {ids[1]} (by a name in a longer header)"
    ]


def test_another_version_is_said_and_not_taken() -> None:
    assert sentences(["GCF_000005845.1", "NC_000913.2"], known("GCF_000005845.2", "NC_000913.3"))[:1] == [
        "t.tsv has another version of 2 genomes, which names none: "
        "GCF_000005845.1, where the row is 'GCF_000005845.2' and 1 more"
    ]


def test_the_first_rows_that_do_not_fit_stand_beside_the_first_genomes() -> None:
    assert sentences([f"bin_{at}" for at in range(5)], known("bin-0", "bin-1")) == [
        "the first that do not fit in t.tsv: genomes 'bin_0', 'bin_1', 'bin_2' and 2 more; "
        "rows 'bin-0', 'bin-1'"
    ]


SPELLINGS = ["{}", "RS_{}", "{}_ASM1v1_genomic", "ref|{}|", "kraken:taxid|9|{}", "{}:1-9", '"{}"', "x_{}"]


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=8, unique=True),
    st.lists(st.tuples(st.sampled_from(SPELLINGS), st.sampled_from(SPELLINGS)), min_size=8, max_size=8),
    st.randoms(use_true_random=False),
)
def test_any_spelling_finds_its_own_row(numbers, spellings, random) -> None:
    accessions = [f"GCF_{number:09}.1" for number in numbers]
    pairs = [
        (genome.format(one), row.format(one))
        for one, (genome, row) in zip(accessions, spellings, strict=False)
    ]
    rows = [row for _, row in pairs]
    random.shuffle(rows)
    matches = match([genome for genome, _ in pairs], known(*rows))
    assert {genome: fit.key for genome, fit in matches.fits.items()} == dict(pairs)
    assert list(matches.warnings()) == []


@given(st.lists(st.sampled_from(["GCF_000000001", "GCA_000000001", "NC_000001", "x"]).flatmap(
    lambda base: st.sampled_from([base, f"{base}.1", f"{base}.2", f"RS_{base}.1", f"{base}.1_genomic"])
), min_size=1, max_size=8, unique=True), st.data())  # fmt: skip
def test_no_row_is_of_two_genomes_by_different_rules(ids, data) -> None:
    """And no genome has a row where a stricter one is there for it."""
    at = data.draw(st.integers(0, len(ids)))
    taxonomy = known(*ids[at:])
    matches = match(ids[:at], taxonomy)
    rules: dict[str, Rule] = {}
    for genome_id, fit in matches.fits.items():
        assert taxonomy.fits(genome_id)[0].rule == fit.rule
        assert rules.setdefault(fit.key, fit.rule) == fit.rule
    assert {*matches.fits, *matches.unmatched} == set(ids[:at])


@needs_genomes
@pytest.mark.parametrize("name", ["bacteria", "plasmid", "virus", "mito_newvert"])
@pytest.mark.parametrize("spelling", ["ref|{}|", "kraken:taxid|9|{}", "{}:1-500", "lcl|{}", '"{}"', "{}.fna"])
def test_real_ids_are_found_however_they_are_written(name: str, spelling: str) -> None:
    taxonomy = read_taxonomy(GENOMES / f"{name}.tsv")
    ids = {spelling.format(key): key for key in taxonomy.taxa}
    matches = match(list(ids), taxonomy)
    assert {genome: fit.key for genome, fit in matches.fits.items()} == ids
    assert list(matches.warnings()) == []
