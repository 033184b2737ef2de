"""K-mer profile encoder: a trained map from the spaced spectrum to vectors, in plain numpy without torch.

The k-mer profile network of Celikkanat et al. 2024 (Revisiting K-mer Profile, arXiv 2411.02125): profile,
Linear, BatchNorm, Sigmoid, Dropout, Linear. Here the profile is the fourth root of the spectrum's
frequencies at length 1, so that a fragment and its genome have one scale, and the hidden layer may be left
out: what remains is a trained projection. profile_network.py is the same network for training. The package's
own weights are in weights/profile, with a card; genome_index.lab.training.fit_profile fitted them.
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
CLIP = 3.2  # standard deviations that four bits span; 2.5 costs a point, 3.2 nothing (lab/LOG.md)
EPSILON = 1e-5  # of the BatchNorm, torch's own

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ProfileConfig:
    """The shape of a profile network."""

    kmers: int = DIM  # V, entries of a profile; "words" in config.json
    hidden: int = 0  # units between; 0: one Linear, and nothing else
    dim: int = 256  # D, of the vectors
    dropout: float = 0.2  # of the hidden units, in training
    bits: int = 0  # 4: a weight of the last Linear is one of 15 levels, two to a byte; 0: float32


class Profile:
    """A trained profile network as an encoder; its stored rows of a genome are those of the spectrum."""

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
            A file is missing or damaged, or the two files do not fit.
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
        """(N, V) k-mer counts -> (N, D) rows of length 1."""
        return self.apply(profiles(self._spectrum.features(raw)))

    def apply(self, rows: Floats) -> Floats:
        """The network's output for profiles: (N, V) -> (N, D)."""
        weights = self.weights
        if self.config.hidden:
            rows = rows @ weights["first.weight"].T + weights["first.bias"]
            scale = weights["norm.weight"] / np.sqrt(weights["norm.running_var"] + np.float32(EPSILON))
            rows = (rows - weights["norm.running_mean"]) * scale + weights["norm.bias"]
            rows = 0.5 * (1 + np.tanh(0.5 * rows))  # the sigmoid, without an overflow far from 0
        return unit(rows @ weights["last.weight"].T + weights["last.bias"])


def profiles(roots: Floats) -> Floats:
    """Rows of length 1: a fragment has few k-mers and its genome many, and both must weigh the same."""
    return unit(roots)


def shapes(config: ProfileConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's tensors, by name."""
    tensors: dict[str, tuple[int, ...]] = {}
    if config.hidden:
        tensors |= {"first.weight": (config.hidden, config.kmers), "first.bias": (config.hidden,)}
        names = ("weight", "bias", "running_mean", "running_var")
        tensors |= {f"norm.{name}": (config.hidden,) for name in names}
    return tensors | {
        "last.weight": (config.dim, config.hidden or config.kmers),
        "last.bias": (config.dim,),
    }


# -- its folder ---------------------------------------------------------------------------------------------


def write_profile(config: ProfileConfig, weights: Mapping[str, Floats], folder: Path, note: str = "") -> None:
    """Write the folder that `Profile.load` reads; the note goes into the header of the weights' file."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, npt.NDArray[np.generic]] = dict(weights)
    if config.bits:
        del tensors["last.weight"]
        tensors["last.levels"], tensors["last.scale"] = quantised(weights["last.weight"])
    # safetensors saves the bytes of an array in memory order, also those of a transposed view.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(folder / WEIGHTS, save(tensors, {"made": note}))
    text = json.dumps({"model_type": KIND, **_card(config)}, indent=2)
    write_file(folder / CARD, f"{text}\n".encode())


def _card(config: ProfileConfig) -> dict[str, float]:
    """The fields by their names in config.json."""
    values = asdict(config)
    return {"words": values.pop("kmers"), **values}


def quantised(matrix: Floats) -> tuple[Bytes, Floats]:
    """Each row in 15 even levels, two entries to a byte: (D, V) -> (D, (V + 1) / 2), size of a level (D,)."""
    scale = np.maximum(matrix.std(axis=1) * CLIP / 7, np.finfo(np.float32).tiny).astype(np.float32)
    levels = np.clip(np.rint(matrix / scale[:, None]), -7, 7).astype(np.int8) + 8
    levels = np.pad(levels, ((0, 0), (0, levels.shape[1] % 2)), constant_values=8).astype(np.uint8)
    return levels[:, ::2] << 4 | levels[:, 1::2], scale


def dequantised(levels: Bytes, scale: Floats, kmers: int) -> Floats:
    """The inverse of `quantised`: (D, (V + 1) / 2), (D,) -> (D, V)."""
    matrix = np.empty((len(levels), 2 * levels.shape[1]), np.float32)
    matrix[:, ::2], matrix[:, 1::2] = levels >> 4, levels & 15
    matrix -= 8
    matrix *= scale[:, None]
    return matrix[:, :kmers]


def is_profile(folder: Path) -> bool:
    """Whether the config.json of a folder is that of a profile network."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # opening the folder reports the error
    return isinstance(card, dict) and card.get("model_type") == KIND


def read_card(folder: Path) -> ProfileConfig:
    """The shape of a profile network from its config.json.

    Raises
    ------
    ModelError
        The file is missing, damaged, or of another kind of model.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card.pop("model_type") != KIND:
            raise ModelError(str(folder), f"{CARD} is not of a profile network")
        return ProfileConfig(kmers=card.pop("words", DIM), **card)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(
            str(folder), f"{CARD} cannot be read as a profile network's ({error}); copy the folder again"
        ) from error


def _digest(folder: Path) -> str:
    """16 hex digits of the folder's two files."""
    try:
        content = (folder / CARD).read_bytes() + (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(str(folder), f"it cannot be read ({error}); copy the folder again") from error
    return hashlib.sha256(content).hexdigest()[:16]


@lru_cache(maxsize=2)  # 135 MB at 1,024 dimensions; an encoder is opened once for its version, once to encode
def _read_weights(folder: Path, config: ProfileConfig, version: str) -> Mapping[str, Floats]:
    """All tensors of a network in float32; `version` is part of the cache's key: changed files are read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(str(folder), f"{WEIGHTS} cannot be read ({error}); copy the folder again") from error
    if config.bits and {"last.levels", "last.scale"} <= set(tensors):
        levels, scale = tensors.pop("last.levels"), tensors.pop("last.scale")
        if levels.shape == (config.dim, (config.kmers + 1) // 2) and scale.shape == (config.dim,):
            tensors["last.weight"] = dequantised(levels, scale, config.kmers)
    for name, shape in shapes(config).items():
        if name not in tensors or tensors[name].shape != shape:
            raise ModelError(str(folder), f"{name} is missing in its weights, or not {shape}")
    return {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}
