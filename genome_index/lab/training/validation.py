"""Validation of contrastive training: the whole genome that a fragment is nearest to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.lab.corpus.packing import Codes, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.profile_pairs import either_strand, fragment, kmer_profiles, mutated

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Reads = Callable[[Sequence[Codes]], Floats]  # (N,) pieces -> (N, D + 1), see `network_scores`

GENOMES, QUERY_BP, MUTATED = 256, 1_000, 0.1
FIRST_BP = 20_000  # of a genome are read, and queries are cut from
OWN = f"percent of fragments nearest to their own genome of up to {GENOMES}, {QUERY_BP} bp, validation"
GENUS = f"percent of fragments whose nearest other genome is of their genus, {QUERY_BP} bp, validation"

Views = tuple[list[list[Codes]], list[Codes], npt.NDArray[np.str_]]


def validation_views(shards: Shards, seed: int, most: int = GENOMES) -> Views:
    """Validation genomes (genera with several first), a mutated fragment of each, and their genera."""
    draws = np.random.default_rng(seed)
    genera: dict[str, list[int]] = defaultdict(list)
    for number in shards.numbers("validation").tolist():
        genera[shards.genome(number).genus or f"\0{number}"].append(number)
    order = sorted(draws.permutation(sorted(genera)).tolist(), key=lambda name: len(genera[name]) < 2)
    numbers = [number for name in order for number in genera[name]][:most]
    genomes = [_first(shards.contigs(number)) for number in numbers]
    queries = [mutated(fragment(contigs, QUERY_BP, draws), MUTATED, draws) for contigs in genomes]
    names = [shards.genome(number).genus or f"\0{number}" for number in numbers]
    return genomes, [either_strand(query, draws) for query in queries], np.array(names)


def spectrum_scores(views: Views) -> dict[str, float]:
    """Scores of the k-mer spectrum at length 1, not centred, which is best for fragments."""
    genomes, queries, genera = views
    scores = scores_of(kmer_profiles([[query] for query in queries]) @ kmer_profiles(genomes).T, genera)
    return {f"{name}, k-mer spectrum": score for name, score in scores.items()}


def network_scores(views: Views, read: Reads, chunk_bp: int) -> dict[str, float]:
    """Scores of a network: a genome is the mean of its chunks on both strands, and all are centred.

    `read` gives, for each piece, its vector times its tokens, and its tokens as a last entry.
    """
    genomes, queries, genera = views
    pieces = [[part for contig in contigs for part in _chunks(contig, chunk_bp)] for contigs in genomes]
    references = np.stack([_mean(read(both_strands(parts))) for parts in pieces])
    vectors = np.stack([_mean(read(both_strands([query]))) for query in queries])
    centre = references.mean(0)
    return scores_of(_unit(vectors - centre) @ _unit(references - centre).T, genera)


def scores_of(scores: Floats, genera: npt.NDArray[np.str_]) -> dict[str, float]:
    """Percentages from similarities; row i is the fragment of genome i: (N, N), (N,) -> percent."""
    rows = np.arange(len(scores))
    own = scores.argmax(1) == rows
    same = genera[:, None] == genera
    has_relative = same.sum(1) > 1
    others = np.where(rows[:, None] == rows, -np.inf, scores)
    genus = same[rows, others.argmax(1)]
    right = {OWN: own} | ({GENUS: genus[has_relative]} if has_relative.any() else {})
    return {name: round(100 * float(flags.mean()), 2) for name, flags in right.items()}


def both_strands(pieces: Sequence[Codes]) -> list[Codes]:
    return [*pieces, *(other_strand(piece) for piece in pieces)]


def _first(contigs: Sequence[Codes]) -> list[Codes]:
    """The first contigs, up to FIRST_BP in all."""
    first, left = list[Codes](), FIRST_BP
    for contig in contigs:
        if left > 0:
            first.append(contig[:left])
            left -= len(contig)
    return first


def _chunks(contig: Codes, chunk_bp: int) -> list[Codes]:
    """Pieces of a contig of equal size, none longer than a chunk."""
    return np.array_split(contig, -(-len(contig) // chunk_bp))


def _mean(weighted: Floats) -> Floats:
    total = weighted.sum(0)
    return np.asarray(total[:-1] / total[-1])


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
