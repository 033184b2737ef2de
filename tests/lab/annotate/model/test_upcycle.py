"""The start of an annotation model: it computes what the DNABERT-2 computes that it was made of.

Each fault that is known of such code has a test here: a norm without its bias, a norm in another place,
projections without biases, experts with another gate, parts left random, a head that is not the embeddings.
"""

import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from helpers.annotation_models import settings
from helpers.dnabert2_folder import HEADS, INNER, LAYERS, VOCABULARY, WIDTH, write_dnabert2

torch = pytest.importorskip("torch")

from genome_index.encoders.checkpoint import read_weights, without_prefix
from genome_index.encoders.networks.dnabert2 import alibi_slopes
from genome_index.encoders.networks.loader import open_model
from genome_index.errors import ModelError
from genome_index.lab.annotate.model.upcycle import StartPlan, random_model, source_name, upcycled

torch.set_num_threads(1)
NEAR = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_dnabert2(tmp_path_factory.mktemp("dnabert2") / "model")


@pytest.fixture(scope="module")
def weights(folder):
    return without_prefix(read_weights(folder), "bert.")


@pytest.fixture
def start(folder, weights):
    """A model with these settings and choices."""

    def make(plan=StartPlan(), **changes):  # noqa: B008  # frozen
        return upcycled(weights, settings(**changes), plan, str(folder)).eval().requires_grad_(False)

    return make


def batch(tokens=30):
    ids = torch.randint(5, VOCABULARY, (3, tokens), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(tokens) < torch.tensor([tokens, tokens - 13, 5])[:, None]
    return ids.masked_fill(~mask, 3), mask


# -- the function is kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"moe_every": 2}, {"experts": 8, "top_k": 3}, {"experts": 0}], ids=str
)
def test_the_encoder_with_experts_computes_what_dnabert2_computes(start, folder, changes):
    ids, mask = batch()
    expected = list(open_model(folder)[0].hidden(ids, mask))[-1]
    found = start(**changes).encode(ids, mask, torch.full_like(ids, 2))
    torch.testing.assert_close(found[mask], expected[mask], **NEAR)
    if changes.get("experts") == 0:
        torch.testing.assert_close(found[mask], expected[mask], atol=0, rtol=0)


