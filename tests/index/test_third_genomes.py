"""Contigs that two references of one genus share: of a third genome, a plasmid, or lost by the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.contaminants import founder, of_species, planted, planted_strains, species_near, suspects_of

from genome_index import ChangeSettings, Genome, Index
from genome_index.index.build import add

THIRD = "a third genome"
ALBA = founder(1, 0.4)
NIGRA = species_near(ALBA, 50)
CONTAMINANT, LIKE_ITS_GENOME = founder(5, 0.6), founder(9, 0.41)  # by the share of G and C


def genomes(alba: int = 4, nigra: int = 4) -> list[Genome]:
    return [
        *of_species("Aus alba", ALBA, alba, 1),
        *of_species("Aus nigra", NIGRA, nigra, 2),
        *of_species("Dus far", founder(4), 3, 4),
    ]


def ids(name: str, count: int) -> list[str]:
    return [f"{name}_{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("nigra", "carriers", "contigs"),
    [
        (4, ids("Aus_alba", 2), 3),
        (0, ids("Aus_alba", 2), 3),
        (4, ["Aus_alba_0", "Aus_nigra_0"], 3),
        (4, ids("Aus_alba", 2), 6),
        (4, [*ids("Aus_alba", 2), *ids("Aus_nigra", 2)], 3),
    ],
)
def test_contigs_unlike_the_genome_that_most_relatives_lack_are_of_a_third_genome(
    tmp_path: Path, nigra: int, carriers: list[str], contigs: int
) -> None:
    found = suspects_of(tmp_path / "index", planted(genomes(4, nigra), carriers, CONTAMINANT, contigs))
    assert {(one.id, one.kind, one.looks_like) for one in found} == {
        (carrier, "contigs", THIRD) for carrier in carriers
    }
    for one in found:
        assert one.share == pytest.approx(contigs / (12 + contigs), abs=1e-4)


@pytest.mark.parametrize(
    ("nigra", "carriers"),
    [
        (
            0,
            ids("Aus_alba", 3),
        ),  # three of four: a strain without a part that the others have, or three carriers
        (4, ids("Aus_alba", 3)),
        (4, [*ids("Aus_alba", 3), *ids("Aus_nigra", 3)]),
        (0, ids("Aus_alba", 4)),
        (4, ["Aus_alba_0"]),  # nobody else has it: no witness
    ],
)
def test_where_more_carry_it_than_lack_it_it_cannot_be_told_and_nobody_is_blamed(
    tmp_path: Path, nigra: int, carriers: list[str]
) -> None:
    assert suspects_of(tmp_path / "index", planted(genomes(4, nigra), carriers, CONTAMINANT, 3)) == []


@pytest.mark.parametrize("contigs", [1, 3])
def test_contigs_like_the_genome_are_its_plasmid(tmp_path: Path, contigs: int) -> None:
    with_plasmid = planted(genomes(), ids("Aus_alba", 2), LIKE_ITS_GENOME, contigs)
    assert suspects_of(tmp_path / "index", with_plasmid) == []


def test_a_small_share_may_be_a_plasmid_however_unlike_it_is(tmp_path: Path) -> None:
    assert suspects_of(tmp_path / "index", planted(genomes(), ids("Aus_alba", 2), founder(9, 0.45), 1)) == []


@pytest.mark.parametrize("nigra", [0, 4])
def test_contigs_that_two_relatives_have_lost_are_not_foreign(tmp_path: Path, nigra: int) -> None:
    lost = ids("Aus_alba", 2)
    some = [replace(one, contigs=one.contigs[3:]) if one.id in lost else one for one in genomes(4, nigra)]
    assert suspects_of(tmp_path / "index", some) == []


@pytest.mark.parametrize("sources", [1, 3])
@pytest.mark.parametrize("carriers", [ids("Aus_alba", 3), [*ids("Aus_alba", 3), *ids("Aus_nigra", 3)]])
def test_most_of_a_species_may_carry_what_is_unlike_it_and_all_of_the_source_have(
    tmp_path: Path, carriers: list[str], sources: int
) -> None:
    some = planted_strains(genomes(nigra=0 if len(carriers) == 3 else 4), carriers, CONTAMINANT, 3)
    some += of_species("Bus flava", CONTAMINANT, sources, 5)
    found = suspects_of(tmp_path / "index", some)
    assert {(one.id, one.kind, one.looks_like) for one in found} == {
        (carrier, "contigs", "Bus flava") for carrier in carriers
    }


@pytest.mark.parametrize("sources", [1, 3])
def test_where_composition_does_not_tell_genera_apart_three_carriers_of_four_blame_nobody(
    tmp_path: Path, sources: int
) -> None:
    """The votes alone would say that the source has it from the three."""
    carriers = ids("Aus_alba", 3)
    some = planted_strains(genomes(nigra=0), carriers, LIKE_ITS_GENOME, 3)
    some += of_species("Bus flava", LIKE_ITS_GENOME, sources, 5)
    assert suspects_of(tmp_path / "index", some) == []


def test_a_finding_of_a_third_genome_stays_when_others_are_added(tmp_path: Path) -> None:
    suspects_of(tmp_path / "index", planted(genomes(), ids("Aus_alba", 2), CONTAMINANT, 3))
    add(tmp_path / "index", of_species("Eus nova", founder(7), 1, 7), None, ChangeSettings())
    found = Index.open(tmp_path / "index").catalog.suspects() or []
    assert {(one.id, one.looks_like) for one in found if one.kind == "contigs"} == {
        ("Aus_alba_0", THIRD), ("Aus_alba_1", THIRD),
    }  # fmt: skip
