"""Protocols of encoders, tokenizers and language models."""

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
    """Genomes -> stored rows -> features.

    `encode` takes genomes of any size; strand, contig order, case and N must not change a feature. Its result
    for each genome, one row or a table of rows, is stored in the index unchanged, so that an index can be
    refitted without the genomes. `features` makes the vectors that are projected and compared by cosine.
    """

    name: str
    parallel: bool  # encode may run in several threads at once

    @property
    def version(self) -> str: ...  # changes with anything that changes features: a mask, a digest of weights

    def notes(self) -> tuple[str, ...]: ...  # sentences for the user before the first genome is read

    def encode(self, genomes: Sequence[Genome], progress: Progress = quiet) -> Rows: ...  # (N,), order kept

    def iter_encode(
        self, genomes: Sequence[Genome], progress: Progress = quiet
    ) -> Iterator[npt.NDArray[Any]]: ...  # the same, one genome at a time

    def features(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N, D)

    def shares(self, raw: Rows) -> npt.NDArray[np.float32]: ...  # (N,) -> (N,) share of each genome read


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

    `hidden` yields layer 0 (the output of the embedding layer) first and the last layer (after the model's
    final norm, if any) at the end; a caller that stops earlier saves the blocks above. `mask` is True for
    tokens, special ones included, and False for padding, which never changes them. It is None without
    padding: asking a GPU for that would mean waiting for it, and attention without a mask is faster.
    """

    layers: int  # blocks; there are layers + 1 hidden states
    width: int  # H, of each hidden state
    most_tokens: int | None  # that it reads at once, special ids included; None: no limit
    vocabulary: int  # rows of the embedding table

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]: ...  # (B, T) -> (B, T, H) each
