"""Members of a species: circles brought to one start and strand, spread and fray against loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.lab.corpus.packing import Codes, other_strand
from genome_index.lab.figures.circles import aligned_circles
from genome_index.lab.figures.overlay import Overlay, fray_of, paths_of
from genome_index.lab.figures.report import overlay_text
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


@settings(deadline=None, max_examples=20)
@given(turns=st.lists(st.tuples(st.integers(0, 599), st.booleans()), min_size=1, max_size=4))
def test_any_start_and_strand_is_brought_back(turns: list[tuple[int, bool]]) -> None:
    own = circle(600)
    others = [np.roll(other_strand(own) if turned else own, by) for by, turned in turns]
    circles = aligned_circles([own, *others])
    assert circles.turned == sum(turned for _, turned in turns)
    assert {sequence.tobytes() for sequence in circles.sequences} == {circles.sequences[0].tobytes()}
    assert len(circles.sequences) == 1 + len(turns)


def test_members_that_differ_begin_at_a_kmer_that_all_have() -> None:
    """The first bases of the reference are not in one of the others."""
    own = circle()
    members = [own, np.roll(changed(own, 3), 500), own]
    circles = aligned_circles(members)
    assert circles.numbers == (0, 1, 2)
    starts = {sequence[:15].tobytes() for sequence in circles.sequences}
    assert starts == {own[4:19].tobytes()}


def test_a_kmer_over_the_joint_can_be_the_start() -> None:
    own = circle()
    assert (aligned_circles([own, np.roll(own, -7)]).sequences[1] == own).all()


def test_an_n_is_in_no_kmer_of_the_start() -> None:
    own = circle()
    own[:5] = 4
    circles = aligned_circles([own, np.roll(own, 9)])
    assert (circles.sequences[0][:15] == own[5:20]).all()


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


def overlay_of_paths(paths: np.ndarray) -> Overlay:
    ids = tuple(map(str, range(len(paths))))
    circles = aligned_circles([circle(), circle()])
    return Overlay("Some species", "yau", ids, paths, (paths.shape[1],) * len(paths), circles, (), ())


def test_the_spread_is_the_formula_point_by_point() -> None:
    paths = np.random.default_rng(0).normal(size=(4, 9, 2))
    overlay = overlay_of_paths(paths)
    for at in range(9):
        centre = sum(paths[member, at] for member in range(4)) / 4
        squares = [((paths[member, at] - centre) ** 2).sum() for member in range(4)]
        assert overlay.spread[at] == pytest.approx((sum(squares) / 4) ** 0.5)
    np.testing.assert_allclose(overlay_of_paths(paths + 7).spread, overlay.spread)
    assert overlay_of_paths(paths[[0, 0, 0]]).spread.max() == pytest.approx(0)


def test_unrelated_sequences_spread_as_the_line_says() -> None:
    """Of 300 random sequences, after each of 400 bases."""
    shares = [0.4, 0.1, 0.2, 0.3]
    draws = np.random.default_rng(0)
    sequences = [draws.choice(4, 400, p=shares).astype(np.uint8) for _ in range(300)]
    overlay = overlay_of_paths(paths_of(sequences, "yau"))
    np.testing.assert_allclose(overlay.spread[20:], overlay.unrelated[20:], rtol=0.12)


def test_an_n_takes_no_step_and_half_steps_end_with_their_base() -> None:
    path = paths_of([np.array([0, 4, 2], np.uint8)], "squiggle")[0]
    np.testing.assert_allclose(path, [[1, 0], [1, 0], [2, 1]], atol=1e-6)


@pytest.mark.parametrize(("pull", "said"), [(0.0, False), (1.0, True)])
def test_members_no_nearer_than_strangers_are_said_to_be(pull: float, said: bool) -> None:
    own = paths_of([circle(400)], "yau")[0]
    other = own + pull * np.arange(400)[:, None]
    text = overlay_text(overlay_of_paths(np.stack([own, other])), 5.0)
    assert ("no nearer than strangers" in text) == said
