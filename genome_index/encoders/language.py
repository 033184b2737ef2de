"""What a DNA language model has to offer to be an encoder: ids for sequence, and hidden states for ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Ids = npt.NDArray[np.int64]

PIECE_BP = 100_000
"""Most that byte-pair encoding gets at once: it keeps all of that in one heap, which falls out of the caches.
240 ns a base in pieces of 2 kbp, 350 in 100 kbp, 740 in 500 kbp, 1,100 and 190 MB more in 2 Mbp (random DNA,
4,096 tokens, tokenizers 0.23). A cut can change the few tokens beside it, as the end of each chunk does."""


class Tokenizer(Protocol):
    """Sequence -> ids. It comes in upper case and holds A, C, G and T alone; the rest was cut out before."""

    vocabulary: int  # every id is below this
    pad: int  # the id that fills a batch up
    before: tuple[int, ...]  # special ids set before each chunk
    after: tuple[int, ...]  # and after it

    def words(self, sequence: bytes) -> Ids: ...  # (L,) letters -> (T,), without special ids


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
