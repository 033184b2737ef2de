"""Models that the library transformers has a class for: Bert, ModernBert, GPTNeoX, Mamba2 and so on.

A model that comes with its own code is refused, even where transformers has a class for its model type: that
code could do anything on this computer, and the class need not compute the same. A setting that the class
does not know is refused too. Settings that would make transformers fetch other code are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from genome_index.encoders.checkpoint import AGAIN, check_fit, cure_of, in_short, not_ignored, read_weights
from genome_index.encoders.networks.config_keys import Fixed, check_settings, own_code
from genome_index.errors import ModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

HEADS = (
    "lm_head.", "cls.", "pooler.", "contact_head.", "embed_out.", "head.", "decoder.weight", "decoder.bias",
)  # fmt: skip
UNUSED = ("pooler.", "contact_head.")  # may be missing: hidden states do not depend on them
FETCHING = ("attn_implementation", "experts_implementation", "fusion_config", "auto_map")
NO_CODE = (
    "gindex never runs code that comes with a model, for it could do anything on this computer; choose a "
    "Nucleotide Transformer v1 or v2, DNABERT-2, DNABERT-S, GENA-LM, or a model without code of its own "
    "whose type transformers has"
)
# Settings that older versions wrote, with the only value that every class, or one class, computes today.
FIXED: Fixed = {"position_embedding_type": ("absolute",)}
FIXED_OF: Mapping[str, Fixed] = {
    "bert": {"directionality": ("bidi",), "pre_layer_norm": (False,), "last_layer_norm": (False,)},
    "esm": {"hidden_act": ("gelu",)},
    "mamba": {"rms_norm": (True,)},
    "mistral": {"is_causal": (True,)},
}
SAME = {  # second names beside those that a class reads, in config.json of ModernBERT and Mamba
    "d_inner": "intermediate_size", "d_model": "hidden_size", "layer_norm_eps": "norm_eps",
    "n_layer": "num_hidden_layers",
}  # fmt: skip


def open_native(folder: Path, config: Mapping[str, Any]) -> tuple[Native, list[str]]:
    """The model in a folder, and the names of weights that the model does not use.

    Raises
    ------
    ModelError
    """
    where = str(folder)
    settings, network_class = _class_of(folder, config)
    weights = read_weights(folder)
    try:
        with quiet():
            loaded: Any = network_class.from_pretrained(
                None,
                config=settings,
                state_dict=weights,
                dtype=torch.float32,
                attn_implementation="sdpa" if network_class._supports_sdpa else "eager",
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
            )
    except Exception as error:
        reason = f"transformers cannot load it ({in_short(error)})"
        raise ModelError(where, f"{reason}; {cure_of(error)}") from error
    network, keys = loaded
    check_fit(not_ignored(set(keys["missing_keys"]), UNUSED), _misshapen(keys["mismatched_keys"]), where)
    with quiet():
        return Native(network, where), not_ignored(set(keys["unexpected_keys"]), HEADS)


def native_shape(folder: Path, config: Mapping[str, Any]) -> tuple[int | None, int]:
    """The most tokens that the model takes and the rows of its table, without its weights.

    Raises
    ------
    ModelError
    """
    settings, network_class = _class_of(folder, config)
    try:
        with quiet(), torch.device("meta"):
            network = network_class(settings)
    except Exception as error:
        raise ModelError(str(folder), f"transformers cannot make it ({in_short(error)}); {AGAIN}") from error
    return most_tokens(network), vocabulary(network)


def _class_of(folder: Path, config: Mapping[str, Any]) -> tuple[PretrainedConfig, type[PreTrainedModel]]:
    from transformers import CONFIG_MAPPING, MODEL_MAPPING, PretrainedConfig

    where, kind = str(folder), config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ModelError(where, f"{_unknown(config)}; {NO_CODE}")
    if code := own_code(config):
        raise ModelError(where, _code_beside(code, kind, _reader(CONFIG_MAPPING[kind])))
    if config.get("quantization_config") is not None:
        raise ModelError(where, "its weights are quantised, which gindex cannot read; take the full ones")
    if config.get("is_encoder_decoder"):
        raise ModelError(
            where, f"{kind} is an encoder with a decoder; an encoder or a decoder alone is needed"
        )
    try:
        # Read once more, because transformers has its own way to write infinity.
        values, _ = PretrainedConfig.get_config_dict(folder, local_files_only=True)
        safe = {key: value for key, value in values.items() if not any(name in key for name in FETCHING)}
        settings = CONFIG_MAPPING[kind].from_dict({**safe, "use_cache": False})
        classes: Any = MODEL_MAPPING[type(settings)]
    except Exception as error:
        reason = f"config.json does not describe a model ({in_short(error)})"
        raise ModelError(where, f"{reason}; {AGAIN}") from error
    network_class = classes[0] if isinstance(classes, tuple) else classes
    if network_class.main_input_name != "input_ids":
        raise ModelError(where, f"{kind} is not a model of text, so it cannot read a genome")
    fixed = {**FIXED, **FIXED_OF.get(kind, {})}
    check_settings(_undeclared(safe, settings), (), fixed, where, _reader(type(settings)))
    return settings, network_class


def _undeclared(config: Mapping[str, Any], settings: PretrainedConfig) -> dict[str, Any]:
    """Settings that a class of transformers keeps, but does not know; those of old names it has converted.

    A class knows the settings that it has without a file, those that it computes of others among them.
    """
    known = vars(type(settings)()).keys() | settings.attribute_map.keys()
    kept = {key: value for key, value in config.items() if key in vars(settings) and key not in known}
    same = {key for key in SAME.keys() & kept.keys() if kept[key] == getattr(settings, SAME[key], None)}
    return {key: value for key, value in kept.items() if key not in same}


def _reader(settings: type[PretrainedConfig]) -> str:
    return f"transformers' {settings.__name__.removesuffix('Config')}"


def _code_beside(code: Mapping[str, str], kind: str, reader: str) -> str:
    named = ", ".join(f"{module}.{name}" for module, name in code.items())
    return (
        f"config.json names code of its own that computes it (auto_map: {named}); transformers has a class "
        f"for its model type {kind!r}, but nothing says that the two compute the same; {NO_CODE}; or copy "
        "the folder and take auto_map out of config.json, if its authors say that their code is "
        f"{reader} unchanged"
    )


def _unknown(config: Mapping[str, Any]) -> str:
    if own_code(config):
        return f"its model type {config.get('model_type')!r} needs code that comes with it (auto_map)"
    if "model_type" not in config:
        return "config.json names no model_type"
    return f"transformers has no model type {config['model_type']!r}"


def _misshapen(keys: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401  # transformers' own, of triples
    return {name: (stored, expected) for name, stored, expected in sorted(keys)}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers on the terminal: its warnings are checked here."""
    import transformers

    logging: Any = transformers.utils.logging  # its functions have no types
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


