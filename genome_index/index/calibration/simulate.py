"""Simulated queries: references asked about with themselves, or a taxon of theirs, left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import (
    Samples,
)
from genome_index.index.calibration.features import FEATURES, features_of, relative_to_needed
from genome_index.index.calibration.hits import HeldOut, Hits, NeighbourTable
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.calibration.thresholds import SpeciesThresholds
from genome_index.index.calibration.vote import Vote, elect
from genome_index.index.store.pair_table import positions
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import RANKS, Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN, Level, finer_level

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

CALIBRATE_UP_TO = 8_000  # references that are asked about; more do not change the curves


@dataclass(frozen=True)
class SimulatedQueries:
    """One regime's simulated queries: the references asked about, with what left out, and their hits."""

    regime: str  # genome, species or genus: what was left out
    rows: Rows  # (Q,) of the references asked about
    hits: Hits
    held: HeldOut


def simulate_all(
    comparer: Comparer, vectors: Floats, rows: Rows, levels: Mapping[str, Level], progress: Progress = quiet
) -> Iterator[SimulatedQueries]:
    """Ask with each genome left out, then with each of its ranks the index knows, from species upwards."""
    asked = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), CALIBRATE_UP_TO)).astype(np.int64))
    ranks = [rank for rank in reversed(RANKS[:-1]) if rank in levels]
    progress.stage("asking with the genome left out", 0, len(ranks) + 1)
    yield simulate(comparer, vectors, rows, asked, None, "genome")
    for number, rank in enumerate(ranks, 1):
        progress.stage(f"asking with the {rank} left out", number, len(ranks) + 1)
        yield simulate(
            comparer, vectors, rows, asked[levels[rank].codes[asked] != UNKNOWN], levels[rank], rank
        )


def simulate(
    comparer: Comparer, vectors: Floats, rows: Rows, asked: Rows, level: Level | None, regime: str
) -> SimulatedQueries:
    """Ask about references (positions within `rows`) with themselves, and all of their code, left out."""
    codes = level.codes if level is not None else np.full(len(rows), UNKNOWN, np.int32)
    members = level.members() if level is not None else {}
    own = codes[asked]

    def barred(i: int) -> Rows:
        return np.append(members.get(int(own[i]), np.empty(0, np.int64)), asked[i])

    similarity, near = nearest(vectors[asked], vectors, CANDIDATES, barred)
    hits = comparer.hits(rows[asked], similarity, np.where(near >= 0, rows[near], -1))
    return SimulatedQueries(regime, asked, within(hits, rows), HeldOut(asked, codes, own))


def within(hits: Hits, rows: Rows) -> Hits:
    """The same hits with positions within `rows` instead of rows."""
    position = positions(rows, int(rows.max()) + 1)
    return Hits(
        position[hits.rows], hits.similarity, hits.kmer_identity, hits.ani, hits.af_query, hits.af_reference
    )


def samples_of(
    levels: Mapping[str, Level],
    name: str,
    asked: SimulatedQueries,
    neighbours: NeighbourTable,
    thresholds: SpeciesThresholds,
    vote: Vote,
    share_of_mixture: float = 1.0,
) -> Samples | None:
    """Simulated answers of one regime at one level; genomes without a name there say nothing."""
    level = levels[name]
    elected, share = elect(asked.hits, level, vote)
    features = features_of(
        asked.hits, level, finer_level(levels, name), elected, share, neighbours, asked.held
    )
    if name == "species":
        features = relative_to_needed(features, asked.hits, asked.rows, elected, level, thresholds)
    own = level.codes[asked.rows]
    known = (own != UNKNOWN) & (elected != UNKNOWN)
    if name == "species" and asked.regime == "genome":
        # A genome alone in its species is asked about in the species regime; here the answer has to be there.
        known &= np.bincount(level.codes[level.codes != UNKNOWN], minlength=1)[own] > 1
    if not known.any():
        return None
    right = elected == own
    weight = np.full(int(known.sum()), share_of_mixture / known.sum())
    return Samples(
        features[known],
        right[known],
        weight,
        np.full(len(weight), asked.regime == "species"),
        (features[known, FEATURES.index("ani")] >= 0) if name == "species" else np.ones(len(weight), bool),
        kin_of(levels, asked.rows[known]),
    )


def kin_of(levels: Mapping[str, Level], rows: Rows) -> Rows:
    """One number a genus; genomes without one, or without a species of it, are their own kin."""
    codes = levels["genus"].codes[rows] if "genus" in levels else np.full(len(rows), UNKNOWN)
    return np.where(codes == UNKNOWN, -1 - rows, codes)


def join_samples(parts: Sequence[Samples]) -> Samples | None:
    """All regimes together, weighted so that the weights add up to the number of samples."""
    if not parts:
        return None
    joined = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("features", "right", "weight", "species_out", "eligible", "group")
    ]
    joined[2] = joined[2] * len(joined[2]) / joined[2].sum()
    return Samples(*joined)


def least_similarity(asked: Sequence[SimulatedQueries]) -> float:
    """Similarity that 99.9 % of references find with their genus left out; below it nothing is comparable."""
    genus_out = next((one for one in asked if one.regime == "genus"), asked[0])
    real = np.where(genus_out.hits.rows >= 0, genus_out.hits.similarity, np.nan)
    found = ~np.isnan(real).all(axis=1)
    return float(np.quantile(np.nanmax(real[found], axis=1), 0.001)) if found.any() else -1.0
