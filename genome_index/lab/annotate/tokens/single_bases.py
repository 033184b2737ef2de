"""Tokenizer of single bases, for models that are not made of another one: a token is a base.

Its layout is that of DNABERT-2's tokenizer without any merge: the same special ids, the same pre-tokenizer.
"""

from __future__ import annotations

import json

SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")  # ids 0 to 4, as DNABERT-2's


def single_bases() -> str:
    """The text of its tokenizer.json; N is added with the other tokens."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *"ACGT"))}
    special = [
        {
            "id": vocabulary[token], "content": token, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": True,
        }
        for token in SPECIAL
    ]  # fmt: skip
    layout: dict[str, object] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": None,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
            "merges": [],
        },
    }  # fmt: skip
    return json.dumps(layout, indent=2) + "\n"
