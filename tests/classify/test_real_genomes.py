"""Calls on real genomes: what the figures of bench/RESULTS.md promise, on sets small enough for every run."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.fasta import write_records

from genome_index import Call, ChangeSettings, Contig, Genome, Index, QuerySettings, build_index, query_index
from genome_index.evaluate.answers import Plan
from genome_index.evaluate.cross_validation import evaluate
from genome_index.evaluate.metrics import scores
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Failure


@pytest.fixture(scope="module")
def bacteria(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("bacteria") / "index"
    summary = build_index(
        [shared_genomes / "bacteria"],
        path,
        shared_genomes / "bacteria.tsv",
        settings=ChangeSettings(threads=2),
    )
    assert summary.added == 68
    assert not summary.failures
    return summary.index


@pytest.fixture(scope="module")
def some_mito(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Mitogenomes of the families with most genomes, 900 in all."""
    folder = tmp_path_factory.mktemp("mito")
    with (shared_genomes / "mito.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["family"]]
    rows.sort(key=lambda row: (-sum(other["family"] == row["family"] for other in rows), row["genome_id"]))
    wanted = {row["genome_id"] for row in rows[:900]}
    write_records(shared_genomes / "mito.fa.gz", wanted, folder / "mito.fa")
    taxonomy = shared_genomes / "mito.tsv"
    return build_index(
        [folder / "mito.fa"], folder / "index", taxonomy, "record", settings=ChangeSettings(threads=2)
    ).index


def genome(shared_genomes: Path, name: str) -> Genome:
    found = next(iter(iter_genomes([shared_genomes / "bacteria" / f"{name}.fa.gz"])))
    assert not isinstance(found, Failure)
    return found


def call(index: Index, one: Genome, settings: QuerySettings | None = None) -> Call:
    return next(iter(query_index(index, [one], settings=settings)))


@pytest.mark.long
def test_bacteria_one_genome_out(bacteria: Index) -> None:
    found = scores(evaluate(bacteria, Plan(threads=2)))["ranks"]
    assert found["species"]["n"] == 32
    assert found["species"]["accuracy"] >= 0.95
    assert found["species"]["coverage"] >= 0.87  # two pairs of one name lie far below any species' ANI
    assert found["species"]["correct_when_called"] == 1.0
    assert found["genus"]["correct_when_called"] >= 0.95


@pytest.mark.long
def test_bacteria_with_their_species_out(bacteria: Index) -> None:
    found = scores(evaluate(bacteria, Plan(hold_out_rank="species", threads=2)))
    species, genus = found["ranks"]["species"], found["ranks"]["genus"]
    assert species["called"] <= 0.05 * found["genomes"]
    assert genus["correct_when_called"] >= 0.9
    assert genus["coverage"] >= 0.7


def test_a_reference_is_its_own_nearest_hit(bacteria: Index, shared_genomes: Path) -> None:
    for name in ("NC_000908.2", "GCF_000009645", "GCA_000259545"):
        found = call(bacteria, genome(shared_genomes, name))
        assert found.verdict == "species"
        assert found.hits[0].id == name
        assert found.hits[0].similarity == pytest.approx(1, abs=1e-4)
        assert found.hits[0].evidence.ani == pytest.approx(100, abs=0.01)


def test_identical_references_can_be_left_out(bacteria: Index, shared_genomes: Path) -> None:
    found = call(bacteria, genome(shared_genomes, "NC_000908.2"), QuerySettings(exclude_identical=True))
    assert found.closest is not None
    assert found.closest.id == "NC_018497.1"
    assert found.name == "Mycoplasma genitalium"


def test_rotation_strand_and_breaks_do_not_change_the_call(bacteria: Index, shared_genomes: Path) -> None:
    whole = genome(shared_genomes, "NC_018497.1")
    sequence = whole.contigs[0].sequence
    cut = len(sequence) // 3
    rotated = Genome("rotated", (Contig("c", sequence[cut:] + sequence[:cut]),), "-")
    turned = Genome("turned", (Contig("c", reverse_complement(sequence)),), "-")
    pieces = [sequence[at : at + 20_000] for at in range(0, len(sequence), 20_000)]
    random.Random(1).shuffle(pieces)
    broken = Genome("broken", tuple(Contig(str(number), piece) for number, piece in enumerate(pieces)), "-")
    settings = QuerySettings(exclude_identical=True)
    expected = call(bacteria, whole, settings)
    for other in (rotated, turned, broken):
        found = call(bacteria, other)
        assert (found.verdict, found.name) == (expected.verdict, expected.name), other.id


def test_more_than_half_a_genome_keeps_its_species_and_less_is_a_piece(
    bacteria: Index, shared_genomes: Path
) -> None:
    whole = genome(shared_genomes, "NC_017545.1")
    more = Genome("more", (Contig("c", whole.contigs[0].sequence[: whole.length_bp * 3 // 5]),), "-")
    found = call(bacteria, more)
    assert (found.verdict, found.name) == ("species", "Listeria monocytogenes")
    assert found.closest is not None
    assert 50 < found.closest.evidence.af_reference < 65
    assert "% of the reference)" in found.reason
    less = Genome("less", (Contig("c", whole.contigs[0].sequence[: whole.length_bp * 2 // 5]),), "-")
    found = call(bacteria, less)
    assert (found.verdict, found.name) == ("piece", "Listeria monocytogenes")


def test_a_mixture_is_refused_with_its_source(bacteria: Index, shared_genomes: Path) -> None:
    host, guest = genome(shared_genomes, "NC_017545.1"), genome(shared_genomes, "NC_000908.2")
    strange = guest.contigs[0].sequence
    parts = tuple(Contig(f"s{at}", strange[at : at + 50_000]) for at in range(0, len(strange), 50_000))
    body = Contig("host", host.contigs[0].sequence[:1_200_000])
    found = call(bacteria, Genome("mixture", (body, *parts), "-"))
    assert found.verdict == "qc_fail"
    assert "Mycoplasma genitalium" in found.reason
    assert found.name is None
    assert found.confidence is None


@pytest.mark.parametrize("gc", [0.3, 0.5, 0.65])
@pytest.mark.parametrize("length", [2_000, 5_000, 20_000, 50_000, 600_000])
def test_random_sequence_gets_no_name(bacteria: Index, length: int, gc: float) -> None:
    """Short ones least of all: none of their few k-mers may occur by chance."""
    generator = np.random.default_rng(length)
    letters = generator.choice(
        np.frombuffer(b"ACGT", np.uint8), length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    )
    found = call(bacteria, Genome("noise", (Contig("c", letters.tobytes()),), "-"))
    assert found.verdict in ("novel", "out_of_scope")
    assert found.confidence is None


@pytest.mark.long
def test_mitogenomes_with_their_species_out(some_mito: Index) -> None:
    found = scores(evaluate(some_mito, Plan(hold_out_rank="species", threads=2)))
    species, genus = found["ranks"]["species"], found["ranks"]["genus"]
    assert species["called"] <= 0.05 * found["genomes"]
    assert genus["correct_when_called"] >= 0.88  # 0.90 of the whole set; this part is small
    assert genus["accuracy"] >= 0.8


@pytest.mark.long
def test_only_the_first_hits_species_is_called_the_nearest(some_mito: Index, shared_genomes: Path) -> None:
    newcomers = iter_genomes([shared_genomes / "mito_newvert.fa.gz"], "record")
    some = [one for one in newcomers if isinstance(one, Genome)]
    far = [one for one in query_index(some_mito, some) if "but it has no ANI (" in one.reason]
    kinds = {"nearest": 0, "likeliest": 0}
    for one in far:
        kind, name = re.match(r"The (\w+) species is ([^,]+),", one.reason).groups()
        assert (kind == "nearest") == (one.hits[0].lineage.names["species"] == name), one.reason
        kinds[kind] += 1
    assert min(kinds.values()) > 0


@pytest.mark.long
def test_mitogenomes_in_folds(some_mito: Index) -> None:
    found = scores(evaluate(some_mito, Plan(folds=4, rank="family", threads=2)))["ranks"]["family"]
    assert found["accuracy"] >= 0.93
    assert found["correct_when_called"] >= 0.9
