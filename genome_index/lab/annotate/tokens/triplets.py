"""Tokenizer of three bases a token, for models that are not made of another one.

A window is cut into triplets from its first base on, and anew behind each N; one or two bases before an N and
at the end are a token each. Against single bases, attention weighs a ninth of the pairs, and each of three
frames lies at its own place of every token. Special ids are those of DNABERT-2's tokenizer.
"""

from __future__ import annotations

import json
from itertools import product

BASES = "ACGT"
SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")  # ids 0 to 4, as DNABERT-2's


def triplets() -> str:
    """The text of its tokenizer.json; N is added with the other tokens."""
    words = (*SPECIAL, *BASES, *map("".join, product(BASES, repeat=3)))
    vocabulary = {token: number for number, token in enumerate(words)}
    special = [
        {
            "id": vocabulary[token], "content": token, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": True,
        }
        for token in SPECIAL
    ]  # fmt: skip
    layout: dict[str, object] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {
            "type": "Split", "pattern": {"Regex": "[ACGT]{3}|."}, "behavior": "Isolated", "invert": False,
        },
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }  # fmt: skip
    return json.dumps(layout, indent=2) + "\n"
