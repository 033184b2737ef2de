"""Decoder: causal, step by step as at once, and cross-attention against a plain computation."""

import math

import pytest
from helpers.annotation_models import random_network
from helpers.dnabert2_folder import HEADS, VOCABULARY, WIDTH

torch = pytest.importorskip("torch")

from genome_index.encoders.networks.annotation.decoder import DecoderCache

torch.set_num_threads(1)
B, T, U = 3, 14, 9


def drawn(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def ids_of(length, seed=2):
    return torch.randint(5, VOCABULARY, (B, length), generator=torch.Generator().manual_seed(seed))


def source_mask():
    return torch.arange(T) < torch.tensor([T, T - 5, 4])[:, None]


@pytest.mark.parametrize("experts", [0, 4])
@pytest.mark.parametrize("steps", [(1,) * U, (4, 3, 2), (1, U - 1)], ids=str)
def test_step_by_step_is_as_the_whole_at_once(experts, steps):
    """With the capacity of evaluation unlimited, so that both drop nothing."""
    model = random_network(experts=experts).double()
    embedded, encoded, bias = (
        model.embed(ids_of(U)),
        drawn(B, T, WIDTH).double(),
        drawn(B, HEADS, U, T).double(),
    )
    whole = model.decode(embedded, encoded, source_mask(), bias)
    cache, pieces, at = DecoderCache(), [], 0
    for step in steps:
        now = slice(at, at + step)
        pieces.append(model.decode(embedded[:, now], encoded, source_mask(), bias[:, :, now], cache))
        at += step
        assert cache.tokens == at
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-10, rtol=0)


def test_step_by_step_in_single_precision():
    model = random_network()
    embedded, encoded = model.embed(ids_of(U)), drawn(B, T, WIDTH)
    whole, cache = model.decode(embedded, encoded, source_mask()), DecoderCache()
    pieces = [model.decode(embedded[:, at : at + 1], encoded, source_mask(), cache=cache) for at in range(U)]
    # Weights of 0.3 give states of some 1, and differences of rounding alone.
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-6, rtol=1e-5)


def test_a_step_has_no_limit_of_capacity():
    limited = random_network(capacity_evaluation=0.5)
    unlimited = random_network(capacity_evaluation=None)
    embedded, encoded = limited.embed(ids_of(U)), drawn(B, T, WIDTH)
    whole = unlimited.decode(embedded, encoded)
    assert float((limited.decode(embedded, encoded) - whole).abs().max()) > 1e-2
    stepped = limited.decode(embedded, encoded, cache=DecoderCache())
    torch.testing.assert_close(stepped, whole, atol=1e-6, rtol=1e-5)


def test_keys_and_values_of_the_source_are_computed_once():
    model, cache = random_network(), DecoderCache()
    calls = []
    for block in model.decoder.layer:
        block.crossattention.self.key.register_forward_hook(lambda *_: calls.append("key"))
        block.crossattention.self.value.register_forward_hook(lambda *_: calls.append("value"))
    embedded, encoded = model.embed(ids_of(U)), drawn(B, T, WIDTH)
    for at in range(U):
        model.decode(embedded[:, at : at + 1], encoded, cache=cache)
    assert sorted(calls) == ["key"] * 3 + ["value"] * 3


@pytest.mark.parametrize("factor", [None, 0.5])
def test_no_token_sees_a_later_one_not_even_by_its_place_in_an_expert(factor):
    model = random_network(capacity_evaluation=factor)
    embedded, encoded = model.embed(ids_of(U)), drawn(B, T, WIDTH)
    before = model.decode(embedded, encoded)
    for at in range(1, U):
        changed = embedded.clone()
        changed[:, at:] = drawn(B, U - at, WIDTH, seed=at)
        torch.testing.assert_close(model.decode(changed, encoded)[:, :at], before[:, :at], atol=1e-5, rtol=0)


def test_padding_of_the_source_is_not_seen():
    model = random_network()
    embedded, encoded, mask = model.embed(ids_of(U)), drawn(B, T, WIDTH), source_mask()
    found = model.decode(embedded, encoded, mask)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model.decode(embedded[row : row + 1], encoded[row : row + 1, :length])
        torch.testing.assert_close(found[row], alone[0], atol=1e-5, rtol=0)


