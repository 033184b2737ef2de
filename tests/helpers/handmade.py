"""Hand-made hits, levels and models: small tables for tests of the core, without an index or a FASTA file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import Hits, NeighbourTable
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import SpeciesNeighbours, SpeciesThresholds
from genome_index.index.calibration.vote import Vote
from genome_index.taxonomy.levels import UNKNOWN, Level

NAN = float("nan")


def level(name: str, names: Sequence[str | None]) -> Level:
    """A level from one name for each genome; None is unknown."""
    known = tuple(sorted({each for each in names if each is not None}))
    codes = [UNKNOWN if each is None else known.index(each) for each in names]
    return Level(name, known, np.array(codes, np.int32))


def levels(**columns: Sequence[str | None]) -> dict[str, Level]:
    """Levels by name: `levels(genus=["A", None], species=["A b", "A b"])`; `klass` stands for class."""
    named = {name.replace("klass", "class"): names for name, names in columns.items()}
    return {name: level(name, names) for name, names in named.items()}


def hits(
    rows: Sequence[int],
    similarity: Sequence[float] | float = 0.9,
    kmer_identity: Sequence[float] | float = 0.95,
    ani: Sequence[float] | float = NAN,
    af_query: Sequence[float] | float = NAN,
    af_reference: Sequence[float] | float = NAN,
) -> Hits:
    """The hits of one query, K of them; a single number stands for all."""
    tables = (similarity, kmer_identity, ani, af_query, af_reference)
    columns = [np.broadcast_to(np.array(table, np.float32), (len(rows),))[None].copy() for table in tables]
    return Hits(np.array([rows], np.int64), *columns)


def join_hits(*queries: Hits) -> Hits:
    """The hits of several queries as one table; K must be the same."""
    names = ("rows", "similarity", "kmer_identity", "ani", "af_query", "af_reference")
    return Hits(*(np.concatenate([getattr(query, name) for query in queries]) for name in names))


def species_neighbours(
    same: Sequence[float],
    other: Sequence[float],
    same_row: Sequence[int] | None = None,
    other_row: Sequence[int] | None = None,
) -> SpeciesNeighbours:
    """ANI to the nearest genome of the same and of another species, NaN for none; rows default to -1."""
    none = [-1] * len(same)
    return SpeciesNeighbours(
        np.array(same, np.float32),
        np.array(none if same_row is None else same_row, np.int64),
        np.array(other, np.float32),
        np.array(none if other_row is None else other_row, np.int64),
    )


def no_neighbours(genomes: int) -> NeighbourTable:
    return NeighbourTable(np.full((genomes, 1), -1, np.int32), np.zeros((genomes, 1), np.float32))


def calibrator(weights: Mapping[str, float], threshold: float = 0.8, intercept: float = 0.0) -> Calibrator:
    """A calibrator without knots whose logit is intercept + sum of weight * feature."""
    table = np.array([weights.get(name, 0.0) for name in FEATURES])
    size = len(FEATURES)
    return Calibrator(
        vote=Vote(),
        mean=np.zeros(size),
        scale=np.ones(size),
        knots=np.empty((size, 0)),
        weights=np.concatenate([[intercept], table]),
        threshold=threshold,
        samples=100,
    )


def model(by_level: Mapping[str, Level], molecule: str = "prokaryote", **fields: Any) -> Model:
    """A model of some levels; it has no vectors, and every threshold is the prior, unless they are given."""
    genomes = len(next(iter(by_level.values())).codes)
    nothing = species_neighbours([NAN] * genomes, [NAN] * genomes)
    defaults: dict[str, Any] = {
        "projection": None,
        "vectors": None,
        "live": np.ones(genomes, bool),
        "molecules": np.full(genomes, molecule),
        "levels": by_level,
        "neighbours": no_neighbours(genomes),
        "species_neighbours": nothing,
        "calibrators": {},
        "least_similarity": 0.2,
        "fitted": genomes,
    }
    return Model(**defaults | fields)


class FixedThresholds(SpeciesThresholds):
    """A fixed ANI for each row; `left_out` notes what each question was to leave out."""

    def __init__(self, ani: Sequence[float]) -> None:
        self.ani = ani
        self.left_out: list[tuple[int, ...]] = []

    def required(self, row: int, without: Sequence[int] = ()) -> float:  # type: ignore[override]
        self.left_out.append(tuple(without))
        return self.ani[row]
