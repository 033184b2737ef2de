"""Pieces, mixtures, foreign contigs, N and unknown DNA, each made from real genomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.planted import built, with_names
from helpers.simulated import random_dna

from genome_index import Call, Contig, Genome, Index, QuerySettings, query_index
from genome_index.index.store.skani import Candidate, measure
from genome_index.index.store.sketches import pack
from genome_index.io.reader import iter_genomes

pytestmark = pytest.mark.long

BACTERIA = (
    "NC_002163.1", "GCF_006347615",  # Campylobacter jejuni
    "GCF_008681355", "NC_017366.1",  # Helicobacter pylori
    "NC_000908.2", "NC_018497.1",  # Mycoplasma genitalium
    "GCF_000014425", "GCF_007786085",  # Lactobacillus gasseri and jensenii
)  # fmt: skip
UNKNOWN = ("GCA_000214845", "NC_006461.1", "GCA_900129695")  # Thermus and Xylella, which the index lacks
SPIKE = random_dna(174, 5_386)  # as long as PhiX, left in one assembly


def bacterium(shared_genomes: Path, name: str) -> Genome:
    found = next(iter(iter_genomes([shared_genomes / "bacteria" / f"{name}.fa.gz"])))
    assert isinstance(found, Genome)
    return found


@pytest.fixture(scope="module")
def bacteria(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Eight bacteria; one of the two Helicobacter carries a 5 kb contig of something else."""
    genomes = with_names(
        [bacterium(shared_genomes, name) for name in BACTERIA], shared_genomes / "bacteria.tsv"
    )
    genomes = [
        replace(each, contigs=(*each.contigs, Contig("NODE_99", SPIKE))) if each.id == BACTERIA[2] else each
        for each in genomes
    ]
    return built(genomes, tmp_path_factory.mktemp("bacteria") / "index")


def call(index: Index, *sequences: bytes, exclude_identical: bool = False) -> Call:
    contigs = tuple(Contig(f"c{number}", sequence) for number, sequence in enumerate(sequences))
    settings = QuerySettings(exclude_identical=exclude_identical)
    return next(iter(query_index(index, [Genome("query", contigs, "-")], settings=settings)))


def contigs_of(genome: Genome) -> list[bytes]:
    return [contig.sequence for contig in genome.contigs]


def cut(sequence: bytes, length_bp: int) -> list[bytes]:
    return [sequence[at : at + length_bp] for at in range(0, len(sequence), length_bp)]


@pytest.mark.parametrize("exclude_identical", [False, True])
@pytest.mark.parametrize(
    ("name", "species"), [("NC_002163.1", "Campylobacter jejuni"), ("NC_018497.1", "Mycoplasma genitalium")]
)
def test_a_whole_genome_is_its_species_without_components(
    name: str, species: str, exclude_identical: bool, bacteria: Index, shared_genomes: Path
) -> None:
    found = call(bacteria, *contigs_of(bacterium(shared_genomes, name)), exclude_identical=exclude_identical)
    assert (found.verdict, found.name, found.components) == ("species", species, ())
    assert found.unexplained is not None
    assert found.unexplained < 0.05


def test_thirty_percent_of_another_genus_in_small_contigs(bacteria: Index, shared_genomes: Path) -> None:
    [host, *_] = contigs_of(bacterium(shared_genomes, "NC_002163.1"))
    [guest, *_] = contigs_of(bacterium(shared_genomes, "NC_017366.1"))
    found = call(bacteria, *cut(host, 2_000), *cut(guest[: int(len(host) * 3 / 7)], 2_000))
    assert (found.verdict, found.name, found.confidence) == ("qc_fail", None, None)
    assert "Campylobacter jejuni" in found.reason
    [part] = found.components
    assert (part.name, part.rank) == ("Helicobacter pylori", "species")
    assert part.share == pytest.approx(0.30, abs=0.03)


def test_a_contig_planted_into_one_assembly_has_no_name(bacteria: Index) -> None:
    found = call(bacteria, SPIKE)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", None, None, None)
    assert "It lies in 1 of the 2 genomes of Helicobacter pylori." in found.reason
    assert (
        "ANI 100.0 % to Helicobacter pylori (aligned: 98 % of the query, 0 % of the reference)"
        in found.reason
    )


def test_a_stretch_of_the_chromosome_has_the_name_of_its_species(
    bacteria: Index, shared_genomes: Path
) -> None:
    [chromosome, *_] = contigs_of(bacterium(shared_genomes, "NC_018497.1"))
    found = call(bacteria, chromosome[200_000:220_000])
    assert (found.verdict, found.rank, found.name) == ("piece", "species", "Mycoplasma genitalium")
    assert "It lies in 2 of the 2 genomes of Mycoplasma genitalium." in found.reason
    assert found.confidence is not None
    assert found.confidence >= 0.5


