"""Two references with the same contaminant: the carriers are suspects, and no clean genome is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.contaminants import (
    CONTIGS,
    SPEC,
    founder,
    of_species,
    species_near,
    with_contaminant,
)
from helpers.planted import built, read_all, suspects, twice_contaminated

from genome_index import ChangeSettings
from genome_index.index.audit.holders import Holders, holders_of
from genome_index.index.audit.relatives_vote import Direction, Votes, direction, votes_of
from genome_index.index.build import build
from genome_index.records import Suspect


def found_in(path: Path, carriers: str, clean_sources: int, members: int, contigs: int) -> list[Suspect]:
    """The suspects of an index in which Aus alba 0 and another genome have the same contigs of Bus."""
    alba, third, far, source = (founder(seed) for seed in (1, 3, 4, 5))
    nigra = species_near(alba, 50)
    genomes = of_species("Aus alba", alba, members, 1)
    others = {
        "one species": [],
        "one genus": of_species("Aus nigra", nigra, members, 2),
        "two genera": of_species("Cus rubra", third, members, 3),
    }[carriers]
    second = others[0] if others else genomes[1]
    genomes += others
    genomes = [
        with_contaminant(one, source, contigs) if one.id in (genomes[0].id, second.id) else one
        for one in genomes
    ]
    genomes += of_species("Bus flava", source, clean_sources, 5) + of_species("Dus far", far, 3, 4)
    return build(path, genomes, SPEC, None, ChangeSettings()).index.catalog.suspects() or []


SECOND = {"one species": "Aus_alba_1", "one genus": "Aus_nigra_0", "two genera": "Cus_rubra_0"}
NO_THIRD_PARTY = [("one species", 1, 2), ("one species", 0, 2)]


@pytest.mark.parametrize("contigs", [2, 5])
@pytest.mark.parametrize(
    ("carriers", "clean_sources", "members"),
    [
        ("one species", 4, 2),
        ("one species", 4, 4),
        ("one species", 1, 4),
        ("one genus", 4, 2),
        ("one genus", 1, 3),
        ("two genera", 4, 3),
        ("two genera", 1, 3),
    ],
)
def test_the_carriers_are_suspects_and_the_clean_genomes_are_not(
    tmp_path: Path, carriers: str, clean_sources: int, members: int, contigs: int
) -> None:
    found = found_in(tmp_path / "index", carriers, clean_sources, members, contigs)
    assert {one.id for one in found} == {"Aus_alba_0", SECOND[carriers]}
    assert {(one.kind, one.looks_like) for one in found} == {("contigs", "Bus flava")}
    for one in found:
        assert one.share == pytest.approx(contigs / (CONTIGS + contigs), abs=1e-4)


@pytest.mark.parametrize(("carriers", "clean_sources", "members"), NO_THIRD_PARTY)
def test_without_a_third_party_nobody_is_blamed(
    tmp_path: Path, carriers: str, clean_sources: int, members: int
) -> None:
    assert found_in(tmp_path / "index", carriers, clean_sources, members, 3) == []


@pytest.mark.parametrize(("carriers", "members"), [("one species", 4), ("one genus", 3), ("two genera", 3)])
def test_a_contaminant_whose_source_is_not_there_is_of_a_third_genome(
    tmp_path: Path, carriers: str, members: int
) -> None:
    found = found_in(tmp_path / "index", carriers, 0, members, 3)
    assert {(one.id, one.kind, one.looks_like) for one in found} == {
        ("Aus_alba_0", "contigs", "a third genome"), (SECOND[carriers], "contigs", "a third genome"),
    }  # fmt: skip
    [sentence] = [one.evidence for one in found if one.id == "Aus_alba_0"]
    assert sentence == (
        f"About 20% of it is in {SECOND[carriers]}, {SECOND[carriers][:-2].replace('_', ' ')}, too, and in "
        "relatives of neither: both may have it from a third genome."
    )


# -- votes ---------------------------------------------------------------------------------------------------


def hashes(*parts: range) -> np.ndarray:
    return np.array(sorted({number for part in parts for number in part}), np.uint64)


OWN, INSIDE = hashes(range(100)), np.arange(100) < 20  # of which the first 20 are the stretch
NEAR_WITH, NEAR_WITHOUT = hashes(range(2, 90)), hashes(range(20, 90))
FAR_WITHOUT = hashes(range(58, 90))
COPY = hashes(range(20), range(20, 60))  # all of the stretch, half of the rest


@pytest.mark.parametrize(
    ("relatives", "expected"),
    [
        ([], Votes(None, None, 0)),
        ([NEAR_WITH], Votes(1.0, 1.0, 0)),
        (
            [NEAR_WITH, NEAR_WITHOUT],
            Votes(0.0, 0.0, 0, 1),
        ),  # one that has it does not outvote one that lacks it
        ([NEAR_WITH, NEAR_WITH, NEAR_WITHOUT], Votes(1.0, 1.0, 0, 1)),
        ([NEAR_WITH, FAR_WITHOUT], Votes(1.0, 0.0, 0)),
        ([COPY], Votes(None, None, 1)),
        ([COPY, NEAR_WITHOUT], Votes(0.0, 0.0, 1, 1)),
        ([hashes(range(20, 21))], Votes(None, None, 0)),  # too far to be evidence
    ],
)
def test_votes(relatives: list[np.ndarray], expected: Votes) -> None:
    assert votes_of(OWN, INSIDE, relatives) == expected


@pytest.mark.parametrize(
    ("relatives", "expected"),
    [
        ([], Holders(0, 0, 0, 0)),
        ([NEAR_WITH, NEAR_WITHOUT, NEAR_WITHOUT], Holders(1, 2, 0, 0)),
        ([NEAR_WITH, FAR_WITHOUT], Holders(1, 0, 0, 1)),
        ([COPY, NEAR_WITHOUT], Holders(1, 1, 0, 0)),  # it received the part, and has it
        ([hashes(range(20, 21))], Holders(0, 0, 0, 0)),  # too far to be evidence
    ],
)
def test_holders(relatives: list[np.ndarray], expected: Holders) -> None:
    assert holders_of(OWN, INSIDE, relatives) == expected


@pytest.mark.parametrize(
    ("holders", "few"),
    [
        (Holders(1, 2, 0, 0), True),  # two of four have it, the genome with them
        (Holders(2, 1, 0, 0), False),
        (Holders(2, 1, 0, 9), False),  # most of the near ones
        (Holders(0, 1, 3, 0), False),  # the farther ones have it: the near one lost it
        (Holders(0, 1, 0, 0), True),
        (Holders(0, 0, 0, 4), False),  # nobody near
    ],
)
def test_holders_are_few_if_as_many_lack_it(holders: Holders, few: bool) -> None:
    assert holders.are_few(having=1) is few


NOBODY, HAS, LACKS = Votes(None, None, 0), Votes(1.0, 1.0, 0), Votes(0.0, 0.0, 0)
MOST_HAVE = Votes(1.0, 1.0, 0, 1)  # of the near relatives; one lacks it
SPLIT = Votes(1.0, 0.0, 0)  # near relatives have it, farther ones lack it


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (LACKS, HAS, Direction.RECEIVED),
        (HAS, LACKS, Direction.OWN),
        (LACKS, LACKS, Direction.ELSEWHERE),
        (Votes(0.14, 0.14, 0), LACKS, Direction.ELSEWHERE),
        (Votes(0.26, 0.30, 0), Votes(0.12, 0.13, 0), Direction.OWN),  # a part that evolves fast
        (Votes(0.26, 0.26, 0), Votes(0.2, 0.2, 0), Direction.UNCLEAR),
        (HAS, HAS, Direction.UNCLEAR),
        (SPLIT, HAS, Direction.RECEIVED),
        (HAS, SPLIT, Direction.OWN),
        (Votes(0.9, 0.9, 0), HAS, Direction.UNCLEAR),  # as noise may have it
        (LACKS, NOBODY, Direction.RECEIVED),
        (HAS, NOBODY, Direction.OWN),
        (NOBODY, HAS, Direction.RECEIVED),
        (NOBODY, LACKS, Direction.OWN),
        (SPLIT, NOBODY, Direction.UNCLEAR),
        (NOBODY, SPLIT, Direction.UNCLEAR),
        (MOST_HAVE, HAS, Direction.DIVIDED),
        (HAS, MOST_HAVE, Direction.UNCLEAR),
        (MOST_HAVE, MOST_HAVE, Direction.UNCLEAR),
        (MOST_HAVE, NOBODY, Direction.DIVIDED),
        (NOBODY, MOST_HAVE, Direction.UNCLEAR),  # three carriers of four do not blame the source
        (NOBODY, NOBODY, Direction.UNKNOWN),
        (Votes(None, None, 1), NOBODY, Direction.UNCLEAR),
    ],
)
def test_direction(own: Votes, theirs: Votes, expected: Direction) -> None:
    assert direction(own, theirs) is expected


@pytest.mark.long
def test_pairs_of_carriers_in_bacteria(shared_genomes: Path, tmp_path: Path) -> None:
    """Six pairs of real genomes with the same contigs of a third genus; RESULTS.md has more seeds."""
    bacteria = read_all(shared_genomes / "bacteria", shared_genomes / "bacteria.tsv")
    planted = twice_contaminated(bacteria, 6, 2)
    found = suspects(built(planted.genomes, tmp_path / "index"))
    assert len(found["contigs"]) >= 8
    assert set.union(*found.values()) <= set(planted.contaminated)


@pytest.mark.parametrize("large", [0, 1])
def test_an_assembly_with_fewer_than_two_large_contigs_is_not_examined(tmp_path: Path, large: int) -> None:
    """As a virus is whose segments are below 5 kb, even if the other genus shares two of them."""
    alba, rubra = ([part[:2_000] for part in founder(seed)] for seed in (1, 3))
    alba[:large] = founder(1)[:large]
    rubra[10:] = alba[10:]
    genomes = of_species("Aus alba", alba, 3, 1) + of_species("Bus rubra", rubra, 3, 2)
    index = build(tmp_path / "index", genomes, SPEC, None, ChangeSettings()).index
    assert index.catalog.suspects() == []