def causal_copy(weights, ids):
    """The encoder of the paper under a causal mask: one sequence and one head at a time, in float64."""
    weights = {name: weight.double() for name, weight in weights.items()}

    def linear(x, name):
        product = x @ weights[f"{name}.weight"].T
        return product + weights[f"{name}.bias"] if f"{name}.bias" in weights else product

    def norm(x, name):
        x = x - x.mean(-1, keepdim=True)
        return (
            x / (x.square().mean(-1, keepdim=True) + 1e-12).sqrt() * weights[f"{name}.weight"]
            + weights[f"{name}.bias"]
        )

    def attend(x, name):
        parts = [part.chunk(HEADS, dim=-1) for part in linear(x, f"{name}.self.Wqkv").chunk(3, dim=-1)]
        at = torch.arange(len(x))
        distance, heads = at[:, None] - at[None, :], []
        for query, key, value, slope in zip(*parts, alibi_slopes(HEADS), strict=True):
            scores = query @ key.T / math.sqrt(query.shape[-1]) - slope * distance
            heads.append(scores.masked_fill(distance < 0, -math.inf).softmax(-1) @ value)
        return norm(x + linear(torch.cat(heads, -1), f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def one(row):
        words = weights["embeddings.word_embeddings.weight"][row]
        x = norm(words + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = attend(x, f"encoder.layer.{layer}.attention")
            gate, value = linear(x, f"encoder.layer.{layer}.mlp.gated_layers").chunk(2, dim=-1)
            inner = gate * (1 + torch.erf(gate / math.sqrt(2))) / 2 * value
            x = norm(
                x + linear(inner, f"encoder.layer.{layer}.mlp.wo"), f"encoder.layer.{layer}.mlp.layernorm"
            )
        return x

    return torch.stack([one(row) for row in ids])


@pytest.mark.parametrize("changes", [{}, {"moe_every": 2}, {"experts": 0}], ids=str)
def test_the_decoder_begins_as_the_causal_copy_of_the_encoder(start, weights, changes):
    """Where the output of cross-attention is zero."""
    model, (ids, mask) = start(StartPlan(zero_cross=True), **changes), batch()
    found = model.decode(model.embed(ids), model.encode(ids, mask), mask)
    torch.testing.assert_close(found.double(), causal_copy(weights, ids), **NEAR)


def test_without_zeros_the_decoder_reads_the_encoder(start, weights):
    model, (ids, mask) = start(), batch()
    found = model.decode(model.embed(ids), model.encode(ids, mask), mask)
    assert float((found.double() - causal_copy(weights, ids)).abs().max()) > 1e-3


def test_the_logits_are_products_with_the_embeddings(start, weights):
    states = torch.randn(2, 3, WIDTH)
    words = weights["embeddings.word_embeddings.weight"]
    for tied in (True, False):
        torch.testing.assert_close(start(tie_weights=tied).logits(states), states @ words.T)


# -- faults that are known ----------------------------------------------------------------------------------


def changed(start, folder, spoil):
    """How far the encoder's states move if a fault is put into the model."""
    ids, mask = batch()
    model = start()
    spoil(model)
    expected = list(open_model(folder)[0].hidden(ids, mask))[-1]
    return float((model.encode(ids, mask) - expected)[mask].abs().max())


def zeroed(ending, model):
    for name, weight in model.named_parameters():
        if name.endswith(ending):
            weight.zero_()


@pytest.mark.parametrize(
    "bias",
    ["attention.self.Wqkv.bias", "attention.output.dense.bias", "attention.output.LayerNorm.bias", "wo.bias",
     "mlp.layernorm.bias", "embeddings.LayerNorm.bias"],
)  # fmt: skip
def test_every_bias_is_copied_and_counts(start, folder, bias):
    """A norm without its bias is an RMSNorm's copy; biases of projections were dropped by other code."""
    assert changed(start, folder, partial(zeroed, bias)) > 0.05


@pytest.mark.parametrize("activation", [torch.nn.functional.silu, torch.nn.functional.relu])
def test_the_gate_is_that_of_gelu(start, folder, activation, monkeypatch):
    from genome_index.encoders.networks.annotation import experts

    expected = changed(start, folder, lambda model: None)
    assert expected < 1e-5
    monkeypatch.setattr(experts.functional, "gelu", activation)
    ids, mask = batch()
    spoilt = start().encode(ids, mask)
    monkeypatch.undo()
    assert float((spoilt - start().encode(ids, mask))[mask].abs().max()) > 0.05


def test_the_gate_is_the_first_half(start, folder):
    def swap(model):
        for name, weight in model.named_parameters():
            if name.endswith("gated_layers.weight"):
                weight.copy_(weight.roll(INNER, 0))

    assert changed(start, folder, swap) > 0.05


def test_norms_stand_after_the_sum(start):
    """After each sum: the states of each layer have the mean and deviation that the last norm gives them."""
    model, (ids, mask) = start(), batch()
    layer = model.decoder.layer[-1].mlp.layernorm
    states = model.decode(model.embed(ids), model.encode(ids, mask), mask)
    plain = (states - layer.bias) / layer.weight
    torch.testing.assert_close(plain.mean(-1), torch.zeros(states.shape[:2]), atol=1e-4, rtol=0)
    torch.testing.assert_close(plain.var(-1, unbiased=False), torch.ones(states.shape[:2]), atol=1e-3, rtol=0)


def test_a_norm_after_cross_attention_would_not_keep_the_function(start, weights):
    """The reason why its norm is at its input, whose weight is 1 and bias 0 as everywhere in new parts."""
    model, (ids, mask) = start(StartPlan(zero_cross=True)), batch()
    for block in model.decoder.layer:
        norm = block.crossattention.LayerNorm
        assert norm.weight.eq(1).all()
        assert norm.bias.eq(0).all()
        block.crossattention.register_forward_hook(lambda _, given, out, norm=norm: norm(out))
    found = model.decode(model.embed(ids), model.encode(ids, mask), mask)
    assert float((found.double() - causal_copy(weights, ids)).abs().max()) > 0.05


def check_new(name, weight):
    """Norms 1 and 0, biases, places and what is added to embeddings 0, matrices N(0, 0.02)."""
    if name.endswith("LayerNorm.weight"):
        assert weight.eq(1).all(), name
    elif name.endswith("bias") or name in ("phase.weight", "context.write.weight"):
        assert weight.eq(0).all(), name
    elif name == "pointers.decay":
        assert torch.nn.functional.softplus(weight).tolist() == pytest.approx([0.02, 0.02]), name
    else:
        few = name == "pointers.kinds.weight"  # 2 x width numbers
        assert float(weight.std()) == pytest.approx(0.02, rel=0.4 if few else 0.2), name


def test_every_weight_is_copied_or_new_and_none_is_left_to_chance(start, weights):
    """By a table of its own: the sources of all weights of a model, written out."""
    layer = {
        "attention.self.Wqkv": ("weight", "bias"), "attention.output.dense": ("weight", "bias"),
        "attention.output.LayerNorm": ("weight", "bias"), "mlp.layernorm": ("weight", "bias"),
    }  # fmt: skip
    copies = {
        "bert.embeddings.word_embeddings.weight": "embeddings.word_embeddings.weight",
        "bert.embeddings.token_type_embeddings.weight": "embeddings.token_type_embeddings.weight",
        "bert.embeddings.LayerNorm.weight": "embeddings.LayerNorm.weight",
        "bert.embeddings.LayerNorm.bias": "embeddings.LayerNorm.bias",
        "head.weight": "embeddings.word_embeddings.weight",
    }
    for prefix in ("bert.encoder", "decoder"):
        for n in range(LAYERS):
            here, there = f"{prefix}.layer.{n}", f"encoder.layer.{n}"
            for name, leaves in layer.items():
                copies |= {f"{here}.{name}.{leaf}": f"{there}.{name}.{leaf}" for leaf in leaves}
            for expert in range(4):
                for leaf in ("gated_layers.weight", "wo.weight", "wo.bias"):
                    copies[f"{here}.mlp.experts.{expert}.{leaf}"] = f"{there}.mlp.{leaf}"
    made = start(tie_weights=False, context=3).state_dict()
    for name, origin in copies.items():
        torch.testing.assert_close(made[name], weights[origin], atol=0, rtol=0, msg=name)
    new = made.keys() - copies.keys()
    cross = {f"self.{one}" for one in ("query", "key", "value")} | {"output.dense", "LayerNorm"}
    assert new == {
        *(f"{part}.layer.{n}.mlp.router.weight" for part in ("bert.encoder", "decoder")
          for n in range(LAYERS)),
        *(f"decoder.layer.{n}.crossattention.{one}.{leaf}" for n in range(LAYERS) for one in cross
          for leaf in ("weight", "bias")),
        "head.bias", "phase.weight", "pointers.kinds.weight", "pointers.decay",
        *(f"context.{one}.{leaf}" for one in ("read", "write") for leaf in ("weight", "bias")),
        *(f"pointers.{one}.{leaf}" for one in ("inputs", "LayerNorm", "queries", "keys")
          for leaf in ("weight", "bias")),
    }  # fmt: skip
    for name in new:
        check_new(name, made[name])


def test_tensors_are_copies_and_not_one_tensor(start):
    """Experts and both parts learn apart; only embeddings and the tied head are one."""
    model = start(tie_weights=False)
    places = [weight.data_ptr() for weight in model.parameters()]
    assert len(places) == len(set(places))
    assert "head.weight" not in start(tie_weights=True).state_dict()


def test_a_tied_head_learns_with_the_embeddings(start):
    model = start(tie_weights=True).requires_grad_(True)
    model.logits(torch.ones(1, 1, WIDTH)).sum().backward()
    assert float(model.bert.embeddings.word_embeddings.weight.grad.abs().sum()) > 0


def test_no_kernels_are_imported():
    """Triton and deepspeed are on few machines; other code could not be imported without them."""
    code = (
        "import sys; sys.modules['triton'] = sys.modules['deepspeed'] = None; "
        "import genome_index.lab.annotate.model.initialise"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- choices ------------------------------------------------------------------------------------------------


def test_noise_makes_experts_differ_by_so_much(start, weights):
    made = start(StartPlan(noise=0.01)).state_dict()
    source = weights["encoder.layer.1.mlp.wo.weight"]
    for expert in range(4):
        added = made[f"decoder.layer.1.mlp.experts.{expert}.wo.weight"] - source
        assert float(added.std()) == pytest.approx(0.01 * float(source.std()), rel=0.05)
    assert torch.equal(
        made["decoder.layer.1.attention.self.Wqkv.bias"], weights["encoder.layer.1.attention.self.Wqkv.bias"]
    )


def test_a_seed_decides_the_start(start):
    first, same, other = (start(StartPlan(seed=seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    name = "decoder.layer.0.crossattention.self.query.weight"
    assert not torch.equal(first[name], other[name])


def test_a_decoder_of_fewer_layers_begins_as_layers_spread_over_the_encoder():
    config = settings(layers=12, decoder_layers=4)
    found = [source_name(f"decoder.layer.{n}.mlp.layernorm.bias", config) for n in range(4)]
    assert found == [f"encoder.layer.{n}.mlp.layernorm.bias" for n in (0, 3, 6, 9)]


def test_new_tokens_begin_as_the_mean_of_the_others_and_noise(start, weights):
    words = weights["embeddings.word_embeddings.weight"]
    made = start(vocabulary=VOCABULARY + 400, tie_weights=False).state_dict()
    rows = made["bert.embeddings.word_embeddings.weight"]
    assert torch.equal(rows[:VOCABULARY], words)
    added = rows[VOCABULARY:] - words.mean(0)
    assert float(added.std()) == pytest.approx(0.1 * float(words.std()), rel=0.05)
    assert len({tuple(row) for row in rows[VOCABULARY:].tolist()}) == 400
    assert torch.equal(made["head.weight"], rows)
    assert made["head.bias"].eq(0).all()


def test_a_source_that_lacks_a_weight_is_refused(weights, folder):
    less = {name: weight for name, weight in weights.items() if name != "encoder.layer.1.mlp.wo.bias"}
    with pytest.raises(ModelError) as refused:
        upcycled(less, settings(), StartPlan(), "some/folder")
    assert str(refused.value) == (
        "some/folder: its weights lack encoder.layer.1.mlp.wo.bias; config.json and weights are not of one "
        "model: download both again"
    )


def test_a_source_of_another_shape_is_refused(weights):
    with pytest.raises(ModelError, match=r"is 160 x 48 in its weights, but config.json makes it 180 x 48"):
        upcycled(weights, settings(inner=90), StartPlan(), "some/folder")
    with pytest.raises(ModelError, match=r"its embeddings are 300 x 48, but the new model's are 200 x 48"):
        upcycled(weights, settings(vocabulary=200), StartPlan(), "some/folder")


def test_a_model_without_pretraining_is_random_with_norms_of_1_and_0():
    model = random_model(settings(tie_weights=False), seed=3)
    made = model.state_dict()
    for name, weight in made.items():
        if name.lower().endswith("layernorm.weight"):
            assert weight.eq(1).all(), name
        elif name.endswith("bias") or name == "phase.weight":
            assert weight.eq(0).all(), name
        elif name == "pointers.decay":
            assert torch.nn.functional.softplus(weight).tolist() == pytest.approx([0.02, 0.02]), name
        else:
            assert float(weight.std()) == pytest.approx(weight.shape[-1] ** -0.5, rel=0.2), name
    assert torch.equal(made["head.weight"], made["bert.embeddings.word_embeddings.weight"])
    first = made["decoder.layer.0.mlp.experts.0.wo.weight"]
    assert not torch.equal(first, made["decoder.layer.0.mlp.experts.1.wo.weight"])
    assert torch.equal(
        first, random_model(settings(), 3).state_dict()["decoder.layer.0.mlp.experts.0.wo.weight"]
    )
