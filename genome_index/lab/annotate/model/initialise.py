"""A new annotation model in a folder: planned and weighed first, then made of a DNABERT-2 or at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from genome_index.encoders.checkpoint import Sizes, digest, find_model, read_config, read_sizes
from genome_index.encoders.networks.annotation.config import AnnotationConfig, Coordinates, Side
from genome_index.encoders.networks.dnabert2 import is_dnabert2, open_dnabert2
from genome_index.errors import ModelError, UsageError
from genome_index.lab.annotate.model.folder import write_annotation
from genome_index.lab.annotate.model.sizes import FULL, Weight, named_size, weigh
from genome_index.lab.annotate.model.upcycle import StartPlan, random_model, upcycled
from genome_index.lab.annotate.tokens.files import (
    BUILT_IN,
    TokenizerFiles,
    files_of,
    open_tokenizer_files,
)
from genome_index.lab.annotate.tokens.token_lists import first_tokens, read_tokens
from genome_index.lab.annotate.tokens.triplets import triplets

DNABERT2 = "zhihan1996/DNABERT-2-117M"  # its name on the hub


@dataclass(frozen=True)
class Choices:
    """What the user chooses of a new model; see `AnnotationConfig`."""

    size: str = FULL
    experts: int = 8
    top_k: int = 2
    moe_every: int = 2
    experts_in: Side = "both"
    decoder_layers: int = 0  # 0: as the size has
    tie_weights: bool = True
    coordinates: Coordinates = "pointers"
    codon_phase: bool = True
    context: int = 24
    tokens: Sequence[Path] = ()  # lists of more tokens


@dataclass(frozen=True)
class ModelPlan:
    """A model that is not made yet."""

    config: AnnotationConfig
    tokenizer: TokenizerFiles
    weight: Weight
    source: Path | None  # the DNABERT-2 that it is made of; None: random weights

    def sentence(self) -> str:
        """What will be made."""
        config, begins = self.config, f"from {self.source}" if self.source else "with random weights"
        sparse = len(config.expert_layers("encoder")) + len(config.expert_layers("decoder"))
        experts = f"{config.experts} experts in {sparse} of them" if sparse else "no experts"
        return (
            f"a model {begins}: {config.layers} + {config.decoder_layers} layers, {experts}; "
            f"{self.weight.sentence()}"
        )


def plan_model(source: str | None, choices: Choices) -> ModelPlan:
    """Plan a model.

    Parameters
    ----------
    source
        A folder of a DNABERT-2, or its name on the hub. `full` is made of its weights; the other sizes take
        its tokenizer alone, and without it read triplets of bases.

    Raises
    ------
    UsageError
        `full` without a source, or settings that do not go together.
    ModelError
        The source cannot be read, or is no DNABERT-2.
    """
    size = named_size(choices.size)
    if choices.size == FULL and source is None:
        raise UsageError(
            f"--size {FULL} is made of a DNABERT-2: give --from DIR or --from {DNABERT2}, or --size tiny or "
            "small, which begin at random"
        )
    folder = None if source is None else find_model(source)
    tokenizer = _tokenizer(folder, choices.tokens)
    rows = 1 + max(tokenizer.vocabulary().values())
    if choices.size == FULL and folder is not None:
        shape = _sizes_of(folder)
        decoder_layers, rows = shape.layers, max(rows, shape.vocabulary)
    else:
        folder, decoder_layers = None, size.decoder_layers
        shape = Sizes(rows, size.width, size.layers, size.heads, size.inner)
    config = AnnotationConfig(
        rows, shape.width, shape.layers, choices.decoder_layers or decoder_layers, shape.heads, shape.inner,
        shape.epsilon, choices.experts, choices.top_k, choices.moe_every, choices.experts_in,
        tie_weights=choices.tie_weights, coordinates=choices.coordinates, context=choices.context,
        codon_phase=choices.codon_phase, one_way_heads=folder is None,
    )  # fmt: skip
    return ModelPlan(config, tokenizer, weigh(config), folder)


def make_model(plan: ModelPlan, start: StartPlan, folder: Path) -> None:
    """Make the planned model and write its folder.

    Raises
    ------
    UsageError
        The folder exists already.
    ModelError
        The source lacks a weight.
    StorageError
    """
    check_new(folder)
    if plan.source is None:
        model, origin = random_model(plan.config, start.seed), {"begins as": "random weights"}
    else:
        where = str(plan.source)
        model = upcycled(_weights_of(plan.source), plan.config, start, where)
        origin = {"begins as": f"DNABERT-2, digest {digest(plan.source)}"}
    chosen = {"seed": start.seed, "noise": start.noise, "zero cross-attention": start.zero_cross}
    write_annotation(folder, model, plan.tokenizer, {**origin, **chosen})


def check_new(folder: Path) -> None:
    """Refuse a folder that has anything in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: it exists already; give a new folder with --out DIR")


def _tokenizer(folder: Path | None, lists: Sequence[Path]) -> TokenizerFiles:
    where = str(folder or "triplets")
    files = files_of(triplets()) if folder is None else open_tokenizer_files(folder)
    files = files.with_tokens(first_tokens(), BUILT_IN, where)
    for path in lists:
        files = files.with_tokens(read_tokens(path), path.name, where)
    return files


def _sizes_of(folder: Path) -> Sizes:
    config = read_config(folder)
    if not is_dnabert2(config):
        raise ModelError(
            str(folder), f"its config.json is not that of a DNABERT-2; give --from {DNABERT2}, or its folder"
        )
    return read_sizes(config, str(folder))


def _weights_of(folder: Path) -> Mapping[str, Tensor]:
    """The weights of a bare DNABERT-2 by name; its settings are checked, and nothing may be missing."""
    model, _ = open_dnabert2(folder, read_config(folder))
    return model.state_dict()
