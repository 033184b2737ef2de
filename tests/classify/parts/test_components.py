"""Components: which windows are of which species, from hand-made sketches of 10,000 k-mers a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, levels, model

from genome_index.classify.parts import components as module
from genome_index.classify.parts import window_lookup
from genome_index.classify.parts.components import Components, components_of
from genome_index.classify.parts.window_lookup import LEAST_IDENTITY, SPECIES_IDENTITY
from genome_index.index.audit.foreign_contigs import FOREIGN_IDENTITY, FOREIGN_LEAD
from genome_index.records import Component, Contig, Genome
from genome_index.spec import IndexSpec

SPECIES = ["A a", "A b", "B b", None, None, "A a"]
LEVELS = levels(genus=["A", "A", "B", "C", None, "A"], species=SPECIES)
KMERS, K = 10_000, IndexSpec().sketch_k
# K-mers of a window of each kind that each row has; the closest reference is row 0.
SHARED: Mapping[str, Sequence[int]] = {
    "own": [9_000, 5_000, 0, 0, 0, 8_000],
    "own species": [0, 0, 0, 0, 0, 8_000],
    "sister": [300, 9_000, 0, 0, 0, 0],
    "foreign": [0, 0, 9_000, 0, 0, 0],
    "foreign, farther": [0, 0, 5_000, 0, 0, 0],
    "genus only": [0, 0, 0, 9_000, 0, 0],
    "nameless": [0, 0, 0, 0, 9_000, 0],
    "nothing": [0] * 6,
}


def identity_of(shared: int) -> float:
    return float((shared / KMERS) ** (1 / K))


def least_shared(identity: float) -> int:
    """The least number of shared k-mers that shows an identity."""
    return math.ceil(identity**K * KMERS)


class Windows:
    """Sketches of windows by the name of their contig; what follows a colon numbers contigs of one kind."""

    def __init__(self) -> None:
        self.shared = {name: list(rows) for name, rows in SHARED.items()}
        self.sizes: dict[str, int] = {}  # of sketches that have fewer k-mers than KMERS
        self.looked_at: list[tuple[str, int]] = []  # contig and length in bp
        self.limits: list[int] | None = None
        self.live = np.ones(6, bool)
        self.levels = LEVELS
        self.lengths = 1_000_000

    def hashes(self, kind: str) -> np.ndarray:
        start = 1 + KMERS * list(self.shared).index(kind)
        return np.arange(start, start + self.sizes.get(kind, KMERS), dtype=np.uint64)

    def sketch(self, window: Genome, spec: IndexSpec) -> np.ndarray:
        [contig] = window.contigs
        self.looked_at.append((contig.name, len(contig.sequence)))
        return self.hashes(contig.name.partition(":")[0])

    def index(self) -> MemoryIndex:
        sketches = [
            [each for kind in self.shared for each in self.hashes(kind)[: self.shared[kind][row]].tolist()]
            for row in range(6)
        ]
        references = MemoryReferences(IndexSpec(), sketches, self.limits, lengths=self.lengths)
        return MemoryIndex(model(self.levels, live=self.live), references, entries(self.levels))

    def found(
        self,
        *contigs: tuple[str, int],
        closest: int = 0,
        hidden: Sequence[int] = (),
        is_far: bool = False,
    ) -> Components | None:
        genome = Genome("q", tuple(Contig(name, b"A" * length) for name, length in contigs), "-")
        return components_of(self.index(), genome, closest, is_far, hidden)  # type: ignore[arg-type]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    made = Windows()
    monkeypatch.setattr(window_lookup, "hash_sketch", made.sketch)
    return made


def part(share: float, name: str = "B b", rank: str = "species", shared: int = 9_000) -> Component:
    return Component(name, rank, pytest.approx(share), pytest.approx(identity_of(shared)))


def parts(
    own: float, *foreign: Component, unexplained: float = 0.0, own_species: float | None = None
) -> Components:
    """Components; unless it is given, all that is own is as near as genomes of one species are."""
    own_species = own if own_species is None else own_species
    return Components(pytest.approx(own), pytest.approx(own_species), foreign, pytest.approx(unexplained))


# -- windows -------------------------------------------------------------------------------------------------


def test_shares_are_of_bases_in_windows_of_all_contigs(windows: Windows) -> None:
    assert windows.found(("own", 15_000), ("foreign", 10_000)) == parts(0.6, part(0.4))
    assert windows.looked_at == [("own", 5_000)] * 3 + [("foreign", 5_000)] * 2


def test_small_contigs_count_by_their_bases(windows: Windows) -> None:
    """A window each, whatever its length; its identity weighs by length too."""
    found = windows.found(("own", 5_000), ("foreign", 2_000), ("foreign, farther", 1_000))
    identity = (2 * identity_of(9_000) + identity_of(5_000)) / 3
    assert found == parts(5 / 8, Component("B b", "species", 3 / 8, pytest.approx(identity)))
    many = [*((f"own:{n}", 700) for n in range(20)), *((f"foreign:{n}", 700) for n in range(10))]
    assert windows.found(*many) == parts(2 / 3, part(1 / 3))


def test_a_contig_is_cut_into_windows_of_one_length(windows: Windows) -> None:
    windows.found(("own:1", 7_499), ("own:2", 7_501), ("own:3", 1))
    assert windows.looked_at == [("own:1", 7_499), ("own:2", 3_750), ("own:2", 3_751), ("own:3", 1)]


@pytest.mark.parametrize(
    ("query_bp", "reference_bp", "window_bp"),
    [(500_000, 500_000, 303), (500_001, 500_000, 5_000), (500_000, 500_001, 5_000)],
)
def test_small_genomes_are_cut_into_small_windows(
    query_bp: int, reference_bp: int, window_bp: int, windows: Windows
) -> None:
    windows.lengths = reference_bp
    windows.found(("own", 10_000), ("own:rest", query_bp - 10_000))
    assert windows.looked_at[0] == ("own", window_bp)


def test_at_most_400_windows_are_looked_at_spread_over_all(windows: Windows) -> None:
    found = windows.found(("own", 3_000_000), ("foreign", 1_000_000))  # 800 windows
    assert len(windows.looked_at) == 400
    assert found == parts(0.75, part(0.25))
    windows.looked_at.clear()
    windows.found(("own", 5_000 * 401))
    assert len(windows.looked_at) == 400
    assert module.MOST_WINDOWS == 400


def test_windows_are_spread_from_the_first_to_the_last(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WINDOWS", 4)
    windows.found(*((f"own:{n}", 1_000) for n in range(8)))
    assert [name for name, _ in windows.looked_at] == ["own:0", "own:2", "own:4", "own:7"]


def test_a_window_with_fewer_than_four_kmers_says_nothing(windows: Windows) -> None:
    windows.sizes["nothing"] = 3
    assert windows.found(("own", 5_000), ("nothing", 5_000)) == parts(1.0)
    assert windows.found(("nothing", 5_000)) is None
    assert windows.found() is None
    windows.sizes["nothing"] = 4
    assert windows.found(("own", 5_000), ("nothing", 5_000)) == parts(0.5, unexplained=0.5)


# -- what a window is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["own", "own species"])
def test_what_is_of_the_closest_species_is_own(kind: str, windows: Windows) -> None:
    assert windows.found((f"{kind}:1", 10_000), (f"{kind}:2", 10_000)) == parts(1.0)


@pytest.mark.parametrize("kind", ["nothing", "nameless"])
def test_sequence_in_no_genome_that_has_a_name_is_unexplained(kind: str, windows: Windows) -> None:
    assert windows.found(("own", 5_000), (kind, 15_000)) == parts(0.25, unexplained=0.75)


def test_sequence_of_the_genus_is_own(windows: Windows) -> None:
    windows.shared["sister"] = [0, least_shared(0.85), 0, 0, 0, 0]
    assert windows.found(("own", 10_000), ("sister", 10_000)) == parts(1.0, own_species=0.5)


@pytest.mark.parametrize(("more", "own_species"), [(-1, 0.5), (0, 1.0)])
@pytest.mark.parametrize("relative", [0, 1, 5])
def test_own_is_as_near_as_one_species_from_95_percent_on(
    relative: int, more: int, own_species: float, windows: Windows
) -> None:
    assert SPECIES_IDENTITY == 0.95
    windows.shared["own species"] = [least_shared(0.94)] * 2 + [0] * 3 + [least_shared(0.94)]
    windows.shared["own species"][relative] = least_shared(0.95) + more
    found = windows.found(("own", 10_000), ("own species", 10_000))
    assert found == parts(1.0, own_species=own_species)


@pytest.mark.parametrize(("shared", "unexplained"), [(1, 1.0), (2, 0.0)])
def test_one_shared_kmer_may_be_chance(shared: int, unexplained: float, windows: Windows) -> None:
    windows.sizes["own"] = 4  # of which one is an identity of 0.94 already
    windows.shared["own"] = [shared, 0, 0, 0, 0, 0]
    found = windows.found(("own", 5_000))
    assert found == parts(1 - unexplained, unexplained=unexplained)


@pytest.mark.parametrize(("more", "unexplained"), [(-1, 1.0), (0, 0.0)])
def test_below_an_identity_of_85_percent_a_window_is_unexplained(
    more: int, unexplained: float, windows: Windows
) -> None:
    assert LEAST_IDENTITY == 0.85
    windows.shared["own"] = [least_shared(0.85) + more, 0, 0, 0, 0, 0]
    found = windows.found(("own", 5_000))
    assert found == parts(1 - unexplained, unexplained=unexplained, own_species=0)


def foreign_shares(found: Components | None) -> list[tuple[str, float]]:
    assert found is not None
    return [(each.name, each.share) for each in found.foreign]


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("B b", 0.5)])])
def test_another_genus_is_foreign_from_an_identity_of_90_percent_on(
    more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    assert FOREIGN_IDENTITY == 0.90
    windows.shared["foreign"] = [0, 0, least_shared(0.90) + more, 0, 0, 0]
    found = windows.found(("own", 10_000), ("foreign", 10_000))
    assert foreign_shares(found) == expected
    assert found is not None
    assert found.unexplained == (0 if expected else 0.5)  # it is not the own genus either


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("B b", 0.5)])])
def test_another_genus_must_be_nearer_to_a_part_of_a_far_query(
    more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    windows.shared["foreign"] = [1, 0, least_shared(0.95) + more, 0, 0, 0]
    found = windows.found(("own", 10_000), ("foreign", 10_000), is_far=True)
    # Nor is it another species, for whose windows the same holds.
    assert foreign_shares(found) == expected


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("B b", 0.5)])])
@pytest.mark.parametrize("relative", [0, 1, 5])
def test_another_genus_must_be_nearer_than_the_own_by_5_points(
    relative: int, more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    """The own genus is the closest reference, or any other genome of it."""
    assert FOREIGN_LEAD == 0.05
    own = least_shared(0.88)
    windows.shared["foreign"][relative] = own
    windows.shared["foreign"][2] = least_shared(identity_of(own) + 0.05) + more
    assert foreign_shares(windows.found(("own", 10_000), ("foreign", 10_000))) == expected


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("A b", 0.5)])])
def test_another_species_of_the_genus_is_foreign_from_95_percent_on(
    more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    assert SPECIES_IDENTITY == 0.95
    windows.shared["sister"] = [0, least_shared(0.95) + more, 0, 0, 0, 0]
    assert foreign_shares(windows.found(("own", 10_000), ("sister", 10_000))) == expected


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("A b", 0.5)])])
@pytest.mark.parametrize("member", [0, 5])
def test_another_species_must_be_nearer_than_the_own_by_5_points(
    member: int, more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    own = least_shared(0.92)
    windows.shared["sister"][member] = own
    windows.shared["sister"][1] = least_shared(identity_of(own) + 0.05) + more
    assert foreign_shares(windows.found(("own", 10_000), ("sister", 10_000))) == expected


def test_a_genome_without_a_species_is_named_by_its_genus(windows: Windows) -> None:
    assert windows.found(("own", 10_000), ("genus only", 10_000)) == parts(0.5, part(0.5, "C", "genus"))


def test_the_name_is_that_of_the_nearest_genome(windows: Windows) -> None:
    windows.shared["foreign"][3] = 8_999
    assert windows.found(("own", 10_000), ("foreign", 10_000)) == parts(0.5, part(0.5))
    windows.shared["foreign"][3] = 9_001
    assert windows.found(("own", 10_000), ("foreign", 10_000)) == parts(
        0.5, part(0.5, "C", "genus", shared=9_001)
    )


def test_own_is_what_the_closest_reference_is(windows: Windows) -> None:
    kinds = (("own", 10_000), ("foreign", 10_000))
    assert windows.found(*kinds, closest=2) == parts(0.5, part(0.5, "A a"))
    # Where it has neither genus nor species, nothing else is own or foreign.
    assert windows.found(("nameless", 10_000), *kinds, closest=4) == parts(1 / 3, unexplained=2 / 3)
    found = windows.found(("genus only", 10_000), ("foreign", 10_000), closest=3)
    assert found == parts(0.5, part(0.5))


def test_components_are_sorted_by_share_then_name(windows: Windows) -> None:
    kinds = (("own", 10_000), ("genus only", 10_000), ("foreign", 10_000), ("sister", 20_000))
    assert windows.found(*kinds) == parts(
        0.2, part(0.4, "A b"), part(0.2, "B b"), part(0.2, "C", "genus")
    )  # fmt: skip
    found = windows.found(*kinds)
    assert found is not None
    assert found.foreign_share == pytest.approx(0.8)


def test_a_name_in_one_window_is_no_component(windows: Windows) -> None:
    """Nor is that window own or unexplained; here one of its k-mers is the own genus's."""
    windows.shared["foreign"] = [1, 0, 9_000, 0, 0, 0]
    assert windows.found(("own", 15_000), ("foreign", 5_000)) == parts(0.75)
    assert windows.found(("own", 15_000), ("foreign", 2_500), ("foreign:2", 2_500)) == parts(0.75, part(0.25))


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("B b", 0.25)])])
def test_one_window_of_one_other_name_alone_is_enough_from_95_percent_on(
    more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    windows.shared["foreign"] = [0, 0, least_shared(0.95) + more, 0, 0, 0]
    assert foreign_shares(windows.found(("own", 15_000), ("foreign", 5_000))) == expected


@pytest.mark.parametrize("also", [0, 1, 3, 4, 5])
def test_a_window_that_others_share_is_not_of_one_name_alone(also: int, windows: Windows) -> None:
    """One k-mer of the own genus, or as many as a window needs of any other, named or not."""
    windows.shared["foreign"][also] = 1 if also in (0, 1, 5) else 8_000
    assert foreign_shares(windows.found(("own", 15_000), ("foreign", 5_000))) == []


def test_without_a_genus_no_window_is_known_to_be_of_another_alone(windows: Windows) -> None:
    found = windows.found(("nameless", 15_000), ("foreign", 5_000), closest=4)
    assert foreign_shares(found) == []


# -- a query that is far from its closest reference ----------------------------------------------------------

FAMILIES = levels(
    family=["F", "F", "F", "G", None, "F"], genus=["A", "A", "B", "C", None, "A"], species=SPECIES
)


@pytest.mark.parametrize(("more", "expected"), [(-1, []), (0, [("G", 0.5)])])
def test_a_window_of_another_family_alone_is_of_that_family(
    more: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    windows.levels = FAMILIES
    windows.shared["genus only"] = [0, 0, 0, least_shared(0.85) + more, 0, 0]
    kinds = (("own", 10_000), ("genus only", 10_000))
    found = windows.found(*kinds, is_far=True)
    assert foreign_shares(found) == expected
    assert found is not None
    assert found.unexplained == (0 if expected else 0.5)
    assert foreign_shares(windows.found(*kinds)) == []  # near the closest reference it may be anything


@pytest.mark.parametrize(("shared", "expected"), [(0, [("G", 0.5)]), (1, [])])
@pytest.mark.parametrize("relative", [0, 1, 2, 5])
def test_a_window_with_a_kmer_of_the_own_family_is_of_no_other(
    relative: int, shared: int, expected: list[tuple[str, float]], windows: Windows
) -> None:
    windows.levels = FAMILIES
    windows.shared["genus only"] = [0, 0, 0, least_shared(0.90), 0, 0]
    windows.shared["genus only"][relative] = shared
    assert foreign_shares(windows.found(("own", 10_000), ("genus only", 10_000), is_far=True)) == expected


def test_a_far_query_is_of_its_closest_reference_s_family(windows: Windows) -> None:
    windows.levels = FAMILIES
    windows.shared["foreign"] = [0, 0, least_shared(0.88), 0, 0, 0]
    kinds = (("own", 10_000), ("foreign", 10_000))
    assert windows.found(*kinds, is_far=True) == parts(1.0, own_species=0.5)
    assert windows.found(*kinds) == parts(0.5, unexplained=0.5)


def test_hidden_and_removed_references_explain_nothing(windows: Windows) -> None:
    kinds = (("own", 10_000), ("foreign", 10_000))
    assert windows.found(*kinds, hidden=[2]) == parts(0.5, unexplained=0.5)
    assert windows.found(("own species", 10_000), hidden=[5]) == parts(0.0, unexplained=1.0)
    windows.live[2] = False
    assert windows.found(*kinds) == parts(0.5, unexplained=0.5)


@pytest.mark.parametrize(("below", "share"), [(4, 0.5), (3, 0.0)])
def test_sparser_sketches_are_compared_at_their_own_density(
    below: int, share: float, windows: Windows
) -> None:
    """Of the 10,000 k-mers of a window `below` are under the limit of row 2; three say nothing."""
    start = int(windows.hashes("foreign")[0])
    windows.limits = [2**61] * 2 + [start + below] + [2**61] * 3
    windows.shared["foreign"] = [0, 0, below, 0, 0, 0]
    found = windows.found(("own", 10_000), ("foreign", 10_000))
    assert found is not None
    assert found.foreign_share == share
    assert found.unexplained == 0.5 - share
