"""Model: what an index has learned from its references, and what a query is answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genome_index.errors import SpecMismatch
from genome_index.index.calibration.calibrator import Calibrator
from genome_index.index.calibration.features import FEATURES, Surroundings
from genome_index.index.calibration.thresholds import Fellows, SpeciesThresholds
from genome_index.index.store.pair_table import PairTable
from genome_index.index.vectors.faiss_index import Vectors
from genome_index.index.vectors.projection import Projection
from genome_index.taxonomy.levels import Level

# Hits whose shared words are counted; of 7,378 mitogenomes 99 % have a fellow of their genus among them.
CANDIDATES = 50


@dataclass(frozen=True)
class Model:
    """Everything is by row; `live` says which rows are still in the index."""

    projection: Projection
    vectors: Vectors
    live: npt.NDArray[np.bool_]  # (N,)
    molecules: npt.NDArray[np.str_]  # (N,)
    levels: Mapping[str, Level]  # broadest rank first, labels last
    around: Surroundings
    fellows: Fellows
    calibrators: Mapping[str, Calibrator]  # level -> calibrator; a level without enough samples has none
    least_similarity: float  # below it, and without a shared word, nothing here is comparable with a query
    fitted: int  # genomes that projection and calibration were fitted on

    @cached_property
    def thresholds(self) -> SpeciesThresholds:
        return SpeciesThresholds(self.fellows, self.levels, self.molecules)

    def save(self, folder: Path, pairs: PairTable) -> None:
        """Write the model's files into a snapshot's folder."""
        self.projection.save(folder / "projection.npz")
        self.vectors.save(folder / "vectors.faiss")
        arrays: dict[str, npt.NDArray[Any]] = {"live": self.live, "molecules": self.molecules.astype("U16")}
        for group in (self.around, self.fellows):
            arrays |= {
                f"{type(group).__name__}.{field.name}": getattr(group, field.name) for field in fields(group)
            }
        arrays |= {f"codes.{name}": level.codes for name, level in self.levels.items()}
        arrays |= {"pairs.keys": pairs.keys, "pairs.values": pairs.values}
        with (folder / "references.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        learned = {
            "levels": {name: list(level.names) for name, level in self.levels.items()},
            "calibrators": {name: calibrator.to_json() for name, calibrator in self.calibrators.items()},
            "features": list(FEATURES),
            "least_similarity": self.least_similarity,
            "fitted": self.fitted,
        }
        (folder / "calibration.json").write_text(json.dumps(learned))

    @classmethod
    def load(cls, folder: Path) -> Model:
        learned = json.loads((folder / "calibration.json").read_text())
        if learned.get("features") != list(FEATURES):
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
                Surroundings(*(arrays[f"Surroundings.{field.name}"] for field in fields(Surroundings))),
                Fellows(*(arrays[f"Fellows.{field.name}"] for field in fields(Fellows))),
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
