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
    OWN_OF_EXPLAINED,
    SAID_UNEXPLAINED,
    SURE_SHARE,
    with_components,
)
from genome_index.classify.parts.window_lookup import SPECIES_IDENTITY
from genome_index.index.audit.large_contigs import WARN_SHARE
from genome_index.index.store.skani import BELOW_RANGE, LITTLE_ALIGNED
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
    monkeypatch: pytest.MonkeyPatch,
    found: Components | None,
    call: Call = CALL,
    molecule: str = "prokaryote",
    is_far: bool = False,
) -> Call:
    """A call of an index whose components are given; its closest reference is of some kind."""
    made = MemoryIndex(model(LEVELS, molecule), MemoryReferences(IndexSpec(), [[], []]), entries(LEVELS))
    seen: list[tuple[object, ...]] = []

    def components(*given: object) -> Components | None:
        seen.append(given)
        return found

    monkeypatch.setattr(module, "components_of", components)
    result = with_components(made, GENOME, call, 1, [7])  # type: ignore[arg-type]
    assert all(given == (made, GENOME, 1, is_far, [7]) for given in seen)
    return result


def part(share: float, name: str = "B b", identity: float = 0.9287) -> Component:
    return Component(name, "species", share, identity)


def mixed(
    *shares: float, unexplained: float = 0.0, own_species: float = 0.0, identity: float = 0.9287
) -> Components:
    """Components of which the foreign ones are farther than genomes of one species are, or at an identity."""
    foreign = tuple(
        part(share, f"B {letter}", identity) for letter, share in zip("bcd", shares, strict=False)
    )
    return Components(1 - sum(shares) - unexplained, own_species, foreign, unexplained)


def test_the_limits() -> None:
    assert (WARN_SHARE, FAIL_SHARE, LEAST_SHARE) == (0.05, 0.20, 0.01)
    assert (SAID_UNEXPLAINED, MOST_UNEXPLAINED, module.NEAR_IDENTITY) == (0.20, 0.40, 0.90)
    assert (SURE_SHARE, OWN_OF_EXPLAINED, SPECIES_IDENTITY) == (0.025, 0.45, 0.95)


# -- parts of other species ----------------------------------------------------------------------------------


def test_small_parts_are_listed_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(0.0499))
    assert found == replace(CALL, components=(part(0.0499),), unexplained=0.0)
    assert called(monkeypatch, mixed(0.01, 0.0099)).components == (part(0.01),)


@pytest.mark.parametrize("share", [0.05, 0.1999])
def test_parts_of_5_percent_give_a_warning(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(share))
    warning = f"part of the sequence is nearest to another species: {share:.0%} B b (identity 92.9%)"
    assert found == replace(CALL, components=(part(share),), unexplained=0.0, warnings=("before", warning))


