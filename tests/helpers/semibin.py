"""SemiBin's pretrained networks as encoders: the weights that its wheel contains, read with numpy.

Pan et al. 2022, Nature Communications 13:2326, and 2023, Bioinformatics 39:i21 (MIT). A network is trained
for contigs of a metagenome: from the frequencies of the 136 canonical 4-mers of a contig, without its
abundance, it makes a vector such that contigs of one genome lie together. There is one for each of eleven
environments, and a global one. Of `model_state_dict` in a file the encoder is read; the decoder is for
training alone, and dropout is off. A genome is read as one contig: 4-mers of all its contigs are counted
together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.records import Genome, Progress, quiet
from genome_index.spec import IndexSpec

NAME = "semibin"
PSEUDOCOUNT, EPSILON, SLOPE = 1e-5, 1e-5, 0.01  # of a 4-mer; of BatchNorm1d and of LeakyReLU, torch's own
K, BASES = 4, "ATGC"

Floats = npt.NDArray[np.float32]


def models() -> list[str]:
    """The environments that have a network in the installed wheel."""
    folder = Path(str(resources.files("SemiBin") / "models"))
    return sorted(path.name.removesuffix("_model.pt") for path in folder.glob("*_model.pt"))


def weights_file(environment: str) -> Path:
    return Path(str(resources.files("SemiBin") / "models" / f"{environment}_model.pt"))


def spec_of(environment: str) -> IndexSpec:
    """The settings of a comparison's row."""
    return IndexSpec(NAME, f"{NAME}:{environment}", encoder_version="")


def opened(spec: IndexSpec, root: Path) -> SemiBin:
    """For the table of encoders."""
    return SemiBin(spec.model.partition(":")[2])


class SemiBin:
    """One network; the stored row of a genome are its counts of canonical 4-mers."""

    name = NAME
    parallel = True

    def __init__(self, environment: str) -> None:
        import torch

        path = weights_file(environment)
        saved = torch.load(path, map_location="cpu", weights_only=True)
        assert (saved["model_name"], saved["params"]) == ("Semi_encoding_single", [136])
        state: Mapping[str, torch.Tensor] = saved["model_state_dict"]
        self.weights = {key: value.numpy() for key, value in state.items() if key.startswith("encoder1.")}
        self.version = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self.read = 0  # genomes, so that a test can see that each is read once

    def notes(self) -> tuple[str, ...]:
        return ()

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> npt.NDArray[np.int64]:
        return np.stack(list(self.iter_encode(genomes, progress)))

    def iter_encode(
        self, genomes: Sequence[Genome], progress: Progress = quiet
    ) -> Iterator[npt.NDArray[np.int64]]:
        for genome in genomes:
            self.read += 1
            yield sum((counts(contig.sequence) for contig in genome.contigs), np.zeros(136, np.int64))

    def shares(self, raw: npt.NDArray[np.int64]) -> Floats:
        return np.ones(len(raw), np.float32)

    def features(self, raw: npt.NDArray[np.int64]) -> Floats:
        """(N, 136) counts -> (N, 100)."""
        rows = raw + PSEUDOCOUNT
        rows = rows / rows.sum(axis=1, keepdims=True)
        for linear, norm in ((0, 1), (4, 5)):
            rows = self._normed(self._linear(rows, linear), norm)
            rows = np.where(rows > 0, rows, SLOPE * rows)
        return self._linear(rows, 8).astype(np.float32)

    def _linear(self, rows: npt.NDArray[np.float64], layer: int) -> npt.NDArray[np.float64]:
        return rows @ self.weights[f"encoder1.{layer}.weight"].T + self.weights[f"encoder1.{layer}.bias"]

    def _normed(self, rows: npt.NDArray[np.float64], layer: int) -> npt.NDArray[np.float64]:
        names = ("running_mean", "running_var", "weight", "bias")
        mean, variance, scale, bias = (self.weights[f"encoder1.{layer}.{name}"] for name in names)
        return (rows - mean) / np.sqrt(variance + EPSILON) * scale + bias


def columns() -> npt.NDArray[np.int64]:
    """The column of each 4-mer in the order of ATGC: (256,); a 4-mer and its complement share one."""
    column: dict[str, int] = {}
    complement = str.maketrans("ATGC", "TACG")
    for letters in product(BASES, repeat=K):
        kmer = "".join(letters)
        column[kmer] = column.get(kmer.translate(complement)[::-1], len(set(column.values())))
    return np.array([column["".join(letters)] for letters in product(BASES, repeat=K)])


COLUMNS = columns()
DIGITS = np.full(256, 4, np.int64)
for _digit, _base in enumerate(BASES):
    DIGITS[[ord(_base), ord(_base.lower())]] = _digit


def counts(sequence: bytes) -> npt.NDArray[np.int64]:
    """Canonical 4-mers of a sequence, those with an N left out: (136,)."""
    digits = DIGITS[np.frombuffer(sequence, np.uint8)]
    if len(digits) < K:
        return np.zeros(136, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(digits, K)
    codes = windows @ (4 ** np.arange(K)[::-1])
    return np.bincount(COLUMNS[codes[(windows < 4).all(axis=1)]], minlength=136)
