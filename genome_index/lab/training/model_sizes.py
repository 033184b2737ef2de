"""Model sizes, tokens of fragments and the model folder, for both trainings of the SLiM Performer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genome_index.encoders.checkpoint import SAVED_TOKENIZER
from genome_index.encoders.networks.feature_maps import FeatureName
from genome_index.encoders.networks.performer import PerformerConfig, SlimPerformer
from genome_index.encoders.networks.performer_folder import write_slim
from genome_index.errors import UsageError
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.tokenizers.bpe import Bpe, learn_bpe
from genome_index.lab.tokenizers.kmers import (
    KmersApart,
    LabTokenizer,
    load_tokenizer,
    save_tokenizer,
    tokenizer_of,
)
from genome_index.lab.tokenizers.special_ids import PAD, Ids
from genome_index.lab.training.run_card import Schedule

FEATURES = "squared"  # feature map of attention, as in the paper's experiments
LEARNED_FROM, LEARNED_BP = 2_000, 2_000  # fragments for byte-pair encoding, and the length of each
LEAST_BP = 50  # of a fragment: eight six-mers in any frame
SAVES = 20  # checkpoints of a short run; a long one has a checkpoint every SAVE_EVERY steps
SAVE_EVERY = 50


@dataclass(frozen=True)
class ModelSize:
    """The settings of one value of `--size`, for both trainings."""

    width: int
    layers: int
    heads: int
    ffn: int
    steps: int
    fragments: int  # in a step of pretraining
    pairs: int  # in a step of contrastive training

    def network(
        self, vocabulary: int, causal: bool, head: bool, seed: int, features: str = FEATURES,
        places: bool = True,
    ) -> SlimPerformer:  # fmt: skip
        """A network with random weights, the same for the same seed."""
        torch.manual_seed(seed)
        config = PerformerConfig(
            vocabulary, self.width, self.layers, self.heads, self.ffn, cast("FeatureName", features),
            causal=causal, head=head, places=places,
        )  # fmt: skip  # the configuration refuses unknown features
        return SlimPerformer(config, seed)


SIZES = {
    "tiny": ModelSize(32, 2, 2, 64, 60, 8, 12),
    "little": ModelSize(64, 1, 2, 64, 2_000, 16, 32),
    "small": ModelSize(192, 2, 4, 512, 2_000, 16, 64),
    "medium": ModelSize(256, 4, 8, 1024, 10_000, 32, 128),
    "large": ModelSize(512, 8, 8, 2048, 50_000, 64, 256),
}


def model_size(size: str) -> ModelSize:
    """The settings of a size; UsageError for an unknown one."""
    if size not in SIZES:
        raise UsageError(f"--size {size}: choose {', '.join(SIZES)}")
    return SIZES[size]


def schedule_of(size: ModelSize, steps: int, rate: float, seed: int) -> Schedule:
    """The schedule of either training; 0 steps are those of the size."""
    steps = steps or size.steps
    return Schedule(steps, rate, decay=0.01, seed=seed, save_every=min(SAVE_EVERY, max(1, steps // SAVES)))


def choose_tokenizer(name: str, shards: Shards, seed: int) -> LabTokenizer:
    """A tokenizer by name (`kmers.tokenizer_of`), from a file, or bpe:SIZE, learned from the train part."""
    if Path(name).is_file():
        return load_tokenizer(Path(name))
    kind, _, size = name.partition(":")
    if kind == Bpe.kind and size.isdecimal():
        return learn_bpe(shards.fragments("train", LEARNED_BP, seed), LEARNED_FROM, int(size))
    return tokenizer_of(name)


def check_length(length_bp: int) -> None:
    """Raise UsageError for fragments too short for tokens in every frame."""
    if length_bp < LEAST_BP:
        raise UsageError(f"fragments of {length_bp} bp: give a --length of at least {LEAST_BP}")


def framed(codes: Codes, tokenizer: LabTokenizer, draws: np.random.Generator) -> Ids:
    """Ids of a fragment in a random frame: k-mers side by side begin at one of its first k bases."""
    start = int(draws.integers(tokenizer.k)) if isinstance(tokenizer, KmersApart) else 0
    return tokenizer.ids(codes[start:])


def redrawn(network: SlimPerformer, seed: int, step: int) -> None:
    """Draw new random features of favor+ for each step, so that weights do not depend on one draw."""
    if network.config.features == "favor+":
        network.redraw(int(np.random.default_rng([seed, step]).integers(2**62)))


def padded(rows: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    """Padded ids and their mask: B of (T,) -> (B, longest T) each."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), PAD, np.int64)
    mask: npt.NDArray[np.bool_] = np.zeros(ids.shape, np.bool_)
    for at, row in enumerate(rows):
        ids[at, : len(row)], mask[at, : len(row)] = row, True
    return torch.from_numpy(ids), torch.from_numpy(mask)


def save_model(network: SlimPerformer, tokenizer: LabTokenizer, folder: Path, most_tokens: int) -> None:
    """Write a folder that `gindex build --encoder` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder / SAVED_TOKENIZER)
    write_slim(network, folder, most_tokens)
