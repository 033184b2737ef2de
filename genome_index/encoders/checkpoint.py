"""Model folders: config.json, weights, tokenizer files, on disk or from the hub. No code in them is run."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genome_index.encoders.out_of_memory import SMALLER, is_out_of_memory, room_for_weights
from genome_index.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

CONFIG = "config.json"
SAVED_TOKENIZER = "gindex-tokeniser.json"  # of the lab's own networks
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # whole, or as shards that NAME.index.json lists
TOKENIZER = (
    "added_tokens.json", "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.json", "vocab.txt", SAVED_TOKENIZER,
)  # fmt: skip
CARD = "README.md"  # of a model on the hub; its first lines name the licence
WANTED = ("*.json", "*.txt", "*.safetensors", CARD)  # of a hub model: no code
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
SIX_MERS = (4105, 4107)  # tokens of the Nucleotide Transformer, version 1 and 2

WHOLE = (
    "give a folder with config.json, weights and tokenizer files: --encoder FOLDER, or --model FOLDER "
    "for an existing index"
)
AGAIN = "download the model again"
MISMATCHED = "config.json and weights are not of one model: download both again"


# -- location -----------------------------------------------------------------------------------------------


def find_model(name: str) -> Path:
    """The folder of a model: one on disk, or that of a hub model, which is downloaded if necessary.

    Raises
    ------
    ModelError
        No such folder or hub model, the hub cannot be reached, or the folder is not a whole model.
    """
    folder = Path(name).expanduser()
    if folder.is_file():
        raise ModelError(name, f"it is a file; {WHOLE}")
    if not folder.is_dir():
        if not HUB_NAME.fullmatch(name):
            raise ModelError(name, f"there is no such folder, and no hub model has such a name; {WHOLE}")
        folder = _downloaded(name, WANTED)
        # The *.json may include the index of .bin shards, which are not downloaded yet.
        if not any(folder.glob("model*.safetensors")):
            _downloaded(name, ("pytorch_model*.bin",))
    if not (folder / CONFIG).is_file():
        raise ModelError(name, f"there is no {CONFIG} in it; {WHOLE}")
    if not weight_files(folder):
        raise ModelError(name, f"there are no weights in it, neither {' nor '.join(WEIGHTS)}; {WHOLE}")
    return folder


@lru_cache(maxsize=4)  # one request to the hub for the version and the model
def _downloaded(name: str, wanted: tuple[str, ...]) -> Path:
    """Download matching files of a hub model; its subfolders hold other forms of the same weights."""
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.snapshot_download(name, allow_patterns=list(wanted), ignore_patterns=["*/*"])
        )
    except Exception as error:
        raise ModelError(name, f"{_download_error(error)}; {WHOLE}") from error


def _download_error(error: Exception) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return "the hub gives this model only to users who accepted its terms there and ran `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is no such folder, and the hub has no such model (or it is private)"
    if isinstance(error.__cause__, errors.OfflineModeIsEnabled):
        return "there is no such folder, and HF_HUB_OFFLINE forbids a download"
    return f"there is no such folder, and the hub cannot be reached ({in_short(error.__cause__ or error)})"


def weight_files(folder: Path) -> list[Path]:
    """The files of the first set of weights in the folder, in the order of their names; [] for none."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        if (folder / f"{name}.index.json").is_file():
            return _shards(folder, f"{name}.index.json")
    return []


def _shards(folder: Path, index: str) -> list[Path]:
    table = _read_json(folder, index).get("weight_map")
    names = sorted({str(name) for name in table.values()}) if isinstance(table, dict) else []
    if not names:
        raise ModelError(str(folder), f"{index} lists no files of weights; {AGAIN}")
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise ModelError(str(folder), f"{name}, which {index} lists, is not in the folder; {AGAIN}")
    return [folder / name for name in names]


# -- settings -----------------------------------------------------------------------------------------------


def read_config(folder: Path) -> dict[str, Any]:
    """The settings in config.json.

    Raises
    ------
    ModelError
        The file is missing or cannot be read.
    """
    return _read_json(folder, CONFIG)


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        values = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(str(folder), f"there is no {name} in it; {WHOLE}") from error
    except (OSError, ValueError) as error:
        raise ModelError(str(folder), f"{name} cannot be read ({in_short(error)}); {AGAIN}") from error
    if not isinstance(values, dict):
        raise ModelError(str(folder), f"{name} is not a JSON object of settings; {AGAIN}")
    return values


def names_esm(config: Mapping[str, Any]) -> bool:
    """Whether config.json is of the ESM family: by its model_type, or by its classes where it names none.

    The published Nucleotide Transformer v2 names none.
    """
    kind = config.get("model_type")
    classes = f"{config.get('architectures')} {config.get('auto_map')}"
    return kind == "esm" or (kind is None and "Esm" in classes)


@dataclass(frozen=True)
class Sizes:
    """The shape of a transformer encoder; its names are the same in every config.json."""

    vocabulary: int
    width: int  # H
    layers: int
    heads: int  # of width / heads dimensions
    inner: int  # width within the feed-forward part
    epsilon: float = 1e-12  # of the layer norms


def read_sizes(config: Mapping[str, Any], where: str) -> Sizes:
    """The sizes that config.json gives.

    Raises
    ------
    ModelError
        A size is missing or no positive number, or the width is no multiple of the heads.
    """
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    for key in keys:
        if not isinstance(config.get(key), int) or config[key] < 1:
            raise ModelError(where, f"{CONFIG} gives no {key}, or none that is a positive number; {AGAIN}")
    vocabulary, width, layers, heads, inner = (int(config[key]) for key in keys)
    epsilon = number_of(config, "layer_norm_eps", 1e-12, where)
    if width % heads:
        raise ModelError(where, f"{CONFIG}: {heads} heads cannot share a hidden_size of {width}; {AGAIN}")
    return Sizes(vocabulary, width, layers, heads, inner, epsilon)


