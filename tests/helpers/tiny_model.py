"""Tiny models with random weights, in folders as on the hub: published settings with their sizes shrunk."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

from helpers.published_configs import DNABERT, GENA, NUCLEOTIDE, Config

PUBLISHED = {
    1: NUCLEOTIDE["nucleotide-transformer-500m-human-ref"],
    2: NUCLEOTIDE["nucleotide-transformer-v2-50m-multi-species"],
}
BPE_SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]  # of DNABERT-2 and GENA-LM, ids 0 to 4


def shrunk(config: Config, layers: int = 2, width: int = 32, positions: int = 66) -> Config:
    """Published settings with other sizes; `positions` is the size of the position table."""
    return config | {
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 4,
        "intermediate_size": 2 * width, "max_position_embeddings": positions,
    }  # fmt: skip


def write_tiny_model(
    folder: Path, version: int = 2, positions: int = 66, layers: int = 2, width: int = 32
) -> Path:
    """A Nucleotide Transformer with its vocab.txt; `positions` less 2 is how many tokens it takes."""
    import torch

    from genome_index.encoders.checkpoint import read_sizes
    from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer, Variant

    config = shrunk(PUBLISHED[version], layers, width, positions)
    torch.manual_seed(version)
    variant = Variant(
        positions, rotary=version == 2, gated=version == 2, biased=version == 1, token_dropout=version == 1
    )
    model = NucleotideTransformer(read_sizes(config, str(folder)), variant)
    _write(folder, config, model, "esm.")
    (folder / "vocab.txt").write_text("\n".join(vocabulary(version)) + "\n")
    return folder


def vocabulary(version: int) -> list[str]:
    special = ["<unk>", "<pad>", "<mask>", "<cls>", *(["<eos>", "<bos>"] if version == 2 else [])]
    return [*special, *("".join(word) for word in itertools.product("ATCG", repeat=6)), *"ATCGN"]


def write_tiny_dnabert2(folder: Path) -> Path:
    """DNABERT-2, whose config.json names no model_type in its latest revision."""
    import torch

    from genome_index.encoders.checkpoint import read_sizes
    from genome_index.encoders.networks.dnabert2 import DnaBert2

    config = shrunk(DNABERT["DNABERT-2-117M, latest revision"], positions=512) | {"vocab_size": 300}
    torch.manual_seed(3)
    _write(folder, config, DnaBert2(read_sizes(config, str(folder))), "bert.")
    write_bpe(folder, 300)
    return folder


def write_tiny_gena(folder: Path, name: str = "gena-lm-bert-large-t2t") -> Path:
    """GENA-LM, which takes 64 tokens with [CLS] and [SEP]."""
    import torch

    from genome_index.encoders.checkpoint import read_sizes
    from genome_index.encoders.networks.prenorm_bert import PrenormBert

    config = shrunk(GENA[name], positions=64) | {"vocab_size": 300}
    last = config.get("last_layer_norm", True)
    torch.manual_seed(4)
    _write(folder, config, PrenormBert(read_sizes(config, str(folder)), 64, 2, last), "bert.")
    write_bpe(folder, 300, gaps=True)
    return folder


def write_bpe(folder: Path, size: int, gaps: bool = False) -> Path:
    """A byte-pair encoding learned from random DNA, laid out as DNABERT-2's, or with gaps as GENA-LM's.

    GENA-LM makes one token `-` (id 5) of ten N and more, and knows each N of a shorter run.
    """
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers, processors, trainers

    bpe = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    if gaps:
        gap = normalizers.Replace(tokenizers.Regex("N{10,}"), "-")
        bpe.normalizer = normalizers.Sequence([normalizers.Strip(), gap])
        bpe.pre_tokenizer = pre_tokenizers.Split("-", "isolated")
    rng = random.Random(size)
    dna = ["".join(rng.choices("ACGT", k=500)) for _ in range(50)]
    special = [*BPE_SPECIAL, *(["-"] if gaps else [])]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=["N"] if gaps else [], show_progress=False
    )
    bpe.train_from_iterator(dna, trainer)
    bpe.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    bpe.save(str(folder / "tokenizer.json"))
    return folder


def _write(folder: Path, config: Config, model: object, prefix: str) -> None:
    """config.json and model.safetensors, after every weight of the model has been drawn anew."""
    import torch
    from safetensors.torch import save_file

    assert isinstance(model, torch.nn.Module)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.normal_(0, 0.3) if tensor.dim() > 1 else tensor.add_(torch.randn_like(tensor) * 0.1)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(
        {f"{prefix}{name}": tensor for name, tensor in model.state_dict().items()},
        folder / "model.safetensors",
    )
