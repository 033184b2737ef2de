"""Projection of text vectors and genome vectors into one space, in which a text is near its genome.

Two linear maps over frozen encoders: a text encoder (text_encoder.py), and the released k-mer profile, which
an index of the spectrum or the profile has the counts for. Folder: config.json and projection.safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from genome_index.encoders.pooling import unit
from genome_index.encoders.profile import RELEASED, Floats, Profile
from genome_index.errors import ModelError
from genome_index.io.atomic import write_file
from genome_index.io.compression import cause

CONFIG, WEIGHTS = "config.json", "projection.safetensors"
TEXT, GENOME = ("text_weight", "text_bias"), ("genome_weight", "genome_bias")
KIND = "gindex-text-projection"


@dataclass(frozen=True)
class ProjectionConfig:
    """The shape of a projection, and the frozen encoders that it belongs to."""

    text_dim: int  # T
    genome_dim: int  # G
    dim: int  # D, of the common space
    text_encoder: str  # sha256 of its weights
    profile: str  # version of the profile's weights
    kind: str = KIND


class Projection:
    """A trained projection; plain numpy, because two matrices need no torch."""

    def __init__(self, config: ProjectionConfig, weights: dict[str, Floats]) -> None:
        self.config, self.weights = config, weights

    def texts(self, rows: Floats) -> Floats:
        """(N, T) text vectors -> (N, D) of length 1."""
        return self._mapped(rows, *TEXT)

    def genomes(self, rows: Floats) -> Floats:
        """(N, G) genome vectors -> (N, D) of length 1."""
        return self._mapped(rows, *GENOME)

    def _mapped(self, rows: Floats, weight: str, bias: str) -> Floats:
        return unit(rows @ self.weights[weight].T + self.weights[bias])

    def require(self, text_encoder: str, path: Path) -> None:
        """Raise ModelError unless the text encoder and the profile are those of the training."""
        for what, own, here in (
            ("text encoder", self.config.text_encoder, text_encoder),
            ("profile", self.config.profile, released_profile().version),
        ):
            if own != here:
                reason = f"it was trained with another {what} ({own[:12]}, here is {here[:12]})"
                raise ModelError(str(path), f"{reason}; give that one, or train with `gindex lab project`")

    def save(self, folder: Path) -> None:
        """Write both files; raises StorageError."""
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / WEIGHTS, save(self.weights))
        write_file(folder / CONFIG, (json.dumps(asdict(self.config), indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> Projection:
        """The projection in a folder.

        Raises
        ------
        ModelError
            A file is missing or damaged, or the two do not fit.
        """
        try:
            values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            config = ProjectionConfig(**{one.name: values[one.name] for one in fields(ProjectionConfig)})
            weights = load_file(folder / WEIGHTS)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(
                str(folder), _no_projection(cause(error) if isinstance(error, OSError) else repr(error))
            ) from error
        if {name: weight.shape for name, weight in weights.items()} != _shapes(config):
            raise ModelError(str(folder), _no_projection(f"{WEIGHTS} does not fit {CONFIG}"))
        return cls(config, weights)


def _no_projection(why: str) -> str:
    return f"no projection of text ({why}); train one with `gindex lab project`"


def _shapes(config: ProjectionConfig) -> dict[str, tuple[int, ...]]:
    return {
        TEXT[0]: (config.dim, config.text_dim), TEXT[1]: (config.dim,),
        GENOME[0]: (config.dim, config.genome_dim), GENOME[1]: (config.dim,),
    }  # fmt: skip


def released_profile() -> Profile:
    """The k-mer profile that genomes are read with."""
    return Profile.load(RELEASED)


def recall_at(scores: Floats, relevant: Sequence[set[int]], k: int) -> float:
    """Share of queries with a relevant row among the k of highest score: (Q, N) -> 0 to 1.

    >>> import numpy as np
    >>> recall_at(np.array([[0.9, 0.1], [0.8, 0.2]], np.float32), [{0}, {1}], 1)
    0.5
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()
    return float(np.mean([bool(own & set(row)) for own, row in zip(relevant, best, strict=True)]))
