"""Contamination: from which shares on a call is warned about, loses confidence, or is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.handmade import MemoryIndex, MemoryReferences, entries, levels, model

from genome_index.classify.parts import contamination as module
from genome_index.classify.parts.components import LEAST_SHARE, Components
from genome_index.classify.parts.contamination import (
    FAIL_SHARE,
    MOST_UNEXPLAINED,
    SAID_UNEXPLAINED,
    with_components,
)
from genome_index.index.audit.foreign_contigs import WARN_SHARE
from genome_index.records import Call, Component, Evidence, Genome, Hit, Lineage
from genome_index.spec import IndexSpec

LEVELS = levels(genus=["A", "B"], species=["A a", "B b"])
GENOME = Genome("q", (), "-")
LINEAGE = Lineage({"genus": "A", "species": "A a"})
CLOSEST = Hit("g0", LINEAGE, {}, 0.9, 0.95, Evidence(97.0, 10.0, 90.0))
CALL = Call(
    "q", "-", 1, "species", "The reason.", "species", "A a", LINEAGE, confidence=0.9, closest=CLOSEST,
    next_rank="strain", labels={"subtype": ("x", 0.9)}, warnings=("before",),
)  # fmt: skip


def called(
    monkeypatch: pytest.MonkeyPatch, found: Components | None, call: Call = CALL, molecule: str = "prokaryote"
) -> Call:
    """A call of an index whose components are given; its closest reference is of some kind."""
    made = MemoryIndex(model(LEVELS, molecule), MemoryReferences(IndexSpec(), [[], []]), entries(LEVELS))
    seen: list[tuple[object, ...]] = []

    def components(*given: object) -> Components | None:
        seen.append(given)
        return found

    monkeypatch.setattr(module, "components_of", components)
    result = with_components(made, GENOME, call, 1, [7])  # type: ignore[arg-type]
    assert all(given == (made, GENOME, 1, [7]) for given in seen)
    return result


def part(share: float, name: str = "B b") -> Component:
    return Component(name, "species", share, 0.987)


def mixed(*shares: float, unexplained: float = 0.0) -> Components:
    foreign = tuple(part(share, f"B {letter}") for letter, share in zip("bcd", shares, strict=False))
    return Components(1 - sum(shares) - unexplained, foreign, unexplained)


def test_the_limits() -> None:
    assert (WARN_SHARE, FAIL_SHARE, LEAST_SHARE) == (0.05, 0.20, 0.01)
    assert (SAID_UNEXPLAINED, MOST_UNEXPLAINED, module.NEAR_IDENTITY) == (0.20, 0.40, 0.90)


# -- parts of other species ----------------------------------------------------------------------------------


def test_small_parts_are_listed_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(0.0499))
    assert found == replace(CALL, components=(part(0.0499),), unexplained=0.0)
    assert called(monkeypatch, mixed(0.01, 0.0099)).components == (part(0.01),)


@pytest.mark.parametrize("share", [0.05, 0.1999])
def test_parts_of_5_percent_give_a_warning(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(share))
    warning = f"part of the sequence is nearest to another species: {share:.0%} B b (identity 98.7%)"
    assert found == replace(CALL, components=(part(share),), unexplained=0.0, warnings=("before", warning))


@pytest.mark.parametrize("share", [0.20, 0.6])
def test_a_mixture_is_refused(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(share))
    assert found == replace(
        CALL, verdict="qc_fail", rank=None, name=None, confidence=None, lineage=Lineage(), labels={},
        components=(part(share),),
        reason=f"This looks like a mixture: {1 - share:.0%} A a, {share:.0%} B b (identity 98.7%); at most "
        "20% of other species is accepted. The reason.",
    )  # fmt: skip


def test_parts_of_several_species_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those too small to be listed count too."""
    assert called(monkeypatch, mixed(0.03, 0.0199)).warnings == ("before",)
    assert len(called(monkeypatch, mixed(0.03, 0.02)).warnings) == 2
    assert called(monkeypatch, mixed(0.1, 0.0999)).verdict == "species"
    found = called(monkeypatch, mixed(0.1, 0.095, 0.006))
    assert found.verdict == "qc_fail"
    assert found.components == (part(0.1), part(0.095, "B c"))
    assert found.reason.startswith(
        "This looks like a mixture: 80% A a, 10% B b (identity 98.7%), 10% B c (identity 98.7%); at most"
    )


