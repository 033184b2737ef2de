"""Kinds of real queries, simulated: pieces, mixtures, host sequence, N, crowded and unnamed species.

Each kind is one that a public bug report of another tool tells of; the genomes are made for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.planted import built
from helpers.simulated import mutated, random_dna

from genome_index import Call, Contig, Genome, Index, QuerySettings, query_index
from genome_index.records import Lineage, Taxon

pytestmark = pytest.mark.long

NAMELESS: Mapping[str, str] = {}


def fictus(letter: str) -> dict[str, str]:
    """A species of a genus and family of its own."""
    return {
        "superkingdom": "Bacteria",
        "family": f"Fictaceae{letter}",
        "genus": f"Fictus{letter}",
        "species": f"Fictus{letter} primus",
    }


def genome(
    name: str,
    sequences: Iterable[bytes],
    names: Mapping[str, str] = NAMELESS,
    labels: Mapping[str, str] = NAMELESS,
) -> Genome:
    contigs = tuple(Contig(f"{name}_{number}", sequence) for number, sequence in enumerate(sequences))
    return Genome(name, contigs, f"{name}.fa", Taxon(Lineage(names), labels))


def cut(sequence: bytes, length_bp: int) -> list[bytes]:
    return [sequence[at : at + length_bp] for at in range(0, len(sequence), length_bp)]


def call(index: Index, *sequences: bytes, k: int = 5) -> Call:
    return next(iter(query_index(index, [genome("query", sequences)], settings=QuerySettings(k=k))))


def shares(found: Call) -> list[tuple[str, float]]:
    return [(part.name, part.share) for part in found.components]


# -- pieces, mixtures, host ----------------------------------------------------------------------------------

ANCESTORS = {letter: random_dna(ord(letter), 600_000 if letter in "ab" else 100_000) for letter in "abcdef"}
PHAGE, PLASMID = random_dna(1, 5_386), random_dna(2, 12_000)  # in one assembly of c, and of d
HOST = random_dna(3, 2_400_000)  # in no reference


@pytest.fixture(scope="module")
def six_species(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Three genomes of each of six species; one of c carries a phage, one of d a plasmid."""
    carried = {("c", 0): [PHAGE], ("d", 0): [PLASMID]}
    genomes = [
        genome(
            f"{letter}{number}",
            [
                mutated(ANCESTORS[letter], 0.005, 10 * ord(letter) + number),
                *carried.get((letter, number), []),
            ],
            fictus(letter),
        )
        for letter in "abcdef"
        for number in range(3)
    ]
    return built(genomes, tmp_path_factory.mktemp("six") / "index")


@pytest.mark.parametrize(
    ("sequence", "holder"), [(PHAGE, "Fictusc primus"), (PLASMID, "Fictusd primus")], ids=["phage", "plasmid"]
)
def test_a_contig_that_one_assembly_carries_is_a_piece_without_a_name(
    sequence: bytes, holder: str, six_species: Index
) -> None:
    found = call(six_species, mutated(sequence, 0.001, 5))
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", None, None, None)
    assert found.members == (holder,)
    assert f"It lies in 1 of the 3 genomes of {holder}." in found.reason
    assert found.components == ()


def test_a_stretch_that_all_genomes_of_a_species_have_is_a_piece_with_its_name(six_species: Index) -> None:
    found = call(six_species, mutated(ANCESTORS["a"], 0.005, 6)[100_000:120_000])
    assert (found.verdict, found.rank, found.name) == ("piece", "species", "Fictusa primus")
    assert "It lies in 3 of the 3 genomes of Fictusa primus." in found.reason
    assert found.confidence is not None
    assert 0.5 <= found.confidence <= 1


@pytest.mark.parametrize("contig_bp", [2_000, 10_000, 100_000, 10**9])
def test_thirty_percent_of_another_genus_is_a_mixture_in_contigs_of_any_size(
    contig_bp: int, six_species: Index
) -> None:
    host, guest = mutated(ANCESTORS["a"], 0.005, 7), mutated(ANCESTORS["b"], 0.005, 8)[:257_000]
    found = call(six_species, *cut(host, contig_bp), *cut(guest, contig_bp))
    assert (found.verdict, found.name) == ("qc_fail", None)
    assert shares(found) == [("Fictusb primus", pytest.approx(0.30, abs=0.03))]
    assert found.reason.startswith("This looks like a mixture: ")
    assert "Fictusa primus" in found.reason


