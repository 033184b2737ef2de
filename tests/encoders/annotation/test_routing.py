"""Routing: the router's choice, capacity, load-balance loss and z-loss, and the report of the load."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from genome_index.encoders.networks.annotation.routing import (
    Routing,
    by_expert,
    capacity,
    choose,
    load_report,
    logits_of,
    router_loss,
)


def test_weights_are_the_top_probabilities_divided_by_their_sum():
    logits = torch.tensor([[1.0, 3.0, 2.0, 0.0]])
    found = choose(logits, 2)
    assert found.experts.tolist() == [[1, 2]]
    e = math.e
    assert found.weights[0].tolist() == pytest.approx([e / (e + 1), 1 / (e + 1)])


def test_the_router_is_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        logits = logits_of(torch.randn(3, 8).bfloat16(), torch.randn(4, 8))
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_the_balance_loss_is_1_where_the_load_is_equal(top_k):
    """8 tokens, 8 experts; token n prefers n, n + 1, ... by a little, so that choices are equal."""
    logits = torch.zeros(8, 8)
    for token in range(8):
        for rank in range(top_k):
            logits[token, (token + rank) % 8] = 1.0 - rank / 10
    routing = choose(logits, top_k).routing
    assert routing.load.tolist() == [top_k] * 8
    assert float(routing.balance) == pytest.approx(1.0, abs=1e-6)
    loss = router_loss([routing, routing], load_balance=0.01, router_z=0.0)
    assert float(loss) == pytest.approx(0.02, abs=1e-8)  # alpha, a layer


@pytest.mark.parametrize("top_k", [1, 2])
def test_the_balance_loss_is_that_of_the_formula(top_k):
    logits = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))
    table = logits.double().numpy()
    p = np.exp(table) / np.exp(table).sum(1, keepdims=True)
    chosen = np.argsort(-p, axis=1)[:, :top_k]
    f = np.bincount(chosen.ravel(), minlength=6) / (50 * top_k)
    routing = choose(logits, top_k).routing
    assert float(routing.balance) == pytest.approx(6 * (f * p.mean(0)).sum(), abs=1e-6)


def test_the_balance_loss_is_e_where_one_expert_has_all():
    logits = torch.full((5, 4), -50.0)
    logits[:, 2] = 50.0
    assert float(choose(logits, 1).routing.balance) == pytest.approx(4.0)


def test_the_balance_loss_moves_the_router_towards_equal_load():
    logits = torch.tensor([[2.0, 0.0]] * 4, requires_grad=True)
    choose(logits, 1).routing.balance.backward()
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1] < 0).all()


def test_the_z_loss_of_zero_logits_is_the_square_of_log_e():
    routing = choose(torch.zeros(7, 8), 2).routing
    assert float(routing.router_z) == pytest.approx(math.log(8) ** 2)
    loss = router_loss([routing], load_balance=0.0, router_z=0.001)
    assert float(loss) == pytest.approx(0.001 * math.log(8) ** 2)


def test_without_experts_the_loss_is_0():
    assert float(router_loss([], 0.01, 0.001)) == 0.0


@pytest.mark.parametrize(
    ("tokens", "experts", "top_k", "factor", "most"),
    [
        (10, 8, 2, 1.25, 4),
        (100, 8, 2, 2.0, 50),
        (1, 8, 2, 2.0, 1),
        (64, 4, 1, 1.25, 20),
        (9, 4, 2, None, None),
    ],
)
def test_capacity(tokens, experts, top_k, factor, most):
    assert capacity(tokens, experts, top_k, factor) == most


def test_a_full_expert_takes_the_first_tokens():
    experts = torch.tensor([[0, 1], [1, 0], [0, 2], [0, 1]])
    load = torch.bincount(experts.flatten(), minlength=4)
    groups = [group.tolist() for group in by_expert(experts, load, 2)]
    assert groups == [[0, 3], [1, 2], [5], []]  # places in the flattened choices
    assert [len(group) for group in by_expert(experts, load, None)] == load.tolist() == [4, 3, 1, 0]


def test_the_report_of_the_load():
    zero = torch.zeros(())
    equal = Routing(zero, zero, torch.tensor([5, 5, 5, 5]), torch.tensor(0))
    one = Routing(zero, zero, torch.tensor([20, 0, 0, 0]), torch.tensor(10))
    report = load_report([equal])
    assert report.entropy == pytest.approx(math.log(4))
    assert (report.max_over_mean, report.dropped_share) == (1.0, 0.0)
    report = load_report([one])
    assert (report.entropy, report.max_over_mean, report.dropped_share) == (0.0, 4.0, 0.5)
    report = load_report([equal, one])
    assert report.entropy == pytest.approx(math.log(4) / 2)
    assert (report.max_over_mean, report.dropped_share) == (2.5, 0.25)