def number_of(config: Mapping[str, Any], key: str, usual: float, where: str) -> float:
    """A positive number from config.json; the usual one where the key is missing.

    Raises
    ------
    ModelError
    """
    number = config.get(key)
    if number is None:
        return usual
    if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
        raise ModelError(where, f"{CONFIG}: {key} is {number!r}, which is no positive number; {AGAIN}")
    return float(number)


# -- weights ------------------------------------------------------------------------------------------------


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model by name; floating-point ones as float32.

    Raises
    ------
    ModelError
        A file is missing or damaged, or contains more than tensors.
    """
    weights: dict[str, Tensor] = {}
    for path in weight_files(folder):
        with room_for_weights(str(path), "this computer"):
            for name, tensor in _read_tensors(path).items():
                weights[name] = tensor.float() if tensor.is_floating_point() else tensor
    if not weights:
        raise ModelError(str(folder), f"there are no weights in it; {WHOLE}")
    return weights


def _read_tensors(path: Path) -> dict[str, Tensor]:
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about settings that are not used here
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError) as error:  # torch's message advises to run the file's code
        raise ModelError(str(path), f"it is damaged, or contains more than tensors; {AGAIN}") from error
    except Exception as error:
        raise ModelError(str(path), f"it cannot be read ({in_short(error)}); {cure_of(error)}") from error
    if not isinstance(tensors, dict) or not all(isinstance(one, torch.Tensor) for one in tensors.values()):
        raise ModelError(str(path), "it has no tensors by name, so it is not a model's weights")
    return tensors


def cure_of(error: Exception) -> str:
    """Advice where weights cannot be loaded."""
    return SMALLER if is_out_of_memory(error) else AGAIN


def without_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights by their names in a bare model: a model saved with a head adds a prefix to them."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items()}


def fill(
    module: nn.Module, weights: Mapping[str, Tensor], where: str, ignored: Sequence[str],
    cure: str = MISMATCHED,
) -> list[str]:  # fmt: skip
    """Assign weights to a module, which may be on the meta device; the tensors are not copied.

    Returns the names that the module does not use, sorted, without those of an ignored prefix. `cure` is the
    end of the sentence of an error.

    Raises
    ------
    ModelError
        A tensor is missing or has another shape.
    """
    expected = module.state_dict()
    check_fit(
        [name for name in expected if name not in weights],
        {
            name: (weights[name].shape, tensor.shape)
            for name, tensor in expected.items()
            if name in weights and weights[name].shape != tensor.shape
        },
        where,
        cure,
    )
    module.load_state_dict({name: weights[name] for name in expected}, assign=True)
    return not_ignored(weights.keys() - expected.keys(), ignored)


def check_fit(
    missing: Sequence[str], misshapen: Mapping[str, tuple[Sequence[int], Sequence[int]]], where: str,
    cure: str = MISMATCHED,
) -> None:  # fmt: skip
    """Raise ModelError for missing tensors and for those of another shape: name -> stored, expected."""
    if missing:
        raise ModelError(where, f"its weights lack {missing[0]}{and_more(len(missing) - 1)}; {cure}")
    for name, (stored, expected) in misshapen.items():
        raise ModelError(
            where,
            f"{name} is {_times(stored)} in its weights, but config.json makes it {_times(expected)}"
            f"{and_more(len(misshapen) - 1)}; {cure}",
        )


def not_ignored(names: set[str], ignored: Sequence[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith(tuple(ignored)))


def and_more(others: int) -> str:
    return f" (and {others:,} more like it)" if others else ""


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


# -- version and licence ------------------------------------------------------------------------------------


def digest(folder: Path) -> str:
    """16 hex digits that change with config.json, a tokenizer file or a weight, not with its path."""
    texts = [folder / name for name in (CONFIG, *TOKENIZER) if (folder / name).is_file()]
    total = hashlib.sha256()
    for path in sorted([*texts, *weight_files(folder)]):
        with path.open("rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()[:16]


def licence_notice(name: str, config: Mapping[str, Any], folder: Path) -> str:
    """A note if the licence of the weights forbids commercial use, else ""."""
    six_mers = names_esm(config) and config.get("vocab_size") in SIX_MERS
    if six_mers or "nucleotide-transformer" in name.lower():
        return f"{name}: the Nucleotide Transformer's weights are CC BY-NC-SA 4.0: not for commercial use."
    licence = _licence(folder / CARD)
    if "nc" in re.split(r"[^a-z0-9]+", licence.lower()):  # as a whole word: ncsa is a free licence
        return f"{name}: its model card gives the licence {licence}: not for commercial use."
    return ""


def _licence(card: Path) -> str:
    """The licence in a model card's front matter, the lines between two of ---."""
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    entries = (
        re.findall(r"^license(?:_name)?:(.*(?:\n[ \t]*-.*)*)", front.group(1), re.MULTILINE) if front else []
    )
    return ", ".join(filter(None, (" ".join(re.findall(r"[\w.][\w.-]*", entry)) for entry in entries)))


def in_short(error: BaseException) -> str:
    """The first sentence of a library's error; the others advise programmers."""
    return re.split(r"\.\s|\n", str(error).strip() or type(error).__name__)[0]
