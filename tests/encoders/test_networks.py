"""Networks against those of transformers and plain reimplementations; damaged model folders."""

import json
import logging
import math
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.dnabert2_folder import dnabert2_shapes
from helpers.gena_reference import GenaReference, gena_shapes
from helpers.published_configs import DNABERT, GENA, NUCLEOTIDE
from helpers.tiny_model import shrunk

from genome_index.errors import ModelError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import huggingface_hub  # it comes with transformers
from safetensors.torch import load_file, save_file

from genome_index.encoders.checkpoint import (
    Sizes,
    _downloaded,
    digest,
    find_model,
    licence_notice,
    read_weights,
)
from genome_index.encoders.networks.dnabert2 import DnaBert2, alibi_slopes
from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer, Variant, variant_of
from genome_index.encoders.networks.onednn import lay_out
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.encoders.networks.performer_folder import write_slim
from genome_index.encoders.networks.transformers_native import Native

torch.set_num_threads(1)

WHOLE = (
    "give a folder with config.json, weights and tokenizer files: --encoder FOLDER, or --model FOLDER "
    "for an existing index"
)
AGAIN = "download the model again"
APART = "config.json and weights are not of one model: download both again"
NO_CODE = (
    "gindex never runs code that comes with a model, for it could do anything on this computer; choose a "
    "Nucleotide Transformer v1 or v2, DNABERT-2, DNABERT-S, GENA-LM, or a model without code of its own "
    "whose type transformers has"
)
SAME_CODE = (
    "or copy the folder and take auto_map out of config.json, if its authors say that their code is "
    "transformers' Bert unchanged"
)
DEVICE_DRIVER = Path(__file__).parents[1] / "helpers" / "device_driver.py"
NEAR = {"atol": 1e-5, "rtol": 0}


@dataclass
class Made:
    """A checkpoint in a folder, and what computes the hidden states that are right."""

    folder: Path
    reference: Callable[[torch.Tensor, torch.Tensor], list[torch.Tensor]]

    @property
    def config(self) -> dict:
        return json.loads((self.folder / "config.json").read_text())

    def configure(self, **changes) -> None:
        kept = {**self.config, **changes}
        kept = {key: value for key, value in kept.items() if value is not ...}
        (self.folder / "config.json").write_text(json.dumps(kept))


# -- eight small models -------------------------------------------------------------------------------------


def randomise(module):
    """Every weight anew, those that begin as 0 and 1 too: a bias or a norm that is left out must show."""
    torch.manual_seed(4)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter.data, 0.0, 0.3)
    return module.eval().requires_grad_(False)


