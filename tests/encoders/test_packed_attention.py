"""Chunks end to end instead of padded, batches of equal chunks, and the note on bfloat16."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from helpers.tiny_model import write_tiny_model

from genome_index.encoders import batching, loaded_model, open_encoder
from genome_index.encoders.batching import Device, packed, padded, run, similar_lengths
from genome_index.encoders.language_model import Transformer
from genome_index.encoders.layer_sweep import read_layers
from genome_index.encoders.networks import packed_attention as attention
from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.pooling import TOKEN_POOLS
from genome_index.encoders.tokenizers.sixmers import SixMers
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec, Reading

torch.set_num_threads(1)

SIZES = (5, 1, 63, 17, 17, 40)
CPU = Device("cpu", 2_048)


class Framed(SixMers):
    """Six-mers with a special token after each chunk too."""

    def __init__(self) -> None:
        super().__init__(2)
        self.after = (4,)


def chunks(sizes: tuple[int, ...] = SIZES) -> list[np.ndarray]:
    draws = np.random.default_rng(0)
    return [draws.integers(6, 4_102, size) for size in sizes]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("tokenizer", [SixMers(2), Framed()], ids=["cls", "cls and eos"])
@pytest.mark.parametrize("pool", ["mean", "max", "cls"])  # gem takes roots of sums near zero
def test_packed_chunks_have_the_vectors_of_padded_ones(version, tokenizer, pool, tmp_path: Path) -> None:
    model, _ = open_model(write_tiny_model(tmp_path / "model", version))
    some = chunks((5, 1, 60, 17, 17, 40))
    ids, mask, real = padded(some, tokenizer, CPU)
    row, packing, packed_real = packed(some, tokenizer, CPU)
    assert row.shape == (1, int(mask.sum()))
    assert torch.equal(packed_real, real)
    with torch.inference_mode():
        layers = list(model.hidden(ids, mask))
        packed_layers = [packing.unpacked(states) for states in model.hidden_packed(row, packing)]
    for plain, other in zip(layers, packed_layers, strict=True):
        one, two = TOKEN_POOLS[pool](plain, real), TOKEN_POOLS[pool](other, packed_real)
        assert torch.isfinite(two).all()
        assert (one - two).abs().max() <= 1e-5
        assert (plain[mask] - other[mask]).abs().max() <= 1e-5
        assert not other[~mask].any()


def test_attention_stays_within_a_chunk() -> None:
    """By hand: a softmax over the tokens of the chunk, head by head."""
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 9, 2, 4)
    ends = torch.tensor([0, 4, 5, 9], dtype=torch.int32)
    packing = batching.Packing(ends, torch.empty(0), torch.empty(0), 4)
    found = attention.packed_attention(query, key, value, packing)
    for start, end in ((0, 4), (4, 5), (5, 9)):
        for head in range(2):
            q, k, v = (part[0, start:end, head] for part in (query, key, value))
            expected = torch.softmax(q @ k.T / 2, 1) @ v
            assert (found[0, start:end, head] - expected).abs().max() <= 1e-6


def test_a_run_packs_unequal_chunks_alone() -> None:
    """Equal chunks need neither padding nor packing."""
    seen: list[str] = []

    def step(ids, mask, real):
        seen.append(f"plain {ids.shape[1] - 1} {mask is None}")
        return real.sum(1)

    def packed_step(ids, packing, real):
        seen.append(f"packed {ids.shape[1]}")
        return real.sum(1)

    sizes = (60, 60, 40, 39)
    done = list(run(chunks(sizes), SixMers(2), Device("cpu", 122), step, "model", packed_step))
    assert seen == ["plain 60 True", "packed 81"]
    rows, tokens = (np.concatenate([one[part] for one in done]) for part in (0, 1))
    assert tokens[np.argsort(rows)].tolist() == list(sizes)


def test_a_transformer_that_packs_has_the_same_vectors(model: str, monkeypatch) -> None:
    text = "".join(np.random.default_rng(2).choice(list("ACGT"), 4_000))
    contigs = tuple(Contig(str(at), text[: 200 * at].encode()) for at in range(1, 20))
    genome = Genome("g", contigs, "-")
    plain, other = (
        Transformer(model, Reading(layer="mean:1-2", chunk_tokens=50), "", Path()) for _ in range(2)
    )
    it = other.loaded
    monkeypatch.setattr(loaded_model, "packs", lambda *_: True)
    loaded_model.load.cache_clear()
    other.__dict__["loaded"] = loaded_model.load(model, other.reading)
    loaded_model.load.cache_clear()
    assert (it.packed, other.loaded.packed) == (False, True)
    calls: list[int] = []
    real = other.loaded.model.hidden_packed

    def hidden_packed(ids, packing):
        calls.append(len(packing.ends) - 1)
        return real(ids, packing)

    monkeypatch.setattr(other.loaded.model, "hidden_packed", hidden_packed)
    (one,), (two,) = plain.encode([genome]), other.encode([genome])
    assert calls
    assert np.abs(one - two).max() <= 1e-5
    calls.clear()
    (tables, _), (packed_tables, _) = read_layers(plain, [genome]), read_layers(other, [genome])
    assert calls
    for (layer, pool), values in tables.items():
        if pool != "gem":  # it takes roots of sums near zero
            assert np.abs(values - packed_tables[layer, pool]).max() <= 1e-5


def test_only_a_gpu_with_the_same_numbers_packs(monkeypatch) -> None:
    assert not attention.packs("cpu", torch.bfloat16, 32)
    monkeypatch.setattr(attention, "why_not", lambda *_: "")
    assert attention.packs("cuda", torch.bfloat16, 32)
    assert not attention.packs("cuda", torch.float32, 32)
    assert not attention.packs("cuda", torch.bfloat16, 20)
    monkeypatch.setattr(attention, "why_not", lambda *_: "it is older than Ampere")
    assert not attention.packs("cuda", torch.bfloat16, 32)


def test_torchs_function_is_called_as_it_wants_to_be(monkeypatch) -> None:
    """Its arguments, by the shapes that torch's own meta function gives; its numbers need a GPU."""
    varlen = attention._varlen()
    if varlen is None:
        pytest.skip("this torch has no varlen_attn")
    there = torch.empty(3, 1, 17, 2, 8, dtype=torch.bfloat16, device="meta")
    ends = torch.empty(5, dtype=torch.int32, device="meta")
    found = varlen(there[0][0], there[1][0], there[2][0], ends, ends, 9, 9)
    assert found.shape == (17, 2, 8)


