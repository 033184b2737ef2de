"""GENA-LM's forward pass in numpy, in float64: one sequence without padding, one head at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Shapes = dict[str, tuple[int, ...]]


def gena_shapes(width: int, layers: int, inner: int, last: bool) -> Shapes:
    """The published names, less `bert.`, and their shapes; 32,000 tokens, 512 positions, two types."""
    norm = {"weight": (width,), "bias": (width,)}
    square = {"weight": (width, width), "bias": (width,)}
    parts = {
        "pre_attention_ln": norm,
        **{f"attention.self.{name}": square for name in ("query", "key", "value")},
        "attention.output.dense": square,
        "post_attention_ln": norm,
        "intermediate.dense": {"weight": (inner, width), "bias": (inner,)},
        "output.dense": {"weight": (width, inner), "bias": (width,)},
    }
    whole = {
        "embeddings.word_embeddings": {"weight": (32_000, width)},
        "embeddings.position_embeddings": {"weight": (512, width)},
        "embeddings.token_type_embeddings": {"weight": (2, width)},
        "embeddings.LayerNorm": norm,
        **{f"encoder.layer.{n}.{name}": part for n in range(layers) for name, part in parts.items()},
        **({"encoder.last_layer_ln": norm} if last else {}),
    }
    return {f"{name}.{leaf}": shape for name, part in whole.items() for leaf, shape in part.items()}


class GenaReference:
    """Weights by their published names, less `bert.`."""

    def __init__(self, weights: Mapping[str, Array], heads: int, epsilon: float) -> None:
        self.weights, self.heads, self.epsilon = weights, heads, epsilon
        self.blocks = sum(name.endswith("intermediate.dense.weight") for name in weights)

    def states(self, ids: npt.NDArray[np.int64]) -> Iterator[Array]:
        """Hidden states, layer by layer: (T,) -> (T, H) each."""
        table = "embeddings.{}_embeddings.weight".format
        states = self.weights[table("word")][ids] + self.weights[table("position")][: len(ids)]
        states = self._norm(states + self.weights[table("token_type")][0], "embeddings.LayerNorm")
        yield states
        for number in range(self.blocks):
            block = f"encoder.layer.{number}"
            attended = self._attended(self._norm(states, f"{block}.pre_attention_ln"), f"{block}.attention")
            states = states + attended
            inner = self._linear(
                self._norm(states, f"{block}.post_attention_ln"), f"{block}.intermediate.dense"
            )
            states = states + self._linear(_gelu(inner), f"{block}.output.dense")
            final = number == self.blocks - 1 and "encoder.last_layer_ln.weight" in self.weights
            yield self._norm(states, "encoder.last_layer_ln") if final else states

    def _attended(self, normed: Array, name: str) -> Array:
        query, key, value = (
            np.split(self._linear(normed, f"{name}.self.{part}"), self.heads, -1)
            for part in ("query", "key", "value")
        )
        found = []
        for head in range(self.heads):
            scores = np.exp(query[head] @ key[head].T / math.sqrt(query[head].shape[-1]))
            found.append(scores / scores.sum(-1, keepdims=True) @ value[head])
        return self._linear(np.concatenate(found, -1), f"{name}.output.dense")

    def _linear(self, states: Array, name: str) -> Array:
        product: Array = states @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return product

    def _norm(self, states: Array, name: str) -> Array:
        centred = states - states.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.epsilon)
        normed: Array = scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return normed


def _gelu(numbers: Array) -> Array:
    product: Array = numbers * (1 + np.vectorize(math.erf)(numbers / math.sqrt(2))) / 2
    return product
