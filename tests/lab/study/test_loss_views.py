"""What losses see: emphasis by position against formulas, and what minimisers keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genome_index.lab.corpus.shards import Shards
from genome_index.lab.losses.kmer_spectrum import spectrum_divergence
from genome_index.lab.losses.reading import TokenBatch
from genome_index.lab.losses.walks import WALKS
from genome_index.lab.study.batches import StudyBatches
from genome_index.lab.study.loss_views import (
    emphasis,
    one_hot,
    own_fragment,
    skew_correlation,
    view_losses,
    view_of,
)

torch.set_num_threads(1)
LENGTH = 80


@pytest.fixture(scope="module")
def batch(demo_corpus_of_three: Path) -> TokenBatch:
    return StudyBatches(Shards.open(demo_corpus_of_three), "test", "causal", LENGTH, 8).at(0)


def test_cross_entropy_weighs_all_positions_alike(batch: TokenBatch) -> None:
    assert emphasis("cross-entropy", batch).std() < 0.02


def test_a_line_weighs_a_step_by_the_errors_that_follow(batch: TokenBatch) -> None:
    """With p = 1/4 the gradient of a logit is p (g v - mean of g v), g the sum of errors from there on."""
    steps = np.array([step[0] for step in WALKS["yau"].moves])  # (4, 2)
    norms = np.zeros(LENGTH)
    for row in one_hot(batch.ids).double().numpy():
        errors = np.cumsum((0.25 - row) @ steps, axis=0)  # (L, 2)
        for at in range(LENGTH):
            pull = steps @ errors[at:].sum(0)
            norms[at] += np.linalg.norm(pull - pull.mean()) / 4
    np.testing.assert_allclose(emphasis("line-mse", batch), norms / norms.mean(), rtol=0.05)


def test_the_spectrum_weighs_all_positions_but_the_ends(batch: TokenBatch) -> None:
    shares = emphasis("spectrum:3", batch)
    assert shares[0] < 0.6  # it is in one 3-mer, others are in three
    assert shares[5:-5].mean() == pytest.approx(1, abs=0.1)


def test_the_minimiser_of_cross_entropy_is_the_sequence(batch: TokenBatch) -> None:
    view = view_of("cross-entropy", batch)
    assert (view.right_bases, view.own_fragment) == (1.0, 1.0)
    assert view.spectrum_divergence == pytest.approx(0, abs=1e-6)
    assert view.skew_correlation == pytest.approx(1)


def test_the_minimiser_of_the_spectrum_has_its_words_and_not_its_bases(batch: TokenBatch) -> None:
    view = view_of("spectrum:3", batch)
    assert view.right_bases < 0.6
    assert view.own_fragment == 1.0


def test_measures_of_a_sequence_beside_itself_and_a_shuffled_one(batch: TokenBatch) -> None:
    truth = one_hot(batch.ids)
    order = torch.randperm(LENGTH, generator=torch.Generator().manual_seed(0))
    shuffled = truth[:, order]
    assert float(spectrum_divergence(truth, truth, 3)) == pytest.approx(0, abs=1e-6)
    assert spectrum_divergence(shuffled, truth, 3) > 0.02
    assert own_fragment(truth, truth) == 1.0
    assert own_fragment(truth.roll(1, 0), truth) == 0.0
    assert skew_correlation(torch.zeros_like(truth), truth) == 0.0


def test_the_command_writes_a_table_and_a_picture(demo_corpus_of_three: Path, tmp_path: Path) -> None:
    names = ("cross-entropy", "line-mse")
    text = view_losses(demo_corpus_of_three, tmp_path / "out", names, fragments=4, length=64)
    assert (tmp_path / "out" / "losses.md").read_text() == f"{text}\n"
    assert (tmp_path / "out" / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == [f"| {name}" for name in names]
    cells = [float(cell) for line in text.splitlines()[2:] for cell in line.strip("| ").split(" | ")[1:]]
    assert np.isfinite(cells).all()
