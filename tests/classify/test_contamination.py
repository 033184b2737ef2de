"""Contamination: contigs of another genus, from hand-made sketches."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, levels, model, no_projection, vectors

from genome_index.classify import contamination, reasons
from genome_index.classify.contamination import FAIL_SHARE, Foreign, foreign_part, with_foreign_part
from genome_index.index.audit.foreign_contigs import (
    FOREIGN_IDENTITY,
    FOREIGN_LEAD,
    LEAST_CONTIG_BP,
    WARN_SHARE,
)
from genome_index.records import Call, Contig, Genome
from genome_index.spec import IndexSpec

LEVELS = levels(
    genus=["A", "A", "B", "C", None],
    species=["A a", "A b", "B b", None, None],
)
PATTERNS = {"own": b"ACGT", "sister": b"AACG", "foreign": b"CCGT", "genus only": b"GGCA", "nameless": b"TTGA"}
# Share of k-mers that a contig of each pattern has in common with each row; closest is row 0.
SHARED = {
    "own": [0.9, 0.5, 0.0, 0.0, 0.0],
    "sister": [0.3, 0.9, 0.0, 0.0, 0.0],
    "foreign": [0.0, 0.0, 0.9, 0.0, 0.0],
    "genus only": [0.0, 0.0, 0.0, 0.9, 0.0],
    "nameless": [0.0, 0.0, 0.0, 0.0, 0.9],
    "foreign, far": [0.0, 0.0, 0.001, 0.0, 0.0],
    "foreign, near the own": [0.85, 0.0, 0.9, 0.0, 0.0],
    "nothing": [0.0] * 5,
}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Containments by the name of a contig; what follows a colon numbers contigs of one kind."""
    table = {name: list(values) for name, values in SHARED.items()}

    def containments(index: object, contig: Genome, rows: np.ndarray) -> np.ndarray:
        assert isinstance(index, MemoryIndex)
        values = table[contig.id.partition(":")[0]]
        return np.array([values[row] if row >= 0 else 0 for row in rows], np.float32)

    monkeypatch.setattr(contamination, "containments", containments)
    return table


def index() -> MemoryIndex:
    rows = vectors([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1]])
    made = model(LEVELS, projection=no_projection(), vectors=rows)
    return MemoryIndex(made, MemoryReferences(IndexSpec(), [[]] * 5), entries(LEVELS))