def save(folder: Path, config: dict, weights: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")


def esm_config(**changes) -> dict:
    return {
        "model_type": "esm", "vocab_size": 4105, "hidden_size": 64, "num_hidden_layers": 3,
        "num_attention_heads": 4, "intermediate_size": 96, "max_position_embeddings": 66, "pad_token_id": 1,
        "mask_token_id": 2, "layer_norm_eps": 1e-12, "emb_layer_norm_before": False, "token_dropout": True,
        "position_embedding_type": "absolute", "tie_word_embeddings": False,
    } | changes  # fmt: skip


def esm_states(model) -> Callable:
    return lambda ids, mask: list(model.esm(ids, mask.long(), output_hidden_states=True).hidden_states)


def version_1(folder: Path, **changes) -> Made:
    """As published: EsmForMaskedLM's own names."""
    config = esm_config(**changes)
    model = randomise(transformers.EsmForMaskedLM(transformers.EsmConfig(**config)))
    save(folder, config, model.state_dict())
    return Made(folder, esm_states(model))


class Swiglu(torch.nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(width, 2 * inner, bias=False)

    def forward(self, states):
        both = self.dense(states)
        inner = both.shape[-1] // 2
        return both[..., :inner] * torch.sigmoid(both[..., :inner]) * both[..., inner:]


def version_2(folder: Path, frequencies: torch.dtype = torch.float32, **changes) -> Made:
    """As published: rotary, gated, frequencies in each block; the reference is Esm with other inner parts."""
    config = shrunk(NUCLEOTIDE["nucleotide-transformer-v2-50m-multi-species"], 3, 64, 2050)
    config |= {"intermediate_size": 96} | changes
    known = {key: value for key, value in config.items() if key not in ("auto_map", "add_bias_fnn")}
    model = transformers.EsmForMaskedLM(transformers.EsmConfig(**known))
    for layer in model.esm.encoder.layer:
        layer.intermediate = Swiglu(config["hidden_size"], config["intermediate_size"])
        layer.output.dense = torch.nn.Linear(config["intermediate_size"], config["hidden_size"], bias=False)
    rotary = model.esm.rotary_embeddings
    rotary.inv_freq = rotary.inv_freq.to(frequencies).float()
    weights = dict(randomise(model).state_dict())
    own = weights.pop("esm.rotary_embeddings.inv_freq")
    for number in range(config["num_hidden_layers"]):
        weights[f"esm.encoder.layer.{number}.attention.self.rotary_embeddings.inv_freq"] = own.clone()
    weights["esm.embeddings.position_embeddings.weight"] = torch.zeros(3, 3)  # published, and without a use
    save(folder, config, weights)
    return Made(folder, esm_states(model))


def dnabert2_states(weights: dict, heads: int, slopes: list[float]) -> Callable:
    """The forward pass of the paper, one sequence and one head at a time."""

    def linear(states, name):
        product = states @ weights[f"{name}.weight"].T
        return product + weights[f"{name}.bias"] if f"{name}.bias" in weights else product

    def norm(states, name):
        states = states - states.mean(-1, keepdim=True)
        states = states / (states.square().mean(-1, keepdim=True) + 1e-12).sqrt()
        return states * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attend(states, mask, name):
        parts = [part.chunk(heads, dim=-1) for part in linear(states, f"{name}.self.Wqkv").chunk(3, dim=-1)]
        found = []
        for query, key, value, slope in zip(*parts, slopes, strict=True):
            at = torch.arange(len(states))
            scores = query @ key.T / math.sqrt(query.shape[-1]) - slope * (at[:, None] - at[None, :]).abs()
            found.append((scores + -10_000.0 * ~mask).softmax(-1) @ value)
        return norm(states + linear(torch.cat(found, -1), f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def one(ids, mask):
        words = weights["embeddings.word_embeddings.weight"][ids]
        states = norm(words + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        yield states
        for number in range(sum(name.endswith("mlp.wo.weight") for name in weights)):
            block = f"encoder.layer.{number}"
            states = attend(states, mask, f"{block}.attention")
            gate, value = linear(states, f"{block}.mlp.gated_layers").chunk(2, dim=-1)
            inner = gate * (1 + torch.erf(gate / math.sqrt(2))) / 2 * value
            states = norm(states + linear(inner, f"{block}.mlp.wo"), f"{block}.mlp.layernorm")
            yield states

    return lambda ids, mask: [
        torch.stack(layer) for layer in zip(*(one(*row) for row in zip(ids, mask, strict=True)), strict=True)
    ]


def dnabert2(folder: Path) -> Made:
    torch.manual_seed(5)
    config = DNABERT["DNABERT-2-117M, latest revision"] | {
        "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 80,
    }  # fmt: skip
    shapes = dnabert2_shapes(48, 3, 80, 4096)
    weights = {name: 0.3 * torch.randn(shape) for name, shape in shapes.items()}
    heads = {"cls.predictions.transform.dense.weight": torch.zeros(48, 48)}
    save(folder, config, {f"bert.{name}": tensor for name, tensor in weights.items()} | heads)
    return Made(folder, dnabert2_states(weights, 6, [2.0**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]))


def gena_states(weights: dict, heads: int, epsilon: float) -> Callable:
    reference = GenaReference({name: one.double().numpy() for name, one in weights.items()}, heads, epsilon)

    def states(ids, mask):
        layers = [torch.zeros(*ids.shape, weights["embeddings.LayerNorm.weight"].numel()) for _ in range(4)]
        for row, length in enumerate(mask.sum(1).tolist()):
            found = reference.states(ids[row, :length].numpy())
            for layer, one in zip(layers, found, strict=True):
                layer[row, :length] = torch.from_numpy(one)
        return layers

    return states


def gena(folder: Path, name: str = "gena-lm-bert-large-t2t") -> Made:
    """As published: BERT's names, but for the norms, and the head of a masked language model."""
    torch.manual_seed(6)
    config = shrunk(GENA[name], 3, 48, 512)
    shapes = gena_shapes(48, 3, 96, last=config.get("last_layer_norm", True))
    weights = {name: 0.3 * torch.randn(shape) for name, shape in shapes.items()}
    others = {"cls.predictions.bias": torch.zeros(9), "bert.embeddings.position_ids": torch.arange(512)[None]}
    save(folder, config, {f"bert.{name}": tensor for name, tensor in weights.items()} | others)
    return Made(folder, gena_states(weights, 4, config["layer_norm_eps"]))


def native(kind: str, head: str, **settings) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        shared = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 3} | settings
        model = getattr(transformers, head)(getattr(transformers, f"{kind}Config")(**shared))
        model = randomise(model)
        model.config.save_pretrained(folder)
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}  # untied
        save_file(weights, folder / "model.safetensors")
        body = getattr(model, model.base_model_prefix)

        def states(ids, mask):
            found = body(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True)
            return [*found.hidden_states[:-1], found.last_hidden_state]

        return Made(folder, states)

    return make


SMALL = {"num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 64}
KINDS = {
    "version 1": version_1,
    "version 2": version_2,
    "DNABERT-2": dnabert2,
    "GENA-LM": gena,
    "Bert": native("Bert", "BertForMaskedLM", **SMALL),
    "ModernBert": native(
        "ModernBert", "ModernBertForMaskedLM", local_attention=8, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, cls_token_id=1, sep_token_id=2, **SMALL,
    ),
    "GPTNeoX": native("GPTNeoX", "GPTNeoXForCausalLM", **SMALL),
    "Mamba2": native(
        "Mamba2", "Mamba2ForCausalLM", num_heads=8, head_dim=8, state_size=8, n_groups=2, chunk_size=8,
        tie_word_embeddings=False,
    ),
}  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: kind.replace(" ", "-"))
def made(request, tmp_path: Path) -> Made:
    return KINDS[request.param](tmp_path / "model")


@pytest.fixture
def nucleotide(tmp_path: Path) -> Made:
    return version_1(tmp_path / "model")


@pytest.fixture
def bert(tmp_path: Path) -> Made:
    return KINDS["Bert"](tmp_path / "model")


def batch(tokens: int = 40, pad: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Three rows of ids, of which the second and third end early."""
    ids = torch.randint(6, 300, (3, tokens), generator=torch.Generator().manual_seed(6))
    mask = torch.arange(tokens) < torch.tensor([tokens, tokens - 13, 5])[:, None]
    return ids.masked_fill(~mask, pad), mask


def largest_difference(found, expected, mask) -> float:
    assert len(found) == len(expected) == 4
    return max(float((mine - theirs)[mask].abs().max()) for mine, theirs in zip(found, expected, strict=True))


# -- the numbers are right ----------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["torch", "oneDNN"])
@torch.inference_mode()
def test_every_layer_is_that_of_the_reference(made, product):
    model, warnings = open_model(made.folder)
    if product == "oneDNN":
        lay_out(model)
    ids, mask = batch()
    found = list(model.hidden(ids, mask))
    assert largest_difference(found, made.reference(ids, mask), mask) < 1e-5
    assert not warnings
    assert (model.layers, model.width, model.vocabulary) == (
        3, made.config["hidden_size"], made.config["vocab_size"],
    )  # fmt: skip
    assert {one.shape for one in found} == {(*ids.shape, model.width)}


@pytest.mark.parametrize("product", ["torch", "oneDNN"])
@torch.inference_mode()
def test_padding_never_changes_a_vector(made, product):
    model, _ = open_model(made.folder)
    if product == "oneDNN":
        lay_out(model)
    ids, mask = batch()
    for row, length in enumerate(mask.sum(1).tolist()):
        for none_hidden in (mask[row : row + 1, :length], None):
            alone = model.hidden(ids[row : row + 1, :length], none_hidden)
            for together, apart in zip(model.hidden(ids, mask), alone, strict=True):
                torch.testing.assert_close(together[row, :length], apart[0], **NEAR)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_dropout": False},
        {"emb_layer_norm_before": True},
        {"hidden_size": 60, "num_attention_heads": 20},
        {"hidden_size": 35, "num_attention_heads": 5},
        {"pad_token_id": 0},
    ],
    ids=str,
)
@torch.inference_mode()
def test_variants_of_version_1(tmp_path, changes):
    made = version_1(tmp_path, **changes)
    ids, mask = batch(pad=made.config["pad_token_id"])
    found = list(open_model(made.folder)[0].hidden(ids, mask))
    assert largest_difference(found, made.reference(ids, mask), mask) < 1e-5


@pytest.mark.long
@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 48, "num_attention_heads": 4}, {"vocab_size": 69}],
    ids=str,
)
@torch.inference_mode()
def test_variants_of_version_2(tmp_path, changes):
    made = version_2(tmp_path, **changes)
    ids, mask = batch()
    ids = ids % made.config["vocab_size"]
    model, _ = open_model(made.folder)
    assert isinstance(model, NucleotideTransformer)
    assert largest_difference(list(model.hidden(ids, mask)), made.reference(ids, mask), mask) < 1e-5


@torch.inference_mode()
def test_rotary_frequencies_come_from_the_file_where_it_has_them(tmp_path):
    ids, mask = batch(600)
    rounded = version_2(tmp_path / "rounded", frequencies=torch.float16)
    found = list(open_model(rounded.folder)[0].hidden(ids, mask))
    assert largest_difference(found, rounded.reference(ids, mask), mask) < 1e-4
    exact = version_2(tmp_path / "exact")
    assert largest_difference(found, exact.reference(ids, mask), mask) > 1e-2


@torch.inference_mode()
def test_rotary_frequencies_are_computed_where_the_file_has_none(tmp_path):
    made = version_2(tmp_path, rope_theta=500.0)
    weights = {name: one for name, one in read_weights(tmp_path).items() if "inv_freq" not in name}
    save(tmp_path, made.config, weights)
    ids, mask = batch(600)
    found = list(open_model(tmp_path)[0].hidden(ids, mask))
    assert largest_difference(found, made.reference(ids, mask), mask) < 1e-4


@torch.inference_mode()
def test_version_2_may_have_biases(tmp_path):
    made = version_2(tmp_path)
    weights, ids, mask = read_weights(tmp_path), *batch()
    before = list(open_model(tmp_path)[0].hidden(ids, mask))
    for number in range(3):
        weights[f"esm.encoder.layer.{number}.intermediate.dense.bias"] = torch.zeros(192)
        weights[f"esm.encoder.layer.{number}.output.dense.bias"] = torch.full((64,), number / 3)
    save(tmp_path, made.config, weights)
    model, warnings = open_model(tmp_path)
    after = list(model.hidden(ids, mask))
    assert not warnings
    torch.testing.assert_close(after[1], before[1], **NEAR)  # the first block's is zero
    torch.testing.assert_close(after[2], before[2] + 1 / 3, **NEAR)


@pytest.mark.parametrize(
    "said",
    [
        {"architectures": ["BertModel"]},
        {"architectures": ..., "model_type": "bert"},
        {"architectures": ..., "auto_map": {"AutoModel": "zhihan1996/DNABERT-S--bert_layers.BertModel"}},
    ],
    ids=["a bare model", "no class", "code of its own"],
)
def test_dnabert2_is_known_whatever_class_it_was_saved_from(tmp_path, said):
    made = dnabert2(tmp_path / "model")
    made.configure(**said)
    model, _ = open_model(made.folder)
    assert type(model) is DnaBert2


def test_alibi_slopes_are_those_of_the_paper():
    twelve = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    assert alibi_slopes(8) == twelve
    assert alibi_slopes(12) == pytest.approx([*twelve, 0.70710678, 0.35355339, 0.1767767, 0.08838835])


@torch.inference_mode()
def test_the_kept_bias_fits_batches_of_any_length(tmp_path):
    made = dnabert2(tmp_path)
    model, _ = open_model(tmp_path)
    for tokens in (40, 60, 21, 21):
        ids, mask = batch(tokens)
        found = list(model.hidden(ids, mask))
        assert largest_difference(found, made.reference(ids, mask), mask) < 1e-5
    assert model.most_tokens is None


@pytest.mark.long
def test_on_a_device_of_its_own_nothing_is_elsewhere_and_nobody_waits(tmp_path):
    kinds = [*KINDS, "SLiM"]
    for kind, make in KINDS.items():
        make(tmp_path / kind)
    write_slim(SlimPerformer(PerformerConfig(vocab=300)), tmp_path / "SLiM", 64)
    done = subprocess.run(
        [sys.executable, DEVICE_DRIVER, *(tmp_path / kind for kind in kinds)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    assert done.stdout.splitlines() == [
        f"{kind}, {how}: nothing" for kind in kinds for how in ("equal", "padded")
    ]


# -- the sizes are those that were published ----------------------------------------------------------------

V1, V2 = Variant(1002, token_dropout=True), Variant(2050, rotary=True, gated=True, biased=False)
PUBLISHED = [  # millions of parameters, those of the head included
    ("500m-human-ref", Sizes(4105, 1280, 24, 20, 5120), V1, 480.4),
    ("2.5b-multi-species", Sizes(4105, 2560, 32, 20, 10240), V1, 2537.3),
    ("v2-50m", Sizes(4107, 512, 12, 16, 2048), V2, 54.9),
    ("v2-100m", Sizes(4107, 512, 22, 16, 2048), V2, 96.8),
    ("v2-250m", Sizes(4107, 768, 24, 16, 3072), V2, 233.5),
    ("v2-500m", Sizes(4107, 1024, 29, 16, 4096), V2, 496.2),
]


def parameters(sizes: Sizes, variant: Variant) -> tuple[int, int]:
    """Those of the body, computed from shapes alone, and those of its head."""
    with torch.device("meta"):
        body = NucleotideTransformer(sizes, variant)
    head = sizes.width**2 + 3 * sizes.width + sizes.vocabulary * (1 + variant.rotary * sizes.width)
    return sum(parameter.numel() for parameter in body.parameters()), head


@pytest.mark.parametrize(
    ("sizes", "variant", "millions"), [row[1:] for row in PUBLISHED], ids=[r[0] for r in PUBLISHED]
)
def test_parameters_of_the_nucleotide_transformers(sizes, variant, millions):
    assert round(sum(parameters(sizes, variant)) / 1e6, 1) == millions


def test_parameters_of_the_published_v2_50m():
    """As counted on the published file, which has an unused position table and a contact head besides."""
    body, head = parameters(*PUBLISHED[2][1:3])
    assert body + 2050 * 512 + 12 * 16 + 1 == 53_534_401
    assert 53_534_401 + head == 55_904_972


def test_parameters_of_dnabert2():
    with torch.device("meta"):
        model = DnaBert2(Sizes(4096, 768, 12, 12, 3072))
    shapes = dnabert2_shapes(768, 12, 3072, 4096)
    assert sum(math.prod(shape) for shape in shapes.values()) == 117_068_544
    assert {name: tuple(one.shape) for name, one in model.state_dict().items()} == {
        name: shape for name, shape in shapes.items() if not name.startswith("pooler.")
    }


def test_settings_that_are_not_given_are_those_of_esm():
    assert variant_of({}, PUBLISHED[0][1], {}, "model") == Variant(1026, pad=1)


@pytest.mark.parametrize(("variant", "most"), [(V1, 1000), (V2, 2048)], ids=["version 1", "version 2"])
def test_no_more_tokens_than_positions(variant, most):
    model = NucleotideTransformer(Sizes(4107, 8, 1, 2, 8), variant).eval().requires_grad_(False)
    assert model.most_tokens == most
    mask = torch.ones(1, most, dtype=torch.bool)
    last = list(model.hidden(mask.long() * 7, mask))[-1]  # they all fit
    assert bool(last.isfinite().all())
    mask = torch.ones(1, most + 1, dtype=torch.bool)
    with pytest.raises(ModelError, match=f"{most + 1:,} tokens are more than its {most:,}"):
        next(model.hidden(mask.long() * 7, mask))


def test_most_tokens_of_other_models(tmp_path):
    most = {
        kind: open_model(KINDS[kind](tmp_path / kind).folder)[0].most_tokens
        for kind in ("Bert", "ModernBert", "GPTNeoX", "Mamba2")
    }
    assert most == {"Bert": 64, "ModernBert": 64, "GPTNeoX": 64, "Mamba2": None}
    roberta = native("Roberta", "RobertaForMaskedLM", pad_token_id=1, **SMALL)(tmp_path / "Roberta")
    model, _ = open_model(roberta.folder)
    assert model.most_tokens == 62
    ids, mask = batch(62)
    assert len(list(model.hidden(ids, mask))) == 4


@pytest.mark.parametrize("kind", ["version 1", "DNABERT-2"])
def test_blocks_that_nobody_asks_for_are_not_computed(tmp_path, kind):
    model, _ = open_model(KINDS[kind](tmp_path).folder)
    computed = []
    for number, block in enumerate(model.encoder.layer, 1):
        block.register_forward_hook(lambda *_, number=number: computed.append(number))
    states = model.hidden(*batch())
    next(states), next(states)
    assert computed == [1]


@torch.inference_mode()
def test_every_model_can_be_moved_to_half_precision(made):
    model, _ = open_model(made.folder)
    ids, mask = batch()
    exact = list(model.hidden(ids, mask))
    rounded = list(model.to(torch.bfloat16).hidden(ids, mask))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    for mine, theirs in zip(rounded, exact, strict=True):
        assert float((mine - theirs)[mask].norm() / theirs[mask].norm()) < 0.03


@pytest.mark.parametrize("kind", ["ModernBert", "GPTNeoX"])
def test_rotary_frequencies_are_never_rounded(tmp_path, kind):
    model, _ = open_model(KINDS[kind](tmp_path).folder)
    before = {name: one.clone() for name, one in model.named_buffers() if one.is_floating_point()}
    after = dict(model.to(torch.bfloat16).named_buffers())
    assert before
    for name, one in before.items():
        assert torch.equal(one, after[name])
        assert after[name].dtype == torch.float32


# -- files in all forms -------------------------------------------------------------------------------------


def as_one_bin(folder: Path, weights: dict) -> None:
    torch.save(weights, folder / "pytorch_model.bin")


def as_old_bin(folder: Path, weights: dict) -> None:
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def as_shards(folder: Path, weights: dict, name: str, write: Callable) -> None:
    stem, suffix = name.rsplit(".", 1)
    shards = {f"{stem}-{at + 1:05}-of-00002.{suffix}": sorted(weights)[at::2] for at in (0, 1)}
    for shard, names in shards.items():
        write({one: weights[one] for one in names}, folder / shard)
    where = {one: shard for shard, names in shards.items() for one in names}
    (folder / f"{name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def as_shards_of_safetensors(folder: Path, weights: dict) -> None:
    as_shards(folder, weights, "model.safetensors", save_file)


def as_shards_of_bin(folder: Path, weights: dict) -> None:
    as_shards(folder, weights, "pytorch_model.bin", torch.save)


@pytest.mark.parametrize("form", [as_one_bin, as_old_bin, as_shards_of_safetensors, as_shards_of_bin])
@torch.inference_mode()
def test_weights_in_another_form_are_the_same_model(made, form):
    ids, mask = batch()
    before = list(open_model(made.folder)[0].hidden(ids, mask))
    weights = read_weights(made.folder)
    (made.folder / "model.safetensors").unlink()
    form(made.folder, weights)
    after = list(open_model(made.folder)[0].hidden(ids, mask))
    assert all(torch.equal(*both) for both in zip(before, after, strict=True))


@torch.inference_mode()
def test_names_may_come_without_the_prefix_of_a_head(made):
    ids, mask = batch()
    before = list(open_model(made.folder)[0].hidden(ids, mask))
    prefix = re.compile(r"^(esm|bert|model|gpt_neox|backbone)\.")
    weights = read_weights(made.folder)
    bare = {prefix.sub("", name): one for name, one in weights.items() if prefix.match(name)}
    save(made.folder, made.config, bare)
    after = list(open_model(made.folder)[0].hidden(ids, mask))
    assert 0 < len(bare) < len(weights)
    assert all(torch.equal(*both) for both in zip(before, after, strict=True))


def test_half_precision_is_read_as_float32(made):
    weights = read_weights(made.folder)
    save(made.folder, made.config, {name: one.half() for name, one in weights.items()})
    made.configure(dtype="float16")
    model, _ = open_model(made.folder)
    assert {one.dtype for one in model.state_dict().values() if one.is_floating_point()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(module.training for module in model.modules())


def test_safetensors_are_taken_before_bin(nucleotide):
    (nucleotide.folder / "pytorch_model.bin").write_bytes(b"nonsense")
    open_model(nucleotide.folder)


def test_heads_are_no_warning(tmp_path):
    made = KINDS["ModernBert"](tmp_path)
    heads = ("lm_head", "cls.predictions", "pooler.dense", "contact_head.regression", "embed_out", "decoder")
    save(tmp_path, made.config, read_weights(tmp_path) | {f"{head}.weight": torch.zeros(2) for head in heads})
    assert not open_model(tmp_path)[1]


def test_names_without_a_place_are_a_warning(made):
    weights = read_weights(made.folder)
    stray = {f"adapter.{letter}": torch.zeros(2) for letter in "fabdce"}
    save(made.folder, made.config, weights | stray)
    known = "adapter.a, adapter.b, adapter.c, adapter.d, adapter.e and 1 more"
    assert open_model(made.folder)[1] == [f"{made.folder}: weights that the model does not use: {known}"]


# -- what cannot be used is said in a sentence --------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_model(find_model(str(folder)))
    assert caught.value.path in (
        str(folder),
        str(folder / "model.safetensors"),
        str(folder / "pytorch_model.bin"),
    )
    return caught.value.reason


def test_a_missing_weight_is_named(made):
    weights = read_weights(made.folder)
    name = next(name for name in weights if "layer" in name and "inv_freq" not in name)
    del weights[name]
    save(made.folder, made.config, weights)
    said = refused(made.folder)
    short = re.sub(r"^(esm|bert|model|gpt_neox|backbone)\.", "", name)
    assert said == f"its weights lack {short}; {APART}"


def test_a_weight_of_another_shape_is_named(made):
    weights = read_weights(made.folder)
    name = next(name for name, one in weights.items() if "layer" in name and one.ndim == 2)
    rows, columns = weights[name].shape
    weights[name] = torch.zeros(rows, columns + 1)
    save(made.folder, made.config, weights)
    short = re.sub(r"^(esm|bert|model|gpt_neox|backbone)\.", "", name)
    shapes = f"{rows} x {columns + 1} in its weights, but config.json makes it {rows} x {columns}"
    assert refused(made.folder) == f"{short} is {shapes}; {APART}"


def test_how_many_are_missing(nucleotide):
    save(nucleotide.folder, nucleotide.config, {"lm_head.bias": torch.zeros(2)})
    first = "embeddings.word_embeddings.weight (and 51 more like it)"
    assert refused(nucleotide.folder) == f"its weights lack {first}; {APART}"


def test_how_many_are_misshapen(nucleotide):
    nucleotide.configure(vocab_size=4107, max_position_embeddings=1002)
    first = (
        "embeddings.word_embeddings.weight is 4105 x 64 in its weights, but config.json makes it 4107 x 64"
    )
    assert refused(nucleotide.folder) == f"{first} (and 1 more like it); {APART}"


def cut(made: Made) -> None:
    whole = (made.folder / "model.safetensors").read_bytes()
    (made.folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def cut_bin(made: Made) -> None:
    as_one_bin(made.folder, read_weights(made.folder))
    (made.folder / "model.safetensors").unlink()
    whole = (made.folder / "pytorch_model.bin").read_bytes()
    (made.folder / "pytorch_model.bin").write_bytes(whole[: len(whole) // 2])


def empty_bin(made: Made) -> None:
    (made.folder / "model.safetensors").unlink()
    (made.folder / "pytorch_model.bin").write_bytes(b"")


def list_in_bin(made: Made) -> None:
    (made.folder / "model.safetensors").unlink()
    torch.save([torch.zeros(2)], made.folder / "pytorch_model.bin")


def no_shard(made: Made) -> None:
    as_shards_of_safetensors(made.folder, read_weights(made.folder))
    (made.folder / "model.safetensors").unlink()
    (made.folder / "model-00002-of-00002.safetensors").unlink()


def shard_outside(made: Made) -> None:
    (made.folder / "model.safetensors").rename(made.folder.parent / "model.safetensors")
    listed = {"weight_map": {"esm.x": "../model.safetensors"}}
    (made.folder / "model.safetensors.index.json").write_text(json.dumps(listed))


def empty_index(made: Made) -> None:
    (made.folder / "model.safetensors").unlink()
    (made.folder / "model.safetensors.index.json").write_text("{}")


def no_config(made: Made) -> None:
    (made.folder / "config.json").unlink()


def no_weights(made: Made) -> None:
    (made.folder / "model.safetensors").unlink()


def torn_config(made: Made) -> None:
    (made.folder / "config.json").write_text('{"model_type": "esm",')


def list_as_config(made: Made) -> None:
    (made.folder / "config.json").write_text("[1]")


def configured(**changes) -> Callable[[Made], None]:
    return lambda made: made.configure(**changes)


NO_NUMBER = "config.json gives no {}, or none that is a positive number"
NO_POSITIVE = "config.json: {} is {}, which is no positive number"
NO_SHARD = "{}, which model.safetensors.index.json lists, is not in the folder"
OWN_CODE = "its model type {} needs code that comes with it (auto_map)"
ZIP = "PytorchStreamReader failed reading zip archive: failed finding central directory"
JSON = "Expecting property name enclosed in double quotes: line 1 column 22 (char 21)"
OWN = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
WRONG = [
    (
        cut,
        "it cannot be read (Error while deserializing header: incomplete metadata, file not fully covered)",
        AGAIN,
    ),
    (cut_bin, f"it cannot be read ({ZIP})", AGAIN),
    (empty_bin, "it is damaged, or contains more than tensors", AGAIN),
    (list_in_bin, "it has no tensors by name, so it is not a model's weights", ""),
    (no_shard, NO_SHARD.format("model-00002-of-00002.safetensors"), AGAIN),
    (shard_outside, NO_SHARD.format("../model.safetensors"), AGAIN),
    (empty_index, "model.safetensors.index.json lists no files of weights", AGAIN),
    (no_config, "there is no config.json in it", WHOLE),
    (no_weights, "there are no weights in it, neither model.safetensors nor pytorch_model.bin", WHOLE),
    (torn_config, f"config.json cannot be read ({JSON})", AGAIN),
    (list_as_config, "config.json is not a JSON object of settings", AGAIN),
    (configured(hidden_size=...), NO_NUMBER.format("hidden_size"), AGAIN),
    (configured(num_hidden_layers="3"), NO_NUMBER.format("num_hidden_layers"), AGAIN),
    (configured(intermediate_size=0), NO_NUMBER.format("intermediate_size"), AGAIN),
    (configured(layer_norm_eps="x"), NO_POSITIVE.format("layer_norm_eps", "'x'"), AGAIN),
    (configured(max_position_embeddings="x"), NO_POSITIVE.format("max_position_embeddings", "'x'"), AGAIN),
    (configured(rope_theta=-1), NO_POSITIVE.format("rope_theta", "-1"), AGAIN),
    (configured(pad_token_id=-1), "config.json: pad_token_id is -1, which is no token", AGAIN),
    (configured(num_attention_heads=7), "config.json: 7 heads cannot share a hidden_size of 64", AGAIN),
    (configured(model_type=...), "config.json names no model_type", NO_CODE),
    (configured(model_type="hyena"), "transformers has no model type 'hyena'", NO_CODE),
    (configured(model_type="hyena", auto_map=OWN), OWN_CODE.format("'hyena'"), NO_CODE),
    (configured(model_type=..., auto_map=OWN), OWN_CODE.format("None"), NO_CODE),
    (
        configured(model_type="bert", hidden_size="x"),
        "config.json does not describe a model (Validation error for field 'hidden_size':)",
        AGAIN,
    ),
    (
        configured(model_type="t5", is_encoder_decoder=True),
        "t5 is an encoder with a decoder; an encoder or a decoder alone is needed",
        "",
    ),
    (
        configured(model_type="bert", quantization_config={}),
        "its weights are quantised, which gindex cannot read; take the full ones",
        "",
    ),
    (configured(model_type="vit"), "vit is not a model of text, so it cannot read a genome", ""),
]


@pytest.mark.parametrize(("damage", "said", "cure"), WRONG, ids=[row[1][:45] for row in WRONG])
def test_what_is_wrong_is_reported(nucleotide, damage, said, cure):
    damage(nucleotide)
    assert refused(nucleotide.folder) == (f"{said}; {cure}" if cure else said)


def test_an_error_reads_as_a_sentence(tmp_path):
    with pytest.raises(ModelError) as caught:
        find_model(str(tmp_path / "model"))
    assert (
        str(caught.value)
        == f"{tmp_path}/model: there is no such folder, and no hub model has such a name; {WHOLE}"
    )


# -- nothing in a folder is run -----------------------------------------------------------------------------


@pytest.fixture
def witness(tmp_path: Path, monkeypatch) -> Path:
    """A file that is there once code of a model has run; and nobody is asked whether it may."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked at the terminal"))
    return tmp_path / "it-ran"


def test_code_beside_a_model_is_not_run(bert, witness):
    for name in ("own.py", "modeling_bert.py"):
        (bert.folder / name).write_text(f"open({str(witness)!r}, 'w')\nraise SystemExit")
    bert.configure(auto_map={"AutoConfig": "own.Config", "AutoModel": "own.Model"})
    assert refused(bert.folder) == (
        "config.json names code of its own that computes it (auto_map: own.Model); transformers has a class "
        "for its model type 'bert', but nothing says that the two compute the same; "
        f"{NO_CODE}; {SAME_CODE}"
    )
    bert.configure(model_type="own")
    assert refused(bert.folder).endswith(NO_CODE)
    assert not witness.exists()


class Bomb:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_code_in_pickled_weights_is_not_run(bert, witness):
    (bert.folder / "model.safetensors").unlink()
    for write in (
        lambda path: path.write_bytes(pickle.dumps({"bert.x": Bomb(str(witness))})),
        lambda path: torch.save({"bert.x": Bomb(str(witness))}, path),
    ):
        write(bert.folder / "pytorch_model.bin")
        assert refused(bert.folder) == f"it is damaged, or contains more than tensors; {AGAIN}"
        assert not witness.exists()


@torch.inference_mode()
def test_settings_that_would_fetch_code_are_left_out(bert, no_hub):
    for key in ("attn_implementation", "_attn_implementation", "experts_implementation"):
        bert.configure(**{key: "somebody/kernel"})
    bert.configure(fusion_config={"patch_embeddings": True})
    model, _ = open_model(bert.folder)
    ids, mask = batch()
    assert largest_difference(list(model.hidden(ids, mask)), bert.reference(ids, mask), mask) < 1e-5
    assert model.network.config._attn_implementation == "sdpa"


def test_transformers_is_silent(bert, capsys, caplog):
    weights = read_weights(bert.folder)
    save(bert.folder, bert.config, weights | {"adapter.x": torch.zeros(2)})
    control, log = transformers.utils.logging, logging.getLogger("transformers")
    level = control.get_verbosity()
    control.set_verbosity(control.INFO)
    log.addHandler(caplog.handler)
    try:
        open_model(bert.folder)
        assert (control.get_verbosity(), control.is_progress_bar_enabled()) == (control.INFO, True)
    finally:
        log.removeHandler(caplog.handler)
        control.set_verbosity(level)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "Loading weights" not in capsys.readouterr().err


@torch.inference_mode()
def test_the_last_layer_is_what_comes_after_the_final_norm():
    class Network(torch.nn.Module):
        config = transformers.BertConfig(max_position_embeddings=9)
        get_input_embeddings = staticmethod(lambda: torch.nn.Embedding(7, 4))

        def forward(self, input_ids, attention_mask, output_hidden_states):
            first, second, normed = (torch.full((*input_ids.shape, 4), float(value)) for value in (1, 2, 3))
            return SimpleNamespace(hidden_states=(first, second), last_hidden_state=normed)

    model = Native(Network(), "here")
    assert (model.layers, model.width, model.vocabulary, model.most_tokens) == (1, 4, 7, 9)
    assert [float(one.mean()) for one in model.hidden(*batch())] == [1, 3]


def test_layers_that_are_not_alike_are_refused(tmp_path):
    settings = {
        "d_model": 32,
        "n_head": 4,
        "d_head": 8,
        "d_inner": 48,
        "block_sizes": [1, 1],
        "vocab_size": 300,
    }
    model = transformers.FunnelModel(transformers.FunnelConfig(**settings))
    save(tmp_path, model.config.to_dict(), model.state_dict())
    assert refused(tmp_path) == "its layers differ in length or width, so they cannot be pooled"


# -- the hub ------------------------------------------------------------------------------------------------


@pytest.fixture
def no_hub(monkeypatch, tmp_path: Path) -> None:
    """The hub is a port of this computer where nobody listens."""
    _downloaded.cache_clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    hub_is_at(monkeypatch, "http://127.0.0.1:9")


def hub_is_at(monkeypatch, endpoint: str) -> None:
    """What HF_ENDPOINT does, which is read but once."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    whole = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", whole)


@contextmanager
def hub(files: dict[str, bytes], asked: list[str]):
    """A hub with one model, me/mine, and whatever else it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/api/models/me/mine/revision/main":
                self.answer(json.dumps({"id": "me/mine", "sha": "a" * 40}).encode())
            elif path.startswith("/api/models/me/mine/tree/"):
                listed = [
                    {"type": "file", "path": name, "size": len(text), "oid": name}
                    for name, text in files.items()
                ]
                self.answer(json.dumps(listed).encode())
            elif path.startswith("/me/mine/resolve/"):
                name = path.split("/", 5)[5]
                asked.append(name)
                self.answer(files[name], {"ETag": f'"{name}"', "X-Repo-Commit": "a" * 40})
            else:
                self.answer(b"", {"X-Error-Code": "GatedRepo" if "gated" in path else "RepoNotFound"}, 404)

        do_HEAD = do_GET  # noqa: N815  # the name is http.server's

        def answer(self, text: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def on_the_hub(monkeypatch, files: dict[str, bytes], name: str = "me/mine") -> tuple[Path, set[str]]:
    asked: list[str] = []
    with hub(files, asked) as endpoint:
        hub_is_at(monkeypatch, endpoint)
        return find_model(name), set(asked)


def test_a_hub_model_is_downloaded_without_its_code(no_hub, monkeypatch, nucleotide):
    files = {path.name: path.read_bytes() for path in nucleotide.folder.iterdir()}
    card = b"---\nlicense: mit\n---\n"
    more = {
        "vocab.txt": b"A",
        "README.md": card,
        "own.py": b"raise",
        "pytorch_model.bin": b"x",
        "onnx/config.json": b"{}",
    }
    folder, asked = on_the_hub(monkeypatch, files | more)
    assert asked == {"config.json", "model.safetensors", "vocab.txt", "README.md"}
    open_model(folder)
    hub_is_at(monkeypatch, "http://127.0.0.1:9")
    assert find_model("me/mine") == folder
    _downloaded.cache_clear()
    assert find_model("me/mine") == folder  # it is here now


def test_the_published_version_2_opens_from_the_hub(no_hub, monkeypatch, tmp_path):
    made = version_2(tmp_path / "made")
    files = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    code = {"esm_config.py": b"raise", "modeling_esm.py": b"raise"}
    folder, asked = on_the_hub(monkeypatch, files | code)
    assert "model_type" not in json.loads(files["config.json"])
    assert asked == set(files)
    assert isinstance(open_model(folder)[0], NucleotideTransformer)


def test_a_hub_model_without_safetensors(no_hub, monkeypatch, nucleotide):
    as_one_bin(nucleotide.folder, read_weights(nucleotide.folder))
    (nucleotide.folder / "model.safetensors").unlink()
    files = {path.name: path.read_bytes() for path in nucleotide.folder.iterdir()}
    folder, asked = on_the_hub(monkeypatch, files | {"training_args.bin": b"x", "own.py": b"raise"})
    assert asked == {"config.json", "pytorch_model.bin"}
    open_model(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("me/none", "there is no such folder, and the hub has no such model (or it is private)"),
        (
            "me/gated",
            "the hub gives this model only to users who accepted its terms there and ran `hf auth login`",
        ),
    ],
)
def test_a_hub_that_says_no(no_hub, monkeypatch, name, said):
    with pytest.raises(ModelError) as caught:
        on_the_hub(monkeypatch, {}, name)
    assert str(caught.value) == f"{name}: {said}; {WHOLE}"


def test_a_hub_that_cannot_be_reached(no_hub, monkeypatch):
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        find_model("me/mine")
    said = r"there is no such folder, and the hub cannot be reached \(.*[Rr]efused.*\); "
    assert re.fullmatch(said + re.escape(WHOLE), caught.value.reason)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        find_model("me/mine")
    said = "there is no such folder, and HF_HUB_OFFLINE forbids a download"
    assert caught.value.reason == f"{said}; {WHOLE}"
    assert time.monotonic() - start < 5


def test_a_hub_model_of_several_bin_files(no_hub, monkeypatch, nucleotide):
    weights = load_file(nucleotide.folder / "model.safetensors")
    (nucleotide.folder / "model.safetensors").unlink()
    as_shards_of_bin(nucleotide.folder, weights)
    files = {path.name: path.read_bytes() for path in nucleotide.folder.iterdir()}
    folder, asked = on_the_hub(monkeypatch, files)
    assert asked == set(files)
    assert not open_model(folder)[1]


@pytest.mark.parametrize("name", ["mine", "../me/mine", "me/mine/", "/me/mine", "a b/c", ""])
def test_what_is_no_hub_name_is_not_asked_for(no_hub, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ModelError, match="there is no such folder, and no hub model has such a name|no config.json"
    ):
        find_model(name)


# -- digest and licence -------------------------------------------------------------------------------------


def test_a_digest_is_of_what_changes_a_vector(nucleotide, tmp_path):
    folder = nucleotide.folder
    (folder / "vocab.txt").write_text("A")
    before = digest(folder)
    assert re.fullmatch("[0-9a-f]{16}", before)
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    for name in ("README.md", "generation_config.json", "training_args.bin", "own.py", "pytorch_model.bin"):
        (moved / name).write_text("x")
    assert digest(moved) == before

    weights = read_weights(moved)
    weights["esm.encoder.layer.2.LayerNorm.bias"][3] += 1e-6
    save(moved, nucleotide.config, weights)
    changed = {before, digest(moved)}
    (moved / "vocab.txt").write_text("C")
    changed.add(digest(moved))
    (moved / "vocab.txt").rename(moved / "vocab.json")
    changed.add(digest(moved))
    Made(moved, nucleotide.reference).configure(token_dropout=False)
    changed.add(digest(moved))
    as_shards_of_safetensors(moved, weights)
    (moved / "model.safetensors").unlink()
    changed.add(digest(moved))
    assert len(changed) == 6


NOT_COMMERCIAL = "the Nucleotide Transformer's weights are CC BY-NC-SA 4.0: not for commercial use."
CARD = "its model card gives the licence {}: not for commercial use."
SIX_MER = {"model_type": "esm", "vocab_size": 4107}


@pytest.mark.parametrize(
    ("config", "card", "said"),
    [
        ({}, "", ""),
        (SIX_MER, "", NOT_COMMERCIAL),
        (SIX_MER | {"vocab_size": 4105}, "", NOT_COMMERCIAL),
        (SIX_MER | {"vocab_size": 33}, "", ""),
        (SIX_MER | {"model_type": "bert"}, "", ""),
        ({}, "---\nlicense: cc-by-nc-4.0\n---\n", CARD.format("cc-by-nc-4.0")),
        ({}, "---\ntags: [dna]\nlicense: 'CC-BY-NC-SA-4.0'\n---\n", CARD.format("CC-BY-NC-SA-4.0")),
        ({}, "---\nlicense: apache-2.0\n---\nlicense: cc-by-nc-4.0", ""),
        ({}, "---\nlicense: ncsa\n---\n", ""),
        ({}, "---\nlicense:\n- cc-by-nc-4.0\n", ""),
        ({}, "---\nlicense:\n- mit\n- cc-by-nc-4.0\ntags:\n- dna\n---\n", CARD.format("mit cc-by-nc-4.0")),
        ({}, "---\nlicense: [cc-by-nc-4.0]\n---\n", CARD.format("cc-by-nc-4.0")),
        ({}, "---\nlicense: CC BY-NC-SA 4.0\n---\n", CARD.format("CC BY-NC-SA 4.0")),
        ({}, "---\nlicense: other\nlicense_name: cc-by-nc-4.0\n---\n", CARD.format("other, cc-by-nc-4.0")),
        ({}, "---\nlicense: mit\nlicense_link: nc\n---\n", ""),
        ({}, "license: cc-by-nc-4.0", ""),
    ],
    ids=range(16),
)
def test_licence(tmp_path, config, card, said):
    if card:
        (tmp_path / "README.md").write_text(card)
    assert licence_notice("me/mine", config, tmp_path) == (f"me/mine: {said}" if said else "")


def test_a_model_card_may_be_in_any_encoding(tmp_path):
    (tmp_path / "README.md").write_bytes(b"---\nauthor: Andr\xe9\nlicense: cc-by-nc-4.0\n---\n")
    assert licence_notice("me/mine", {}, tmp_path) == f"me/mine: {CARD.format('cc-by-nc-4.0')}"


def test_licence_by_name(tmp_path):
    name = "InstaDeepAI/nucleotide-transformer-v2-50m-3mer-multi-species"
    assert licence_notice(name, {}, tmp_path) == f"{name}: {NOT_COMMERCIAL}"
