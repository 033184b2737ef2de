"""IndexSpec: the settings of an index, which decide whether vectors and sketches are comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from genome_index.errors import SpecMismatch, UsageError

FORMAT = 2  # of the folder on disk; increased when an older gindex could misread it
READABLE_FORMATS = (1, 2)  # 1: sketches of skani as they come, vectors and k-mers in one file each
POOLS = "pools"  # folder within an index for the pools fitted to it, named by their content, never changed
TOKEN_POOLS = ("mean", "max", "cls", "gem")  # encoders.pooling has the function of each name
CHUNK_POOLS = ("weighted", "mean")
PRECISIONS = ("auto", "float32", "bfloat16")
STRANDS = ("both", "forward")
NO_PROJECTION = 0  # as `dim`: the encoder's features are the vectors, no projection is fitted
LATER = {"strands": "both", "piece_bp": 0}
"""Settings that came after the first indexes, with the value that those were built with: absent from their
manifests and fingerprints, and from those of new indexes that have the same value."""
INCONSEQUENTIAL = ("model", "faiss", "keep_sequence")  # settings that change neither vectors nor sketches


@dataclass(frozen=True)
class Reading:
    """How a language model reads a genome; `gindex build --help` lists the values of each setting."""

    layer: str = "last"
    tokens: str = "mean"  # pooling of a chunk's tokens
    chunks: str = "weighted"  # pooling of a genome's chunks; kind:digest for a fitted pool
    windows: int = 0  # chunks read of each strand, evenly spread; 0: all
    chunk_tokens: int = 0  # tokens in a chunk; 0: as many as the model takes, 2,048 at most
    precision: str = "auto"  # of the model's numbers; in an index, the one that auto chose at its build
    strands: str = "both"  # forward: the sequence as given alone, so its reverse complement has other vectors
    piece_bp: int = 0  # bases that byte-pair encoding gets at once; 0: 100,000, as in indexes before 0.3

    @property
    def pool_file(self) -> Path | None:
        """The path of the fitted pool within an index; None without a fitted pool."""
        return Path(POOLS) / f"{self.chunks.replace(':', '-')}.safetensors" if ":" in self.chunks else None

    def is_fitted_pool(self, content: bytes) -> bool:
        """Whether a file's content has the digest in the pool's name."""
        return self.chunks.endswith(f":{hashlib.sha256(content).hexdigest()[:16]}")

    def stored(self) -> dict[str, Any]:
        """The settings as they are stored: those that came later only where they differ from before."""
        values = asdict(self)
        return {key: value for key, value in values.items() if LATER.get(key) != value}

    def __post_init__(self) -> None:
        if self.strands not in STRANDS:
            raise UsageError(f"--strands {self.strands}: choose one of: {', '.join(STRANDS)}")
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision}: choose one of: {', '.join(PRECISIONS)}")
        if self.tokens not in TOKEN_POOLS:
            raise UsageError(f"--token-pool {self.tokens}: choose one of: {', '.join(TOKEN_POOLS)}")
        if self.chunks not in CHUNK_POOLS and self.pool_file is None:
            raise no_chunk_pool(self.chunks)


def no_chunk_pool(name: str) -> UsageError:
    """The error for a pooling of chunks that does not exist."""
    return UsageError(
        f"--chunk-pool {name}: choose one of: {', '.join(CHUNK_POOLS)}; attention and a GRU "
        "are trained on an existing index: `gindex fit-pool`"
    )


def _settings(mine: IndexSpec | Reading, theirs: IndexSpec | Reading) -> Iterator[tuple[str, object, object]]:
    """The name of each setting, with its value in both."""
    for field in fields(mine):
        yield field.name, getattr(mine, field.name), getattr(theirs, field.name)


@dataclass(frozen=True)
class IndexSpec:
    """The settings with which an index is built; stored in it, and checked before anything is compared."""

    encoder: str = "spectrum"  # a name in ENCODERS
    model: str = ""  # folder or hub name of a language model; its numbers are in encoder_version
    reading: Reading | None = None  # of a language model
    encoder_version: str = "11011011011 ^ 0.25"  # parameters of the encoder, or sha256 of its weights
    dim: int = 256  # of projected vectors, or NO_PROJECTION; 128 loses 1 to 2 points of genus and family
    whitening: float = 0.5  # each component is divided by its variance to the power whitening / 2
    sketch_k: int = 21  # Mash's and sourmash's default; 16 to 31 measured in tests/bench/RESULTS.md
    small_scaled: int = 8  # 1 of 8 k-mers of a small genome: 2,000 of a mitogenome, 400 of a 3 kb virus
    large_scaled: int = 200  # 1 of 200 of a large one: 25,000 of 5 Mbp
    small_bp: int = 500_000  # up to here a genome is small: stored as bases, not as a skani sketch
    faiss: str = "auto"  # a factory string, or auto: exact up to 200,000 genomes, then codes
    keep_sequence: bool = False  # large genomes too are stored as bases, 2 bits each

    def fingerprint(self) -> str:
        """12 hex digits that differ whenever vectors or sketches could differ."""
        values = {key: value for key, value in self.stored().items() if key not in INCONSEQUENTIAL}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    def stored(self) -> dict[str, Any]:
        """The settings as a manifest has them; `from_json` reads them again."""
        return {**asdict(self), "reading": self.reading.stored() if self.reading else None}

    def require(self, other: IndexSpec, where: str) -> None:
        """Raise SpecMismatch, naming the first setting that differs, unless `other` is comparable."""
        for name, mine, theirs in _settings(self, other):
            if name in INCONSEQUENTIAL or mine == theirs:
                continue
            if isinstance(mine, Reading) and isinstance(theirs, Reading):
                name, mine, theirs = next(each for each in _settings(mine, theirs) if each[1] != each[2])
            raise SpecMismatch(where, name, mine, theirs)

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str) -> IndexSpec:
        """The settings in the manifest of `where`; SpecMismatch where another gindex has other settings."""
        known = sorted(field.name for field in fields(cls))
        if sorted(values) != known:
            raise SpecMismatch(where, "settings", sorted(values), known)
        reading = values["reading"]
        return cls(**{**values, "reading": Reading(**reading) if reading else None})
