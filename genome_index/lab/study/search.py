"""How well a trained network finds relatives: the question of `gindex evaluate-encoder`, on test genomes.

A piece of each genome is embedded as `gindex build --encoder FOLDER` does, centred and half-whitened. Each is
asked for its nearest vector of another species; right is one of its own genus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genome_index.encoders import PROFILE, SPECTRUM, open_encoder, spec_for
from genome_index.evaluate.comparison.similarities import as_they_come, whitened
from genome_index.lab.corpus.packing import bases_of
from genome_index.lab.corpus.sampling import Rows
from genome_index.lab.corpus.shards import Shards
from genome_index.records import Contig, Genome
from genome_index.spec import NO_PROJECTION

ASKED = 160  # genomes at most, by chance
PIECE_BP = 4_096  # of a genome, at a place by chance
LEAST = 2  # species of a genus that is asked
SEED = 0
NEITHER = (SPECTRUM, PROFILE)  # encoders without a network of the study


@dataclass(frozen=True)
class SearchSet:
    """Pieces of genomes whose genus has another species there, and their names as numbers."""

    pieces: tuple[Genome, ...]
    species: Rows
    genera: Rows


def search_set(shards: Shards) -> SearchSet:
    """Pieces of test genomes; none where no genus has two species."""
    chosen = _chosen(shards)
    draws = np.random.default_rng(SEED)
    pieces = tuple(_piece(shards, int(number), draws) for number in chosen)
    named = [shards.genome(int(number)) for number in chosen]
    return SearchSet(
        pieces, _codes([one.species for one in named]), _codes([one.genus for one in named])
    )  # fmt: skip


def genus_found(encoder: str, asked: SearchSet) -> float:
    """The share of the pieces whose nearest one of another species has their genus; NaN without any.

    Raises
    ------
    EncoderNotFound, ModelError
    """
    if not asked.pieces:
        return float("nan")
    spec = spec_for(encoder)
    encoding = open_encoder(spec)
    features = encoding.features(encoding.encode(asked.pieces))
    every = np.arange(len(features))
    near = (
        as_they_come(features) if spec.dim == NO_PROJECTION else whitened(features, spec.dim, spec.whitening)
    )
    return share_found(near(every, every), asked)


def share_found(similarity: np.ndarray, asked: SearchSet) -> float:
    """The share of right answers, by similarities: (N, N)."""
    others = asked.species[:, None] != asked.species[None, :]
    nearest = np.where(others, similarity, -np.inf).argmax(1)
    return float((asked.genera[nearest] == asked.genera).mean())


def _chosen(shards: Shards) -> Rows:
    """Whole genera by chance, up to ASKED genomes."""
    members: dict[str, list[int]] = {}
    for number in shards.numbers("test").tolist():
        genome = shards.genome(number)
        if genome.genus and genome.species:
            members.setdefault(genome.genus, []).append(number)
    asked = [own for own in members.values() if _species(shards, own) >= LEAST]
    order = np.random.default_rng(SEED).permutation(len(asked))
    chosen: list[int] = []
    for at in order.tolist():
        if len(chosen) + len(asked[at]) <= ASKED:
            chosen += asked[at]
    return np.array(sorted(chosen), np.int64)


def _species(shards: Shards, numbers: list[int]) -> int:
    return len({shards.genome(number).species for number in numbers})


def _piece(shards: Shards, number: int, draws: np.random.Generator) -> Genome:
    codes = shards.sequence(number)
    start = int(draws.integers(max(1, len(codes) - PIECE_BP + 1)))
    contig = Contig("piece", bases_of(codes[start : start + PIECE_BP]))
    return Genome(shards.genome(number).id, (contig,), str(shards.path))


def _codes(names: list[str | None]) -> Rows:
    return np.unique([name or "" for name in names], return_inverse=True)[1].astype(np.int64)