def assembly(*contigs: tuple[str, int]) -> Genome:
    return Genome(
        "q", tuple(Contig(name, (b"ACGT" * (length // 4 + 1))[:length]) for name, length in contigs), "-"
    )


def found(*contigs: tuple[str, int], closest: int = 0) -> Foreign | None:
    return foreign_part(index(), assembly(*contigs), closest)  # type: ignore[arg-type]


def test_the_share_is_that_of_the_foreign_contigs(shared: dict[str, list[float]]) -> None:
    assert found(("own", 15_000), ("foreign", 5_000)) == Foreign(0.25, "B b")
    assert found(
        ("own", 10_000), ("foreign:1", 5_000), ("genus only", 5_000), ("foreign:2", 5_000)
    ) == Foreign(0.6, "B b")


def test_the_genus_is_that_of_the_closest_reference(shared: dict[str, list[float]]) -> None:
    assert found(("foreign", 15_000), ("own", 5_000), closest=2) == Foreign(0.25, "A a")


def test_a_source_without_a_species_is_named_by_its_genus(shared: dict[str, list[float]]) -> None:
    assert found(("own", 10_000), ("genus only", 10_000)) == Foreign(0.5, "C")


@pytest.mark.parametrize(
    "contig", ["own", "sister", "nameless", "foreign, far", "foreign, near the own", "nothing"]
)
def test_what_is_not_clearly_of_another_genus_is_not_foreign(
    contig: str, shared: dict[str, list[float]]
) -> None:
    assert found(("own:1", 10_000), (contig, 10_000)) is None


@pytest.mark.parametrize(("above", "foreign"), [(1e-4, True), (-1e-4, False)])
def test_identity_and_lead_have_their_limits(
    above: float, foreign: bool, shared: dict[str, list[float]]
) -> None:
    k = IndexSpec().sketch_k
    shared["foreign"] = [0.0, 0.0, (FOREIGN_IDENTITY + above) ** k, 0.0, 0.0]
    assert (found(("own", 10_000), ("foreign", 10_000)) is not None) is foreign
    own = 0.9
    shared["foreign"] = [own**k, 0.0, (own + FOREIGN_LEAD + above) ** k, 0.0, 0.0]
    assert own + FOREIGN_LEAD > FOREIGN_IDENTITY
    assert (found(("own", 10_000), ("foreign", 10_000)) is not None) is foreign


def test_short_contigs_are_not_searched(shared: dict[str, list[float]]) -> None:
    least = LEAST_CONTIG_BP
    assert found(("own", 10_000), ("foreign", least - 1)) is None
    expected = Foreign(least / (10_000 + least), "B b")
    assert found(("own", 10_000), ("foreign", least)) == expected
    assert found(("own", 10_000), ("foreign", least), ("foreign:2", least - 1)) == expected


def test_a_genome_in_one_piece_has_no_foreign_contig(shared: dict[str, list[float]]) -> None:
    assert found(("foreign", 10_000)) is None


def test_without_a_genus_of_the_closest_reference_nothing_is_foreign(
    shared: dict[str, list[float]],
) -> None:
    assert found(("own", 10_000), ("foreign", 10_000), closest=4) is None


def test_only_the_largest_contigs_are_searched(
    shared: dict[str, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (contamination.MOST_CONTIGS, contamination.NEIGHBOURS, FAIL_SHARE) == (40, 20, 0.20)
    monkeypatch.setattr(contamination, "MOST_CONTIGS", 2)
    contigs = (("foreign:1", 5_000), ("own", 10_000), ("foreign:2", 6_000))
    assert found(*contigs) == Foreign(6 / 16, "B b")


def test_only_the_nearest_references_and_the_closest_are_compared(
    shared: dict[str, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contamination, "NEIGHBOURS", 1)
    made = index()
    # The composition of every contig is that of ACGT: with one neighbour, row 2 is not among them.
    assert foreign_part(made, assembly(("own", 10_000), ("foreign", 10_000)), 0) is None  # type: ignore[arg-type]
    [prefetched] = made.prefetched
    assert len(prefetched) == 1


# -- the call ------------------------------------------------------------------------------------------------

CALL = Call("q", "-", 1, "species", "The reason.", "species", "A a", confidence=0.9, warnings=("before",))


@pytest.mark.parametrize("share", [None, WARN_SHARE - 0.001])
def test_a_small_foreign_part_is_not_mentioned(share: float | None) -> None:
    assert with_foreign_part(CALL, None if share is None else Foreign(share, "B b")) is CALL


@pytest.mark.parametrize("share", [WARN_SHARE, FAIL_SHARE - 0.001])
def test_a_foreign_part_gives_a_warning(share: float) -> None:
    called = with_foreign_part(CALL, Foreign(share, "B b"))
    assert called.warnings == ("before", reasons.foreign_part(share, "B b"))
    assert (called.verdict, called.name, called.confidence) == ("species", "A a", 0.9)


@pytest.mark.parametrize("share", [FAIL_SHARE, 0.6])
def test_a_mixture_is_refused(share: float) -> None:
    called = with_foreign_part(CALL, Foreign(share, "B b"))
    assert called.verdict == "qc_fail"
    assert called.reason == reasons.mixture(share, "B b", FAIL_SHARE, "The reason.")
    assert (called.rank, called.name, called.confidence) == (None, None, None)
    assert called.warnings == ("before",)
