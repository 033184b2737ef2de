"""The Encoder protocol: what turns genomes into numbers, and what it may assume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from genome_index.records import Genome, Progress, quiet

if TYPE_CHECKING:
    from torch import Tensor


Rows = Sequence[npt.NDArray[Any]] | npt.NDArray[Any]


class Encoder(Protocol):
    """Genomes -> what is kept of them -> features.

    `encode` gets genomes of any size and must not let strand, contig order, case or N change a feature. What
    it returns for each, one row or a table of them, is kept in the index as it is, so that an index can be
    fitted again without the genomes. `features` turns that into what is projected and compared by cosine.
    """

    name: str
    parallel: bool  # encode may run in several threads at once, some genomes in each

    @property
    def version(self) -> str: ...  # changes whenever a feature could: a mask, a digest of weights

    def notes(self) -> tuple[str, ...]: ...  # sentences for the user, before the first genome is read

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Rows: ...  # (N,), order kept

    def iter_encode(
        self, genomes: Sequence[Genome], progress: Progress = quiet
    ) -> Iterator[npt.NDArray[Any]]: ...  # the same, each as soon as it is ready

    def features(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N, D)

    def shares(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N,) of each genome that was read


Ids = npt.NDArray[np.int64]


class Tokenizer(Protocol):
    """Sequence -> token ids. Sequence comes in upper case and holds A, C, G and T alone."""

    vocabulary: int  # every id is below this
    pad: int  # the id of padding
    before: tuple[int, ...]  # special ids before each chunk
    after: tuple[int, ...]  # special ids after each chunk

    def token_ids(self, sequence: bytes) -> Ids: ...  # (L,) bases -> (T,), without special ids


class LanguageModel(Protocol):
    """Ids -> hidden states, layer by layer; a `torch.nn.Module` in evaluation mode.

    `hidden` yields layer 0 (the embedding layer's output) first and the last one (after the model's final
    norm, where it has one) at the end; who needs no more stops asking, and the blocks above are not computed.
    `mask` is True for real tokens, special ones included; what stands elsewhere never changes these. It is
    None where nothing is padded: to ask a GPU for that would mean to wait for it, and attention without a
    mask is faster.
    """

    layers: int  # blocks; there are layers + 1 hidden states
    width: int  # H, of each of them
    most_tokens: int | None  # that its position table holds, special ids included; None: no such limit
    vocabulary: int  # rows of its embedding table

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]: ...  # (B, T) -> (B, T, H) each
