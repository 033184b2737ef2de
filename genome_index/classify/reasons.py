"""Reasons and warnings of a call, as sentences made from plain values.

ANI and aligned fraction are in percent; an ANI that skani cannot measure is NaN. A reason that is a clause
(no full stop) becomes a sentence where it is reported, by `sentence`. Warnings are clauses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.encoders.chunk_grid import UNREAD
from genome_index.index.calibration.call_threshold import NEVER
from genome_index.records import rounded_ani

EMPTY_INDEX = "The index has no genome to compare with."
OUTDATED_CALIBRATION = (
    "an older gindex calibrated this index, and its calibration was left out: confidences are those expected "
    "before anything is learned; `gindex refit` calibrates it anew"
)
BY_PRIOR = "the confidence is the prior of so strong a match, because the index has few like it to learn from"
NO_SPECIES_NAME = "no hit has a species name that can be used"
NEAREST_NAMELESS = (
    "the nearest genome has no species name, and none that has one shares k-mers with the query"
)


@dataclass(frozen=True)
class Match:
    """The best hit of one species."""

    species: str
    ani: float  # percent, NaN if there is none
    af_query: float  # percent, NaN without an ANI
    af_reference: float  # percent, NaN without an ANI
    no_ani: str = ""  # why there is none

    @property
    def af(self) -> float:
        """Aligned fraction in percent, in the larger direction: of the smaller or less complete genome."""
        fractions = [value for value in (self.af_query, self.af_reference) if not math.isnan(value)]
        return max(fractions, default=0.0)


def identity(match: Match) -> str:
    query, reference = (_percent(value) for value in (match.af_query, match.af_reference))
    aligned = f"aligned: {query} of the query, {reference} of the reference"
    return f"ANI {_ani(match)} % to {match.species} ({aligned})"


def _ani(match: Match) -> str:
    """With one digit after the point; with two where one would make it 100."""
    return f"{rounded_ani(match.ani):.2f}" if 99.95 <= match.ani < 100 else f"{match.ani:.1f}"


def _percent(value: float) -> str:
    return "an unknown share" if math.isnan(value) else f"{value:.0f} %"


def species_called(best: Match, threshold: float, runner_up: Match | None, by_prior: bool) -> str:
    """Why a species was called; `threshold` is the ANI that the species requires, in percent.

    `by_prior` says whether the confidence is that of a strong match before anything is learned.
    """
    called = f"{identity(best)}; the species threshold is {threshold:.1f} %, and {_next_species(runner_up)}"
    return f"{called}; {BY_PRIOR}." if by_prior else f"{called}."


def _next_species(runner_up: Match | None) -> str:
    if runner_up is None:
        return "no other species is near"
    if math.isnan(runner_up.ani):
        return f"the next species, {runner_up.species}, has no ANI ({runner_up.no_ani})"
    return f"the next species, {runner_up.species}, has {_ani(runner_up)} %"


def without_ani(match: Match, nearest: bool) -> str:
    """Why the species lacks an ANI; `nearest` says whether it is that of the first hit, or only elected."""
    kind = "nearest" if nearest else "likeliest"
    return f"The {kind} species is {match.species}, but it has no ANI ({match.no_ani})"


def below_threshold(best: Match, threshold: float) -> str:
    return f"{identity(best)}, below the species threshold of {threshold:.1f} %"


def too_little_aligned(best: Match, required: float) -> str:
    return f"{identity(best)}, but {required:.0f} % of the query or of the reference must be aligned"


def too_improbable(best: Match, probability: float, threshold: float) -> str:
    """ANI is high enough, but matches like this one are too often wrong among the index's own genomes."""
    required = f"{threshold:.2f} is required" if threshold < NEVER else "too few species to learn a threshold"
    return (
        f"{identity(best)} would be enough, but among this index's own genomes such a match is right "
        f"with probability {probability:.2f} ({required})"
    )