def test_without_a_species_the_own_part_is_of_the_closest_genome(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = replace(CALL, closest=replace(CLOSEST, lineage=Lineage()))
    found = called(monkeypatch, mixed(0.25), nameless)
    assert found.reason.startswith("This looks like a mixture: 75% of the closest genome, 25% B b")


# -- unexplained sequence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.1999])
def test_a_little_unexplained_sequence_is_a_number(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(unexplained=share)) == replace(CALL, unexplained=share)


@pytest.mark.parametrize(("share", "confidence"), [(0.2, 0.9 * 0.98), (0.3, 0.9 * 0.955), (0.4, 0.9 * 0.92)])
def test_unexplained_sequence_lowers_the_confidence(
    share: float, confidence: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = (
        f"{share:.0%} of the query is in no reference of this index, such as sequence of a host or of a "
        "species that the index lacks; the confidence is lowered by it"
    )
    assert called(monkeypatch, mixed(unexplained=share)) == replace(
        CALL, confidence=pytest.approx(confidence, abs=1e-12), unexplained=share, warnings=("before", warning)
    )


def test_a_call_without_a_confidence_has_the_warning_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    novel = replace(CALL, verdict="novel", rank=None, name=None, confidence=None)
    found = called(monkeypatch, mixed(unexplained=0.3), novel)
    assert (found.verdict, found.confidence, len(found.warnings)) == ("novel", None, 2)


@pytest.mark.parametrize("share", [0.4001, 0.75])
def test_a_query_that_is_mostly_unexplained_is_refused(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(unexplained=share)) == replace(
        CALL, verdict="qc_fail", rank=None, name=None, confidence=None, lineage=Lineage(), labels={},
        unexplained=share,
        reason=f"{share:.0%} of the query is in no reference of this index, such as sequence of a host; at "
        "most 40% is accepted for a call of the whole. Without that part: The reason.",
    )  # fmt: skip


@pytest.mark.parametrize(("af_query", "expected"), [(10.0, 0.5), (50.0, 0.5), (70.0, 0.3), (None, 0.5)])
def test_what_is_aligned_is_not_unexplained(
    af_query: float | None, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = Evidence(97.0, af_query, 90.0)
    found = called(
        monkeypatch, mixed(unexplained=0.5), replace(CALL, closest=replace(CLOSEST, evidence=evidence))
    )
    assert found.unexplained == pytest.approx(expected)


def test_a_mixture_and_a_piece_have_no_unexplained_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(0.3, unexplained=0.5)).unexplained is None
    piece = replace(CALL, verdict="piece")
    assert called(monkeypatch, mixed(unexplained=0.5), piece) == piece


# -- what is not looked at -----------------------------------------------------------------------------------


@pytest.mark.parametrize("molecule", ["prokaryote", "virus", "organelle", "other"])
def test_whole_genomes_are_looked_at(molecule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(0.3), molecule=molecule).verdict == "qc_fail"


def test_plasmids_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(0.3), molecule="plasmid") is CALL


def near(ani: float | None, kmer_identity: float) -> Call:
    return replace(
        CALL, closest=replace(CLOSEST, kmer_identity=kmer_identity, evidence=Evidence(ani, 10.0, 90.0))
    )


@pytest.mark.parametrize(
    ("call", "looked_at"),
    [
        (near(90.0, 0.6), True),
        (near(89.99, 0.99), False),
        (near(None, 0.90), True),
        (near(None, 0.8999), False),
        (replace(near(99.0, 0.99), verdict="out_of_scope"), False),
        (replace(CALL, closest=None), False),
    ],
)
def test_only_beside_a_near_reference_is_a_window_foreign(
    call: Call, looked_at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = called(monkeypatch, mixed(0.3), call)
    assert (found.verdict == "qc_fail") is looked_at
    assert (found is call) is not looked_at


def test_without_kmers_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, None) is CALL
