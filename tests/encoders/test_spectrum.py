"""Spaced k-mer spectrum against a plain counter of ten lines."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from genome_index.encoders.spectrum import BLOCK, DIM, MASK, Spectrum
from genome_index.records import Contig, Genome

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def dull_counts(sequence: str) -> Counter[str]:
    """Masked words of both strands, the lesser of the two kept."""
    found: Counter[str] = Counter()
    for at in range(len(sequence) - len(MASK) + 1):
        window = sequence[at : at + len(MASK)].upper()
        if set(window) <= set("ACGT"):
            word = "".join(base for base, bit in zip(window, MASK, strict=True) if bit == "1")
            found[min(word, word.translate(COMPLEMENT)[::-1])] += 1
    return found


def spectrum_of(*sequences: str) -> np.ndarray:
    contigs = tuple(Contig(str(number), sequence.encode()) for number, sequence in enumerate(sequences))
    return Spectrum().encode([Genome("g", contigs, "-")])[0]


@pytest.mark.parametrize("length", [0, 1, 10, 11, 12, BLOCK + 9, BLOCK + 10, BLOCK + 11, 3 * BLOCK])
def test_counts_are_those_of_the_plain_counter(length: int) -> None:
    generator = random.Random(length)
    sequence = "".join(
        generator.choice("ACGTNa" if generator.random() < 0.05 else "ACGT") for _ in range(length)
    )
    expected = dull_counts(sequence)
    counts = spectrum_of(sequence)
    assert sorted(counts[counts > 0].tolist()) == sorted(expected.values())
    assert counts.sum() == expected.total()


def test_every_canonical_word_has_one_index_of_its_own() -> None:
    words = {min(w, w.translate(COMPLEMENT)[::-1]) for w in _all_words()}
    assert len(words) == DIM
    seen = set()
    for word in random.Random(1).sample(sorted(words), 2_000):
        found = np.flatnonzero(spectrum_of(_spread(word)))
        assert len(found) == 1
        seen.add(int(found[0]))
    assert len(seen) == 2_000


def test_commonest_word_beyond_16_bits_is_scaled_not_wrapped() -> None:
    counts = spectrum_of("A" * 200_000 + "ACGTTGCAGTC" * 2_000)
    assert counts.max() == 65_535
    frequencies = counts / counts.sum()
    expected = dull_counts("A" * 200_000 + "ACGTTGCAGTC" * 2_000)
    assert np.allclose(
        sorted(frequencies[frequencies > 0])[-1], max(expected.values()) / expected.total(), rtol=1e-3
    )


def _all_words() -> list[str]:
    words = [""]
    for _ in range(8):
        words = [word + base for word in words for base in "ACGT"]
    return words


def _spread(word: str) -> str:
    letters = iter(word)
    return "".join(next(letters) if bit == "1" else "A" for bit in MASK)
