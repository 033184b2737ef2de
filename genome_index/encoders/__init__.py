"""The Encoder protocol and the table of encoders: one file and one line here make a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from genome_index.errors import EncoderNotFound
from genome_index.records import Genome


class Encoder(Protocol):
    """Genomes -> rows of numbers.

    `encode` gets genomes of any size and must not let strand, contig order, case or N change a row;
    `features` turns stored rows into what is projected and compared by cosine. Rows are kept in the index as
    they are, so that an index can be fitted again without the genomes.
    """

    name: str
    version: str  # changes whenever a row could: the mask of the spectrum, the sha256 of weights
    dim: int

    def encode(self, genomes: Sequence[Genome]) -> npt.NDArray[Any]: ...  # (N,) -> (N, dim), order kept

    def features(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.float32]: ...  # (N, dim) -> (N, dim)


def _spectrum() -> Encoder:
    from genome_index.encoders.spectrum import Spectrum

    return Spectrum()


ENCODERS: dict[str, Callable[[], Encoder]] = {"spectrum": _spectrum}


def open_encoder(name: str) -> Encoder:
    if name not in ENCODERS:
        raise EncoderNotFound(name, sorted(ENCODERS))
    return ENCODERS[name]()
