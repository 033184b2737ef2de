"""What stands beside the networks: Markov models, context tree weighting, a mixture as in GeCo, and zstd.

All have read both strands of the training part and are asked about the same fragments as the networks.

    mixture   Markov models of ORDERS, each weighted by how well it predicted the last bases of the fragment:
              w <- w ** 0.95 p, as in GeCo (Pratas et al. 2016), whose models learn the sequence itself too
    zstd      level 19 with training sequence as its dictionary; the fragments in one frame

Of the genera that are found (search.py) the k-mer spectrum and the package's profile have rows, which no
training made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from genome_index.lab.corpus.packing import OTHER, Codes, bases_of
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import Part
from genome_index.lab.likelihood.context_tree import tree_bits, weigh_contexts
from genome_index.lab.likelihood.contexts import DEPTH, markov_bits
from genome_index.lab.study.batches import EXAMINED_SEED, EXAMINED_TEMPERATURE
from genome_index.lab.study.scores import EXAMINED
from genome_index.lab.study.search import NEITHER, genus_found, search_set
from genome_index.lab.training.held_out import training_counts
from genome_index.records import Progress, quiet

ORDERS = (1, 2, 3, 4, 6, 8, 10, 11, 12)
FORGETTING = 0.95  # power of a model's weight with each base
DICTIONARY_BP = 16_000_000
ORDER_12 = "Markov model of order 12"

Doubles = npt.NDArray[np.float64]


class Baseline(NamedTuple):
    """Bits a base of validation and of test fragments, and genera found; None where it has none."""

    name: str
    validation_bits: float | None
    test_bits: float | None
    genus_found: float | None = None


def baselines(shards: Shards, length: int, progress: Progress = quiet) -> list[Baseline]:
    """All of them, on one corpus and fragments of one length."""
    asked = search_set(shards)
    found = [Baseline(name, None, None, genus_found(name, asked)) for name in NEITHER]
    return [*baseline_bits(shards, length, progress), *found]


def baseline_bits(shards: Shards, length: int, progress: Progress = quiet) -> list[Baseline]:
    """The baselines that predict bases."""
    parts = [_fragments(shards, part, length) for part in ("validation", "test")]
    counts = training_counts(shards, DEPTH, progress)
    tree = weigh_contexts(counts)
    orders = [[markov_bits(counts, codes) for codes in part] for part in parts]
    means = [np.nanmean(np.concatenate(part), axis=0) for part in orders]
    rows = [
        Baseline(f"Markov model of order {k}", float(means[0][k]), float(means[1][k]))
        for k in range(DEPTH + 1)
    ]
    trees = [np.concatenate([tree_bits(tree, codes) for codes in part]) for part in parts]
    rows.append(_row(f"context tree weighting, depth {DEPTH}", trees))
    mixed = [np.concatenate([mixture_bits(bits[:, ORDERS]) for bits in part]) for part in orders]
    rows.append(_row("mixture of Markov models, as in GeCo", mixed))
    dictionary = _training_bases(shards)
    validation, test = (zstd_bits(dictionary, part) for part in parts)
    return [*rows, Baseline("zstd, with a dictionary", validation, test)]


def mixture_bits(bits: Doubles) -> Doubles:
    """Bits of each base by the weighted mean of models: (L, M), NaN at an N -> (L,)."""
    from scipy.signal import lfilter

    logs = -math.log(2) * bits
    known = ~np.isnan(logs[:, 0])
    weights = lfilter([0.0, 1.0], [1.0, -FORGETTING], logs[known], axis=0)  # of the bases before
    mixed = np.logaddexp.reduce(weights + logs[known], axis=1) - np.logaddexp.reduce(weights, axis=1)
    result = np.full(len(bits), np.nan)
    result[known] = -mixed / math.log(2)
    return result


def zstd_bits(dictionary: bytes, fragments: Sequence[Codes]) -> float:
    """Bits a base of fragments, compressed together."""
    content = b"".join(bases_of(codes) for codes in fragments)
    window = max(20, math.ceil(math.log2(len(dictionary) + len(content) + 1)))
    settings = zstandard.ZstdCompressionParameters.from_level(19, window_log=min(27, window), enable_ldm=True)
    words = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressed = zstandard.ZstdCompressor(compression_params=settings, dict_data=words).compress(content)
    return 8 * len(compressed) / sum(int((codes != OTHER).sum()) for codes in fragments)


def _fragments(shards: Shards, part: Part, length: int) -> list[Codes]:
    drawn = shards.fragments(part, length, EXAMINED_SEED, EXAMINED_TEMPERATURE)
    return [drawn.at(number).codes for number in range(EXAMINED)]


def _training_bases(shards: Shards) -> bytes:
    """Training genomes, up to DICTIONARY_BP."""
    return b"".join(_bounded(shards))


def _bounded(shards: Shards) -> Iterator[bytes]:
    left = DICTIONARY_BP
    for number in shards.numbers("train").tolist():
        for codes in shards.contigs(number):
            if left > 0:
                yield bases_of(codes[:left])
                left -= len(codes)


def _row(name: str, parts: Sequence[Doubles]) -> Baseline:
    validation, test = (float(np.nanmean(part)) for part in parts)
    return Baseline(name, validation, test)
