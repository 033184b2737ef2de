"""IndexSpec: everything that makes two vectors, or two sketches, comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from genome_index.errors import SpecMismatch, UsageError

FORMAT = 1  # of the folder on disk; raised when an older gindex could misread it
POOLS = "pools"  # folder of an index: pools fitted for it, named by their content, never changed
TOKEN_POOLS = ("mean", "max", "cls", "gem")  # encoders.pooling has the function of each name
CHUNK_POOLS = ("weighted", "mean")
PRECISIONS = ("auto", "float32", "bfloat16")
AS_THEY_COME = 0  # as `dim`: features are the vectors, and nothing is fitted on references
APART = ("model", "faiss", "keep_sequence")  # settings that change no number


@dataclass(frozen=True)
class Reading:
    """How a language model reads a genome: `gindex build --help` says what each may be."""

    layer: str = "last"
    tokens: str = "mean"  # how a chunk's tokens are pooled
    chunks: str = "weighted"  # how a genome's chunks are; kind:digest of a pool that was fitted
    windows: int = 0  # chunks of each strand that are read, evenly spread; 0: all
    chunk_tokens: int = 0  # 0: as many as the model takes, 2,048 at most
    precision: str = "auto"  # of the model's numbers; an index says which auto was where it was built

    @property
    def pool_file(self) -> Path | None:
        """Where, within an index, the pool lies that was fitted; None where none was."""
        return Path(POOLS) / f"{self.chunks.replace(':', '-')}.safetensors" if ":" in self.chunks else None

    def is_fitted_pool(self, content: bytes) -> bool:
        """Whether these are the weights that the name's digest stands for."""
        return self.chunks.endswith(f":{hashlib.sha256(content).hexdigest()[:16]}")

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision}: choose one of: {', '.join(PRECISIONS)}")
        if self.tokens not in TOKEN_POOLS:
            raise UsageError(f"--token-pool {self.tokens}: choose one of: {', '.join(TOKEN_POOLS)}")
        if self.chunks not in CHUNK_POOLS and self.pool_file is None:
            raise no_chunk_pool(self.chunks)


def no_chunk_pool(name: str) -> UsageError:
    """There is no such pool to begin with."""
    return UsageError(
        f"--chunk-pool {name}: choose one of: {', '.join(CHUNK_POOLS)}; attention and a GRU "
        "are trained on an index that is there: `gindex fit-pool`"
    )


def _pairs(one: IndexSpec | Reading, other: IndexSpec | Reading) -> Iterator[tuple[str, object, object]]:
    """Each setting of two that are alike: its name and both values."""
    for field in fields(one):
        yield field.name, getattr(one, field.name), getattr(other, field.name)


@dataclass(frozen=True)
class IndexSpec:
    """The settings an index is built with, kept in it, and checked before anything is compared."""

    encoder: str = "spectrum"  # a name in ENCODERS
    model: str = ""  # folder or hub name of a language model; its numbers are in encoder_version
    reading: Reading | None = None  # of a language model
    encoder_version: str = "11011011011 ^ 0.25"  # what else fixes its numbers, or the sha256 of weights
    dim: int = 256  # of projected vectors, or AS_THEY_COME; 128 loses 1 to 2 points of genus and family
    whitening: float = 0.5  # each component is divided by its variance to the power whitening / 2
    sketch_k: int = 21  # Mash's and sourmash's default; 16 to 31 measured in tests/bench/RESULTS.md
    small_scaled: int = 8  # 1 of 8 words kept of a small genome: 2,000 of a mitogenome, 400 of a 3 kb virus
    large_scaled: int = 200  # 1 of 200 of a large one: 25,000 of 5 Mbp
    small_bp: int = 500_000  # up to here a genome is small: kept as 2 bits a base, sketched for ANI if asked
    faiss: str = "auto"  # a factory string, or auto: exact up to 100,000 genomes, then a graph
    keep_sequence: bool = False  # large genomes too are kept as 2 bits a base

    def fingerprint(self) -> str:
        """12 hex digits that differ whenever vectors or sketches could; FAISS and storage do not count."""
        values = {key: value for key, value in asdict(self).items() if key not in APART}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def require(self, other: IndexSpec, where: str) -> None:
        """Raise SpecMismatch, naming the first setting that differs, unless `other` is comparable."""
        for name, mine, theirs in _pairs(self, other):
            if name in APART or mine == theirs:
                continue
            if isinstance(mine, Reading) and isinstance(theirs, Reading):
                name, mine, theirs = next(one for one in _pairs(mine, theirs) if one[1] != one[2])
            raise SpecMismatch(where, name, mine, theirs)

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str) -> IndexSpec:
        """The settings that `where` holds; those of another gindex may have other names."""
        known = sorted(field.name for field in fields(cls))
        if sorted(values) != known:
            raise SpecMismatch(where, "settings", sorted(values), known)
        reading = values["reading"]
        return cls(**{**values, "reading": Reading(**reading) if reading else None})
