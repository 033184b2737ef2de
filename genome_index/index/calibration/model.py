"""Model: what is learned from the references of an index, and how it is stored in a snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.calibration.thresholds import SpeciesNeighbours, SpeciesThresholds
from genome_index.index.store.pair_table import PairTable
from genome_index.index.vectors.kinds import AnyVectors, load_vectors
from genome_index.index.vectors.projection import Projection
from genome_index.taxonomy.levels import Level

# Nearest vectors whose shared k-mers are counted; 99 % of 7,378 mitogenomes have their genus among them.
CANDIDATES = 50

REFERENCES, CALIBRATION = "references.npz", "calibration.json"  # files of a snapshot

# Names in references.npz and calibration.json are those of format 1, so that older indexes open.
STORED_NEIGHBOURS = {"rows": "Surroundings.rows", "score": "Surroundings.score"}
STORED_SPECIES = {
    "same": "Fellows.fellow",
    "same_row": "Fellows.fellow_row",
    "other": "Fellows.other",
    "other_row": "Fellows.other_row",
}


@dataclass(frozen=True)
class Model:
    """Arrays are by row of the index; `live` marks the rows whose genomes are still in it."""

    projection: Projection
    vectors: AnyVectors
    live: npt.NDArray[np.bool_]  # (N,)
    molecules: npt.NDArray[np.str_]  # (N,)
    levels: Mapping[str, Level]  # broadest rank first, labels last
    neighbours: NeighbourTable
    species_neighbours: SpeciesNeighbours
    calibrators: Mapping[str, Calibrator]  # by level; a level with too few samples has none
    least_similarity: float  # a query below it without a shared k-mer is out of scope
    fitted: int  # genomes in the fit of projection and calibration
    is_outdated: bool = False  # whether its calibration is of an older gindex, and was left out

    @cached_property
    def thresholds(self) -> SpeciesThresholds:
        return SpeciesThresholds(self.species_neighbours, self.levels, self.molecules)

    def save(self, folder: Path, pairs: PairTable) -> None:
        """Write the model's files into a snapshot's folder."""
        self.projection.save(folder / "projection.npz")
        self.vectors.save(folder)
        arrays: dict[str, npt.NDArray[Any]] = {"live": self.live, "molecules": self.molecules.astype("U16")}
        arrays |= {stored: getattr(self.neighbours, name) for name, stored in STORED_NEIGHBOURS.items()}
        arrays |= {stored: getattr(self.species_neighbours, name) for name, stored in STORED_SPECIES.items()}
        arrays |= {f"codes.{name}": level.codes for name, level in self.levels.items()}
        arrays |= {"pairs.keys": pairs.keys, "pairs.values": pairs.values}
        with (folder / REFERENCES).open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        (folder / CALIBRATION).write_text(json.dumps(self._to_json()))

    def _to_json(self) -> dict[str, Any]:
        return {
            "levels": {name: list(level.names) for name, level in self.levels.items()},
            "calibrators": {name: calibrator.to_json() for name, calibrator in self.calibrators.items()},
            "features": list(FEATURES),
            "least_similarity": self.least_similarity,
            "fitted": self.fitted,
        }

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read the model of a snapshot; a calibration with other features than FEATURES is left out."""
        learned = json.loads((folder / CALIBRATION).read_text())
        is_outdated = learned.get("features") != list(FEATURES)
        with np.load(folder / REFERENCES, allow_pickle=False) as arrays:
            return cls(
                projection=Projection.load(folder / "projection.npz"),
                vectors=load_vectors(folder),
                live=arrays["live"],
                molecules=arrays["molecules"],
                levels={
                    name: Level(name, tuple(names), arrays[f"codes.{name}"])
                    for name, names in learned["levels"].items()
                },
                neighbours=NeighbourTable(**_stored(arrays, STORED_NEIGHBOURS)),
                species_neighbours=SpeciesNeighbours(**_stored(arrays, STORED_SPECIES)),
                calibrators={
                    name: Calibrator.from_json(values)
                    for name, values in learned["calibrators"].items()
                    if not is_outdated
                },
                least_similarity=learned["least_similarity"],
                fitted=learned["fitted"],
                is_outdated=is_outdated,
            )


def _stored(
    arrays: Mapping[str, npt.NDArray[Any]], stored_names: Mapping[str, str]
) -> dict[str, npt.NDArray[Any]]:
    return {name: arrays[stored] for name, stored in stored_names.items()}


def load_pairs(folder: Path) -> PairTable:
    """The pairs measured so far: ANI, aligned fraction of the lesser row, of the greater row.

    All in percent, NaN below the range.
    """
    with np.load(folder / REFERENCES, allow_pickle=False) as arrays:
        return PairTable(3, arrays["pairs.keys"], arrays["pairs.values"])