def test_a_function_with_other_numbers_is_not_used(monkeypatch) -> None:
    """The comparison that decides, with a function that is right and one that crosses chunks."""

    def right(query, key, value, ends, _, longest, __):
        packing = batching.Packing(ends, torch.empty(0), torch.empty(0), longest)
        return attention.attention_by_chunk(query[None], key[None], value[None], packing)[0]

    def crossing(query, key, value, *_):
        parts = (part[None].transpose(1, 2) for part in (query, key, value))
        return torch.nn.functional.scaled_dot_product_attention(*parts).transpose(1, 2)[0]

    for function, same in ((right, True), (crossing, False)):

        def in_its_place(query, key, value, packing, function=function):
            return function(
                query[0], key[0], value[0], packing.ends, packing.ends, packing.longest, packing.longest
            )[None]

        monkeypatch.setattr(attention, "packed_attention", in_its_place)
        if same:
            attention._compare("cpu", 16)
        else:
            with pytest.raises(AssertionError):
                attention._compare("cpu", 16)


# -- batches of equal chunks ---------------------------------------------------------------------------------


def test_on_a_gpu_full_batches_hold_chunks_of_one_length() -> None:
    draws = np.random.default_rng(1)
    lengths = np.concatenate([np.full(900, 511), np.full(700, 512), draws.integers(20, 500, 100)])
    plain, equal = (list(similar_lengths(lengths, 65_536, 8_192, one)) for one in (False, True))
    for batches in (plain, equal):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    without = [int((lengths[rows] == lengths[rows[0]]).all() * len(rows)) for rows in equal]
    assert sum(without) >= 1_590
    assert sum(int((lengths[rows] == lengths[rows[0]]).all() * len(rows)) for rows in plain) < 1_590
    for rows in equal[:-1]:
        mixed = len(set(lengths[rows].tolist())) > 1
        assert not mixed or len(rows) * lengths[rows].max() < 8_192 + lengths[rows].max()


def test_on_a_cpu_batches_are_as_before() -> None:
    lengths = np.random.default_rng(2).integers(490, 513, 400)
    assert any(len(set(lengths[rows].tolist())) > 1 for rows in similar_lengths(lengths, 2_048, 512))


# -- bfloat16 ------------------------------------------------------------------------------------------------

PROCESSORS = {
    "AVX2": ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, False),
    "AVX512 alone": ({"avx512_f": True, "avx512_bf16": False}, False),
    "Zen 4": ({"avx512_bf16": True, "amx_bf16": False}, True),
    "Sapphire Rapids": ({"avx512_bf16": True, "amx_bf16": True}, True),
    "Graviton 3": ({"bf16": True, "sve": True}, True),
}


@pytest.mark.parametrize(("told", "there"), PROCESSORS.values(), ids=PROCESSORS)
def test_a_slow_bfloat16_is_told(told, there, model, monkeypatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    loaded_model.load.cache_clear()
    spec = IndexSpec("transformer", model, Reading(precision="bfloat16"), "")
    assert (loaded_model.SLOW_BFLOAT16 in open_encoder(spec).notes()) is not there
    loaded_model.load.cache_clear()
    assert (
        loaded_model.SLOW_BFLOAT16 not in open_encoder(IndexSpec("transformer", model, Reading(), "")).notes()
    )
    loaded_model.load.cache_clear()


def test_a_torch_that_does_not_tell_gets_no_note(monkeypatch) -> None:
    monkeypatch.setattr(loaded_model.torch, "cpu", types.SimpleNamespace())
    assert loaded_model.has_bfloat16()
