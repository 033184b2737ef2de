"""A tiny, randomly initialised Nucleotide Transformer in a folder, in the layout of the hub."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

VERSION_1 = {"vocab_size": 4105, "position_embedding_type": "absolute", "token_dropout": True}
VERSION_2 = {
    "vocab_size": 4107,
    "position_embedding_type": "rotary",
    "token_dropout": False,
    "add_bias_fnn": False,
}


def write_tiny_model(
    folder: Path, version: int = 2, positions: int = 66, layers: int = 2, width: int = 32
) -> Path:
    """config.json, vocab.txt and model.safetensors; `positions` less 2 is how many tokens it takes."""
    import torch
    from safetensors.torch import save_file

    from genome_index.encoders.checkpoint import read_sizes
    from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer, Variant

    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "esm", "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 4,
        "intermediate_size": 2 * width, "max_position_embeddings": positions, "layer_norm_eps": 1e-12,
        "pad_token_id": 1, "mask_token_id": 2, "emb_layer_norm_before": False,
        **(VERSION_1, VERSION_2)[version - 1],
    }  # fmt: skip
    torch.manual_seed(version)
    variant = Variant(
        positions, rotary=version == 2, gated=version == 2, biased=version == 1, token_dropout=version == 1
    )
    model = NucleotideTransformer(read_sizes(config, str(folder)), variant)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.normal_(0, 0.3) if tensor.dim() > 1 else tensor.add_(torch.randn_like(tensor) * 0.1)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocabulary(version)) + "\n")
    save_file(
        {f"esm.{name}": tensor for name, tensor in model.state_dict().items()}, folder / "model.safetensors"
    )
    return folder


def vocabulary(version: int) -> list[str]:
    special = ["<unk>", "<pad>", "<mask>", "<cls>", *(["<eos>", "<bos>"] if version == 2 else [])]
    return [*special, *("".join(word) for word in itertools.product("ATCG", repeat=6)), *"ATCGN"]
