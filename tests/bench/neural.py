"""How fast a language model reads: batches of ours beside the plain loop of one chunk at a time, and the machine's peak.

python tests/bench/neural.py [8m | 50m | 100m | 250m | 500m] [float32 | bfloat16]

A randomly initialised Nucleotide Transformer v2 of the published shape (8m: that of the smallest ESM-2), chunks of random
words. On a GPU in bfloat16, against the fastest product of large bfloat16 matrices; on a CPU against products of the
very shapes that the model's layers have. The plain loop on a CPU is always in float32 and by torch's own products, as
anybody would write it.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from common import machine

from genome_index.encoders.batching import Device, best_device, run
from genome_index.encoders.checkpoint import Sizes
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer, Variant
from genome_index.encoders.networks.onednn import LaidOut, lay_out
from genome_index.encoders.pooling import mean_of_tokens

SHAPES = {
    "8m": (320, 6, 1280),
    "50m": (512, 12, 2048),
    "100m": (512, 22, 2048),
    "250m": (768, 24, 3072),
    "500m": (1024, 29, 4096),
}
REPEATS = 2  # after one that is not counted against it


class Words:
    """The special ids of the six-mers without their tokeniser, so that torch and numpy are all that is needed."""

    vocabulary, pad = 4107, 1
    before: tuple[int, ...] = (3,)
    after: tuple[int, ...] = ()

    def words(self, sequence: bytes) -> np.ndarray:
        raise NotImplementedError("chunks are drawn at random here")


def build(name: str, device: str, dtype: torch.dtype) -> NucleotideTransformer:
    width, layers, inner = SHAPES[name]
    torch.manual_seed(0)
    sizes = Sizes(
        width=width,
        layers=layers,
        heads=width // 32 if name == "8m" else 16,
        inner=inner,
        vocabulary=4107,
        epsilon=1e-12,
    )
    model = (
        NucleotideTransformer(sizes, Variant(2050, rotary=True, gated=True, biased=False))
        .eval()
        .requires_grad_(False)
    )
    return model.to(device, dtype)


def flops(name: str, lengths: np.ndarray) -> float:
    """Of the linear layers and of attention, a multiplication and an addition counted as two."""
    width, layers, inner = SHAPES[name]
    linear = 2 * layers * (4 * width * width + 3 * width * inner)
    return float((lengths * linear + layers * 4 * lengths.astype(float) ** 2 * width).sum())


def least(work: Callable[[], object], device: str, repeats: int = REPEATS) -> float:
    """Seconds of the fastest of one time and some more."""
    best = float("inf")
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


def peak(device: str, name: str, tokens: int, dtype: torch.dtype) -> dict[str, float]:
    """Floating-point operations a second of matrix products, by what they are."""
    width, _, inner = SHAPES[name]
    if device.startswith("cuda"):
        a = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
        return {
            "8192 x 8192 in bfloat16": 20 * 2 * 8192**3 / least(lambda: [a @ a for _ in range(20)], device)
        }
    layer = torch.nn.Linear(width, 2 * inner, bias=False).to(dtype)
    x = torch.randn(tokens, width, dtype=dtype)
    ways = {"by torch": layer, "by oneDNN, laid out": LaidOut(layer)}
    done = 20 * 2 * tokens * width * 2 * inner
    with torch.inference_mode():
        return {
            f"{tokens} x {width} by {width} x {2 * inner} in {dtype} {how}": done
            / least(lambda way=way: [way(x) for _ in range(20)], device)
            for how, way in ways.items()
        }


def cases(is_cuda: bool, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Lengths of chunks in tokens, by what they stand for."""
    mixed, equal = (8, 256) if is_cuda else (3, 1)  # times as many chunks: four batches on a GPU, at least
    return {
        "mixed, 4 to 32 tokens": generator.integers(4, 33, 128 * mixed),
        "mixed, 8 to 64 tokens": generator.integers(8, 65, 96 * mixed),
        "mixed, 16 to 256 tokens": generator.integers(16, 257, 32 * mixed),
        "equal, 512 tokens": np.full(8 * equal, 512),
        "equal, 2,047 tokens": np.full(2 * equal, 2047),
    }


def chunks_of(lengths: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    return [generator.integers(6, 4102, length) for length in lengths]


def read(
    model: NucleotideTransformer, ids: torch.Tensor, mask: torch.Tensor | None, real: torch.Tensor
) -> torch.Tensor:
    """Chunk vectors of the last layer: (B, T) -> (B, H)."""
    *_, last = model.hidden(ids, mask)
    return mean_of_tokens(last.float(), real)


def plain_loop(model: NucleotideTransformer, chunks: list[np.ndarray], device: Device) -> None:
    with torch.inference_mode():
        for chunk in chunks:
            ids = torch.tensor([[3, *chunk.tolist()]], device=device.name)
            read(model, ids, None, torch.ones_like(ids, dtype=torch.bool)).float().cpu()


def batched(model: NucleotideTransformer, chunks: list[np.ndarray], device: Device) -> np.ndarray:
    found = np.empty((len(chunks), model.width), np.float32)
    for rows, pooled in run(chunks, Words(), device, functools.partial(read, model), "model"):
        found[rows] = pooled
    return found


def compare(
    model: NucleotideTransformer, usual: NucleotideTransformer, name: str, device: Device, fastest: float
) -> None:
    """Print a line a case: batches of one model beside the plain loop of another."""
    generator = np.random.default_rng(0)
    for title, lengths in cases(device.is_cuda, generator).items():
        chunks = chunks_of(lengths, generator)
        few = chunks[:: 16 if device.is_cuda else 1]  # or a GPU would be at this most of the time
        loop = functools.partial(plain_loop, usual, few, device)
        slow = least(loop, device.name) * len(chunks) / len(few)
        fast = least(functools.partial(batched, model, chunks, device), device.name)
        done = flops(name, lengths)
        print(
            f"{title:<26} plain loop {slow:7.2f} s, batches {fast:7.2f} s: {slow / fast:5.2f} x; "
            f"{done / fast / 1e12:.3f} TFLOP/s, {done / fast / fastest:.0%} of the product; {lengths.sum() / fast:,.0f} tokens/s",
            flush=True,
        )


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "50m"
    device = best_device()
    dtype = getattr(torch, sys.argv[2] if len(sys.argv) > 2 else "bfloat16" if device.is_cuda else "float32")
    usual = model = build(name, device.name, dtype)
    if not device.is_cuda:
        usual = build(name, device.name, torch.float32)
        lay_out(model)
    print(
        f"{machine()}; torch {torch.__version__}, {torch.get_num_threads()} threads, {device.name}; v2-{name}, {dtype}"
    )
    products = peak(device.name, name, 1024, dtype)
    for what, speed in products.items():
        print(f"product of {what}: {speed / 1e12:.3f} TFLOP/s")
    compare(model, usual, name, device, max(products.values()))


if __name__ == "__main__":
    main()
