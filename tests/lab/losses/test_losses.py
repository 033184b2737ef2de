"""Losses: values and gradients against plain numpy, what they see and what they cannot see."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from helpers import loss_twins as twins
from helpers.loss_twins import Case, Tables
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genome_index.errors import UsageError
from genome_index.lab.losses.chaos_game import chaos_path
from genome_index.lab.losses.kmer_spectrum import soft_counts
from genome_index.lab.losses.line import GaussianLine
from genome_index.lab.losses.persistence import deaths, loop_distance
from genome_index.lab.losses.reading import Outputs, Reading, masked_batch, next_batch
from genome_index.lab.losses.table import PLAIN, SET, loss_of
from genome_index.lab.losses.walks import WALKS

VOCABULARY, WIDTH = 8, 5
TWINS: dict[str, Callable[[Case], float]] = {
    "cross-entropy": twins.cross_entropy,
    "complement": twins.complement,
    "reverse-complement": twins.reverse_complement,
    "strand-consistency": twins.strand_consistency,
    "teacherless": twins.teacherless,
    "chaos-game": twins.chaos_game,
    "persistence": twins.persistence,
    "headless": lambda case: twins.headless(case, distinct=False),
    "headless-distinct": lambda case: twins.headless(case, distinct=True),
    **{f"spectrum:{k}": lambda case, k=k: twins.spectrum(case, k) for k in (1, 3)},
    **{f"line-mse:{walk}": lambda case, walk=walk: twins.line_mse(case, walk) for walk in WALKS},
    **{f"line-gaussian:{walk}": lambda case, walk=walk: twins.line_gaussian(case, walk) for walk in WALKS},
    "line-gaussian-learned": lambda case: twins.line_gaussian(case, "yau"),
}
OF_MASKED_ALONE = "strand-consistency"
NETWORKS = [
    (name, causal) for name in TWINS for causal in (True, False) if not causal or name != OF_MASKED_ALONE
]
# One table of logits cannot know both directions, nor tokens that it does not read, nor has it states.
OF_ONE_READING = TWINS.keys() - {
    OF_MASKED_ALONE, "complement", "reverse-complement", "teacherless", "headless", "headless-distinct",
}  # fmt: skip


def case_of(seed: int, causal: bool) -> Case:
    """Three sequences of 14 tokens, of which some are not known."""
    draws = np.random.default_rng(seed)
    ids = draws.integers(4, 8, (3, 14))
    ids[draws.random(ids.shape) < 0.1] = twins.MASK
    tables = Tables(*(draws.normal(size=(VOCABULARY, width)) for width in (VOCABULARY, WIDTH, WIDTH)))
    if causal:
        inputs = np.concatenate([np.full((3, 1), twins.CLS), ids[:, :-1]], axis=1)
        return Case(ids, inputs, np.ones(ids.shape, bool), True, tables)
    chosen = draws.random(ids.shape) < 0.4
    chosen[0, :2] = True
    return Case(ids, np.where(chosen, twins.MASK, ids), chosen, False, tables)


def reading_of(case: Case, tables: list[Tensor]) -> Reading:
    ids, inputs, chosen = (torch.from_numpy(rows.copy()) for rows in (case.ids, case.inputs, case.chosen))
    batch = next_batch(ids) if case.causal else masked_batch(ids, inputs, chosen)
    return Reading(batch, lambda read: Outputs(tables[0][read], tables[1][read], tables[2]))


def tensors_of(tables: Tables) -> list[Tensor]:
    parts = (tables.logits, tables.hidden, tables.table)
    return [torch.from_numpy(part.copy()).requires_grad_() for part in parts]


@pytest.fixture(autouse=True)
def in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses compute in float32 at least; here in float64, so that differences tell gradients."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


def test_every_loss_has_a_twin() -> None:
    assert {name.partition(":")[0] for name in TWINS} == {*PLAIN, *SET}


@pytest.mark.parametrize(("name", "causal"), NETWORKS)
def test_a_loss_is_its_formula(name: str, causal: bool) -> None:
    for seed in range(3):
        case = case_of(seed, causal)
        value = loss_of(name)(reading_of(case, tensors_of(case.tables)))
        assert value.item() == pytest.approx(TWINS[name](case), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("name", "causal"), NETWORKS)
def test_its_gradient_is_that_of_the_formula(name: str, causal: bool) -> None:
    case = case_of(7, causal)
    tensors = tensors_of(case.tables)
    loss_of(name)(reading_of(case, tensors)).backward()
    draws, step = np.random.default_rng(7), 1e-5
    for number, tensor in enumerate(tensors):
        gradient = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        for _ in range(12):
            at = tuple(int(draws.integers(size)) for size in tensor.shape)
            slope = (moved(case, name, number, at, step) - moved(case, name, number, at, -step)) / (2 * step)
            assert gradient[at] == pytest.approx(slope, rel=1e-4, abs=1e-7), (number, at)


def moved(case: Case, name: str, number: int, at: tuple[int, ...], by: float) -> float:
    """The formula's value with one weight moved."""
    parts = [part.copy() for part in (case.tables.logits, case.tables.hidden, case.tables.table)]
    parts[number][at] += by
    return TWINS[name](Case(case.ids, case.inputs, case.chosen, case.causal, Tables(*parts)))