def indistinguishable(members: Sequence[str], best: Match, rival: str, margin: float) -> str:
    """Why several species fit equally well; `margin` is the least lead in points of ANI."""
    return (
        f"Cannot distinguish {' and '.join(members)}: {identity(best)}, "
        f"and {rival} is within {margin:g} points of it."
    )


def interleaved(members: Sequence[str], best: Match) -> str:
    """Why several names fit equally well whatever the lead: their genomes in the index are interleaved."""
    return (
        f"Cannot distinguish {' and '.join(members)}: {identity(best)}, and the genomes of these names are "
        "interleaved in the index."
    )


def rank_called(lacking: str, rank: str, name: str, probability: float, by_prior: bool = False) -> str:
    """Why a rank above species was called; `lacking` is the clause on what the species lacked.

    `by_prior` says whether the confidence is that of a strong match before anything is learned.
    """
    called = f"{sentence(lacking)} The {rank} {name} is right with probability {probability:.2f}"
    return f"{called}; {BY_PRIOR}." if by_prior else f"{called}."


def rank_uncertain(rank: str, name: str, probability: float, threshold: float) -> str:
    """Why not even the most specific rank above species was called."""
    required = f"{threshold:.2f} is required" if threshold < NEVER else "too few genomes to learn a threshold"
    return f"The {rank} is uncertain too: {name} with probability {probability:.2f} ({required})."


def nothing_comparable(similarity: float, required: float) -> str:
    return (
        f"Nothing in the index is comparable: the nearest genome has similarity {similarity:.2f}, below the "
        f"{required:.2f} that genomes of the index reach across genera, and shares no k-mer with the query."
    )


def no_nearer_than_random(similarity: float, random: float) -> str:
    return (
        "Nothing in the index is comparable: no hit shares a k-mer with the query, and the nearest has "
        f"similarity {similarity:.2f}, where random sequence of this length and GC content has {random:.2f}."
    )


def query_little_aligned(af_query: float) -> str:
    return (
        f"only {af_query:.0f} % of the query is aligned to its closest reference: the query contains much "
        "more, or the reference is incomplete"
    )


def reference_little_aligned(af_reference: float) -> str:
    return (
        f"only {af_reference:.0f} % of the closest reference is aligned: the query seems incomplete, or the "
        "reference contains much more"
    )


def maybe_fragment_warning(length_bp: int, median_bp: float) -> str:
    """`median_bp` is that of the hits."""
    return (
        f"{length_bp:,} bp, but its hits have {median_bp:,.0f} bp in the median: if this is a fragment of a "
        "genome, query it with --fragments, which compares its k-mers with every reference"
    )


def partly_read_warning(share: float) -> str:
    """`share` of the genome was read by the language model; 0 if it found nothing to read."""
    if share:
        return f"the similarity rests on {share:.0%} of the genome: the index reads windows of it"
    return f"{UNREAD}: the vector is zero, similarities are meaningless"


def unnamed(closest: Match) -> str:
    """Why no species is called although a genome is near enough: it has no species name."""
    return f"{identity(closest)}: the same species by ANI, but that genome has no species name"


def mosaic_warning(label: str, shares: Sequence[tuple[str, float]]) -> str:
    """`shares` are the values of a label with their share of the sequence that shows one, largest first."""
    parts = ", ".join(f"{value} in {share:.0%}" for value, share in shares)
    return f"{label} is mosaic: {parts} of the sequence that tells them apart; it is not called"


def suspect_reference_warning(role: str, genome_id: str, evidence: str) -> str:
    """`evidence` is the sentence in the index's list of suspects."""
    clause = evidence[:1].lower() + evidence[1:].rstrip(".")
    return f"{role} {genome_id} is itself suspect: {clause} (see `gindex report`)"


def interleaved_names_warning(sentence: str) -> str:
    """`sentence` is that of the pair of names in the index."""
    return f"in the index, {sentence} (see `gindex report`)"


def sentence(clause: str) -> str:
    """A clause with a capital and one full stop.

    >>> sentence("no hit has a species name")
    'No hit has a species name.'
    """
    return clause[:1].upper() + clause[1:].rstrip(".") + "."
