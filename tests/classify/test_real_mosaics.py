"""Mosaics of real dengue genomes: recombinants of two serotypes are told, untouched genomes are not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers.fasta import write_records

from genome_index import ChangeSettings, Contig, Genome, Index, build_index, query_index
from genome_index.io.reader import iter_genomes

KNOWN, ASKED = 12, 8  # genomes of each of four serotypes


@pytest.fixture(scope="module")
def dengue(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, dict[str, Genome]]:
    """An index of some genomes of each serotype, and other genomes by `serotype.number`."""
    folder, by_type = tmp_path_factory.mktemp("dengue"), dict[str, list[str]]()
    with (shared_genomes / "dengue.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            by_type.setdefault(row["subtype"], []).append(row["genome_id"])
    known = {name for names in by_type.values() for name in names[:KNOWN]}
    asked = {
        name: f"{kind}.{at}"
        for kind, names in by_type.items()
        for at, name in enumerate(names[KNOWN : KNOWN + ASKED])
    }
    path = write_records(shared_genomes / "dengue.fa.gz", known | asked.keys(), folder / "some.fa")
    genomes = [genome for genome in iter_genomes([path], "record") if isinstance(genome, Genome)]
    index = build_index(
        [genome for genome in genomes if genome.id in known], folder / "index",
        shared_genomes / "dengue.tsv", settings=ChangeSettings(threads=2),
    ).index  # fmt: skip
    return index, {asked[genome.id]: genome for genome in genomes if genome.id in asked}


@pytest.mark.long
def test_untouched_genomes_are_no_mosaics_and_have_their_serotype(
    dengue: tuple[Index, dict[str, Genome]],
) -> None:
    index, genomes = dengue
    calls = list(query_index(index, genomes.values()))
    assert [call.query for call in calls if "mosaic" in " ".join(call.warnings)] == []
    named = [call.labels["subtype"][0] if "subtype" in call.labels else None for call in calls]
    assert named == [name.partition(".")[0] for name in genomes]


@pytest.mark.long
@pytest.mark.parametrize("contigs", [1, 2])
def test_recombinants_of_two_serotypes_are_mosaics(
    dengue: tuple[Index, dict[str, Genome]], contigs: int
) -> None:
    index, genomes = dengue
    recombinants = []
    for at in range(ASKED):
        first, second = (genomes[f"DENV-{1 + (at + more) % 4}.{at}"].contigs[0].sequence for more in (0, 1))
        halves = [first[:6_000], second[6_000:]]
        parts = halves if contigs == 2 else [b"".join(halves)]
        recombinants.append(
            Genome(f"r{at}", tuple(Contig(f"c{n}", part) for n, part in enumerate(parts)), "-")
        )
    calls = list(query_index(index, recombinants))
    warned = [
        next(line for line in call.warnings if line.startswith("subtype is mosaic: ")) for call in calls
    ]
    for at, line in enumerate(warned):
        assert f"DENV-{1 + at % 4} in " in line
        assert f"DENV-{1 + (at + 1) % 4} in " in line
    assert all("subtype" not in call.labels for call in calls)
