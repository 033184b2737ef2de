"""Byte-pair encoding of bacteria: pieces of 100 kb one by one, the same by `encode_batch_fast`, and pieces of 2 kb.

python tests/bench/byte_pairs.py

4,096 tokens learned from other genomes (1 kb from every 20 kb), as DNABERT-2's has. One thread; ways take turns, and the least
processor time of each counts.
"""

from __future__ import annotations

import os

os.environ["RAYON_NUM_THREADS"] = "1"  # before the library is loaded

import gzip
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import GENOMES, machine
from tokenizers import Tokenizer, models, trainers

VOCABULARY, LONGEST = 4_096, 16
MOST_BP = 4_000_000
ROUNDS = 3


def stretches(path: Path) -> Iterator[str]:
    """Runs of A, C, G and T of 20 bases and more, record by record."""
    for record in gzip.decompress(path.read_bytes()).decode("ascii").split(">")[1:]:
        yield from re.findall("[ACGT]{20,}", "".join(record.split("\n")[1:]).upper())


def learned(paths: list[Path]) -> Tokenizer:
    library = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, max_token_length=LONGEST, show_progress=False)
    texts = (
        one[at : at + 1_000] for path in paths for one in stretches(path) for at in range(0, len(one), 20_000)
    )
    library.train_from_iterator(texts, trainer)
    return library


def main() -> None:
    paths = sorted((GENOMES / "bacteria").glob("*.fa.gz"))
    library = learned(paths[::8])
    texts = [one for path in paths[3::23] for one in stretches(path)]
    while sum(map(len, texts)) > MOST_BP:
        texts.pop()
    bases = sum(map(len, texts))

    def slow(size: int) -> list[list[int]]:
        return [library.encode(piece, add_special_tokens=False).ids for piece in pieces(size)]

    def fast(size: int) -> list[list[int]]:
        return [one.ids for one in library.encode_batch_fast(pieces(size), add_special_tokens=False)]

    def pieces(size: int) -> list[str]:
        return [text[at : at + size] for text in texts for at in range(0, len(text), size)]

    ways: list[tuple[str, Callable[[int], list[list[int]]], int]] = [
        ("encode, 100 kb", slow, 100_000),
        ("fast, 100 kb", fast, 100_000),
        ("encode, 2 kb", slow, 2_000),
        ("fast, 1 kb", fast, 1_000),
        ("fast, 2 kb", fast, 2_000),
        ("fast, 5 kb", fast, 5_000),
    ]
    best = dict.fromkeys((name for name, *_ in ways), float("inf"))
    tokens = {}
    for _ in range(ROUNDS):
        for name, way, size in ways:
            start = time.process_time()
            found = way(size)
            best[name] = min(best[name], time.process_time() - start)
            tokens[name] = sum(map(len, found))
    print(f"{machine()}; {bases:,} bases")
    first, _, _ = ways[0]
    for name, seconds in best.items():
        more = tokens[name] / tokens[first] - 1
        print(
            f"{name:<16}{best[first] / seconds:6.2f} x {seconds / bases * 1e9:7.0f} ns a base {more:+8.2%} tokens"
        )


if __name__ == "__main__":
    main()