def test_two_species_joined_in_one_contig_are_a_mixture(six_species: Index) -> None:
    found = call(six_species, ANCESTORS["a"] + ANCESTORS["b"][:257_000])
    assert found.verdict == "qc_fail"
    assert shares(found) == [("Fictusb primus", pytest.approx(0.30, abs=0.03))]


def test_ten_percent_of_another_genus_is_a_warning(six_species: Index) -> None:
    found = call(six_species, ANCESTORS["a"], *cut(ANCESTORS["b"][:66_000], 2_000))
    assert (found.verdict, found.name) == ("species", "Fictusa primus")
    assert shares(found) == [("Fictusb primus", pytest.approx(0.10, abs=0.02))]
    assert any("nearest to another species: 10% Fictusb primus" in warning for warning in found.warnings)


@pytest.mark.parametrize(("host_bp", "percent"), [(1_800_000, 75), (2_400_000, 80)])
def test_an_assembly_that_is_mostly_host_is_refused_with_the_share(
    host_bp: int, percent: int, six_species: Index
) -> None:
    found = call(six_species, *cut(ANCESTORS["a"], 60_000), *cut(HOST[:host_bp], 1_500))
    assert (found.verdict, found.name, found.confidence) == ("qc_fail", None, None)
    assert found.unexplained == pytest.approx(percent / 100, abs=0.02)
    assert "Without that part: ANI 9" in found.reason
    assert "Fictusa primus" in found.reason


def test_a_quarter_of_host_lowers_the_confidence(six_species: Index) -> None:
    clean = call(six_species, ANCESTORS["a"])
    found = call(six_species, ANCESTORS["a"], *cut(HOST[:200_000], 1_500))
    assert (found.verdict, found.name) == ("species", "Fictusa primus")
    assert found.unexplained == pytest.approx(0.25, abs=0.02)
    assert clean.confidence is not None
    assert found.confidence == pytest.approx(clean.confidence * (1 - found.unexplained**2 / 2), abs=0.002)
    assert (clean.components, clean.unexplained) == ((), pytest.approx(0, abs=0.01))


# -- N -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def viruses(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, bytes]:
    """Six genomes of each of four viruses, and a further one of the first."""
    lengths = {"a": 10_600, "b": 9_600, "c": 8_200, "d": 7_900}
    ancestors = {letter: random_dna(100 + ord(letter), length) for letter, length in lengths.items()}
    genomes = [
        genome(
            f"{letter}{number}",
            [mutated(ancestor, 0.03, 10 * ord(letter) + number)],
            fictus(letter) | {"superkingdom": "Viruses"},
        )
        for letter, ancestor in ancestors.items()
        for number in range(6)
    ]
    path = tmp_path_factory.mktemp("viruses") / "index"
    return built(genomes, path), mutated(ancestors["a"], 0.01, 9)


DROPOUTS = ((1_000, 2_500), (5_000, 6_500), (9_000, 10_000))


@pytest.mark.parametrize("dropouts", [DROPOUTS, ((3_000, 7_000),)], ids=["three", "one"])
def test_dropouts_filled_with_n_do_not_change_the_call(
    dropouts: Sequence[tuple[int, int]], viruses: tuple[Index, bytes]
) -> None:
    index, whole = viruses
    filled, kept, end = bytearray(whole), b"", 0
    for start, stop in dropouts:
        filled[start:stop] = b"N" * (stop - start)
        kept, end = kept + whole[end:start], stop
    found, expected = call(index, bytes(filled)), call(index, kept + whole[end:])
    assert (found.verdict, found.name) == ("species", "Fictusa primus")
    assert found.closest is not None
    assert expected.closest is not None
    assert found.closest.evidence == expected.closest.evidence
    assert (found.closest.evidence.af_query or 0) > 90  # of the whole it was below 62


