"""A trained map from the spaced spectrum to vectors, read in plain numpy: no torch is needed to use it.

The k-mer profile network of Celikkanat et al. 2024 (Revisiting K-mer Profile, arXiv 2411.02125): profile,
Linear, BatchNorm, Sigmoid, Dropout, Linear. Here the profile is the fourth root of the spectrum's
frequencies at length 1, so that a fragment and its genome are of one scale, and the hidden layer may be left
out: what remains is a trained projection. `profilenet.py` is its other half, which can be trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.protocol import Rows
from genome_index.encoders.spectrum import DIM, Spectrum
from genome_index.errors import ModelError
from genome_index.pool import unit
from genome_index.progress import Progress, quiet
from genome_index.records import Genome

WEIGHTS, CARD = "model.safetensors", "config.json"
KIND = "gindex-profile"
EPSILON = 1e-5  # of the BatchNorm, torch's own

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ProfileConfig:
    """The shape of a profile network."""

    words: int = DIM  # V, entries of a profile
    hidden: int = 0  # units between; 0: one Linear, and nothing else
    dim: int = 256  # D, of the vectors
    dropout: float = 0.2  # of the hidden units, in training


class Profile:
    """A trained profile network as an encoder; what it keeps of a genome is what the spectrum keeps."""

    name = "profile"
    parallel = True

    def __init__(self, config: ProfileConfig, weights: Mapping[str, Floats], version: str) -> None:
        self.config, self.weights, self.version, self.dim = config, weights, version, config.dim
        self._spectrum = Spectrum()

    @classmethod
    def load(cls, folder: Path) -> Profile:
        """The network in a folder: config.json and model.safetensors.

        Raises
        ------
        ModelError
            A file is missing or damaged, or the two do not fit.
        """
        config = read_card(folder)
        weights = _read_weights(folder / WEIGHTS)
        for name, shape in shapes(config).items():
            if name not in weights or weights[name].shape != shape:
                raise ModelError(str(folder), f"{name} is missing in its weights, or not {shape}")
        digest = hashlib.sha256((folder / CARD).read_bytes() + (folder / WEIGHTS).read_bytes())
        return cls(config, weights, digest.hexdigest()[:16])

    def notes(self) -> tuple[str, ...]:
        return ()

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Rows:
        return self._spectrum.encode(genomes, progress)

    def shares(self, raw: Rows) -> Floats:
        return self._spectrum.shares(raw)

    def features(self, raw: Rows) -> Floats:
        """(N, V) word counts -> (N, D) rows of length 1."""
        return self.apply(profiles(self._spectrum.features(raw)))

    def apply(self, rows: Floats) -> Floats:
        """What the network makes of profiles: (N, V) -> (N, D)."""
        weights = self.weights
        if self.config.hidden:
            rows = rows @ weights["first.weight"].T + weights["first.bias"]
            scale = weights["norm.weight"] / np.sqrt(weights["norm.running_var"] + np.float32(EPSILON))
            rows = (rows - weights["norm.running_mean"]) * scale + weights["norm.bias"]
            rows = 0.5 * (1 + np.tanh(0.5 * rows))  # the sigmoid, without an overflow far from 0
        return unit(rows @ weights["last.weight"].T + weights["last.bias"])


def profiles(roots: Floats) -> Floats:
    """Rows of length 1: a fragment's few words must not weigh less than its genome's many."""
    return unit(roots)


def shapes(config: ProfileConfig) -> dict[str, tuple[int, ...]]:
    """The tensors of a network, by name."""
    wanted: dict[str, tuple[int, ...]] = {}
    if config.hidden:
        wanted |= {"first.weight": (config.hidden, config.words), "first.bias": (config.hidden,)}
        names = ("weight", "bias", "running_mean", "running_var")
        wanted |= {f"norm.{name}": (config.hidden,) for name in names}
    return wanted | {
        "last.weight": (config.dim, config.hidden or config.words),
        "last.bias": (config.dim,),
    }


def write_card(config: ProfileConfig, folder: Path) -> None:
    text = json.dumps({"model_type": KIND, **asdict(config)}, indent=2)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def read_card(folder: Path) -> ProfileConfig:
    """What config.json says of a profile network.

    Raises
    ------
    ModelError
        It is missing, damaged, or of another kind of model.
    """
    try:
        said = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if said.pop("model_type") != KIND:
            raise ModelError(str(folder), f"{CARD} is not of a profile network")
        return ProfileConfig(**said)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(
            str(folder), f"{CARD} cannot be read as a profile network's ({error}); copy the folder again"
        ) from error


def _read_weights(path: Path) -> dict[str, Floats]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {name: np.asarray(tensor, np.float32) for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(str(path), f"it cannot be read ({error}); copy the folder again") from error
