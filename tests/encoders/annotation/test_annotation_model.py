"""Annotation model as a whole: the codon phase, padding, the head, and what cross-attention may be given."""

import pytest
from helpers.annotation_models import random_network
from helpers.dnabert2_folder import HEADS, VOCABULARY, WIDTH

torch = pytest.importorskip("torch")

from genome_index.encoders.networks.annotation.routing import load_report, router_loss

torch.set_num_threads(1)
B, T = 2, 12


def ids():
    return torch.randint(5, VOCABULARY, (B, T), generator=torch.Generator().manual_seed(1))


def phases():
    return torch.tensor([[-1, 0, 2, 1, 0, 1, 2, 0, 2, 1, 0, -1]] * B)


def test_the_vector_of_the_phase_is_added_before_the_first_norm():
    model = random_network(layers=1)
    model.bert.encoder.layer = torch.nn.ModuleList()  # so that `encode` gives layer 0
    words = model.bert.embeddings.word_embeddings.weight[ids()]
    table = torch.cat([torch.zeros(1, WIDTH), model.phase.weight])
    summed = words + model.bert.embeddings.token_type_embeddings.weight[0] + table[phases() + 1]
    expected = model.bert.embeddings.LayerNorm(summed)
    torch.testing.assert_close(model.encode(ids(), phase=phases()), expected)


def test_without_a_phase_none_is_added():
    model = random_network()
    none = torch.full((B, T), -1)
    assert torch.equal(model.encode(ids(), phase=none), model.encode(ids()))
    assert not torch.allclose(model.encode(ids(), phase=phases()), model.encode(ids()))
    plain = random_network(codon_phase=False)
    assert torch.equal(plain.encode(ids(), phase=phases()), plain.encode(ids()))


def test_alibi_alone_does_not_tell_left_from_right_and_the_phase_does():
    """A sequence and its mirror have mirrored states, which is why the phase is there."""
    model = random_network()
    mirrored = model.encode(ids().flip(1)).flip(1)
    torch.testing.assert_close(model.encode(ids()), mirrored, atol=1e-4, rtol=0)
    ahead = torch.arange(T).expand(B, T) % 3
    with_phase = model.encode(ids(), phase=ahead)
    assert float((with_phase - model.encode(ids().flip(1), phase=ahead).flip(1)).abs().max()) > 0.1


def test_padding_of_a_window_changes_none_of_its_states():
    model, mask = random_network(), torch.arange(T) < torch.tensor([T, 7])[:, None]
    found = model.encode(ids(), mask, phases())
    alone = model.encode(ids()[1:, :7], phase=phases()[1:, :7])
    torch.testing.assert_close(found[1:, :7], alone, atol=1e-5, rtol=0)


def test_each_layer_of_experts_tells_its_routing():
    model, routings = random_network(moe_every=2, decoder_layers=4), []
    encoded = model.encode(ids(), routings=routings)
    model.decode(model.embed(ids()), encoded, routings=routings)
    assert len(routings) == 1 + 2
    report = load_report(routings)
    assert 0 < report.entropy < 1.3863  # log 4
    assert report.dropped_share == 0.0
    expected = sum(0.01 * float(each.balance) + 0.001 * float(each.router_z) for each in routings)
    assert float(router_loss(routings, 0.01, 0.001)) == pytest.approx(expected)


def test_a_bias_without_a_mask_is_given_to_cross_attention_as_it_is():
    model = random_network()
    encoded = model.encode(ids())
    bias = torch.randn(1, HEADS, T, T, generator=torch.Generator().manual_seed(3))
    everything = torch.ones(B, T, dtype=torch.bool)
    found = model.decode(model.embed(ids()), encoded, cross_bias=bias)
    torch.testing.assert_close(found, model.decode(model.embed(ids()), encoded, everything, bias))
    assert float((found - model.decode(model.embed(ids()), encoded)).abs().max()) > 1e-2


@pytest.mark.parametrize("tied", [True, False])
def test_logits_have_the_matrix_of_the_head_and_its_bias(tied):
    model, states = random_network(tie_weights=tied), torch.ones(1, 1, WIDTH)
    matrix = model.bert.embeddings.word_embeddings.weight if tied else model.head.weight
    torch.testing.assert_close(model.logits(states)[0, 0], matrix.sum(1) + model.head.bias)