@pytest.mark.parametrize("name", sorted(OF_ONE_READING))
def test_a_network_that_is_sure_and_right_has_the_lower_loss(name: str) -> None:
    """In sequences where one base alone can follow another."""
    ids = torch.tensor([[4, 5, 6, 7, 4, 5]])
    sure = torch.full((VOCABULARY, VOCABULARY), -30.0, dtype=torch.float64)
    for token in range(4, 8):
        sure[token, 4 + (token - 3) % 4] = 30.0
    sure[twins.CLS, 4] = 30.0
    right, unsure = (loss_of(name)(reading_by(table, ids)).detach() for table in (sure, sure / 30))
    assert right < unsure


def reading_by(table: Tensor, ids: Tensor) -> Reading:
    """A causal reading by one table of logits."""
    return Reading(next_batch(ids), lambda read: Outputs(table[read], table[read], table))


def test_complement_reads_the_same_direction_and_reverse_complement_the_other() -> None:
    batch = next_batch(torch.tensor([[4, 4, 5, 1, 7]]))  # A A C ? T
    assert batch.complement().ids.tolist() == [[7, 7, 6, 1, 4]]
    other = batch.reverse_complement()
    assert other.ids.tolist() == [[4, 1, 6, 7, 7]]
    assert other.inputs.tolist() == [[2, 4, 1, 6, 7]]
    assert other.targets.tolist() == [[4, -100, 6, 7, 7]]


def test_what_is_masked_is_masked_on_the_other_strand() -> None:
    ids = torch.tensor([[4, 5, 6, 7]])
    batch = masked_batch(ids, torch.tensor([[4, 1, 6, 7]]), torch.tensor([[False, True, False, False]]))
    other = batch.reverse_complement()
    assert other.inputs.tolist() == [[4, 5, 1, 7]]
    assert other.targets.tolist() == [[-100, -100, 6, -100]]


def test_strand_consistency_is_refused_for_causal_networks() -> None:
    case = case_of(0, causal=True)
    with pytest.raises(UsageError, match="needs a masked network; choose reverse-complement"):
        loss_of("strand-consistency")(reading_of(case, tensors_of(case.tables)))


def test_a_strand_that_says_the_same_has_no_divergence() -> None:
    """Logits that do not depend on what is read, and give a base what they give its complement."""
    case = case_of(1, causal=False)
    table = torch.tensor([0, 0, 0, 0, 1.0, 2.0, 2.0, 1.0], dtype=torch.float64).expand(VOCABULARY, -1)
    reading = reading_of(case, [table, table, table])
    consistency, both = loss_of("strand-consistency")(reading), loss_of("reverse-complement")(reading)
    assert consistency.item() == pytest.approx(both.item(), abs=1e-12)


