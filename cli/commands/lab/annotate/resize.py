"""gindex lab annotate resize: rows for the tokens that were appended to a model's tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import Seed
from gindex_cli.run import say


def resize(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder of `gindex lab annotate init`, or of a training.")
    ],
    tokenizer: Annotated[
        Path, typer.Argument(metavar="TOKENIZER", help="tokenizer.json with more tokens, or its folder.")
    ],
    seed: Seed = 0,
) -> None:
    """Give a model a row for each token of a tokenizer.

    Old rows stay as they are; new ones are the mean of them and noise, in the embeddings and in the head,
    which stays tied. The model's folder gets the tokenizer.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab annotate resize", "torch", "safetensors", "tokenizers", extra="neural")
    from genome_index.lab.annotate.model.resize import resize as resize_model

    before, after = resize_model(model, tokenizer, seed)
    say(f"{model}: {before:,} rows before, {after:,} now")