class Native(nn.Module):
    """A model of transformers as a `LanguageModel`; see there. All its layers are computed at once."""

    def __init__(self, network: PreTrainedModel, where: str) -> None:
        super().__init__()
        self.network = network
        self.most_tokens = most_tokens(network)
        self.vocabulary = vocabulary(network)
        self.layers, self.width = self._tried(where)

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Iterator[Tensor]:
        """Hidden states, layer by layer: (B, T) -> (B, T, H) each."""
        output = self.network(
            input_ids=ids,
            attention_mask=None if mask is None else mask.long(),
            output_hidden_states=True,
        )
        yield from output.hidden_states[:-1]
        yield output.last_hidden_state  # in some models the last of hidden_states precedes the final norm

    def _tried(self, where: str) -> tuple[int, int]:
        """The number of blocks and their width, from reading four tokens."""
        ids = torch.zeros((1, 4), dtype=torch.int64)
        try:
            with torch.inference_mode():
                states = list(self.hidden(ids, None))
        except Exception as error:
            raise ModelError(where, f"it cannot read a row of tokens ({in_short(error)})") from error
        if {layer.shape for layer in states} != {states[-1].shape} or states[-1].shape[:2] != ids.shape:
            raise ModelError(where, "its layers differ in length or width, so they cannot be pooled")
        return len(states) - 1, states[-1].shape[2]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move as any module does, but keep rotary frequencies in float32.

        In bfloat16 they are off by up to 1 part in 256: at position 2,000 the angle would be arbitrary.
        """
        exact = {name: buffer for name, buffer in self.named_buffers() if name.endswith("inv_freq")}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch gives it none
        for name, buffer in exact.items():
            owner, _, leaf = name.rpartition(".")
            setattr(self.get_submodule(owner), leaf, buffer.to(self.get_buffer(name).device))
        return self


def vocabulary(network: PreTrainedModel) -> int:
    table: Any = network.get_input_embeddings()
    return int(table.num_embeddings)


def most_tokens(network: PreTrainedModel) -> int | None:
    """The tokens that a model reads at once as it was trained; None: no limit.

    BigBird attends to blocks of tokens, some of them random, where there are more than those blocks hold, and
    to all tokens otherwise. Its class keeps to the second once it has read a short sequence, so that vectors
    of longer ones would depend on what was read before.
    """
    config, positions = network.config, _positions(network)
    if getattr(config, "attention_type", None) != "block_sparse":
        return positions
    attended = int((5 + 2 * config.num_random_blocks) * config.block_size)
    return attended if positions is None else min(attended, positions)


def _positions(network: PreTrainedModel) -> int | None:
    """The size of the position table, or the rotary positions of the training; None: neither."""
    for name, table in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(table, nn.Embedding):
            # RoBERTa and its relatives count positions from the padding id on: the table's padding_idx.
            return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    positions = getattr(network.config, "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None
