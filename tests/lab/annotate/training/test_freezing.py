"""Which parameters are trained in which step, and adapters: by hand, on small models with random weights."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from helpers.annotation_models import random_network

torch = pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.errors import UsageError
from genome_index.lab.annotate.training.adapters import ADAPTED, add_adapters, merge_adapters
from genome_index.lab.annotate.training.freezing import FirstSteps, first_steps, freeze_of
from genome_index.lab.annotate.training.tuning import TuningPlan

ENCODER_TOP = "bert.encoder.layer.2.attention.self.Wqkv.weight"
ENCODER_LOWEST = "bert.encoder.layer.0.attention.self.Wqkv.weight"
EXPERT = "decoder.layer.1.mlp.experts.0.wo.weight"
EMBEDDINGS = "bert.embeddings.word_embeddings.weight"


def plan_of(*freezes: str, every: int = 0, adapters: bool = False) -> FirstSteps:
    model = random_network()
    if adapters:
        add_adapters(model, 2, 1.0, 0)
    return first_steps(model, tuple(map(freeze_of, freezes)), every, adapters)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("embeddings", {EMBEDDINGS, "bert.embeddings.LayerNorm.bias"}),
        ("encoder", {ENCODER_TOP, "bert.encoder.layer.0.mlp.router.weight"}),
        ("decoder", {EXPERT, "decoder.layer.0.crossattention.self.key.bias"}),
        ("cross-attention", {"decoder.layer.0.crossattention.self.key.bias"}),
        ("experts", {EXPERT, "bert.encoder.layer.0.mlp.router.weight"}),
        ("pointers", {"pointers.keys.weight", "pointers.decay"}),
        ("head", {"head.bias"}),
        ("places", {"phase.weight"}),
    ],
)
def test_a_part_is_frozen_and_no_other(part: str, names: set[str]) -> None:
    examined = {
        EMBEDDINGS, "bert.embeddings.LayerNorm.bias", ENCODER_TOP, "bert.encoder.layer.0.mlp.router.weight",
        EXPERT, "decoder.layer.0.crossattention.self.key.bias", "pointers.keys.weight", "pointers.decay",
        "head.bias", "phase.weight",
    }  # fmt: skip
    steps = plan_of(f"{part}:7").steps
    assert {name for name in examined if steps[name] == 7} == names
    assert all(steps[name] == 0 for name in examined - names)


def test_the_longer_of_two_freezes_holds() -> None:
    steps = plan_of("encoder:5", "experts:all").steps
    assert (steps[ENCODER_TOP], steps["bert.encoder.layer.0.mlp.router.weight"]) == (5, inf)
    plan = plan_of("encoder:5")
    for step, expected in ((4, False), (5, True)):
        plan.apply(step)
        assert dict(plan.model.named_parameters())[ENCODER_TOP].requires_grad is expected


def test_layers_thaw_from_the_top() -> None:
    """Three layers on both sides, ten steps each; the embeddings come after the lowest."""
    steps = plan_of(every=10).steps
    assert [steps[f"bert.encoder.layer.{at}.attention.self.Wqkv.weight"] for at in (2, 1, 0)] == [0, 10, 20]
    assert [steps[f"decoder.layer.{at}.mlp.experts.0.wo.weight"] for at in (2, 1, 0)] == [0, 10, 20]
    assert (steps[EMBEDDINGS], steps["pointers.keys.weight"]) == (30, 0)


def test_with_adapters_only_they_and_what_is_new_are_trained() -> None:
    steps = plan_of(adapters=True).steps
    trained = {name for name, first in steps.items() if first == 0}
    adapters = {name for name in trained if ADAPTED in name}
    assert len(adapters) == 2 * (3 + 3)  # two matrices in each layer of each side
    new = ("pointers.", "phase.", "head.bias", "crossattention", "router")
    assert all(any(part in name for part in new) for name in trained - adapters)
    assert {name.split(".")[0] for name in trained} == {"bert", "decoder", "head", "phase", "pointers"}
    assert steps[EXPERT] == steps[EMBEDDINGS] == inf


def outputs(model: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(5, 300, (2, 9), generator=torch.Generator().manual_seed(1))
    encoded = model.encode(ids, phase=ids % 3)
    return encoded, model.decode(model.embed(ids), encoded)


def test_adapters_begin_as_nothing_and_end_in_the_weights() -> None:
    model = random_network()
    before, names = outputs(model), list(model.state_dict())
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    add_adapters(model, 4, 0.5, seed=3)
    for found, expected in zip(outputs(model), before, strict=True):
        assert torch.equal(found, expected)
    draws = torch.Generator().manual_seed(2)
    changes = {}
    for name, module in model.named_modules():
        if name.endswith(".parametrizations.weight.0"):
            module.up.data.normal_(generator=draws)
            own = name.replace(".parametrizations.weight.0", ".weight")
            changes[own] = 0.5 * (module.up @ module.down).detach().numpy()
    assert len(changes) == 6
    adapted = outputs(model)
    projection = model.decoder.layer[0].attention.self.Wqkv
    with torch.autocast("cpu", torch.bfloat16):
        trained = projection.weight.detach().clone()
    assert not torch.equal(adapted[1], before[1])
    merge_adapters(model)
    assert torch.equal(projection.weight, trained)
    after = model.state_dict()
    assert sorted(after) == sorted(names)
    for name, tensor in after.items():
        if name in changes:
            expected = weights[name].numpy() + changes[name]
            np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-5)
        else:
            assert torch.equal(tensor, weights[name]), name
    for found, expected in zip(outputs(model), adapted, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (
            "encoders:5",
            "--freeze encoders:5: give PART:STEPS, where PART is embeddings, encoder, decoder, "
            "cross-attention, experts, pointers, head, places",
        ),
        ("encoder", "--freeze encoder: give encoder: and a number of steps, or encoder:all"),
        ("encoder:-1", "--freeze encoder:-1: give encoder: and a number of steps, or encoder:all"),
    ],
)
def test_options_that_say_nothing(option: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        freeze_of(option)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("option", ["unfreeze_every", "adapters"])
def test_numbers_below_zero_are_refused(option: str) -> None:
    with pytest.raises(UsageError) as refused:
        TuningPlan(**{option: -1})
    assert str(refused.value) == f"--{option.replace('_', '-')} -1: give 0 or more"


def test_plans_that_train_nothing_are_refused() -> None:
    every = ("embeddings:1", "encoder:1", "decoder:1", "pointers:all", "head:1", "places:1")
    with pytest.raises(UsageError, match="no part is left to train in the first step"):
        plan_of(*every)
    with pytest.raises(UsageError, match="--adapters 49: the model is 48 wide; give a rank far below"):
        add_adapters(random_network(), 49, 1.0, 0)


def test_adapters_are_those_of_peft() -> None:
    """The oracle: the same matrices in the library's adapters, read in place and merged."""
    peft = pytest.importorskip("peft", reason="peft is not installed")
    ours, theirs = random_network(), random_network()
    add_adapters(ours, 4, 2.0, seed=3)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["Wqkv"])
    wrapped = peft.tuners.lora.LoraModel(theirs, {"default": config}, "default")
    layers = dict(theirs.named_modules())
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, module in ours.named_modules():
            if name.endswith(".parametrizations.weight.0"):
                module.up.normal_(generator=draws)
                layer = layers[name.removesuffix(".parametrizations.weight.0")]
                layer.lora_A["default"].weight.copy_(module.down)
                layer.lora_B["default"].weight.copy_(module.up)
        for found, expected in zip(outputs(ours), outputs(theirs), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        merge_adapters(ours)
    merged = wrapped.merge_and_unload().state_dict()
    assert merged.keys() == ours.state_dict().keys()
    for name, weight in ours.state_dict().items():
        torch.testing.assert_close(merged[name], weight, atol=1e-6, rtol=0)
