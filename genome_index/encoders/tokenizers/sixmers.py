"""The tokenizer of the Nucleotide Transformer, exactly: six bases a token, single ones where six do not fit.

The published one (a trie in Python) is too slow for genomes; this gives the same ids in one compiled pass,
tests/bench/tokenize.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from genome_index.encoders.tokenizers.kmers import KmerTokenizer

BASES = "ATCG"  # in the order of the published list
K = 6
SPECIAL = {
    1: ("<unk>", "<pad>", "<mask>", "<cls>"),
    2: ("<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>"),
}
"""The tokens before the six-mers, by version. No version sets an `<eos>` after a sequence."""


class SixMers(KmerTokenizer):
    """The tokenizer of the Nucleotide Transformer v1 or v2; v2 has two more special tokens.

    >>> SixMers(1).token_ids(b"ACGTACGTA").tolist()  # one six-mer, and G, T, A
    [726, 4103, 4101, 4100]
    """

    def __init__(self, version: int) -> None:
        special = SPECIAL[version]
        pad, cls = special.index("<pad>"), special.index("<cls>")
        super().__init__(K, bases=BASES, special=special, pad=pad, before=(cls,))


def sixmer_version(lines: Sequence[str]) -> int:
    """The version of the Nucleotide Transformer whose vocabulary this is: 1 or 2; 0 for neither.

    Special tokens after the last base change no id, and no sequence has them.
    """
    while lines and lines[-1].startswith("<"):
        lines = lines[:-1]
    sixmers = ["".join(bases) for bases in product(BASES, repeat=K)]
    for version, special in SPECIAL.items():
        if list(lines) == [*special, *sixmers, *BASES, "N"]:
            return version
    return 0
