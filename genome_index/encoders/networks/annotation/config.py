"""Settings of the annotation model: its shape, its experts, and how it writes coordinates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from genome_index.encoders.checkpoint import AGAIN, CONFIG, Sizes
from genome_index.errors import ModelError, UsageError

Coordinates = Literal["pointers", "text"]
Side = Literal["both", "encoder", "decoder"]


@dataclass(frozen=True)
class AnnotationConfig:
    """The settings of a model; config.json holds these fields by these names.

    Raises
    ------
    UsageError
        A number is not positive, or settings do not go together.
    """

    vocabulary: int  # tokens, rows of the embeddings
    width: int = 768  # H
    layers: int = 12  # of the encoder
    decoder_layers: int = 12
    heads: int = 12  # of width / heads dimensions
    inner: int = 3072  # width within the feed-forward part, and within each expert
    epsilon: float = 1e-12  # of the layer norms
    experts: int = 8  # E of a layer; 0: all feed-forward parts are dense
    top_k: int = 2  # experts that a token is sent to
    moe_every: int = 2  # each such layer has experts, counted from 1; 1: all layers
    experts_in: Side = "both"  # the part whose layers have experts
    capacity_training: float | None = 1.25  # x tokens an expert at equal load; None: no limit
    capacity_evaluation: float | None = None  # with one, a token's states depend on the rest of its batch
    load_balance: float = 0.01  # weight of the loss (Fedus et al. 2022, arXiv 2101.03961)
    router_z: float = 0.001  # weight of the z-loss (Zoph et al. 2022, arXiv 2202.08906)
    tie_weights: bool = True  # the head's matrix is that of the embeddings
    coordinates: Coordinates = "pointers"  # positions of the encoder's tokens, or numbers as tokens
    context: int = 0  # bases read before and from each token's first base on; 0: none
    codon_phase: bool = True  # an embedding of each token's first base modulo 3
    one_way_heads: bool = False  # of the encoder and of cross-attention; see `one_way`

    def __post_init__(self) -> None:
        for name in ("vocabulary", "width", "layers", "decoder_layers", "heads", "inner", "moe_every"):
            _check(_is_count(getattr(self, name)), f"{name} is {getattr(self, name)!r}: give 1 or more")
        _check(
            self.width % self.heads == 0,
            f"a width of {self.width} cannot be shared by {self.heads} heads; give a multiple of the heads",
        )
        _check(
            self.heads % 2 == 0 or not self.one_way_heads,
            f"{self.heads} heads cannot look one way each in pairs; give an even number",
        )
        self._check_experts()
        for name, known in (("coordinates", get_args(Coordinates)), ("experts_in", get_args(Side))):
            value = getattr(self, name)
            _check(value in known, f"{name} is {value!r}: choose one of {', '.join(known)}")

    def _check_experts(self) -> None:
        _check(
            self.experts == 0 or (_is_count(self.experts) and self.experts > 1),
            f"experts is {self.experts!r}: give 2 or more, or 0 for none",
        )
        most = self.experts or self.top_k
        _check(
            _is_count(self.top_k) and self.top_k <= most, f"top_k is {self.top_k!r}: give 1 to {most} experts"
        )
        for name in ("capacity_training", "capacity_evaluation"):
            factor = getattr(self, name)
            _check(factor is None or factor > 0, f"{name} is {factor!r}: give a factor above 0, or none")

    @property
    def encoder_sizes(self) -> Sizes:
        """The shape of the encoder, as of a DNABERT-2."""
        return Sizes(self.vocabulary, self.width, self.layers, self.heads, self.inner, self.epsilon)

    def expert_layers(self, side: Literal["encoder", "decoder"]) -> tuple[int, ...]:
        """The layers of a part that have experts, counted from 0.

        >>> AnnotationConfig(vocabulary=9, layers=4).expert_layers("encoder")
        (1, 3)
        """
        if not self.experts or self.experts_in not in ("both", side):
            return ()
        layers = self.layers if side == "encoder" else self.decoder_layers
        return tuple(range(self.moe_every - 1, layers, self.moe_every))

    def fingerprint(self) -> str:
        """16 hex digits that change with any setting."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def config_of(settings: Mapping[str, Any], where: str) -> AnnotationConfig:
    """The settings in a model's config.json; other keys are left alone.

    Raises
    ------
    ModelError
        A setting is missing or has a value that no model has.
    """
    names = [field.name for field in fields(AnnotationConfig)]
    missing = [name for name in names if name not in settings]
    if missing:
        raise ModelError(where, f"{CONFIG} gives no {missing[0]}; {AGAIN}")
    try:
        return AnnotationConfig(**{name: settings[name] for name in names})
    except (UsageError, TypeError, ValueError) as error:
        raise ModelError(where, f"{CONFIG}: {error}; {AGAIN}") from error


def _check(right: bool, sentence: str) -> None:
    if not right:
        raise UsageError(f"annotation model: {sentence}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
