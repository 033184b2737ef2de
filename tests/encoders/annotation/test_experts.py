"""Experts against a plain computation of every expert on every token, in float64."""

import pytest
from helpers.annotation_models import settings
from helpers.dnabert2_folder import WIDTH

torch = pytest.importorskip("torch")

from genome_index.encoders.networks.annotation.experts import GatedExperts
from genome_index.encoders.networks.annotation.routing import capacity

torch.set_num_threads(1)


def random_experts(**changes):
    experts = GatedExperts(settings(**changes)).requires_grad_(False)
    draws = torch.Generator().manual_seed(2)
    for weight in experts.parameters():
        weight.copy_(0.3 * torch.randn(weight.shape, generator=draws))
    return experts.eval()


def states_of(batch=3, tokens=11, seed=3):
    return torch.randn(batch, tokens, WIDTH, generator=torch.Generator().manual_seed(seed))


def ends(batch=3, tokens=11):
    return torch.arange(tokens) < torch.tensor([tokens, tokens - 4, 2])[:, None]


def gelu(x):
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def plain(experts, states, mask, most=None):
    """Each expert on each token; an expert has room for `most`, which are given away position by position."""
    weights = {name: weight.double() for name, weight in experts.state_dict().items()}
    norm = torch.nn.functional.layer_norm
    out, room, dropped = states.double().clone(), [most] * len(experts.experts), 0
    for position in range(states.shape[1]):
        for row in range(states.shape[0]):
            token = states[row, position].double()
            added = torch.zeros_like(token)
            if mask[row, position]:
                p = (weights["router.weight"] @ token).softmax(0)
                chosen = p.argsort(descending=True)[: experts.top_k].tolist()
                for expert in chosen:
                    if most is not None and room[expert] == 0:
                        dropped += 1
                        continue
                    room[expert] = None if most is None else room[expert] - 1
                    gate, value = (weights[f"experts.{expert}.gated_layers.weight"] @ token).chunk(2)
                    read = weights[f"experts.{expert}.wo.weight"] @ (gelu(gate) * value)
                    added += p[expert] / p[chosen].sum() * (read + weights[f"experts.{expert}.wo.bias"])
            out[row, position] = norm(
                token + added, token.shape, weights["layernorm.weight"], weights["layernorm.bias"], 1e-12
            )
    return out, dropped


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_experts_are_those_of_the_plain_computation(top_k):
    experts, states = random_experts(top_k=top_k), states_of()
    found, routing = experts(states)
    expected, _ = plain(experts, states, torch.ones(3, 11, dtype=torch.bool))
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    assert (int(routing.load.sum()), int(routing.dropped)) == (33 * top_k, 0)


def test_padding_is_not_routed():
    experts, states, mask = random_experts(), states_of(), ends()
    found, routing = experts(states, mask)
    expected, _ = plain(experts, states, mask)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    assert int(routing.load.sum()) == 2 * int(mask.sum()) == 2 * 20
    other, same = experts(states.masked_fill(~mask[..., None], 9.0), mask)
    torch.testing.assert_close(other[mask], found[mask], atol=0, rtol=0)
    assert float(same.balance) == float(routing.balance)
    assert float(same.router_z) == float(routing.router_z)


@pytest.mark.parametrize("training", [True, False])
def test_choices_beyond_the_capacity_are_dropped_and_counted(training):
    experts = random_experts(capacity_training=0.6, capacity_evaluation=0.8).train(training)
    states, mask = states_of(), ends()
    most = capacity(20, 4, 2, 0.6 if training else 0.8)
    assert most == (6 if training else 8)
    found, routing = experts(states, mask)
    expected, dropped = plain(experts, states, mask, most)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    assert int(routing.dropped) == dropped > 0
    unlimited, routing = experts(states, mask, limited=False)
    torch.testing.assert_close(unlimited.double(), plain(experts, states, mask)[0], atol=1e-5, rtol=0)
    assert int(routing.dropped) == 0


def test_a_dropped_token_passes_through_the_norm_alone():
    experts = random_experts(top_k=1, experts=2, capacity_evaluation=0.1)
    states = states_of(1, 8)
    found, routing = experts(states)
    assert int(routing.dropped) == 8 - len({*routing.load.nonzero().flatten().tolist()})
    torch.testing.assert_close(found[0, -1], experts.layernorm(states)[0, -1])


def test_gradients_reach_the_router_and_the_experts_that_were_chosen():
    experts = random_experts().requires_grad_(True)
    states = states_of()
    out, routing = experts(states)
    out.square().sum().backward()
    assert float(experts.router.weight.grad.abs().sum()) > 0
    for expert, load in zip(experts.experts, routing.load.tolist(), strict=True):
        assert (float(expert.wo.weight.grad.abs().sum()) > 0) == (load > 0)


def test_bfloat16_under_autocast_is_near():
    experts, states = random_experts(), states_of()
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = experts(states)
    assert found.dtype == torch.float32  # of the norm
    assert float((found - experts(states)[0]).abs().mean()) < 0.05