def test_padding_of_the_target_is_not_routed():
    model, routings = random_network(capacity_evaluation=0.9), []
    embedded, encoded = model.embed(ids_of(U)), drawn(B, T, WIDTH)
    mask = torch.arange(U) < torch.tensor([U, 5, 2])[:, None]
    found = model.decode(embedded, encoded, target_mask=mask, routings=routings)
    assert [int(each.load.sum()) for each in routings] == [2 * int(mask.sum())] * 3
    other = embedded.masked_fill(~mask[..., None], 5.0)
    torch.testing.assert_close(
        model.decode(other, encoded, target_mask=mask)[mask], found[mask], atol=1e-6, rtol=1e-5
    )


def plain_cross(block, states, encoded, mask, bias):
    """One sequence, one head and one query at a time, in float64."""
    cross, width = block.crossattention, WIDTH // HEADS
    weights = {name: weight.double() for name, weight in cross.state_dict().items()}

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    out = states.double().clone()
    for row in range(states.shape[0]):
        normed = torch.nn.functional.layer_norm(
            states[row].double(), (WIDTH,), weights["LayerNorm.weight"], weights["LayerNorm.bias"], 1e-12
        )
        query = linear(normed, "self.query")
        key, value = (linear(encoded[row].double(), f"self.{name}") for name in ("key", "value"))
        for at in range(states.shape[1]):
            heads = []
            for head in range(HEADS):
                part = slice(head * width, (head + 1) * width)
                scores = key[:, part] @ query[at, part] / math.sqrt(width) + bias[row, head, at]
                scores = scores.masked_fill(~mask[row], float("-inf"))
                heads.append(scores.softmax(0) @ value[:, part])
            out[row, at] += linear(torch.cat(heads), "output.dense")
    return out


def test_cross_attention_is_that_of_the_plain_computation():
    model = random_network()
    block, states, encoded = model.decoder.layer[1], drawn(B, U, WIDTH), drawn(B, T, WIDTH, seed=5)
    mask, bias = source_mask(), drawn(B, HEADS, U, T, seed=6).double()
    added = bias.masked_fill(~mask[:, None, None, :], float("-inf")).float()
    found = block.crossattention(states, encoded, added, None)
    expected = plain_cross(block, states, encoded, mask, bias)
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)


def test_a_bias_of_cross_attention_reaches_every_layer():
    """So large that each head sees one token alone: other source tokens do not matter."""
    model = random_network()
    embedded, encoded = model.embed(ids_of(U)), drawn(B, T, WIDTH)
    bias = torch.full((1, HEADS, U, T), -1e9)
    bias[..., 3] = 0.0
    found = model.decode(embedded, encoded, source_mask(), bias)
    other = drawn(B, T, WIDTH, seed=8)
    other[:, 3] = encoded[:, 3]
    torch.testing.assert_close(model.decode(embedded, other, source_mask(), bias), found, atol=1e-5, rtol=0)


def test_training_in_bfloat16_under_autocast():
    model = random_network().train().requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        encoded = model.encode(ids_of(T), source_mask())
        states = model.decode(model.embed(ids_of(U)), encoded, source_mask())
        loss = torch.nn.functional.cross_entropy(
            model.logits(states).flatten(0, 1).float(), ids_of(U).flatten()
        )
    loss.backward()
    for name, weight in model.named_parameters():
        unread = name == "phase.weight" or name.startswith("pointers.") or ".experts." in name
        assert weight.grad is not None or unread, name
        assert weight.grad is None or weight.grad.isfinite().all(), name


def test_an_evaluation_in_inference_mode_leaves_nothing_that_a_training_cannot_use():
    model = random_network().requires_grad_(True)
    with torch.inference_mode():
        model.encode(ids_of(T), source_mask())
    model.encode(ids_of(T)).square().sum().backward()
    assert float(model.bert.embeddings.word_embeddings.weight.grad.abs().sum()) > 0