@pytest.mark.parametrize(
    ("share", "identity", "warned"),
    [(0.025, 0.95, True), (0.0249, 0.95, False), (0.025, 0.9499, False), (0.0499, 0.9499, False)],
)
def test_parts_as_near_as_one_species_are_warned_of_from_a_share_of_2_5_percent_on(
    share: float, identity: float, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(called(monkeypatch, mixed(share, identity=identity)).warnings) == 1 + warned


@pytest.mark.parametrize("share", [0.20, 0.6])
def test_a_mixture_is_refused(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(share))
    assert found == replace(
        CALL, verdict="qc_fail", rank=None, name=None, confidence=None, lineage=Lineage(), labels={},
        components=(part(share),),
        reason=f"This looks like a mixture: {1 - share:.0%} A a, {share:.0%} B b (identity 92.9%); at most "
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
        "This looks like a mixture: 80% A a, 10% B b (identity 92.9%), 10% B c (identity 92.9%); at most"
    )


def test_without_a_species_the_own_part_is_of_the_closest_genome(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = replace(CALL, closest=replace(CLOSEST, lineage=Lineage()))
    found = called(monkeypatch, mixed(0.25), nameless)
    assert found.reason.startswith("This looks like a mixture: 75% like the closest genome, 25% B b")


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


@pytest.mark.parametrize(
    ("ani", "af_query", "expected"),
    [
        (94.99, 10.0, 0.5), (94.99, 50.0, 0.5), (94.99, 70.0, 0.3), (94.99, None, 0.5),
        (95.0, 70.0, 0.5), (None, None, 0.5),
    ],
)  # fmt: skip
def test_of_a_farther_reference_what_is_aligned_is_not_unexplained(
    ani: float | None, af_query: float | None, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = called(
        monkeypatch,
        mixed(unexplained=0.5),
        replace(CALL, closest=replace(CLOSEST, evidence=Evidence(ani, af_query, 90.0))),
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
    ("call", "is_far"),
    [
        (near(90.0, 0.6), False),
        (near(89.99, 0.99), True),
        (near(None, 0.90), False),
        (near(None, 0.8999), True),
        (replace(CALL, closest=None), True),
    ],
)
def test_a_query_is_far_below_90_percent(call: Call, is_far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, mixed(0.3), call, is_far=is_far).verdict == "qc_fail"


def test_a_query_out_of_scope_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    out = replace(near(99.0, 0.99), verdict="out_of_scope")
    assert called(monkeypatch, mixed(0.3), out) is out


# -- a far reference that is near to a part ------------------------------------------------------------------

FAR = near(85.0, 0.85)


@pytest.mark.parametrize(
    ("unexplained", "own_species", "refused"),
    [
        (0.5, 0.225, True),  # 45 % of what is explained
        (0.5, 0.2249, False),
        (0.4, 0.5, False),
        (0.4001, 0.5, True),
        (0.98, 0.025, True),
        (0.98, 0.0249, False),
    ],
)
def test_a_call_that_rests_on_a_part_of_the_query_is_refused(
    unexplained: float, own_species: float, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = called(monkeypatch, mixed(unexplained=unexplained, own_species=own_species), FAR, is_far=True)
    assert found == (
        replace(
            FAR, verdict="qc_fail", rank=None, name=None, confidence=None, lineage=Lineage(), labels={},
            unexplained=unexplained,
            reason=f"{own_species:.0%} of the query is as near to A a as genomes of one species are, but "
            f"{unexplained:.0%} is in no reference of this index: this looks like a mixture. The reason.",
        )
        if refused
        else FAR
    )  # fmt: skip


def test_a_mixture_of_a_far_reference_has_the_reason_of_a_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    found = called(monkeypatch, mixed(0.3, unexplained=0.5, own_species=0.2), FAR, is_far=True)
    assert found.reason.startswith("This looks like a mixture")
    assert found.unexplained is None


@pytest.mark.parametrize(
    ("shares", "unexplained", "verdict"),
    [
        ((0.1,), 0.5, "qc_fail"),  # a fifth of what is explained
        ((0.0999,), 0.5, "species"),
        ((0.0999, 0.0999), 0.5, "species"),  # no one name has a fifth
        ((0.2,), 0.0, "qc_fail"),
        ((0.1999,), 0.0, "species"),
    ],
)
def test_parts_of_a_far_query_are_measured_by_what_is_explained(
    shares: tuple[float, ...], unexplained: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = called(monkeypatch, mixed(*shares, unexplained=unexplained), FAR, is_far=True)
    assert found.verdict == verdict


def test_a_far_query_without_a_name_keeps_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    novel = replace(FAR, verdict="novel", rank=None, name=None, confidence=None)
    found = called(monkeypatch, mixed(0.3), novel, is_far=True)
    assert (found.verdict, found.components) == ("novel", (part(0.3, "B b"),))
    assert (
        found.warnings[-1] == "part of the sequence is nearest to another species: 30% B b (identity 92.9%)"
    )


# -- a far virus of which little is aligned ------------------------------------------------------------------


def partly(ani: float | None, af_query: float | None, af_reference: float | None, kmers: float = 0.5) -> Call:
    evidence = Evidence(ani, af_query, af_reference, LITTLE_ALIGNED if ani is None else None)
    return replace(CALL, closest=replace(CLOSEST, kmer_identity=kmers, evidence=evidence))


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        (partly(86.0, 39.99, 39.99), True),
        (partly(85.99, 39.99, 39.99), False),
        (partly(86.0, 40.0, 20.0), False),
        (partly(86.0, 20.0, 40.0), False),
        (partly(None, None, None, 0.86), True),
        (partly(None, None, None, 0.8599), False),
    ],
)
def test_a_virus_of_which_only_a_near_part_is_aligned_is_a_mixture(
    call: Call, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = called(monkeypatch, mixed(unexplained=0.4001), call, "virus", is_far=True)
    assert found.verdict == ("qc_fail" if refused else "species")
    if refused:
        assert found.unexplained == 0.4001
        assert found.reason == (
            "Little of the query is aligned to A a, though what is aligned is near, and 40% is in no "
            "reference of this index: this looks like a mixture. The reason."
        )
    assert called(monkeypatch, mixed(unexplained=0.4), call, "virus", is_far=True).verdict == "species"
    assert called(monkeypatch, mixed(unexplained=0.9), call, "organelle", is_far=True).verdict == "species"


def test_a_far_query_much_longer_than_its_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(module, "longest_of_name", lambda *args: given.append(args[2:]) or 1_000)
    found = called(monkeypatch, mixed(unexplained=0.9), FAR, is_far=True)
    assert given == [(FAR, [7])]
    assert (found.verdict, found.name, found.confidence) == ("qc_fail", None, None)
    assert found.reason == (
        f"The query is {GENOME.length_bp / 1_000:.1f} times as long as the longest genome of A a here "
        "(1,000 bp), and little of it is in any reference: it holds much else, such as sequence of a host. "
        "The reason."
    )
    assert called(monkeypatch, mixed(), near(95.0, 0.95)).verdict == "species"


def test_a_reference_below_the_range_of_ani_is_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    call = partly(None, None, None, 0.89)
    assert call.closest is not None
    below = replace(call, closest=replace(call.closest, evidence=Evidence(reason=BELOW_RANGE)))
    assert called(monkeypatch, mixed(unexplained=0.9), below, "virus", is_far=True).verdict == "species"


def test_without_kmers_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, None) is CALL
