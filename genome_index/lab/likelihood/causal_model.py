"""A causal SLiM Performer opened to predict: its network with head, its tokenizer, its longest fragment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.encoders.batching import best_device
from genome_index.encoders.checkpoint import CONFIG, MISMATCHED, SAVED_TOKENIZER, find_model, read_config
from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.encoders.networks.performer_folder import (
    PREDICTOR,
    is_slim,
    longest_fragment,
    open_predictor,
)
from genome_index.encoders.profile import RELEASED as RELEASED_PROFILE
from genome_index.errors import ModelError
from genome_index.lab.corpus.packing import OTHER
from genome_index.lab.tokenizers.kmers import LabTokenizer, load_tokenizer

RELEASED = RELEASED_PROFILE.parent  # the package's own weights, a folder a name


@dataclass(frozen=True)
class CausalModel:
    """What `gindex lab score` needs of a model."""

    network: SlimPerformer  # causal, with a head
    tokenizer: LabTokenizer
    longest: int  # tokens of the longest fragment in training

    @cached_property
    def allowed(self) -> npt.NDArray[np.bool_]:
        return base_tokens(self.tokenizer)


def open_causal(name: str) -> CausalModel:
    """The model in a folder, or the released one of that name, on the GPU if there is one.

    Raises
    ------
    ModelError
        There is no such model, it is no causal SLiM Performer, or it was saved without its head.
    """
    folder = find_model(str(_released(name) or name))
    config = read_config(folder)
    if not is_slim(config):
        raise ModelError(name, f"{CONFIG} describes no SLiM Performer; {PREDICTOR}")
    network, tokenizer = open_predictor(folder, config), load_tokenizer(folder / SAVED_TOKENIZER)
    if tokenizer.vocabulary != network.config.vocab:
        raise ModelError(
            name,
            f"its tokenizer has {tokenizer.vocabulary:,} tokens, its network {network.config.vocab:,}; "
            f"{MISMATCHED}",
        )
    network.to(best_device().name).eval().requires_grad_(False)
    return CausalModel(network, tokenizer, longest_fragment(folder, config))


def base_tokens(tokenizer: LabTokenizer) -> npt.NDArray[np.bool_]:
    """Which tokens stand for bases A, C, G and T: (V,). Special ones do not, nor does N."""
    allowed = tokenizer.lengths > 0
    allowed[tokenizer.ids(np.array([OTHER], np.uint8))] = False
    return allowed


def _released(name: str) -> Path | None:
    """The folder of released weights; a folder of the user's with that name comes first."""
    folder = RELEASED / name
    is_name = re.fullmatch(r"[\w-]+", name) is not None
    return folder if is_name and folder.is_dir() and not Path(name).exists() else None