def test_a_gaussian_of_variance_1_is_half_of_the_squared_error() -> None:
    """The variance after t bases is t, so sequences of one base show it."""
    case = case_of(2, causal=True)
    first = Case(case.ids[:, :1], case.inputs[:, :1], case.chosen[:, :1], True, case.tables)
    reading = reading_of(first, tensors_of(case.tables))
    assert loss_of("line-gaussian")(reading).item() == pytest.approx(loss_of("line-mse")(reading).item() / 2)


def test_the_learned_variance_has_a_gradient_and_the_growing_one_none() -> None:
    case = case_of(3, causal=True)
    for learned in (True, False):
        loss = GaussianLine(learned=learned)
        loss(reading_of(case, tensors_of(case.tables))).backward()
        assert (loss.log_variance.grad is not None) == learned
    with torch.no_grad():
        loss.log_variance.fill_(0.7)
    value = loss(reading_of(case, tensors_of(case.tables))).item()
    assert value == pytest.approx(twins.line_gaussian(case, "yau", 0.7))


def test_the_path_of_yau_and_of_the_chaos_game_are_the_published_ones() -> None:
    """Golden values: ACGT."""
    bases = torch.eye(4, dtype=torch.float64)[None]
    expected = [(0.5, -0.866025), (1.366025, -0.366025), (2.232051, -0.866025), (2.732051, 0)]
    np.testing.assert_allclose(WALKS["yau"].path(bases)[0], expected, atol=1e-6)
    expected = [(0.25, 0.25), (0.125, 0.625), (0.5625, 0.8125), (0.78125, 0.40625)]
    np.testing.assert_allclose(chaos_path(bases)[0], expected)


def test_the_complement_mirrors_the_walk_of_yau() -> None:
    bases = torch.eye(4, dtype=torch.float64)[torch.tensor([[0, 2, 3, 1, 1, 0]])]
    path, other = (WALKS["yau"].path(each) for each in (bases, bases.flip(2)))
    np.testing.assert_allclose(other, path * torch.tensor([1, -1]), atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=5, max_size=40), st.integers(1, 4))
def test_soft_counts_of_known_bases_are_counts(bases: list[int], k: int) -> None:
    counts = np.zeros(4**k)
    for at in range(len(bases) - k + 1):
        counts[int("".join(map(str, bases[at : at + k])), 4)] += 1
    soft = soft_counts(torch.eye(4)[torch.tensor([bases])], k)[0]
    np.testing.assert_array_equal(soft.numpy(), counts)


def test_two_spectra_without_a_common_word_are_as_far_apart_as_can_be() -> None:
    table = torch.full((VOCABULARY, VOCABULARY), -60.0, dtype=torch.float64)
    table[:, 7] = 60.0
    reading = reading_by(table, torch.full((1, 30), 4))
    assert loss_of("spectrum:2")(reading).item() == pytest.approx(log(2))


def test_persistence_does_not_see_a_mirrored_path() -> None:
    points = torch.from_numpy(np.random.default_rng(0).random((40, 2)))
    mirrored = torch.stack([1 - points[:, 0], points[:, 1]], dim=1)
    torch.testing.assert_close(deaths(points), deaths(mirrored))


def test_points_on_top_of_each_other_have_finite_gradients() -> None:
    points = torch.zeros(5, 2, dtype=torch.float64, requires_grad=True)
    deaths(points).sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_a_circle_has_a_loop_that_a_line_has_not() -> None:
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    line = np.stack([turn, turn], axis=1)
    assert loop_distance(circle, circle) == 0
    assert loop_distance(circle, line) == pytest.approx(np.sqrt(3) - 2 * np.sin(np.pi / 60), abs=0.1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mse", "no loss is called 'mse'; choose one of cross-entropy, complement"),
        ("cross-entropy:2", "no loss is called 'cross-entropy:2'"),
        ("spectrum:x", "the loss 'spectrum:x': give spectrum:K, K from 1 to 6"),
        ("spectrum:9", "a spectrum of 9-mers: choose a k from 1 to 6"),
        ("line-mse:up", "no walk is called 'up'; choose one of yau, yau-bp"),
    ],
)
def test_names_that_mean_nothing(name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        loss_of(name)
    assert str(caught.value).startswith(sentence)