def test_two_viruses_in_one_file_are_a_mixture(viruses: tuple[Index, bytes]) -> None:
    index, whole = viruses
    other = mutated(random_dna(100 + ord("b"), 9_600), 0.01, 11)
    for contigs in ([whole, other], [whole + other]):
        found = call(index, *contigs)
        assert found.verdict == "qc_fail"
        assert "Fictusa primus" in found.reason
        assert "Fictusb primus" in found.reason
        assert [share for _, share in shares(found)] == [pytest.approx(9_600 / 20_200, abs=0.04)]


# -- crowded species -----------------------------------------------------------------------------------------


def mycobacterium(species: str) -> dict[str, str]:
    return fictus("m") | {"genus": "Mycobacterium", "species": f"Mycobacterium {species}"}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """25 genomes of one name and two of another, all 99.9 % alike; three of a third species."""
    ancestor = random_dna(50, 60_000)
    africanum, kansasii = mutated(ancestor, 0.0002, 51), mutated(ancestor, 0.12, 52)
    genomes = [
        *(
            genome(f"tb{n}", [mutated(ancestor, 0.0008, 100 + n)], mycobacterium("tuberculosis"))
            for n in range(25)
        ),
        *(
            genome(f"afr{n}", [mutated(africanum, 0.0008, 200 + n)], mycobacterium("africanum"))
            for n in range(2)
        ),
        *(genome(f"kan{n}", [mutated(kansasii, 0.01, 300 + n)], mycobacterium("kansasii")) for n in range(3)),
    ]
    return built(genomes, tmp_path_factory.mktemp("crowded") / "index")


def test_a_species_that_fills_the_hits_does_not_hide_the_next(crowded: Index) -> None:
    found = call(crowded, mutated(random_dna(50, 60_000), 0.0008, 53))
    assert found.verdict == "ambiguous"
    assert found.members == ("Mycobacterium africanum", "Mycobacterium tuberculosis")
    assert found.runner_up is not None
    assert found.runner_up.species == "Mycobacterium africanum"
    assert found.runner_up.evidence.ani == pytest.approx(99.9, abs=0.1)


def test_hits_that_were_not_measured_say_so(crowded: Index) -> None:
    found = call(crowded, random_dna(50, 60_000), k=30)
    reasons = {hit.evidence.reason for hit in found.hits if hit.species == "Mycobacterium tuberculosis"}
    assert "not measured: nearer genomes of the same name, or of enough other names, were" in reasons
    assert not any("below the range" in (reason or "") for reason in reasons)


# -- unnamed species -----------------------------------------------------------------------------------------


def test_the_very_genome_of_an_index_without_names_is_unnamed(tmp_path: Path) -> None:
    ancestors = [random_dna(60 + n, 20_000) for n in range(2)]
    genomes = [
        genome(f"{n}{k}", [mutated(ancestor, 0.01, 70 + 10 * n + k)])
        for n, ancestor in enumerate(ancestors)
        for k in range(3)
    ]
    found = call(built(genomes, tmp_path / "index"), genomes[0].contigs[0].sequence)
    assert (found.verdict, found.rank, found.name, found.confidence) == ("unnamed", None, None, None)
    assert found.closest is not None
    assert found.closest.id == "00"
    assert found.reason == (
        "ANI 100.0 % to the closest genome (aligned: 100 % of the query, 100 % of the reference): the same "
        "species by ANI, but that genome has no species name."
    )


# -- the better of two criteria ------------------------------------------------------------------------------

SEGMENTS = [random_dna(80 + n, bp) for n, bp in enumerate((2341, 2341, 2233, 1778, 1565, 1413, 1027, 890))]


