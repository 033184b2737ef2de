"""Table of semantic duplicates of a corpus, beside clusters by identity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genome_index.index.store.sketches import hash_sketch
from genome_index.lab.corpus.genomes import genome_of, genomes_of
from genome_index.lab.corpus.relatives import SPEC, pair_identity, sampling_limit
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.vectors import WINDOWS, spec_of, unit_vectors
from genome_index.lab.markdown import markdown_table
from genome_index.lab.redundancy.semantic import EPSILONS, NearestBefore, nearest_before, surplus_found
from genome_index.records import Progress, counted, quiet

MOST = 10_000  # genomes: the spectra of so many take 1.3 GB
SAME = (0.99, 0.95)  # identities of duplicates: of strains, and of a species (Jain et al. 2018)

Rows = npt.NDArray[np.int64]


def semantic_section(
    shards: Shards, groups: Mapping[float, Rows], encoder: str, seed: int = 0, progress: Progress = quiet
) -> str:
    """What is left out at several epsilons, and how much of that k-mers call the same.

    Parameters
    ----------
    groups
        By identity, the number of each genome's group: (N,) each; identities of SAME are needed.

    Raises
    ------
    EncoderNotFound, ModelError, UsageError
    """
    spec = spec_of(encoder)
    rows = np.sort(np.random.default_rng(seed).permutation(len(shards))[:MOST])
    nearest = nearest_before(unit_vectors(list(genomes_of(shards, rows.tolist())), spec, progress), seed)
    identities = _identities(shards, rows, nearest)
    own = {least: np.unique(groups[least][rows], return_inverse=True)[1] for least in SAME}
    kept = ", ".join(
        f"{len(np.unique(own[least])) / len(rows):.1%} by {least:.0%} identity" for least in SAME
    )
    windows = f", {WINDOWS} windows of each strand" if spec.reading else ""
    return (
        f"{counted(len(rows))} by {encoder}{windows}. A genome with a cosine above 1 - epsilon to an earlier "
        f"one of its k-means cluster is left out (SemDeDup). Clusters of shared k-mers keep {kept}.\n\n"
        f"{_table(nearest, identities, own)}"
    )


def _table(nearest: NearestBefore, identities: npt.NDArray[np.float64], own: Mapping[float, Rows]) -> str:
    head = [
        "epsilon", "kept, %", "left out", *(f"of these {least:.0%} identical" for least in SAME),
        f"below {SAME[-1]:.0%}: no duplicates", *(f"of duplicates of {least:.0%} found, %" for least in SAME),
    ]  # fmt: skip
    lines = []
    for epsilon in EPSILONS:
        out = nearest.duplicates(epsilon)
        same = [int((identities[out] >= least).sum()) for least in SAME]
        found = [_percent(surplus_found(own[least], out)) for least in SAME]
        kept = f"{100 - 100 * len(out) / len(nearest.row):.1f}"
        counts = [f"{count:,}" for count in (len(out), *same, len(out) - same[-1])]
        lines.append([f"{epsilon:g}", kept, *counts, *found])
    return markdown_table(head, lines)


def _identities(shards: Shards, rows: Rows, nearest: NearestBefore) -> npt.NDArray[np.float64]:
    """Identity by k-mers of each genome that is ever left out to the one it is a duplicate of: (N,)."""
    identities = np.zeros(len(rows))
    for at in nearest.duplicates(max(EPSILONS)).tolist():
        one, other = (genome_of(shards, int(rows[each])) for each in (at, nearest.row[at]))
        limit = min(sampling_limit(one), sampling_limit(other))
        identities[at] = pair_identity(hash_sketch(one, SPEC), hash_sketch(other, SPEC), limit)
    return identities


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"
