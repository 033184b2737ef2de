"""Protocols of encoders, tokenizers and language models, and what they tell each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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


@dataclass(frozen=True)
class Layout:
    """K-mers side by side with single bases after the last whole one, or one at every base.

    >>> Layout(6).count(20), Layout(6).starts(20).tolist(), Layout(6).bases_of(20, 1, 4)
    (5, [0, 6, 12, 18, 19], (6, 19))
    """

    k: int  # 1: characters
    overlapping: bool = False

    def count(self, length: int) -> int:
        """Tokens of so many bases."""
        return length if self.overlapping else length // self.k + length % self.k

    def starts(self, length: int) -> Ids:
        """The first base of each token: (T,)."""
        tokens = np.arange(self.count(length))
        whole = tokens if self.overlapping else np.minimum(tokens, length // self.k)
        return (whole * (1 if self.overlapping else self.k) + tokens - whole).astype(np.int64)

    def bases_of(self, length: int, first: int, end: int) -> tuple[int, int]:
        """Start and end of the bases that tokens `first` to `end` (exclusive) are read from."""
        stop = min(length, end - 1 + self.k) if self.overlapping else self._start(length, end)
        return self._start(length, first), stop

    def _start(self, length: int, token: int) -> int:
        if self.overlapping:
            return token
        whole = min(token, length // self.k)
        return whole * self.k + token - whole


class Tokenizer(Protocol):
    """Sequence -> token ids. Sequence comes in upper case and holds A, C, G and T alone."""

    vocabulary: int  # every id is below this
    pad: int  # the id of padding
    before: tuple[int, ...]  # special ids before each chunk
    after: tuple[int, ...]  # special ids after each chunk

    @property
    def layout(self) -> Layout | None: ...  # where tokens lie, if that does not depend on the bases

    def token_ids(self, sequence: bytes) -> Ids: ...  # (L,) bases -> (T,), without special ids

    def starts(self, sequence: bytes) -> Ids: ...  # (L,) bases -> (T,), the first base of each token

    def window_bp(self, tokens: int) -> int: ...  # bases of a window by bases of so many tokens; 0: by tokens

    def names(self, ids: Ids) -> list[str]: ...  # the tokens as text, special ones too: (T,) -> T


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


@dataclass(frozen=True)
class Packing:
    """Where B chunks lie in a row of T tokens, special ids included."""

    ends: Tensor  # (B + 1,) int32: 0 and the end of each chunk
    position: Tensor  # (T,) of each token within its chunk, from 0
    place: Tensor  # (T,) of each token in the table (B, longest), row by row
    longest: int  # tokens of the longest chunk

    def unpacked(self, states: Tensor) -> Tensor:
        """The states of each chunk in a row of its own, zeros behind: (1, T, H) -> (B, longest, H)."""
        chunks = len(self.ends) - 1
        table = states.new_zeros(chunks * self.longest, states.shape[-1])
        return table.index_copy(0, self.place, states[0]).view(chunks, self.longest, states.shape[-1])


@runtime_checkable
class PackedModel(Protocol):
    """A `LanguageModel` that also reads chunks that lie end to end, without padding."""

    def hidden_packed(
        self, ids: Tensor, packing: Packing
    ) -> Iterator[Tensor]: ...  # (1, T) -> (1, T, H) each
