"""Is an encoder better than the spectrum? Nearest vectors of genomes and fragments of species it never saw.

For genus and family every reference of the question's species is out of the race; for species and subtype
only the question's own genome. Vectors are made as an index makes them, by a projection fitted on references,
or taken as they come. Intervals: bootstrap over species, for genomes of one are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.bootstrap import interval
from genome_index.encoders.protocol import Encoder
from genome_index.errors import UsageError
from genome_index.lab.packing import letters_of
from genome_index.lab.shards import Shards
from genome_index.lab.split import Part
from genome_index.lab.views import Contigs, Floats, fragment
from genome_index.pool import unit
from genome_index.projection import FIT_GENOMES, Projection, fit_projection
from genome_index.records import Contig, Genome

WHOLE = 0  # as a length: nothing is cut
LENGTHS_BP = (1_000, 3_000, 10_000, WHOLE)
RANKS = ("family", "genus", "species", "subtype")
SPECIES_OUT = ("family", "genus")
AT_ONCE = 512  # genomes whose features are in memory together

Rows = npt.NDArray[np.int64]
Right = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """An encoder, and how its features become vectors."""

    encoder: Encoder
    dim: int = 256  # of the projection fitted on references, as in an index; 0: features as they come
    whitening: float = 0.5


@dataclass(frozen=True)
class Score:
    """One encoder's figure, and how far it is from the baseline's, in points of percent."""

    name: str
    rank: str
    length_bp: int  # 0: whole genomes
    questions: int
    species: int
    accuracy: float  # percent
    difference: float
    low: float  # of the 95 % interval of the difference
    high: float


def judge(
    candidates: Mapping[str, Candidate], shards: Shards, part: Part = "test", baseline: str = "spectrum",
    lengths_bp: Sequence[int] = LENGTHS_BP, seed: int = 0,
) -> list[Score]:  # fmt: skip
    """Every candidate at every length and rank, beside the baseline, which is one of them.

    Raises
    ------
    UsageError
        The part has no genomes, or the baseline is no candidate.
    """
    asked = shards.numbers(part)
    if not len(asked):
        raise UsageError(f"no genome of the corpus is for {part}")
    if baseline not in candidates:
        raise UsageError(f"{baseline!r} is not among {', '.join(candidates)}")
    right = {name: _answers(one, shards, asked, lengths_bp, seed) for name, one in candidates.items()}
    scores = []
    for length in lengths_bp:
        for rank in RANKS:
            fellow = _has_fellow(shards, asked, rank)
            species = shards.species[asked][fellow]
            for name in candidates if fellow.any() else ():
                own, other = (right[which][length, rank][fellow] for which in (name, baseline))
                low, high = interval(own - other, species, seed)
                figures = 100 * own.mean(), 100 * (own - other).mean(), low, high
                scores.append(
                    Score(name, rank, length, len(own), len(np.unique(species)), *map(float, figures))
                )
    return scores


def table(scores: Sequence[Score]) -> str:
    """Scores as a Markdown table."""
    rows = ["| encoder | rank | length | n | right | difference | 95 % |", "|---|---|---|---|---|---|---|"]
    for one in scores:
        length = f"{one.length_bp:,} bp" if one.length_bp else "whole"
        rows.append(
            f"| {one.name} | {one.rank} | {length} | {one.questions:,} | {one.accuracy:.1f} % "
            f"| {one.difference:+.1f} | {one.low:+.1f} to {one.high:+.1f} |"
        )
    return "\n".join(rows)


def names_at(shards: Shards, rank: str) -> npt.NDArray[np.str_]:
    """Every genome's name at a rank, or its label; "" where unknown: (N,)."""
    names = (
        (one.names.get(rank) or one.labels.get(rank) or "") for one in map(shards.genome, range(len(shards)))
    )
    return np.array(list(names), np.str_)


def _has_fellow(shards: Shards, asked: Rows, rank: str) -> npt.NDArray[np.bool_]:
    """Whether a right answer is among the references that may answer: (Q,)."""
    names = names_at(shards, rank)
    found = [
        bool(names[at]) and bool(((names == names[at]) & ~_barred(shards, at, rank)).any())
        for at in asked.tolist()
    ]
    return np.array(found, bool)


def _barred(shards: Shards, at: int, rank: str) -> npt.NDArray[np.bool_]:
    """The references that may not answer a question: (N,)."""
    if rank in SPECIES_OUT:
        return np.asarray(shards.species == shards.species[at])
    return np.asarray(np.arange(len(shards)) == at)


def _answers(
    one: Candidate, shards: Shards, asked: Rows, lengths_bp: Sequence[int], seed: int
) -> dict[tuple[int, str], Right]:
    """By length and rank: 1 where the nearest reference has the question's name, (Q,)."""
    project = _projection(one, shards, asked)
    references = _vectors(one, [shards.contigs(at) for at in range(len(shards))], project)
    names = {rank: names_at(shards, rank) for rank in RANKS}
    right: dict[tuple[int, str], Right] = {}
    for length in lengths_bp:
        cut = [question(shards, at, length, seed) for at in asked.tolist()]
        similarity = _vectors(one, cut, project) @ references.T
        for rank in RANKS:
            free = similarity.copy()
            for row, at in enumerate(asked.tolist()):
                free[row, _barred(shards, at, rank)] = -np.inf
            right[length, rank] = (names[rank][free.argmax(axis=1)] == names[rank][asked]).astype(float)
    return right


def question(shards: Shards, at: int, length_bp: int, seed: int) -> Contigs:
    """A genome, or the fragment of it that every candidate is asked for."""
    contigs = shards.contigs(at)
    if length_bp == WHOLE:
        return contigs
    return [fragment(contigs, length_bp, np.random.default_rng([seed, at, length_bp]))]


def _projection(one: Candidate, shards: Shards, asked: Rows) -> Projection | None:
    """Fitted on genomes that are asked for nowhere, as many as an index takes."""
    if not one.dim:
        return None
    known = np.setdiff1d(np.arange(len(shards)), asked)
    some = known[np.unique(np.linspace(0, len(known) - 1, FIT_GENOMES).astype(int))]
    return fit_projection(
        _features(one, [shards.contigs(at) for at in some.tolist()]), one.dim, one.whitening
    )


def _vectors(one: Candidate, views: Sequence[Contigs], project: Projection | None) -> Floats:
    made = []
    for at in range(0, len(views), AT_ONCE):
        features = _features(one, views[at : at + AT_ONCE])
        made.append(project.apply(features) if project else unit(features))
    return np.concatenate(made)


def _features(one: Candidate, views: Sequence[Contigs]) -> Floats:
    genomes = [
        Genome("view", tuple(Contig("", letters_of(codes)) for codes in contigs), "-") for contigs in views
    ]
    return one.encoder.features(one.encoder.encode(genomes))
