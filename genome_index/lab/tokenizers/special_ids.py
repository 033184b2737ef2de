"""Ids that gindex's own tokenizers share: the special ones before the others, and the check of an id."""

from __future__ import annotations

from genome_index.encoders.protocol import Ids as Ids
from genome_index.encoders.tokenizers.kmers import SPECIAL_TOKENS
from genome_index.errors import UsageError

SPECIAL = SPECIAL_TOKENS
PAD, MASK, CLS, EOS = range(len(SPECIAL))
BASES = "ACGTN"  # the tokens of single bases, N among them


def checked(ids: Ids, vocabulary: int) -> Ids:
    """The same ids; UsageError if one is not of this vocabulary."""
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary:
        raise UsageError(
            f"ids from {ids.min()} to {ids.max()} cannot be decoded: this tokenizer has 0 to {vocabulary - 1}"
        )
    return ids
