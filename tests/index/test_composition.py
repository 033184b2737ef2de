"""Composition against a plain count of every window and piece."""

from __future__ import annotations

import random

import numpy as np
import pytest

from genome_index.index.store.composition import (
    PIECES,
    TETRAMERS,
    WINDOWS,
    decode_course,
    decode_windows,
    encode_course,
    encode_windows,
    yau_line,
)
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome

LAYOUTS = [[5], [3, 1, 2], [100], [1_000, 17, 3], [4, 4, 4, 4_000], [20_000], [1, 1, 1]]


def genome(lengths: list[int], seed: int = 1) -> Genome:
    generator = random.Random(seed)
    contigs = ["".join(generator.choices("ACGTaN", k=length)) for length in lengths]
    return Genome("g", tuple(Contig(str(i), text.encode()) for i, text in enumerate(contigs)), "-")


@pytest.mark.parametrize("lengths", LAYOUTS)
def test_the_course_is_the_bases_of_each_piece(lengths: list[int]) -> None:
    one = genome(lengths)
    letters = "".join(contig.sequence.decode().upper() for contig in one.contigs)
    expected = np.zeros((PIECES, 4), int)
    for at, letter in enumerate(letters):
        if letter in "ACGT":
            expected[at * PIECES // len(letters), "ACGT".index(letter)] += 1
    assert np.array_equal(decode_course(encode_course(one)), expected)


@pytest.mark.parametrize("lengths", LAYOUTS)
def test_windows_count_the_canonical_4mers_that_start_in_them(lengths: list[int]) -> None:
    one = genome(lengths)
    counts: list[dict[bytes, int]] = [{} for _ in range(WINDOWS)]
    offset = 0
    for contig in one.contigs:
        for at in range(len(contig.sequence) - 3):
            word = contig.sequence[at : at + 4].upper()
            if set(word) <= set(b"ACGT"):
                window = counts[(offset + at) * WINDOWS // one.length_bp]
                word = min(word, reverse_complement(word))
                window[word] = window.get(word, 0) + 1
        offset += len(contig.sequence)
    found = decode_windows(encode_windows(one))
    assert found.shape == (WINDOWS, TETRAMERS)
    for row, window in zip(found, counts, strict=True):
        total = max(1, sum(window.values()))
        assert sorted(row[row > 0]) == pytest.approx(sorted(n / total for n in window.values()), abs=0.01)


def test_yaus_line_has_one_step_a_base() -> None:
    course = np.zeros((PIECES, 4), np.uint32)
    course[0] = 1, 1, 1, 1
    course[1] = 2, 0, 0, 0
    line = yau_line(course)
    assert line[0] == pytest.approx((1 + 3**0.5, 0))
    assert line[1] - line[0] == pytest.approx((1, -(3**0.5)))
