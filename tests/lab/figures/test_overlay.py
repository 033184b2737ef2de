"""Members of a species: circles brought to one start and strand, spread and fray against loops."""

from __future__ import annotations

import numpy as np
import pytest

from genome_index.lab.corpus.packing import Codes, other_strand
from genome_index.lab.figures.circles import aligned_circles
from genome_index.lab.figures.overlay import fray_of, paths_of
from genome_index.lab.losses.walks import WALKS


def circle(length: int = 2_000, seed: int = 0) -> Codes:
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)


def changed(codes: Codes, at: int) -> Codes:
    result = codes.copy()
    result[at] = (result[at] + 1) % 4
    return result


def test_a_circle_that_begins_elsewhere_or_on_the_other_strand_is_brought_back() -> None:
    own = circle()
    members = [own, np.roll(own, 700), other_strand(own), np.roll(other_strand(own), 31)]
    circles = aligned_circles(members)
    assert circles.numbers == (0, 1, 2, 3)
    assert circles.turned == 2
    for sequence in circles.sequences[1:]:
        assert (sequence == circles.sequences[0]).all()


def test_a_stranger_is_named_with_its_reason() -> None:
    own = circle()
    circles = aligned_circles([own, changed(own, 1_000), circle(seed=9)])
    assert circles.numbers == (0, 1)
    ((number, reason),) = circles.others
    assert number == 2
    assert reason.startswith("identity 0.")
    assert reason.endswith("to the reference, below 0.9")


def test_genomes_of_n_share_nothing() -> None:
    circles = aligned_circles([np.full(100, 4, np.uint8), np.full(100, 4, np.uint8)])
    assert len(circles.numbers) < 2


def test_a_walk_is_the_sum_of_its_steps() -> None:
    sequences = [circle(50, 1), circle(60, 2)]
    paths = paths_of(sequences, "yau")
    assert paths.shape == (2, 50, 2)
    moves = np.array([step[0] for step in WALKS["yau"].moves])
    for path, codes in zip(paths, sequences, strict=True):
        place = np.zeros(2)
        for at in range(50):
            place = place + moves[codes[at]]
            np.testing.assert_allclose(path[at], place, atol=1e-6)


@pytest.mark.parametrize(
    ("spread", "frays"),
    [
        ([0.0, 1.0, 2.0], (None, None)),
        ([0.0, 6.0, 2.0, 7.0, 8.0], (2, 4)),
        ([0.0, 6.0, 2.0], (2, None)),
        ([6.0, 7.0], (1, 1)),
    ],
)
def test_where_a_species_frays(spread: list[float], frays: tuple[int | None, int | None]) -> None:
    assert fray_of(np.array(spread), 5.0) == frays
