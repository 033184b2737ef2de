"""ANI of pairs of genomes, and its correlation with the similarity of their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genome_index.encoders import open_encoder
from genome_index.index.store.skani import Candidate, measure
from genome_index.index.store.sketches import pack
from genome_index.index.vectors.projection import fit_projection
from genome_index.records import Genome
from genome_index.spec import IndexSpec

Floats = npt.NDArray[np.float32]
Pairs = Mapping[tuple[int, int], float]  # positions of two genomes -> their ANI in percent

LEAST_PAIRS = 20  # a correlation over fewer pairs is meaningless
ANI_GENOMES, ANI_NEIGHBOURS = 200, 8  # genomes, and neighbours of each, whose ANI is measured


def ani_pairs(genomes: Sequence[Genome]) -> Pairs:
    """ANI of some genomes and their nearest neighbours by spectrum, where the two have one."""
    spec = IndexSpec()
    encoder = open_encoder(spec)
    vectors = encoder.features(encoder.encode(genomes))
    vectors = fit_projection(vectors.copy(), spec.dim, spec.whitening).apply(vectors)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    pairs: dict[tuple[int, int], float] = {}
    for at in np.linspace(0, len(genomes) - 1, min(len(genomes), ANI_GENOMES)).astype(int).tolist():
        near = [int(other) for other in np.argsort(-similarity[at])[:ANI_NEIGHBOURS] if other != at]
        results = measure(genomes[at], [Candidate(pack(genomes[other]), "") for other in near])
        for other, evidence in zip(near, results, strict=True):
            if evidence.ani is not None:
                pairs[at, other] = evidence.ani
    return pairs


def ani_correlation(vectors: Floats, pairs: Pairs) -> float | None:
    """Spearman's correlation of similarity and ANI: (N, D) vectors of length 1; None without variation."""
    from scipy.stats import spearmanr

    if len(pairs) < LEAST_PAIRS:
        return None
    a, b = np.array(list(pairs)).T
    similarity = (vectors[a] * vectors[b]).sum(axis=1)
    ani = np.array(list(pairs.values()))
    if np.ptp(similarity) == 0 or np.ptp(ani) == 0:  # equal vectors, or identical genomes only
        return None
    return float(spearmanr(similarity, ani).statistic)
