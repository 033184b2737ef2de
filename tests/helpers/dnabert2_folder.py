"""Folders of the published shape of DNABERT-2, small and with random weights: names as on the hub."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.published_configs import DNABERT
from helpers.tiny_model import write_bpe

VOCABULARY, WIDTH, LAYERS, HEADS, INNER = 300, 48, 3, 6, 80


def dnabert2_shapes(width: int, layers: int, inner: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """The published names, less `bert.`, and their shapes."""
    norm = {"weight": (width,), "bias": (width,)}
    parts = {
        "attention.self.Wqkv": {"weight": (3 * width, width), "bias": (3 * width,)},
        "attention.output.dense": {"weight": (width, width), "bias": (width,)},
        "attention.output.LayerNorm": norm,
        "mlp.gated_layers": {"weight": (2 * inner, width)},
        "mlp.wo": {"weight": (width, inner), "bias": (width,)},
        "mlp.layernorm": norm,
    }
    whole = {
        "embeddings.word_embeddings": {"weight": (vocabulary, width)},
        "embeddings.token_type_embeddings": {"weight": (2, width)},
        "embeddings.LayerNorm": norm,
        **{f"encoder.layer.{n}.{name}": part for n in range(layers) for name, part in parts.items()},
        "pooler.dense": {"weight": (width, width), "bias": (width,)},
    }
    return {f"{name}.{leaf}": shape for name, part in whole.items() for leaf, shape in part.items()}


def write_dnabert2(folder: Path, seed: int = 5) -> Path:
    """A folder as on the hub, with the head of masked tokens and the tokenizer; no weight is 0 or 1."""
    import torch
    from safetensors.torch import save_file

    config = DNABERT["DNABERT-2-117M, latest revision"] | {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": INNER, "vocab_size": VOCABULARY,
    }  # fmt: skip
    draws = torch.Generator().manual_seed(seed)
    shapes = {
        f"bert.{name}": shape for name, shape in dnabert2_shapes(WIDTH, LAYERS, INNER, VOCABULARY).items()
    }
    shapes |= {
        "cls.predictions.transform.dense.weight": (WIDTH, WIDTH),
        "cls.predictions.transform.dense.bias": (WIDTH,),
        "cls.predictions.transform.LayerNorm.weight": (WIDTH,),
        "cls.predictions.transform.LayerNorm.bias": (WIDTH,),
        "cls.predictions.decoder.weight": (VOCABULARY, WIDTH),
        "cls.predictions.decoder.bias": (VOCABULARY,),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    weights = {name: 0.3 * torch.randn(shape, generator=draws) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    return write_bpe(folder, VOCABULARY)
