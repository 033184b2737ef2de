"""Model: what an index has learned from its references, and what a query is answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.errors import SpecMismatch
from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.thresholds import SpeciesNeighbours, SpeciesThresholds
from genome_index.index.store.pair_table import PairTable
from genome_index.index.vectors.faiss_index import Vectors
from genome_index.index.vectors.projection import Projection
from genome_index.taxonomy.levels import Level

# Hits whose shared k-mers are counted; of 7,378 mitogenomes 99 % have one of their genus among them.
CANDIDATES = 50

# Names in references.npz and calibration.json are those of format 1, so that older indexes open.
STORED_NEIGHBOURS = {"rows": "Surroundings.rows", "score": "Surroundings.score"}
STORED_SPECIES = {
    "same": "Fellows.fellow",
    "same_row": "Fellows.fellow_row",
    "other": "Fellows.other",
    "other_row": "Fellows.other_row",
}
STORED_FEATURES = {"k-mer identity": "words", "hits of the name": "fellows"}


def stored_features() -> list[str]:
    """The names of FEATURES as calibration.json has them."""
    return [STORED_FEATURES.get(name, name) for name in FEATURES]


@dataclass(frozen=True)
class Model:
    """Everything is by row; `live` says which rows are still in the index."""

    projection: Projection
    vectors: Vectors
    live: npt.NDArray[np.bool_]  # (N,)
    molecules: npt.NDArray[np.str_]  # (N,)
    levels: Mapping[str, Level]  # broadest rank first, labels last
    neighbours: NeighbourTable
    species_neighbours: SpeciesNeighbours
    calibrators: Mapping[str, Calibrator]  # level -> calibrator; a level without enough samples has none
    least_similarity: float  # below it, and without a shared k-mer, nothing here is comparable with a query
    fitted: int  # genomes that projection and calibration were fitted on

    @cached_property
    def thresholds(self) -> SpeciesThresholds:
        return SpeciesThresholds(self.species_neighbours, self.levels, self.molecules)

    def save(self, folder: Path, pairs: PairTable) -> None:
        """Write the model's files into a snapshot's folder."""
        self.projection.save(folder / "projection.npz")
        self.vectors.save(folder / "vectors.faiss")
        arrays: dict[str, npt.NDArray[Any]] = {"live": self.live, "molecules": self.molecules.astype("U16")}
        arrays |= {stored: getattr(self.neighbours, name) for name, stored in STORED_NEIGHBOURS.items()}
        arrays |= {stored: getattr(self.species_neighbours, name) for name, stored in STORED_SPECIES.items()}
        arrays |= {f"codes.{name}": level.codes for name, level in self.levels.items()}
        arrays |= {"pairs.keys": pairs.keys, "pairs.values": pairs.values}
        with (folder / "references.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        learned = {
            "levels": {name: list(level.names) for name, level in self.levels.items()},
            "calibrators": {name: calibrator.to_json() for name, calibrator in self.calibrators.items()},
            "features": stored_features(),
            "least_similarity": self.least_similarity,
            "fitted": self.fitted,
        }
        (folder / "calibration.json").write_text(json.dumps(learned))

    @classmethod
    def load(cls, folder: Path) -> Model:
        learned = json.loads((folder / "calibration.json").read_text())
        if learned.get("features") != stored_features():
            raise SpecMismatch(str(folder), "features", len(learned.get("features", [])), len(FEATURES))
        with np.load(folder / "references.npz", allow_pickle=False) as arrays:
            return cls(
                Projection.load(folder / "projection.npz"),
                Vectors.load(folder / "vectors.faiss"),
                arrays["live"],
                arrays["molecules"],
                {
                    name: Level(name, tuple(names), arrays[f"codes.{name}"])
                    for name, names in learned["levels"].items()
                },
                NeighbourTable(**{name: arrays[stored] for name, stored in STORED_NEIGHBOURS.items()}),
                SpeciesNeighbours(**{name: arrays[stored] for name, stored in STORED_SPECIES.items()}),
                {name: Calibrator.from_json(values) for name, values in learned["calibrators"].items()},
                learned["least_similarity"],
                learned["fitted"],
            )


def load_pairs(folder: Path) -> PairTable:
    """The pairs measured so far: ANI, aligned fraction of the lesser row, of the greater.

    All in percent, NaN below the range.
    """
    with np.load(folder / "references.npz", allow_pickle=False) as arrays:
        return PairTable(3, arrays["pairs.keys"], arrays["pairs.values"])
