"""Tokenizers saved beside the weights of gindex's own networks; genome_index.lab.tokenizers writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genome_index.encoders.protocol import Tokenizer
from genome_index.encoders.tokenizers.kmers import BaseTokenizer, KmerTokenizer, KnownBaseTokenizer
from genome_index.encoders.tokenizers.library import LibraryTokenizer, library_of
from genome_index.errors import ModelError

if TYPE_CHECKING:
    import tokenizers

MOST_K = 10  # a million k-mers, and an embedding for each
BASES, KNOWN_BASES, BPE = "bases", "bases-known", "bpe"  # in the file
OVERLAPPING, SIDE_BY_SIDE = "kmers-overlapping", "kmers-apart"


class SavedBpe(LibraryTokenizer):
    """Byte-pair encoding that was learned from a corpus."""

    pad = 0
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def __init__(self, library: tokenizers.Tokenizer, piece_bp: int = 0) -> None:
        super().__init__(library, piece_bp)
        self.vocabulary = library.get_vocab_size()


def open_saved_tokenizer(path: Path, piece_bp: int = 0) -> Tokenizer:
    """Read a tokenizer that genome_index.lab.tokenizers.kmers.save_tokenizer wrote.

    Raises
    ------
    ModelError
        The file is missing or holds no such tokenizer.
    """
    try:
        return _opened(json.loads(path.read_bytes()), piece_bp)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(
            str(path), f"not a tokenizer of gindex lab ({error}); copy the whole model folder again"
        ) from error


def _opened(values: dict[str, Any], piece_bp: int) -> Tokenizer:
    kind = values["kind"]
    if kind == BPE:
        return SavedBpe(library_of(json.dumps(values["tokenizer"])), piece_bp)
    if kind == BASES:
        return BaseTokenizer()
    if kind == KNOWN_BASES:
        return KnownBaseTokenizer()
    k = values["k"]
    if kind not in (SIDE_BY_SIDE, OVERLAPPING) or not isinstance(k, int) or not 1 <= k <= MOST_K:
        raise ValueError(f"a tokenizer {kind!r} with k {k!r} is not known")
    return KmerTokenizer(k, overlapping=kind == OVERLAPPING)
