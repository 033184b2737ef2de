"""A trained map from the spaced spectrum to vectors, read in plain numpy: no torch is needed to use it.

The k-mer profile network of Celikkanat et al. 2024 (Revisiting K-mer Profile, arXiv 2411.02125): profile,
Linear, BatchNorm, Sigmoid, Dropout, Linear. Here the profile is the fourth root of the spectrum's
frequencies at length 1, so that a fragment and its genome are of one scale, and the hidden layer may be left
out: what remains is a trained projection. `profilenet.py` is its other half, which can be trained. The one
that comes with the package lies in weights/profile, with a card; lab.training.fit_profile fitted it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.pooling import unit
from genome_index.encoders.protocol import Rows
from genome_index.encoders.spectrum import DIM, Spectrum
from genome_index.errors import ModelError
from genome_index.io.atomic import write_file
from genome_index.records import Genome, Progress, quiet

WEIGHTS, CARD = "model.safetensors", "config.json"
RELEASED = Path(__file__).parent / "weights" / "profile"
KIND = "gindex-profile"
CLIP = 3.2  # standard deviations that four bits span; 2.5 loses a point, 3.2 nothing that shows (lab/LOG.md)
EPSILON = 1e-5  # of the BatchNorm, torch's own

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ProfileConfig:
    """The shape of a profile network."""

    words: int = DIM  # V, entries of a profile
    hidden: int = 0  # units between; 0: one Linear, and nothing else
    dim: int = 256  # D, of the vectors
    dropout: float = 0.2  # of the hidden units, in training
    bits: int = 0  # 4: a weight of the last Linear is one of 15 levels, two to a byte; 0: float32


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
        version = _digest(folder)
        return cls(config, _read_weights(folder, config, version), version)

    def notes(self) -> tuple[str, ...]:
        return ()

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Rows:
        return self._spectrum.encode(genomes, progress)

    def iter_encode(
        self, genomes: Sequence[Genome], progress: Progress = quiet
    ) -> Iterator[npt.NDArray[np.uint16]]:
        return self._spectrum.iter_encode(genomes, progress)

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


# -- its folder ---------------------------------------------------------------------------------------------


def write_profile(config: ProfileConfig, weights: Mapping[str, Floats], folder: Path, note: str = "") -> None:
    """Write what `Profile.load` reads; no optimiser, no pickle. A note goes into the weights' own header."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, npt.NDArray[np.generic]] = dict(weights)
    if config.bits:
        del tensors["last.weight"]
        tensors["last.levels"], tensors["last.scale"] = quantised(weights["last.weight"])
    # Whatever way an array lies in memory, its bytes are saved as they lie.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(folder / WEIGHTS, save(tensors, {"made": note}))
    text = json.dumps({"model_type": KIND, **asdict(config)}, indent=2)
    write_file(folder / CARD, f"{text}\n".encode())


def quantised(matrix: Floats) -> tuple[Bytes, Floats]:
    """Each row in 15 even levels, two entries to a byte: (D, V) -> (D, (V + 1) / 2), (D,) what a level is."""
    scale = np.maximum(matrix.std(axis=1) * CLIP / 7, np.finfo(np.float32).tiny).astype(np.float32)
    levels = np.clip(np.rint(matrix / scale[:, None]), -7, 7).astype(np.int8) + 8
    levels = np.pad(levels, ((0, 0), (0, levels.shape[1] % 2)), constant_values=8).astype(np.uint8)
    return levels[:, ::2] << 4 | levels[:, 1::2], scale


def spelled_out(levels: Bytes, scale: Floats, words: int) -> Floats:
    """What `quantised` kept: (D, (V + 1) / 2), (D,) -> (D, V)."""
    matrix = np.empty((len(levels), 2 * levels.shape[1]), np.float32)
    matrix[:, ::2], matrix[:, 1::2] = levels >> 4, levels & 15
    matrix -= 8
    matrix *= scale[:, None]
    return matrix[:, :words]


def is_profile(folder: Path) -> bool:
    """Whether a folder says that it holds a profile network."""
    try:
        said = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # whoever opens it says what is wrong with it
    return isinstance(said, dict) and said.get("model_type") == KIND


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


def _digest(folder: Path) -> str:
    """Sixteen hex digits of its files."""
    try:
        content = (folder / CARD).read_bytes() + (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(str(folder), f"it cannot be read ({error}); copy the folder again") from error
    return hashlib.sha256(content).hexdigest()[:16]


@lru_cache(maxsize=2)  # 135 MB at 1,024 dimensions; an encoder is opened for its version, and again to read
def _read_weights(folder: Path, config: ProfileConfig, version: str) -> Mapping[str, Floats]:
    """All tensors of a network in float32; `version` is of the files, so that others are read anew."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(str(folder), f"{WEIGHTS} cannot be read ({error}); copy the folder again") from error
    if config.bits and {"last.levels", "last.scale"} <= set(tensors):
        levels, scale = tensors.pop("last.levels"), tensors.pop("last.scale")
        if levels.shape == (config.dim, (config.words + 1) // 2) and scale.shape == (config.dim,):
            tensors["last.weight"] = spelled_out(levels, scale, config.words)
    for name, shape in shapes(config).items():
        if name not in tensors or tensors[name].shape != shape:
            raise ModelError(str(folder), f"{name} is missing in its weights, or not {shape}")
    return {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
