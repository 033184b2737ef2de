"""What a contrast is for: which whole genome a fragment is nearest to, among validation genomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.lab.corpus.packing import Codes, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.profile_pairs import either_strand, fragment, mutated, word_profiles

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Reads = Callable[[Sequence[Codes]], Floats]  # (N,) pieces -> (N, D), weighted by what was read

GENOMES, QUESTION_BP, MUTATED = 256, 1_000, 0.1
FIRST_BP = 20_000  # of a genome are read, and asked about
OWN = f"percent of fragments nearest to their own genome of up to {GENOMES}, {QUESTION_BP} bp, validation"
MATE = f"percent of fragments whose nearest other genome is of their genus, {QUESTION_BP} bp, validation"

Views = tuple[list[list[Codes]], list[Codes], npt.NDArray[np.str_]]


def asked_views(shards: Shards, seed: int, most: int = GENOMES) -> Views:
    """Validation genomes, those of genera with several first, a fragment of each, and their genera."""
    draws = np.random.default_rng(seed)
    genera: dict[str, list[int]] = defaultdict(list)
    for number in shards.numbers("validation").tolist():
        genera[shards.genome(number).genus or f"\0{number}"].append(number)
    order = sorted(draws.permutation(sorted(genera)).tolist(), key=lambda name: len(genera[name]) < 2)
    numbers = [number for name in order for number in genera[name]][:most]
    genomes = [_first(shards.contigs(number)) for number in numbers]
    asked = [mutated(fragment(one, QUESTION_BP, draws), MUTATED, draws) for one in genomes]
    names = [shards.genome(number).genus or f"\0{number}" for number in numbers]
    return genomes, [either_strand(one, draws) for one in asked], np.array(names)


def spectrum_scores(views: Views) -> dict[str, float]:
    """What the k-mer spectrum makes of it, at length 1 and not centred, as it is best for fragments."""
    genomes, asked, genera = views
    found = scores_of(word_profiles([[one] for one in asked]) @ word_profiles(genomes).T, genera)
    return {f"{name}, k-mer spectrum": score for name, score in found.items()}


def network_scores(views: Views, read: Reads, chunk_bp: int) -> dict[str, float]:
    """What a network makes of it: a genome is the mean of its chunks of both strands, all are centred.

    `read` gives, for each piece, its vector times its tokens, and its tokens as a last entry.
    """
    genomes, asked, genera = views
    pieces = [[part for contig in one for part in _chunks(contig, chunk_bp)] for one in genomes]
    known = np.stack([_mean(read(both_strands(some))) for some in pieces])
    questions = np.stack([_mean(read(both_strands([one]))) for one in asked])
    middle = known.mean(0)
    return scores_of(_unit(questions - middle) @ _unit(known - middle).T, genera)


def scores_of(scores: Floats, genera: npt.NDArray[np.str_]) -> dict[str, float]:
    """Row i is the fragment of genome i: (N, N), (N,) -> percent."""
    rows = np.arange(len(scores))
    own = scores.argmax(1) == rows
    same = genera[:, None] == genera
    has_mate = same.sum(1) > 1
    others = np.where(rows[:, None] == rows, -np.inf, scores)
    mate = same[rows, others.argmax(1)]
    found = {OWN: own} | ({MATE: mate[has_mate]} if has_mate.any() else {})
    return {name: round(100 * float(right.mean()), 2) for name, right in found.items()}


def both_strands(pieces: Sequence[Codes]) -> list[Codes]:
    return [*pieces, *(other_strand(one) for one in pieces)]


def _first(contigs: Sequence[Codes]) -> list[Codes]:
    """The first contigs, up to FIRST_BP in all."""
    found, left = list[Codes](), FIRST_BP
    for contig in contigs:
        if left > 0:
            found.append(contig[:left])
            left -= len(contig)
    return found


def _chunks(contig: Codes, chunk_bp: int) -> list[Codes]:
    """Even pieces of a contig, none longer than a chunk."""
    return np.array_split(contig, -(-len(contig) // chunk_bp))


def _mean(weighted: Floats) -> Floats:
    total = weighted.sum(0)
    return np.asarray(total[:-1] / total[-1])


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
