"""Hand-made hits, levels and models: small tables for tests of the core, without an index or a FASTA file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import Hits, NeighbourTable
from genome_index.index.calibration.model import Model
from genome_index.index.calibration.thresholds import SpeciesNeighbours, SpeciesThresholds
from genome_index.index.calibration.vote import Vote
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.index.store.skani import Candidate
from genome_index.index.vectors.faiss_index import Vectors
from genome_index.index.vectors.projection import Projection
from genome_index.records import (
    RANKS,
    Contig,
    Entry,
    Genome,
    InterleavedNames,
    Lineage,
    Progress,
    Suspect,
    Taxon,
    quiet,
)
from genome_index.spec import IndexSpec
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


REACH = 1_000.0  # features of a hand-made calibrator count between this and its negative


def calibrator(weights: Mapping[str, float], threshold: float = 0.8, intercept: float = 0.0) -> Calibrator:
    """A calibrator of one ramp for each feature, whose logit is intercept + sum of weight * feature."""
    table = np.array([weights.get(name, 0.0) for name in FEATURES])
    return Calibrator(
        vote=Vote(),
        knots=np.tile([-REACH, REACH], (len(FEATURES), 1)),
        weights=np.concatenate([[intercept - REACH * table.sum()], 2 * REACH * table]),
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


# -- an index in memory --------------------------------------------------------------------------------------


class CompositionEncoder:
    """The shares of A, C, G and T as features; `read` is the share of each genome that it claims to read."""

    def __init__(self, read: float = 1.0) -> None:
        self.read = read
        self.batches: list[int] = []

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> np.ndarray:
        self.batches.append(len(genomes))
        progress.note(f"encoding {len(genomes)}")
        return np.array([composition(genome) for genome in genomes], np.float32)

    def features(self, raw: np.ndarray) -> np.ndarray:
        return raw

    def shares(self, raw: np.ndarray) -> np.ndarray:
        return np.full(len(raw), self.read, np.float32)


def composition(genome: Genome) -> list[float]:
    """Shares of A, C, G and T."""
    bases = b"".join(contig.sequence for contig in genome.contigs)
    return [bases.count(base) / len(bases) for base in (b"A", b"C", b"G", b"T")]


class MemoryReferences:
    """References whose sketches, features and genomes are given as they are."""

    def __init__(
        self,
        spec: IndexSpec,
        sketches: Sequence[Sequence[int]],
        limits: Sequence[int] | None = None,
        genomes: Sequence[Genome | None] = (),
        features: np.ndarray | None = None,
        lengths: Sequence[int] | int = 1_000,
    ) -> None:
        self.spec, self.encoder = spec, CompositionEncoder()
        self._sketches = [np.array(sorted(sketch), np.uint64) for sketch in sketches]
        self._limits = limits or [2**64 // spec.small_scaled] * len(sketches)
        self._genomes, self._features = genomes, features
        self._lengths = [lengths] * len(sketches) if isinstance(lengths, int) else lengths
        self.released = 0

    def hashes(self, row: int) -> np.ndarray:
        return self._sketches[row]

    def limit(self, row: int) -> int:
        return self._limits[row]

    def is_small(self, row: int) -> bool:
        return self.length_bp(row) <= self.spec.small_bp

    def length_bp(self, row: int) -> int:
        return self._lengths[row]

    def features(self, rows: np.ndarray) -> np.ndarray:
        assert self._features is not None
        return self._features[rows]

    def genome(self, row: int) -> Genome | None:
        return self._genomes[row]

    def candidate(self, row: int) -> Candidate:
        return Candidate(str(row).encode(), "")

    def let_go(self) -> None:
        self.released += 1


class MemoryIndex:
    """What the classification asks of an index, from a hand-made model, references and entries."""

    def __init__(
        self,
        model: Model,
        references: MemoryReferences,
        entries: Sequence[Entry],
        suspects: Mapping[int, tuple[Suspect, ...]] | None = None,
    ) -> None:
        self.model, self.references, self.spec = model, references, references.spec
        self._entries, self.suspects = entries, suspects or {}
        self.interleaved: tuple[InterleavedNames, ...] = ()
        self.prefetched: list[list[int]] = []
        self.catalog = self

    @cached_property
    def kmers(self) -> KmerIndex:
        """The inverted index of all sketches, those of removed genomes too."""
        return KmerIndex.build(self.references, np.arange(len(self.model.live)))  # type: ignore[arg-type]

    def entry(self, row: int) -> Entry:
        assert row >= 0
        return self._entries[row]

    def entries(self) -> Sequence[Entry]:
        return self._entries

    def rows_of_sequence(self, sha256: str) -> list[int]:
        return [entry.row for entry in self._entries if entry.sha256 == sha256]

    def prefetch(self, rows: Sequence[int]) -> None:
        self.prefetched.append(list(rows))


def entries(
    by_level: Mapping[str, Level], length_bp: Sequence[int] | int = 1_000, sha256: Sequence[str] = ()
) -> list[Entry]:
    """Catalogue entries whose lineages and labels are those of the levels; ids are g0, g1 ..."""
    size = len(next(iter(by_level.values())).codes)
    lengths = [length_bp] * size if isinstance(length_bp, int) else length_bp
    made = []
    for row in range(size):
        names = {
            name: each.names[each.codes[row]] for name, each in by_level.items() if each.codes[row] != UNKNOWN
        }
        lineage = Lineage({name: value for name, value in names.items() if name in RANKS})
        labels = {name: value for name, value in names.items() if name not in RANKS}
        digest = sha256[row] if sha256 else f"sha{row}"
        taxon = Taxon(lineage, labels)
        made.append(Entry(row, f"g{row}", "s", row, lengths[row], 1, "virus", digest, f"g{row}.fa", taxon))
    return made


def vectors(rows: Sequence[Sequence[float]]) -> Vectors:
    """A FAISS index of some vectors, scaled to length 1."""
    table = np.array(rows, np.float32)
    return Vectors.build(table / np.linalg.norm(table, axis=1, keepdims=True), "Flat")


def no_projection(dim: int = 4) -> Projection:
    return Projection(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))


def genome(sequence: str | bytes, name: str = "query") -> Genome:
    """A genome of one contig."""
    bases = sequence.encode() if isinstance(sequence, str) else sequence
    return Genome(name, (Contig(name, bases),), f"{name}.fa")
