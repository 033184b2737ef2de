"""Four ways to read the same chunks, side by side in one run: as it is, torch.compile, packed, ours.

python tests/bench/ways.py [8m | 50m | 100m | 250m | 500m] [float32 | bfloat16]

As it is: torch's own operations, chunks of unequal length padded and masked. torch.compile: the same, each block compiled.
Packed: chunks of unequal length end to end, by torch's varlen_attn on a GPU and chunk by chunk on a CPU. Ours, as gindex
reads: on a GPU kernels of ours for gate and rotary embedding, packed, equal chunks together; on a CPU weights laid out for
oneDNN. On a GPU it is part of gpu.py. Ways take turns; the least time of each counts, the compiler's own apart. On a CPU it is
the processor's time, so that other work on the machine changes it little.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from common import machine
from neural import Words, build, cases, chunks_of, least, read
from torch.nn.attention import SDPBackend

from genome_index.encoders import batching as batches
from genome_index.encoders.batching import Device, best_device, run
from genome_index.encoders.networks import fused_ops as fused
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer
from genome_index.encoders.networks.onednn import lay_out
from genome_index.encoders.networks.packed_attention import packs, why_not
from genome_index.encoders.pooling import mean_of_tokens
from genome_index.encoders.protocol import Packing

ROUNDS = 3
TITLES = ("mixed, 8 to 64 tokens", "mixed, 16 to 256 tokens", "equal, 512 tokens", "equal, 2,047 tokens")


@contextlib.contextmanager
def settings(
    kernels: bool = True, attention: Sequence[SDPBackend] = tuple(batches.ATTENTION), equal: bool = True
) -> Iterator[None]:
    """Read without kernels of ours, with other ways of torch's for attention, or with unequal chunks together."""
    before = fused._kernels_for, batches.ATTENTION, batches.similar_lengths
    fused._kernels_for = before[0] if kernels else lambda _: None
    batches.ATTENTION = list(attention)
    if not equal:
        batches.similar_lengths = lambda lengths, tokens, enough, _=False: before[2](lengths, tokens, enough)
    try:
        yield
    finally:
        fused._kernels_for, batches.ATTENTION, batches.similar_lengths = before


def read_packed(
    model: NucleotideTransformer, ids: torch.Tensor, packing: Packing, real: torch.Tensor
) -> torch.Tensor:
    """Chunk vectors of the last layer: (1, T) -> (B, H)."""
    *_, last = model.hidden_packed(ids, packing)
    return mean_of_tokens(packing.unpacked(last).float(), real)


def vectors(
    model: NucleotideTransformer, chunks: list[np.ndarray], device: str, packed: bool, plain: bool
) -> np.ndarray:
    """All chunk vectors in one of the ways: (C, H)."""
    found = np.empty((len(chunks), model.width), np.float32)
    place = Device("cuda", 0) if device == "cuda" else best_device()
    packed_step = functools.partial(read_packed, model) if packed else None
    with settings(kernels=not plain, equal=not plain):
        for rows, pooled in run(chunks, Words(), place, functools.partial(read, model), "model", packed_step):
            found[rows] = pooled
    return found


def seconds_of(work: Callable[[], object], device: str) -> float:
    """Of the wall on a GPU, of the processor on a CPU."""
    if device == "cuda":
        return least(work, device, 0)
    start = time.process_time()
    work()
    return time.process_time() - start


def ways_of(
    name: str, device: str, dtype: torch.dtype
) -> dict[str, Callable[[list[np.ndarray]], np.ndarray]]:
    """The four ways, by name; one model each, with the same weights."""
    plain, compiled, ours = (build(name, device, dtype) for _ in range(3))
    for block in compiled.encoder.layer:
        block.compile(dynamic=True)
    if device == "cpu":
        lay_out(ours)
    packed = packs(device, dtype, plain.head)
    return {
        "as it is": lambda chunks: vectors(plain, chunks, device, False, True),
        "torch.compile": lambda chunks: vectors(compiled, chunks, device, False, True),
        "packed": lambda chunks: vectors(plain, chunks, device, device == "cpu" or packed, True),
        "ours": lambda chunks: vectors(ours, chunks, device, packed, False),
    }


def compare_ways(name: str, device: str, dtype: torch.dtype) -> None:
    """Print how many times as fast as the first each way is, case by case, and how far its vectors are apart."""
    if device == "cuda" and (reason := why_not(device, build(name, "cpu", dtype).head)):
        print(f"no varlen_attn here, so nothing is packed: {reason}")
    ways = ways_of(name, device, dtype)
    generator = np.random.default_rng(0)
    for title, lengths in cases(device == "cuda", generator).items():
        if title not in TITLES:
            continue
        chunks = chunks_of(lengths, generator)
        first: dict[str, float] = {}
        found: dict[str, np.ndarray] = {}
        for what, way in ways.items():
            start = time.perf_counter()
            found[what] = way(chunks)
            first[what] = time.perf_counter() - start
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for what, way in ways.items():
                best[what] = min(best[what], seconds_of(functools.partial(way, chunks), device))
        for what, seconds in best.items():
            apart = np.abs(found[what] - found["as it is"]).max() / np.abs(found["as it is"]).max()
            print(
                f"{title:<26} {what:<14} {best['as it is'] / seconds:5.2f} x  ({seconds:7.3f} s, first {first[what]:7.2f} s; "
                f"vectors differ by {apart:.0e} of their size)",
                flush=True,
            )


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "50m"
    device = "cuda" if best_device().is_cuda else "cpu"
    dtype = getattr(
        torch, sys.argv[2] if len(sys.argv) > 2 else "bfloat16" if device == "cuda" else "float32"
    )
    print(
        f"{machine()}; torch {torch.__version__}, {torch.get_num_threads()} threads, {device}; v2-{name}, {dtype}"
    )
    with torch.inference_mode():
        compare_ways(name, device, dtype)


if __name__ == "__main__":
    main()