def influenza(subtype: str, seed: int) -> list[bytes]:
    """Eight segments; hemagglutinin (4) and neuraminidase (6) by subtype, such as H3N2."""
    segments = list(SEGMENTS)
    segments[3] = mutated(SEGMENTS[3], 0.35, int(subtype[1]))
    segments[5] = mutated(SEGMENTS[5], 0.35, 10 + int(subtype[3]))
    return [mutated(segment, 0.03, 100 * seed + n) for n, segment in enumerate(segments)]


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Index:
    alpha = fictus("i") | {"superkingdom": "Viruses"}
    genomes = [
        genome(f"{subtype}_{n}", influenza(subtype, 10 * at + n), alpha, {"subtype": subtype})
        for at, subtype in enumerate(("H1N1", "H3N2", "H5N1"), 1)
        for n in range(6)
    ]
    other = [mutated(segment, 0.35, 5) for segment in SEGMENTS]
    genomes += [
        genome(f"B_{n}", [mutated(each, 0.03, 900 + 10 * n + at) for at, each in enumerate(other)],
               fictus("j") | {"superkingdom": "Viruses"}, {"subtype": "B"})
        for n in range(6)
    ]  # fmt: skip
    return built(genomes, tmp_path_factory.mktemp("segmented") / "index")


@pytest.mark.parametrize("seed", range(5))
def test_a_member_that_passes_both_criteria_will_do(seed: int, segmented: Index) -> None:
    """Genomes of other subtypes have the higher ANI, over less of the genome, at some seeds."""
    found = call(segmented, *influenza("H1N1", 50 + seed))
    assert (found.verdict, found.name) == ("species", "Fictusi primus")
    assert found.closest is not None
    assert max(found.closest.evidence.af_query or 0, found.closest.evidence.af_reference or 0) >= 85


# -- identity above the vectors ------------------------------------------------------------------------------


def markov_dna(seed: int, length_bp: int) -> bytes:
    """DNA with a composition of its own, which diverged genomes lose."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.dirichlet([0.6] * 4, size=64), axis=1).tolist()
    bases, drawn = [0, 1, 2], rng.random(length_bp).tolist()
    for at in range(length_bp - 3):
        step = steps[bases[-3] * 16 + bases[-2] * 4 + bases[-1]]
        bases.append(next((base for base in range(3) if drawn[at] < step[base]), 3))
    return np.frombuffer(b"ACGT", np.uint8)[bases].tobytes()


@pytest.fixture(scope="module")
def lineages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, bytes]:
    """Sixteen genomes of E. coli in four groups, three of E. albertii, two of a far Salmonella."""
    ancestor = markov_dna(21, 60_000)

    def named(genus: str, species: str) -> dict[str, str]:
        return fictus("e") | {"genus": genus, "species": f"{genus} {species}"}

    genomes = []
    for group, share in enumerate((0.01, 0.009, 0.017, 0.016)):
        center = mutated(ancestor, share, 400 + group)
        genomes += [
            genome(
                f"Ec{group}{n}", [mutated(center, 0.004, 410 + 10 * group + n)], named("Escherichia", "coli")
            )
            for n in range(4)
        ]
    albertii, salmonella = mutated(ancestor, 0.07, 470), mutated(ancestor, 0.15, 480)
    genomes += [
        genome(f"Ea{n}", [mutated(albertii, 0.008, 471 + n)], named("Escherichia", "albertii"))
        for n in range(3)
    ]
    genomes += [
        genome(f"Se{n}", [mutated(salmonella, 0.01 * n, 481 + n)], named("Salmonella", "enterica"))
        for n in range(2)
    ]
    return built(genomes, tmp_path_factory.mktemp("lineages") / "index"), ancestor


@pytest.mark.parametrize(
    ("percent", "verdict", "name"),
    [
        (2, "species", "Escherichia coli"),
        (3, "species", "Escherichia coli"),
        (4, "genus", "Escherichia"),  # 95 % are required; the one genus of 90 % is strong
        (5, "genus", "Escherichia"),
        (6, "genus", "Escherichia"),
    ],
)
def test_a_species_with_an_ani_is_elected_above_a_far_one(
    percent: int, verdict: str, name: str, lineages: tuple[Index, bytes]
) -> None:
    index, ancestor = lineages
    found = call(index, mutated(ancestor, percent / 100, 490 + percent))
    assert (found.verdict, found.name) == (verdict, name)
    assert found.closest is not None
    assert found.closest.species == "Escherichia coli"
    assert re.match(r"ANI 9\d\.\d % to Escherichia coli \(aligned", found.reason)
    assert "Salmonella" not in found.reason