def test_three_quarters_of_unknown_dna_are_refused_with_their_share(
    bacteria: Index, shared_genomes: Path
) -> None:
    own = contigs_of(bacterium(shared_genomes, "NC_002163.1"))
    unknown = b"".join(b"".join(contigs_of(bacterium(shared_genomes, name))) for name in UNKNOWN)
    found = call(bacteria, *own, *cut(unknown[: 3 * len(b"".join(own))], 1_500))
    assert (found.verdict, found.name, found.confidence) == ("qc_fail", None, None)
    assert found.unexplained == pytest.approx(0.75, abs=0.03)
    assert found.reason.startswith(f"{found.unexplained:.0%} of the query is in no reference of this index")
    assert "Campylobacter jejuni" in found.reason


# -- viruses -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def viruses(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, list[Genome]]:
    """Twenty genomes each of the viruses of hepatitis B and C, and one further of each."""
    every = with_names(
        [
            each
            for each in iter_genomes([shared_genomes / "virus.fa.gz"], "record")
            if isinstance(each, Genome)
        ],
        shared_genomes / "virus.tsv",
    )
    by_species = [
        [each for each in every if each.taxon.lineage.name("species") == f"Hepatitis {letter} virus"][:21]
        for letter in "BC"
    ]
    references = [each for genomes in by_species for each in genomes[:20]]
    path = tmp_path_factory.mktemp("viruses") / "index"
    return built(references, path), [genomes[20] for genomes in by_species]


@pytest.mark.parametrize("joined", [False, True], ids=["two contigs", "one contig"])
def test_two_viruses_in_one_file_are_a_mixture(joined: bool, viruses: tuple[Index, list[Genome]]) -> None:
    index, (b, c) = viruses
    pair = [*contigs_of(b), *contigs_of(c)]
    found = call(index, *([b"".join(pair)] if joined else pair))
    assert (found.verdict, found.name) == ("qc_fail", None)
    assert "Hepatitis B virus" in found.reason
    assert "Hepatitis C virus" in found.reason
    [part] = found.components
    both = b.length_bp + c.length_bp
    own = {"Hepatitis B virus": b.length_bp / both, "Hepatitis C virus": c.length_bp / both}
    assert part.share == pytest.approx(own[part.name], abs=0.06)


def with_runs(sequence: bytes, run_bp: int, percent: int) -> tuple[bytes, bytes]:
    """A sequence with so much of it in runs of N, and the same with the runs cut out."""
    step = run_bp * 100 // percent
    places = range(0, len(sequence), step)
    filled = [b"N" * len(sequence[at : at + run_bp]) + sequence[at + run_bp : at + step] for at in places]
    return b"".join(filled), b"".join(sequence[at + run_bp : at + step] for at in places)


@pytest.mark.parametrize("run_bp", [50, 200, 1_000])
@pytest.mark.parametrize("percent", [10, 30, 50])
def test_runs_of_n_count_as_cut_out(run_bp: int, percent: int, viruses: tuple[Index, list[Genome]]) -> None:
    _, (_, virus) = viruses
    [whole] = contigs_of(virus)
    filled, kept = with_runs(whole, run_bp, percent)
    assert len(filled) == len(whole)
    reference = [Candidate(pack(virus), "")]
    [found] = measure(Genome("n", (Contig("n", filled),), "-"), reference)
    assert [found] == measure(Genome("cut", (Contig("cut", kept),), "-"), reference)


@pytest.mark.parametrize(
    ("run_bp", "percent"), [(50, 10), (200, 10), (200, 30), (1_000, 10), (1_000, 30), (1_000, 50)]
)
def test_runs_of_n_lower_neither_ani_nor_the_aligned_fraction_of_the_query(
    run_bp: int, percent: int, viruses: tuple[Index, list[Genome]]
) -> None:
    """Between them lie 450 bp and more; where islands are shorter, most k-mers of skani span a run."""
    _, (_, virus) = viruses
    [whole] = contigs_of(virus)
    filled, _ = with_runs(whole, run_bp, percent)
    [own, found] = (
        measure(Genome("n", (Contig("n", sequence),), "-"), [Candidate(pack(virus), "")])[0]
        for sequence in (whole, filled)
    )
    assert found.ani == pytest.approx(own.ani, abs=0.5)
    assert found.af_query == pytest.approx(own.af_query, abs=2)


@pytest.mark.parametrize("percent", [10, 50])
def test_a_large_genome_with_n_keeps_its_ani(percent: int, bacteria: Index, shared_genomes: Path) -> None:
    [whole, *_] = contigs_of(bacterium(shared_genomes, "NC_018497.1"))
    filled, kept = with_runs(whole, 1_000, percent)
    [entry] = bacteria.catalog.find(["NC_018497.1"]).values()
    reference = [bacteria.references.candidate(entry.row)]
    [found] = measure(Genome("n", (Contig("n", filled.lower()),), "-"), reference)
    assert [found] == measure(Genome("cut", (Contig("cut", kept),), "-"), reference)
    assert found.ani == pytest.approx(100, abs=0.5)
    assert found.af_query == pytest.approx(100, abs=5)  # seeds are sparse between the runs
    assert found.af_reference == pytest.approx((100 - percent) * (found.af_query or 0) / 100, abs=1)
