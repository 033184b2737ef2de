"""Decision for fragments: elected names by the calibrators of their length, and the called rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from genome_index.classify.elected_names import Name, names_of
from genome_index.classify.fragments.calibration import Calibrators
from genome_index.classify.fragments.cutting import length_class
from genome_index.classify.fragments.hits import Fragments
from genome_index.index.calibration.hits import KMER_FLOOR, Hits, nothing_held_out
from genome_index.index.calibration.model import Model
from genome_index.index.index import Index
from genome_index.records import RANKS

DEVIATIONS = 2.0  # standard errors of the containment: a few dozen k-mers give no exact identity


def fragment_names(
    model: Model, calibrators: Calibrators, fragments: Fragments, hits: Hits
) -> list[dict[str, Name]]:
    """The elected name of each fragment at every level: Q dicts, level -> Name."""
    names: list[dict[str, Name]] = [{} for _ in fragments.length_bp]
    lengths = sorted(calibrators)
    classes = np.array([length_class(int(bp), lengths) if lengths else 0 for bp in fragments.length_bp])
    for length in np.unique(classes).tolist():
        of_length = classes == length
        model_of_length = replace(model, calibrators=calibrators.get(length, {}))
        held = nothing_held_out(int(of_length.sum()), len(model.live))
        elected = names_of(model_of_length, hits.only(of_length), held)
        for i, by_level in zip(np.flatnonzero(of_length).tolist(), elected, strict=True):
            names[i] = by_level
    return names


def called_rank(
    index: Index, fragments: Fragments, hits: Hits, query: int, names: Mapping[str, Name]
) -> str | None:
    """The most specific rank that is called; None if there is none, or if no k-mer is shared."""
    if not (hits.kmer_identity[query] > KMER_FLOOR).any():
        return None
    for rank in ranks_from_species(index.model):
        name = names[rank]
        if not name.is_called():
            continue
        if rank != "species" or may_reach_threshold(index, fragments, hits, query, name.code):
            return rank
    return None


def ranks_from_species(model: Model) -> list[str]:
    """Ranks of the index, species first."""
    return [rank for rank in reversed(RANKS[: RANKS.index("species") + 1]) if rank in model.levels]


def may_reach_threshold(index: Index, fragments: Fragments, hits: Hits, query: int, species: int) -> bool:
    """Whether the true identity may be what the species requires, given the number of sampled k-mers.

    In an index of few species, calibration alone would call the species of whatever is similar.
    """
    rows = hits.rows[query]
    members = np.flatnonzero((rows >= 0) & (index.model.levels["species"].codes[rows] == species))
    best = members[hits.kmer_identity[query, members].argmax()]
    if hits.kmer_identity[query, best] <= KMER_FLOOR:  # as float32, in which the floor is stored
        return False
    identity = float(hits.kmer_identity[query, best])
    k, sampled = index.spec.sketch_k, max(1, len(fragments.kmers[query]))
    containment = identity**k
    error = (containment * (1 - containment) / sampled) ** 0.5
    highest = min(1.0, containment + DEVIATIONS * error)
    return bool(100 * highest ** (1 / k) >= index.model.thresholds.required(int(rows[best])))
