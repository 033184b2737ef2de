"""Speed of the Nucleotide Transformer's tokeniser beside Hugging Face's EsmTokenizer, on mitochondrial genomes.

python tests/bench/tokenise.py

Both run in one thread and turn by turn; the least time of each counts. Ends with an error where ids differ, or
where ours is not LEAST_RATIO times as fast.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from common import machine, plain, records

from genome_index.encoders.tokenizers.sixmers import SixMers

PIECE_BP = 5_994  # 999 six-mers: the longest chunk of version 1
PIECES, REPEATS = 60, 5
LEAST_RATIO = 20
TOKENS = ["<unk>", "<pad>", "<mask>", "<cls>"]


def pieces(folder: Path) -> Iterator[str]:
    for _, text in records(plain("mito", folder)):
        sequence = re.sub("[^ACGT]", "N", "".join(text.split("\n")[1:]).upper())
        for at in range(0, len(sequence), PIECE_BP):
            yield sequence[at : at + PIECE_BP]


def timed(tokenise: Callable[[str], Sequence[int]], texts: Sequence[str]) -> tuple[float, list[list[int]]]:
    start = time.perf_counter()
    found = [tokenise(text) for text in texts]
    return time.perf_counter() - start, [list(ids) for ids in found]


def main() -> None:
    from itertools import product

    from transformers import EsmTokenizer

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        texts = list(islice(pieces(folder), PIECES))
        words = map("".join, product("ATCG", repeat=6))
        (folder / "vocab.txt").write_text("\n".join([*TOKENS, *words, *"ATCGN"]))
        library = EsmTokenizer(str(folder / "vocab.txt"), eos_token=None)
    ours = SixMers(1)
    ours.token_ids(b"ACGT")  # compiled
    best = [float("inf")] * 2
    for _ in range(REPEATS):
        seconds, theirs = timed(lambda text: library(text)["input_ids"][1:], texts)
        best[0] = min(best[0], seconds)
        seconds, mine = timed(lambda text: ours.token_ids(text.encode()), texts)
        best[1] = min(best[1], seconds)
        if mine != theirs:
            sys.exit("the ids differ")
    bases, ratio = sum(map(len, texts)), best[0] / best[1]
    print(machine())
    print(f"{len(texts)} pieces of at most {PIECE_BP:,} bp, {bases:,} bases; same ids")
    for name, seconds in zip(("EsmTokenizer", "SixMers"), best, strict=True):
        print(f"{name:14}{seconds / len(texts) * 1e6:10,.1f} us a piece{bases / seconds / 1e6:10,.2f} Mbp/s")
    print(f"ratio         {ratio:10,.0f} (at least {LEAST_RATIO})")
    if ratio < LEAST_RATIO:
        sys.exit("too slow")


if __name__ == "__main__":
    main()
