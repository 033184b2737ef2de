"""Folder of an annotation model: config.json, model.safetensors, tokenizer.json, its manifest, a card.

It is written as a whole: a folder that is there is complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from genome_index.encoders.checkpoint import CARD, CONFIG, read_config
from genome_index.encoders.networks.annotation.annotation_model import AnnotationModel
from genome_index.encoders.networks.annotation.model_folder import KIND
from genome_index.encoders.networks.annotation.model_folder import open_annotation as open_annotation
from genome_index.encoders.tokenizers.library import TOKENIZER_FILE
from genome_index.errors import StorageError
from genome_index.io.atomic import disk_errors, finish_folder, new_folder
from genome_index.lab.annotate.model.sizes import weigh
from genome_index.lab.annotate.tokens.files import (
    MANIFEST,
    TokenizerFiles,
    open_tokenizer_files,
)

WEIGHTS_FILE = "model.safetensors"
ORIGIN = "origin"  # in config.json: where the model comes from, by name


def write_annotation(
    folder: Path, model: AnnotationModel, tokenizer: TokenizerFiles, origin: Mapping[str, object]
) -> None:
    """Write a model, in place of one that is there; other files of the folder stay.

    Parameters
    ----------
    origin
        Where the model comes from, by name, for the card and for config.json.

    Raises
    ------
    StorageError
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    config = {"model_type": KIND, **asdict(model.config), ORIGIN: dict(origin)}
    work = new_folder(folder)
    with disk_errors(folder):
        _keep_others(folder, work)
        try:
            save_file(weights, work / WEIGHTS_FILE)
        except SafetensorError as error:  # what it makes of a full disk
            raise StorageError(str(folder), f"cannot write here ({error})") from error
        (work / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (work / CARD).write_text(card(model, tokenizer, origin), encoding="utf-8")
        shutil.copymode(work / CONFIG, work / WEIGHTS_FILE)  # the library makes it readable for one user
        tokenizer.write(work)
    finish_folder(work, folder)


def open_model_folder(folder: Path) -> tuple[AnnotationModel, TokenizerFiles]:
    """The model and its tokenizer.

    Raises
    ------
    ModelError
        A file, a setting or a weight is missing or of another model.
    """
    model, files = open_annotation(folder), open_tokenizer_files(folder)
    files.check_rows(model.config.vocabulary, folder)
    return model, files


def origin_of(folder: Path) -> dict[str, object]:
    """Where the model in a folder comes from, by name; ModelError without a config.json."""
    origin = read_config(folder).get(ORIGIN)
    return dict(origin) if isinstance(origin, dict) else {}


def card(model: AnnotationModel, tokenizer: TokenizerFiles, origin: Mapping[str, object]) -> str:
    """The model card, in Markdown."""
    config = model.config
    rows = {
        **origin,
        "parameters": weigh(config).sentence(),
        "settings": f"fingerprint {config.fingerprint()}",
        "coordinates": config.coordinates,
        "tokens": f"{config.vocabulary:,}",
        "added tokens": f"{tokenizer.added():,}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        "# Annotation model\n\n"
        "An encoder-decoder that reads a window of DNA and writes its annotation, made by "
        "`gindex lab annotate`. Weights that come from another model stay under its licence.\n\n"
        f"| | |\n|---|---|\n{table}\n"
    )


def _keep_others(folder: Path, work: Path) -> None:
    """Copy what the folder has besides the model, such as the record of a training."""
    written = {WEIGHTS_FILE, CONFIG, CARD, TOKENIZER_FILE, MANIFEST}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name in written:
            continue
        if path.is_dir():
            shutil.copytree(path, work / path.name)
        else:
            shutil.copy2(path, work / path.name)
