"""What all tokenisers have in common: special ids before the others, and what is no id."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError

Ids = npt.NDArray[np.int64]

SPECIAL = ("<pad>", "<mask>", "<cls>", "<eos>")
PAD, MASK, CLS, EOS = range(len(SPECIAL))
LETTERS = "ACGTN"


def checked(ids: Ids, vocabulary: int) -> Ids:
    """The same ids; UsageError if one is not of this vocabulary."""
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary:
        raise UsageError(
            f"ids from {ids.min()} to {ids.max()} cannot be decoded: this tokeniser has 0 to {vocabulary - 1}"
        )
    return ids
