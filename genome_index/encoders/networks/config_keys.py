"""Settings of config.json that a network does not compute: they are refused, never dropped.

A harmless setting changes no hidden state: it is about training, a head, the form of the output, or the
bookkeeping of transformers. Any other one that a network does not read would make its vectors wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from genome_index.errors import ModelError

Fixed = Mapping[str, Collection[object]]  # the values that a network computes, where it has no choice

TRAINING = ("gradient_checkpointing", "initializer_range", "initializer_cutoff_factor", "hidden_dropout")
DROPOUT = ("attention_dropout", "attention_probs_dropout_prob", "embedding_dropout", "hidden_dropout_prob")
HEADS = (
    "finetuning_task", "id2label", "label2id", "num_labels", "problem_type", "task_specific_params",
    "tie_word_embeddings",
)  # fmt: skip
OUTPUT = (
    "output_attentions", "output_hidden_states", "output_past", "return_dict", "torchscript", "use_cache",
)  # fmt: skip
NAMES = (
    "architectures", "auto_map", "dtype", "model_type", "tokenizer_class", "torch_dtype",
    "transformers_version",
)  # fmt: skip
KERNELS = (  # how something is computed, not what
    "deterministic_flash_attn", "fused_add_norm", "reference_compile", "repad_logits_with_grad",
    "use_bfloat16",
)  # fmt: skip
TABLES = ("n_ctx", "pad_vocab_size_multiple")  # sizes that the weights have
HARMLESS = frozenset((*TRAINING, *DROPOUT, *HEADS, *OUTPUT, *NAMES, *KERNELS, *TABLES))
HARMLESS_STARTS = ("_", "classifier_", "pooler_", "summary_", "use_flash_")  # `_` is private to transformers
HARMLESS_ENDS = ("_token_id", "_token_ids")  # tokenizer files name these tokens
UNSET: tuple[object, ...] = (None, {}, [])

WITHOUT = "choose another model, or take the key out of the file if its authors say that it changes no vector"


def check_settings(
    config: Mapping[str, Any], read: Collection[str], fixed: Fixed, where: str, reader: str
) -> None:
    """Refuse settings that a network does not compute.

    Parameters
    ----------
    config
        Settings of config.json, by key.
    read
        Keys that the network reads.
    fixed
        Keys for which the network has no choice, and the values that it computes.
    where, reader
        The model's folder and the network's name, for the message.

    Raises
    ------
    ModelError
        A key has an effect on hidden states and is not read, or has a value that the network does not have.
    """
    for key, value in config.items():
        if key in fixed and value not in (None, *fixed[key]):
            values = " or ".join(repr(one) for one in fixed[key])
            raise ModelError(
                where, f"config.json: {key} is {value!r}, but {reader} computes only {values}; {WITHOUT}"
            )
        if not (key in fixed or key in read or is_harmless(key, value)):
            raise ModelError(
                where,
                f"config.json sets {key}, which {reader} does not compute, so its vectors would be wrong; "
                f"{WITHOUT}",
            )


def is_harmless(key: str, value: object) -> bool:
    """Whether a setting changes no hidden state, by its name, or because it is not set."""
    named = key in HARMLESS or key.startswith(HARMLESS_STARTS) or key.endswith(HARMLESS_ENDS)
    return named or value in UNSET


def own_code(config: Mapping[str, Any]) -> dict[str, str]:
    """Code that comes with a model and computes it, by config.json's auto_map: module -> class or function.

    Tokenizers of their own are left out: a tokenizer is judged by its files.

    >>> own_code({"auto_map": {"AutoModel": "me/mine--my_esm.EsmModel", "AutoTokenizer": ["own.Words"]}})
    {'my_esm': 'EsmModel'}
    """
    table = config.get("auto_map") or {}
    entries = table if isinstance(table, Mapping) else {"AutoModel": table}
    prefixes = ("AutoConfig", "AutoModel")
    named = [value for name, value in entries.items() if value and name.startswith(prefixes)]
    parts = [str(value).rpartition("--")[2].partition(".") for value in named]
    return {module: name for module, _, name in sorted(parts)}
