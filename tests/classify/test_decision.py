"""Every verdict and every reason of `decide`, from hits made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from helpers.handmade import NAN, FixedThresholds, hits, join_hits, levels, model

from genome_index.classify.decision import Verdict, decide
from genome_index.classify.elected_names import Name
from genome_index.classify.evidence import QueryEvidence
from genome_index.classify.explanation.rules import rules, settled
from genome_index.classify.reasons import BY_PRIOR
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.index.calibration.hits import Hits
from genome_index.index.calibration.model import Model
from genome_index.records import InterleavedNames

# Rows 0 to 2: Alpha una; 3: Alpha dua; 4: Alpha tri; 5: Beta una; 6: without a species; 7: without any name.
LEVELS = levels(
    superkingdom=["Bacteria"] * 7 + [None],
    family=["Alphaceae"] * 5 + ["Betaceae"] * 2 + [None],
    genus=["Alpha"] * 5 + ["Beta"] * 2 + [None],
    species=["Alpha una"] * 3 + ["Alpha dua", "Alpha tri", "Beta una"] + [None] * 2,
)
UNA, DUA, TRI, BETA_UNA = (
    LEVELS["species"].names.index(name) for name in ("Alpha una", "Alpha dua", "Alpha tri", "Beta una")
)
THRESHOLDS = FixedThresholds([95.0, 95.0, 95.0, 95.0, 95.0, 96.5, 95.0, 95.0])
NOBODY = Name(-1, 0.0, 0.8)


def names(
    species: Name | None = None,
    genus: Name | None = None,
    family: Name | None = None,
    top: Name | None = None,
) -> dict[str, Name]:
    """Elected names; a rank that is not given has none."""
    given = {"superkingdom": top, "family": family, "genus": genus, "species": species}
    return {rank: name or NOBODY for rank, name in given.items()}


def without(*ranks: str) -> dict[str, object]:
    return {rank: level for rank, level in LEVELS.items() if rank not in ranks}


SURE_UNA = Name(UNA, 0.97, 0.8)
ALPHA, ALPHACEAE, BACTERIA = Name(0, 0.9, 0.8), Name(0, 0.91, 0.7), Name(0, 0.92, 0.6)
WEAK_ALPHA, WEAK_ALPHACEAE, WEAK_BACTERIA = Name(0, 0.42, 0.8), Name(0, 0.3, 0.7), Name(0, 0.2, 0.6)
SURE = names(SURE_UNA, ALPHA, ALPHACEAE, BACTERIA)
WEAK = names(Name(UNA, 0.5, 0.8), WEAK_ALPHA, WEAK_ALPHACEAE, WEAK_BACTERIA)
WEAK_SPECIES = names(Name(UNA, 0.79, 0.8), ALPHA, ALPHACEAE, BACTERIA)
GENUS_SENTENCE = "The genus Alpha is right with probability 0.90."
UNCERTAIN = "The genus is uncertain too: Alpha with probability 0.42 (0.80 is required)."
NAMELESS = "The nearest genome has no species name, and none that has one shares k-mers with the query."
UNNAMED = "the same species by ANI, but that genome has no species name."
ALIGNED = "(aligned: 90 % of the query, 88 % of the reference)"
MATCH = f"ANI 97.0 % to Alpha una {ALIGNED}"
BELOW = f"ANI 94.0 % to Alpha una {ALIGNED}, below the species threshold of 95.0 %."
FAR = "it has no ANI (not measured: no sampled k-mer is shared, so ANI is below about 82 %)."
BELOW_RANGE = (
    "it has no ANI (below the range of ANI (about 82 % for whole genomes): no sufficiently similar "
    "stretches)."
)
LITTLE = "has no ANI (less than 15 % of either genome is aligned, too little for an ANI)."
ALONE = "the species threshold is 95.0 %, and no other species is near."
CALLED = f"{MATCH}; the species threshold is 95.0 %, and "


def aligned(query: int, reference: int) -> str:
    """What stands in place of ALIGNED for other fractions."""
    return f"(aligned: {query} % of the query, {reference} % of the reference)"


def best_and_next(ani: float, af: float = 85.0, row: int = 3) -> Hits:
    """Alpha una at ANI 97 over 90 %, and one hit of another species."""
    return hits([0, row], ani=[97, ani], af_query=[90, af], af_reference=[88, af - 2])


def one_hit(ani: float, af_query: float = 90, af_reference: float = 88, row: int = 0) -> Hits:
    return hits([row], ani=ani, af_query=af_query, af_reference=af_reference)


def far(rows: list[int], similarity: float, kmer_identity: float = 0.6) -> Hits:
    return hits(rows, similarity, kmer_identity)


@dataclass(frozen=True)
class Row:
    """Hits and names, and the verdict that they must give."""

    hits: Hits
    names: Mapping[str, Name]
    expected: Verdict
    model: Model = field(default_factory=lambda: model(LEVELS))


def species(reason: str, **fields: object) -> Verdict:
    given = {"rank": "species", "name": "Alpha una", "confidence": 0.97, "closest": 0} | fields
    return Verdict("species", reason, **given)  # type: ignore[arg-type]


def genus(reason: str, **fields: object) -> Verdict:
    given = {"rank": "genus", "name": "Alpha", "confidence": 0.9, "next_rank": "species", "closest": 0}
    return Verdict("genus", f"{reason} {GENUS_SENTENCE}", **given | fields)  # type: ignore[arg-type]


def novel(reason: str, **fields: object) -> Verdict:
    given = {"next_rank": "species", "closest": 0} | fields
    return Verdict("novel", reason, **given)  # type: ignore[arg-type]


def unnamed(reason: str, **fields: object) -> Verdict:
    return Verdict("unnamed", reason, **{"next_rank": "species", "closest": 0} | fields)  # type: ignore[arg-type]


def ambiguous(reason: str, **fields: object) -> Verdict:
    given = {"next_rank": "species", "closest": 0, "runner_up": 1} | fields
    return Verdict("ambiguous", reason, **given)  # type: ignore[arg-type]


def reference_aligned(percent: int) -> tuple[str, ...]:
    return (
        f"only {percent} % of the closest reference is aligned: the query seems incomplete, or the reference "
        "contains much more",
    )


def query_aligned(percent: int) -> tuple[str, ...]:
    return (
        f"only {percent} % of the query is aligned to its closest reference: the query contains much more, "
        "or the reference is incomplete",
    )


TWO = f"Cannot distinguish Alpha dua and Alpha una: {MATCH}, and Alpha dua is within "
ROWS = {
    # -- species ---------------------------------------------------------------------------------------------
    "species, no other near": Row(one_hit(97), SURE, species(f"{CALLED}no other species is near.")),
    "species, runner-up near": Row(
        best_and_next(90), SURE, species(f"{CALLED}the next species, Alpha dua, has 90.0 %.", runner_up=1)
    ),
    "species, the runner-up has too little aligned for an ANI": Row(
        best_and_next(NAN),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, {LITTLE}", runner_up=1),
    ),
    "species, sure by the prior alone": Row(
        one_hit(97),
        names(Name(UNA, 0.97, 0.8, by_prior=True), ALPHA, ALPHACEAE, BACTERIA),
        species(f"{CALLED}no other species is near; {BY_PRIOR}."),
    ),
    "species, unnamed hits are no runner-up": Row(
        hits([0, 6, 7, -1], ani=[97, 96.9, 96.9, NAN], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}no other species is near."),
    ),
    "species, of its hits the one with the highest ANI": Row(
        hits([0, 3, 1], ani=[96, 90, 97], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, has 90.0 %.", closest=2, runner_up=1),
    ),
    "species, of the others the one with the highest ANI": Row(
        hits([0, 3, 4], ani=[97, 88, 90], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}the next species, Alpha tri, has 90.0 %.", runner_up=2),
    ),
    "species, of equal ANI the first": Row(
        hits([0, 1, 3, 4], ani=[97, 97, 90, 90], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, has 90.0 %.", closest=0, runner_up=2),
    ),
    "species elected against the first hit": Row(
        hits([3, 0], ani=[90, 97], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, has 90.0 %.", closest=1, runner_up=0),
    ),
    "species at its ANI threshold": Row(
        one_hit(95),
        SURE,
        species(f"ANI 95.0 % to Alpha una {ALIGNED}; {ALONE}"),
    ),
    "species at its aligned fraction": Row(
        one_hit(97, 50, 50),
        SURE,
        species(
            f"ANI 97.0 % to Alpha una (aligned: 50 % of the query, 50 % of the reference); {ALONE}",
        ),
    ),
    "species at its probability": Row(
        one_hit(97),
        names(Name(UNA, 0.8, 0.8), ALPHA),
        species(f"{CALLED}no other species is near.", confidence=0.8),
    ),
    "species with a threshold of its own": Row(
        one_hit(97, row=5),
        names(Name(BETA_UNA, 0.97, 0.8)),
        species(
            f"ANI 97.0 % to Beta una {ALIGNED}; the species threshold is 96.5 %, and no other species is "
            "near.",
            name="Beta una",
        ),
    ),
    "species, the query is the smaller genome": Row(
        one_hit(97, 90, 30),
        SURE,
        species(
            f"{CALLED.replace(ALIGNED, aligned(90, 30))}no other species is near.",
            warnings=reference_aligned(30),
        ),
    ),
    "species, the reference is the smaller genome": Row(
        one_hit(97, 30, 90),
        SURE,
        species(
            f"{CALLED.replace(ALIGNED, aligned(30, 90))}no other species is near.", warnings=query_aligned(30)
        ),
    ),
    "species, both aligned just enough": Row(
        one_hit(97, 90, 50),
        SURE,
        species(f"{CALLED.replace(ALIGNED, aligned(90, 50))}no other species is near."),
    ),
    "species, one aligned a hair too little": Row(
        one_hit(97, 90, np.nextafter(np.float32(50), 0)),
        SURE,
        species(
            f"{CALLED.replace(ALIGNED, aligned(90, 50))}no other species is near.",
            warnings=reference_aligned(50),
        ),
    ),
    # -- what the species lacks ------------------------------------------------------------------------------
    "below the species threshold": Row(
        one_hit(94),
        SURE,
        genus(BELOW),
    ),
    "a hair below the species threshold": Row(
        one_hit(float(np.nextafter(np.float32(95), 0))),
        SURE,
        genus(f"ANI 95.0 % to Alpha una {ALIGNED}, below the species threshold of 95.0 %."),
    ),
    "too little aligned": Row(
        one_hit(97, 49, 20),
        SURE,
        genus(
            "ANI 97.0 % to Alpha una (aligned: 49 % of the query, 20 % of the reference), "
            "but 50 % of the query or of the reference must be aligned."
        ),
    ),
    "a hair too little aligned": Row(
        one_hit(97, float(np.nextafter(np.float32(50), 0)), 20),
        SURE,
        genus(
            "ANI 97.0 % to Alpha una (aligned: 50 % of the query, 20 % of the reference), "
            "but 50 % of the query or of the reference must be aligned."
        ),
    ),
    "aligned fraction of one direction unknown": Row(
        one_hit(97, NAN, 60),
        SURE,
        species(
            "ANI 97.0 % to Alpha una (aligned: an unknown share of the query, 60 % of the reference); "
            f"{ALONE}"
        ),
    ),
    "aligned fraction unknown": Row(
        one_hit(97, NAN, NAN),
        SURE,
        genus(
            "ANI 97.0 % to Alpha una (aligned: an unknown share of the query, an unknown share of the "
            "reference), but 50 % of the query or of the reference must be aligned."
        ),
    ),
    "viruses require more to be aligned": Row(
        one_hit(97, 84, 84),
        SURE,
        genus(
            "ANI 97.0 % to Alpha una (aligned: 84 % of the query, 84 % of the reference), "
            "but 85 % of the query or of the reference must be aligned."
        ),
        model(LEVELS, "virus"),
    ),
    "too improbable": Row(
        one_hit(97),
        WEAK_SPECIES,
        genus(
            f"{MATCH} would be enough, but among this index's own genomes such a match is right with "
            "probability 0.79 (0.80 is required)."
        ),
    ),
    "a hair too improbable": Row(
        one_hit(97),
        names(Name(UNA, float(np.nextafter(0.8, 0)), 0.8), ALPHA),
        genus(
            f"{MATCH} would be enough, but among this index's own genomes such a match is right with "
            "probability 0.80 (0.80 is required)."
        ),
    ),
    "too improbable, no threshold learned": Row(
        one_hit(97),
        names(Name(UNA, 0.99, NEVER), ALPHA),
        genus(
            f"{MATCH} would be enough, but among this index's own genomes such a match is right with "
            "probability 0.99 (too few species to learn a threshold)."
        ),
    ),
    "nearest species with too little aligned": Row(
        one_hit(NAN),
        SURE,
        genus(f"The nearest species is Alpha una, but it {LITTLE}"),
    ),
    "likeliest species with too little for an ANI": Row(
        hits([3, 0], ani=NAN),
        SURE,
        genus(
            f"The likeliest species is Alpha una, but it {LITTLE}",
            closest=0,
            runner_up=0,
        ),
    ),
    "no hit has a species": Row(
        hits([6, 7]),
        names(None, Name(1, 0.9, 0.8), Name(1, 0.91, 0.7)),
        Verdict(
            "genus",
            "No hit has a species name that can be used. The genus Beta is right with probability 0.90.",
            "genus",
            "Beta",
            0.9,
            "species",
            0,
        ),
    ),
    "no species is elected, but hits have one": Row(
        hits([6, 3, 0], ani=[NAN, 97, 98], af_query=90, af_reference=88),
        names(None, Name(1, 0.9, 0.8)),
        Verdict(
            "genus",
            "No hit has a species name that can be used. The genus Beta is right with probability 0.90.",
            "genus",
            "Beta",
            0.9,
            "species",
            0,
            2,
        ),
    ),
    # -- ambiguous -------------------------------------------------------------------------------------------
    "two species": Row(
        best_and_next(96.9),
        SURE,
        ambiguous(f"{TWO}0.2 points of it.", members=("Alpha dua", "Alpha una")),
    ),
    "two species, the other with the higher ANI": Row(
        best_and_next(98),
        SURE,
        ambiguous(f"{TWO}0.2 points of it.", members=("Alpha dua", "Alpha una")),
    ),
    "three species, the rival is the nearest": Row(
        hits([0, 3, 4, 4], ani=[97, 96.9, 96.95, 96.85], af_query=90, af_reference=88),
        SURE,
        ambiguous(
            f"Cannot distinguish Alpha dua and Alpha tri and Alpha una: {MATCH}, and Alpha tri is within "
            "0.2 points of it.",
            runner_up=2,
            members=("Alpha dua", "Alpha tri", "Alpha una"),
        ),
    ),
    "ambiguous whatever the probability": Row(
        best_and_next(96.9),
        WEAK,
        ambiguous(f"{TWO}0.2 points of it.", members=("Alpha dua", "Alpha una")),
    ),
    "ambiguous with a warning": Row(
        hits([0, 3], ani=[97, 96.9], af_query=90, af_reference=30),
        SURE,
        ambiguous(
            f"{TWO.replace(ALIGNED, aligned(90, 30))}0.2 points of it.",
            members=("Alpha dua", "Alpha una"),
            warnings=reference_aligned(30),
        ),
    ),
    "rival at the margin": Row(
        best_and_next(float(np.float32(97) - 0.2)),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, has 96.8 %.", runner_up=1),
    ),
    "rival a hair within the margin": Row(
        best_and_next(float(np.nextafter(np.float32(np.float32(97) - np.float32(0.2)), 100))),
        SURE,
        ambiguous(f"{TWO}0.2 points of it.", members=("Alpha dua", "Alpha una")),
    ),
    "rival with too little aligned": Row(
        best_and_next(96.9, af=49.9),
        SURE,
        species(f"{CALLED}the next species, Alpha dua, has 96.9 %.", runner_up=1),
    ),
    "rival with just enough aligned": Row(
        best_and_next(96.9, af=50),
        SURE,
        ambiguous(f"{TWO}0.2 points of it.", members=("Alpha dua", "Alpha una")),
    ),
    "a hit without a species is no rival": Row(
        hits([0, 6, -1], ani=[97, 97, NAN], af_query=90, af_reference=88),
        SURE,
        species(f"{CALLED}no other species is near."),
    ),
    "organelles have a wider margin": Row(
        best_and_next(96.6),
        SURE,
        ambiguous(f"{TWO}0.5 points of it.", members=("Alpha dua", "Alpha una")),
        model(LEVELS, "organelle"),
    ),
    # -- ranks above species ---------------------------------------------------------------------------------
    "family": Row(
        one_hit(94),
        names(SURE_UNA, WEAK_ALPHA, ALPHACEAE, BACTERIA),
        Verdict(
            "family",
            f"{BELOW} The family Alphaceae is right with probability 0.91.",
            "family",
            "Alphaceae",
            0.91,
            "genus",
            0,
        ),
    ),
    "superkingdom": Row(
        one_hit(94),
        names(SURE_UNA, WEAK_ALPHA, WEAK_ALPHACEAE, BACTERIA),
        Verdict(
            "superkingdom",
            f"{BELOW} The superkingdom Bacteria is right with probability 0.92.",
            "superkingdom",
            "Bacteria",
            0.92,
            "family",
            0,
        ),
    ),
    "a rank rests on the first hit of its name": Row(
        hits([7, 5, 0], ani=[NAN, 90, 94], af_query=90, af_reference=30),
        names(SURE_UNA, ALPHA),
        genus(
            BELOW.replace(ALIGNED, aligned(90, 30)),
            closest=2,
            runner_up=1,
            warnings=reference_aligned(30),
        ),
    ),
    "index without a genus": Row(
        one_hit(94),
        {rank: name for rank, name in SURE.items() if rank != "genus"},
        Verdict(
            "family",
            f"{BELOW} The family Alphaceae is right with probability 0.91.",
            "family",
            "Alphaceae",
            0.91,
            "species",
            0,
        ),
        model(without("genus")),  # type: ignore[arg-type]
    ),
    "index without a species": Row(
        one_hit(97),
        {rank: name for rank, name in SURE.items() if rank != "species"},
        Verdict(
            "genus",
            f"ANI 97.0 % to the closest genome {ALIGNED}: {UNNAMED} {GENUS_SENTENCE}",
            "genus",
            "Alpha",
            0.9,
            "species",
            0,
        ),
        model(without("species")),  # type: ignore[arg-type]
    ),
    # -- novel -----------------------------------------------------------------------------------------------
    "novel, the genus uncertain": Row(
        one_hit(94),
        WEAK,
        novel(f"{BELOW} {UNCERTAIN}"),
    ),
    "novel, no threshold for the genus": Row(
        one_hit(94),
        names(SURE_UNA, Name(0, 0.99, NEVER)),
        novel(
            f"{BELOW} The genus is uncertain "
            "too: Alpha with probability 0.99 (too few genomes to learn a threshold)."
        ),
    ),
    "novel, no genus is elected": Row(
        one_hit(94),
        names(SURE_UNA),
        novel(BELOW),
    ),
    "novel, no species is elected": Row(
        hits([6, 7]), names(), novel("No hit has a species name that can be used.")
    ),
    "novel, with runner-up and warning": Row(
        hits([3, 0], ani=[90, 94], af_query=30, af_reference=90),
        names(SURE_UNA, WEAK_ALPHA),
        novel(
            f"{BELOW.replace(ALIGNED, aligned(30, 90))} {UNCERTAIN}",
            closest=1,
            runner_up=0,
            warnings=query_aligned(30),
        ),
    ),
    "novel, index with species only": Row(
        one_hit(94),
        {"species": SURE_UNA},
        novel(BELOW),
        model(without("superkingdom", "family", "genus")),  # type: ignore[arg-type]
    ),
    "novel, index without a species": Row(
        one_hit(94),
        {rank: name for rank, name in WEAK.items() if rank != "species"},
        novel(f"No hit has a species name that can be used. {UNCERTAIN}", next_rank="genus"),
        model(without("species")),  # type: ignore[arg-type]
    ),
    "novel, index with labels only": Row(
        one_hit(94),
        {},
        novel("No hit has a species name that can be used.", next_rank=None),
        model(levels(subtype=["a"] * 4 + ["b"] * 4)),
    ),
    # -- unnamed ---------------------------------------------------------------------------------------------
    "unnamed, index without a species": Row(
        one_hit(97),
        {rank: name for rank, name in WEAK.items() if rank != "species"},
        unnamed(f"ANI 97.0 % to the closest genome {ALIGNED}: {UNNAMED}"),
        model(without("species")),  # type: ignore[arg-type]
    ),
    "unnamed, index with labels only": Row(
        one_hit(97),
        {},
        unnamed(f"ANI 97.0 % to the closest genome {ALIGNED}: {UNNAMED}"),
        model(levels(subtype=["a"] * 4 + ["b"] * 4)),
    ),
    "unnamed, although a farther hit has a species": Row(
        hits([0, 6], ani=[94, 99], af_query=90, af_reference=88),
        names(SURE_UNA, WEAK_ALPHA),
        unnamed(f"ANI 99.0 % to the closest genome {ALIGNED}: {UNNAMED}", closest=1),
    ),
    "unnamed, but a genus is certain": Row(
        hits([0, 6], ani=[94, 99], af_query=90, af_reference=88),
        names(SURE_UNA, ALPHA),
        genus(f"ANI 99.0 % to the closest genome {ALIGNED}: {UNNAMED}"),
    ),
    "unnamed, at its ANI and its aligned fraction": Row(
        one_hit(95, 50, 20, row=6),
        names(),
        unnamed(f"ANI 95.0 % to the closest genome {aligned(50, 20)}: {UNNAMED}"),
    ),
    "novel, an unnamed hit a hair below its ANI": Row(
        one_hit(float(np.nextafter(np.float32(95), 0)), row=6),
        names(),
        novel("No hit has a species name that can be used."),
    ),
    "novel, an unnamed hit with a hair too little aligned": Row(
        one_hit(97, float(np.nextafter(np.float32(50), 0)), 20, row=6),
        names(),
        novel("No hit has a species name that can be used."),
    ),
    "novel, a named hit is nearer than the unnamed one": Row(
        hits([0, 6], ani=[97, 96], af_query=90, af_reference=88),
        names(),
        novel("No hit has a species name that can be used.", runner_up=0),
    ),
    "novel, of organelles an unnamed hit must be nearer": Row(
        one_hit(98.9, row=6),
        names(),
        novel("No hit has a species name that can be used."),
        model(LEVELS, "organelle"),
    ),
    # -- out of scope ----------------------------------------------------------------------------------------
    "out of scope, the index is empty": Row(
        hits([-1, -1]),
        SURE,
        Verdict("out_of_scope", "The index has no genome to compare with."),
    ),
    "out of scope, nothing comparable": Row(
        far([-1, 5, 0], 0.19),
        SURE,
        Verdict(
            "out_of_scope",
            "Nothing in the index is comparable: the nearest genome has similarity 0.19, below the 0.20 that "
            "genomes of the index reach across genera, and shares no k-mer with the query.",
            closest=1,
        ),
    ),
    "in scope, a k-mer is shared": Row(
        far([0], 0.1, float(np.nextafter(np.float32(0.6), 1))),
        SURE,
        genus(f"The nearest species is Alpha una, but {BELOW_RANGE}"),
    ),
    "in scope, a k-mer is shared with a later hit": Row(
        hits([0, 3], [0.1, 0.1], [0.6, 0.7]),
        SURE,
        genus(f"The nearest species is Alpha una, but {FAR}", runner_up=1),
    ),
    "the nearest has no species name, and only it shares k-mers": Row(
        hits([6, 0], [0.1, 0.1], [0.8, 0.6]),
        WEAK,
        novel(f"{NAMELESS} {UNCERTAIN}", runner_up=None),
    ),
    "the nearest has no species name, but one that has shares k-mers": Row(
        hits([6, 0], [0.1, 0.1], [0.8, 0.7]),
        WEAK,
        novel(f"The likeliest species is Alpha una, but {BELOW_RANGE} {UNCERTAIN}", closest=1),
    ),
    "in scope, at the least similarity": Row(
        far([0], 0.25),
        SURE,
        genus(f"The nearest species is Alpha una, but {FAR}"),
        model(LEVELS, least_similarity=0.25),
    ),
    "in scope, a later hit is similar": Row(
        hits([0, 3], [0.1, 0.3], 0.6),
        SURE,
        genus(f"The nearest species is Alpha una, but {FAR}", runner_up=1),
    ),
    "a missing hit is neither similar nor shares a k-mer": Row(
        hits([0, -1], [0.1, 0.9], [0.6, 0.9]),
        SURE,
        Verdict(
            "out_of_scope",
            "Nothing in the index is comparable: the nearest genome has similarity 0.10, below the 0.20 that "
            "genomes of the index reach across genera, and shares no k-mer with the query.",
            closest=0,
        ),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_verdict(row: Row) -> None:
    assert decide(row.model, THRESHOLDS, row.hits, 0, row.names) == row.expected


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_rules_of_an_explanation_lead_to_the_same_verdict(row: Row) -> None:
    if not (row.hits.rows[0] >= 0).any():
        assert row.expected.verdict == "out_of_scope"
        return
    evidence = QueryEvidence(row.model, THRESHOLDS, row.hits, 0, row.names, -1)
    checks = list(rules(evidence, row.hits, 0))
    assert settled(checks) == row.expected.verdict
    assert [check.settles for check in checks[:-1]] == [""] * (len(checks) - 1)


def test_the_verdict_is_that_of_its_own_line() -> None:
    table = join_hits(one_hit(97), one_hit(94), far([0], 0.1))
    verdicts = [decide(model(LEVELS), THRESHOLDS, table, query, SURE).verdict for query in range(3)]
    assert verdicts == ["species", "genus", "out_of_scope"]


@pytest.mark.parametrize(("given", "expected"), [({}, (-1,)), ({"self_row": 2}, (2,))])
def test_a_reference_is_left_out_of_its_own_threshold(
    given: dict[str, int], expected: tuple[int, ...]
) -> None:
    thresholds = FixedThresholds([95.0] * 8)
    decide(model(LEVELS), thresholds, one_hit(97), 0, SURE, **given)
    assert set(thresholds.left_out) == {expected}


@pytest.mark.parametrize(
    ("name", "called"),
    [
        (Name(0, 0.8, 0.8), True),
        (Name(0, 0.799, 0.8), False),
        (Name(-1, 0.9, 0.8), False),
        (Name(0, 1.0, NEVER), False),
    ],
)
def test_a_name_is_called_from_its_threshold_on(name: Name, called: bool) -> None:
    assert name.is_called() is called


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (InterleavedNames("species", "Alpha dua", "Alpha una", 1, 3, 99.0), "species"),
        (InterleavedNames("species", "Alpha dua", "Alpha una", 2, 3, 99.0), "ambiguous"),
        (InterleavedNames("species", "Alpha una", "Alpha dua", 3, 2, 99.0), "ambiguous"),
        (InterleavedNames("species", "Alpha dua", "Alpha tri", 3, 3, 99.0), "species"),
        (InterleavedNames("genus", "Alpha una", "Alpha dua", 3, 3, 99.0), "species"),
    ],
)
def test_a_species_with_an_interleaved_name_is_ambiguous_however_far_its_lead(
    pair: InterleavedNames, expected: str
) -> None:
    verdict = decide(model(LEVELS), THRESHOLDS, best_and_next(94), 0, SURE, interleaved=[pair])  # type: ignore[arg-type]
    assert verdict.verdict == expected
    evidence = QueryEvidence(model(LEVELS), THRESHOLDS, best_and_next(94), 0, SURE, -1)
    assert settled(list(rules(evidence, best_and_next(94), 0, [pair]))) == expected
    if expected == "ambiguous":
        assert verdict == ambiguous(
            f"Cannot distinguish Alpha dua and Alpha una: {MATCH}, and the genomes of these names are "
            "interleaved in the index.",
            members=("Alpha dua", "Alpha una"),
        )
