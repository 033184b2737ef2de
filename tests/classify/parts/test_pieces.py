"""Pieces: which queries are a small part of their closest genome, and which of them get a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from helpers.handmade import (
    NAN,
    MemoryIndex,
    MemoryReferences,
    entries,
    hits,
    join_hits,
    levels,
    model,
    no_projection,
    vectors,
)

from genome_index.classify.decision import Verdict
from genome_index.classify.parts import pieces as module
from genome_index.classify.parts.fragment_name import FragmentName
from genome_index.classify.parts.holders import Holders
from genome_index.classify.parts.pieces import LEAST_ALIGNED, NEAR_IDENTITY, as_piece
from genome_index.classify.parts.reasons import PIECE_OF_FEW, PIECE_OF_SEVERAL
from genome_index.classify.settings import QuerySettings
from genome_index.index.calibration.hits import Hits
from genome_index.records import Contig, Genome, quiet
from genome_index.spec import IndexSpec

LEVELS = levels(genus=["A", "A", "B", None], species=["A a", "A a", "B b", None])
REFERENCE_BP = 10_000
SPECIES = Verdict("species", "The reason.", "species", "A a", 0.97, closest=0, warnings=("before",))
MATCH = "ANI 99.0 % to A a (aligned: 90 % of the query, 4 % of the reference)"
FAR = hits([3, 3], ani=NAN, kmer_identity=0.6)


def index(molecule: str = "prokaryote") -> MemoryIndex:
    made = model(
        LEVELS, molecule, projection=no_projection(), vectors=vectors([[1, 0, 0, 0]] * 4),
    )  # fmt: skip
    references = MemoryReferences(IndexSpec(), [[1]] * 4, lengths=REFERENCE_BP)
    return MemoryIndex(made, references, entries(LEVELS, REFERENCE_BP))


def sure(holding: int = 2, of: int = 2) -> list[Holders]:
    return [Holders("A a", holding, of)]


SURE = FragmentName("species", "A a", 0.876, by_rule=False)


class Pieces:
    """`as_piece` with holders and the name of the fragment that are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.holders: Sequence[Holders] = sure()
        self.name: FragmentName | None = SURE
        self.named: list[object] = []  # lengths, progress and threads with which a name was asked for
        monkeypatch.setattr(module, "holders_of", lambda *_: self.holders)
        monkeypatch.setattr(module, "fragment_name", self._fragment_name)

    def _fragment_name(self, _: object, genome: Genome, settings: QuerySettings) -> FragmentName | None:
        self.named.append((genome.length_bp, settings.progress, settings.threads))
        return self.name

    def of(
        self, length_bp: int, found: Hits, verdict: Verdict = SPECIES, molecule: str = "prokaryote"
    ) -> Verdict:
        """The verdict on a query that is the second of a batch."""
        genome = Genome("q", (Contig("q", b"ACGT" * (length_bp // 4)),), "-")
        table = join_hits(FAR, found)
        settings = QuerySettings(threads=3)
        return as_piece(index(molecule), genome, table, 1, verdict, settings)  # type: ignore[arg-type]


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> Pieces:
    return Pieces(monkeypatch)


def hit(af_query: float = 90.0, ani: float = 99.0, row: int = 0, kmer_identity: float = 0.99) -> Hits:
    measured = (af_query, 4.0) if ani == ani else (NAN, NAN)
    return hits([row, 3], 0.9, kmer_identity, [ani, NAN], [measured[0], NAN], [measured[1], NAN])


# -- what is a piece -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("molecule", "least_part"),
    [("prokaryote", 50), ("virus", 50), ("organelle", 50), ("plasmid", 30), ("other", 50)],
)
def test_a_query_shorter_than_a_genome_of_its_kind_is_a_piece(
    molecule: str, least_part: int, pieces: Pieces
) -> None:
    limit = REFERENCE_BP * least_part // 100
    assert pieces.of(limit, hit(), molecule=molecule) is SPECIES
    assert pieces.of(limit - 4, hit(), molecule=molecule).verdict == "piece"


@pytest.mark.parametrize(("af_query", "verdict"), [(49.99, "novel"), (50.0, "piece")])
def test_half_of_a_piece_is_aligned(af_query: float, verdict: str, pieces: Pieces) -> None:
    assert LEAST_ALIGNED == 50
    assert pieces.of(400, hit(af_query)).verdict == verdict


@pytest.mark.parametrize(("kmer_identity", "verdict"), [(0.8999, "novel"), (0.9001, "piece")])
def test_without_an_ani_shared_kmers_decide(kmer_identity: float, verdict: str, pieces: Pieces) -> None:
    assert NEAR_IDENTITY == 0.90
    assert pieces.of(400, hit(ani=NAN, kmer_identity=kmer_identity)).verdict == verdict
    # With an ANI they do not.
    assert pieces.of(400, hit(49.0, kmer_identity=kmer_identity)).verdict == "novel"


def test_nothing_without_a_closest_reference_is_a_piece(pieces: Pieces) -> None:
    nothing = Verdict("out_of_scope", "The index is empty.")
    assert pieces.of(400, hit(), nothing) is nothing


def test_the_closest_reference_is_that_of_the_verdict(pieces: Pieces) -> None:
    two = hits([2, 0], 0.9, 0.99, [99.0, 98.0], [10.0, 60.0], [1.0, 4.0])
    assert pieces.of(400, two, replace(SPECIES, closest=0)).verdict == "novel"
    found = pieces.of(400, two, replace(SPECIES, closest=1))
    assert found.reason.startswith(
        "The 400 bp are a piece of a genome: ANI 98.0 % to A a (aligned: 60 % of the query, 4 % of the "
    )


# -- its name ------------------------------------------------------------------------------------------------


def test_a_piece_that_its_species_holds_is_named(pieces: Pieces) -> None:
    assert pieces.of(400, hit()) == Verdict(
        "piece",
        f"The 400 bp are a piece of a genome: {MATCH}. It lies in 2 of the 2 genomes of A a. The species A a "
        "is right with probability 0.88, for fragments of this length.",
        "species", "A a", 0.876, closest=0, members=("A a",),
    )  # fmt: skip
    assert pieces.named == [(400, quiet, 3)]


def test_a_piece_that_most_genomes_of_several_species_hold_has_no_name(pieces: Pieces) -> None:
    pieces.holders = [Holders("A a", 2, 2), Holders("B b", 2, 4)]
    found = pieces.of(400, hit())
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", None, None, None)
    assert found.members == ("A a", "B b")
    assert found.reason.endswith(f"; 2 of the 4 genomes of B b. {PIECE_OF_SEVERAL}")
    # One genome of four is not typical: the name stays.
    pieces.holders = [Holders("A a", 2, 2), Holders("B b", 1, 4)]
    assert pieces.of(400, hit()).name == "A a"


def test_the_rank_is_that_which_is_certain_of_a_fragment(pieces: Pieces) -> None:
    pieces.name = FragmentName("genus", "A", 0.9, by_rule=False)
    found = pieces.of(400, hit())
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", "genus", "A", 0.9)
    assert found.reason.endswith("The genus A is right with probability 0.90, for fragments of this length.")
    pieces.name = None
    found = pieces.of(400, hit())
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", None, None, None)
    assert found.reason.endswith("It lies in 2 of the 2 genomes of A a.")


def test_without_calibrators_the_name_is_by_a_rule_of_thumb(pieces: Pieces) -> None:
    pieces.name = replace(SURE, by_rule=True)
    assert pieces.of(400, hit()).reason.endswith("with probability 0.88, by a rule of thumb.")


@pytest.mark.parametrize(
    "holders",
    [
        [],
        sure(1, 1),
        sure(2, 5),
        [Holders("B b", 2, 2)],
        [Holders("B b", 2, 2), Holders("A a", 1, 2)],
    ],
)
def test_a_piece_that_its_species_mostly_lacks_has_no_name(
    holders: Sequence[Holders], pieces: Pieces
) -> None:
    pieces.holders = holders
    found = pieces.of(400, hit())
    assert (found.verdict, found.rank, found.name, found.confidence) == ("piece", None, None, None)
    assert found.reason.endswith(PIECE_OF_FEW)
    assert found.members == tuple(sorted(each.species for each in holders))
    assert found.warnings == ()
    assert pieces.named == []


def test_a_piece_of_a_genome_without_a_species_has_no_name(pieces: Pieces) -> None:
    found = pieces.of(400, hit(row=3))
    assert found.name is None
    assert found.reason.startswith("The 400 bp are a piece of a genome: ANI 99.0 % to g3 (aligned")


# -- short, but in no reference ------------------------------------------------------------------------------

SHORT = "The 400 bp are too few for a genome of this kind, so they are judged as a fragment."


def test_a_short_query_gets_the_rank_of_a_fragment(pieces: Pieces) -> None:
    pieces.name = FragmentName("genus", "A", 0.9, by_rule=False)
    assert pieces.of(400, hit(20.0)) == replace(
        SPECIES, verdict="genus", rank="genus", name="A", confidence=0.9,
        reason=f"{SHORT} The genus A is right with probability 0.90, for fragments of this length.",
    )  # fmt: skip
    assert pieces.named == [(400, quiet, 3)]


@pytest.mark.parametrize("name", [None, SURE])
def test_a_short_query_that_lies_in_no_reference_has_no_species(
    name: FragmentName | None, pieces: Pieces
) -> None:
    pieces.name = name
    assert pieces.of(400, hit(20.0)) == replace(
        SPECIES, verdict="novel", rank=None, name=None, confidence=None, next_rank="species", reason=SHORT
    )


def test_a_short_query_without_a_rank_stays_as_it_is(pieces: Pieces) -> None:
    novel = Verdict("novel", "The reason.", closest=0)
    assert pieces.of(400, hit(20.0), novel) is novel
    assert pieces.named == []


# -- its reason ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holders", "where"),
    [
        ([], ""),
        (sure(1, 1), " It lies in the one genome of A a."),
        (sure(1, 3), " It lies in 1 of the 3 genomes of A a."),
        (
            [Holders("A a", 1, 3), Holders("B b", 1, 1)],
            " It lies in 1 of the 3 genomes of A a; the one genome of B b.",
        ),
        (
            [Holders(name, 1, 1) for name in "bcdef"],
            " It lies in the one genome of b; the one genome of c; the one genome of d; and 2 more species.",
        ),
    ],
)
def test_a_piece_says_where_it_lies(holders: Sequence[Holders], where: str, pieces: Pieces) -> None:
    pieces.holders = holders
    assert (
        pieces.of(400, hit()).reason == f"The 400 bp are a piece of a genome: {MATCH}.{where} {PIECE_OF_FEW}"
    )


def test_a_piece_too_short_for_an_ani_says_so(pieces: Pieces) -> None:
    assert pieces.of(400, hit(ani=NAN)).reason.startswith(
        "The 400 bp are a piece of a genome: it shares its k-mers with A a, but has no ANI (less than 15 % "
        "of either genome is aligned, too little for an ANI). It lies in 2 of the 2 genomes of A a."
    )


def test_long_pieces_have_their_length_with_commas(pieces: Pieces) -> None:
    assert pieces.of(4_000, hit()).reason.startswith("The 4,000 bp are a piece")
