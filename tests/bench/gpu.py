"""All that needs a GPU, in one run of some minutes: share of its peak, kernels, memory, precision, hot spots, FAISS.

python tests/bench/gpu.py [500m | 250m | 100m | 50m | 8m]

It needs torch and numpy, and for its last part faiss-gpu. Each part says what it found, or why it was left out.
"""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np
import torch
from common import machine
from neural import batched, build, cases, chunks_of, compare, flops, least, peak
from torch.nn.attention import SDPBackend
from ways import compare_ways, settings

from genome_index.encoders import batching as batches
from genome_index.encoders.batching import Device, best_device
from genome_index.encoders.networks import fused_ops as fused
from genome_index.encoders.networks.nucleotide_transformer import NucleotideTransformer

STARVED_MB = 1_000  # beside the weights, where memory is made to run out


def ways(model: NucleotideTransformer, name: str) -> None:
    """The same chunks with kernels of ours and without, and with each way that torch has for attention."""
    generator = np.random.default_rng(6)
    lengths = cases(True, generator)
    flash, efficient, math = batches.ATTENTION
    tried = {
        "as it is": settings,
        "without kernels": functools.partial(settings, kernels=False),
        "memory-efficient attention": functools.partial(settings, attention=[efficient, math]),
        "cuDNN's attention": functools.partial(
            settings, attention=[SDPBackend.CUDNN_ATTENTION, flash, efficient, math]
        ),
    }
    for title in ("mixed, 16 to 256 tokens", "equal, 512 tokens", "equal, 2,047 tokens"):
        chunks, done = chunks_of(lengths[title], generator), flops(name, lengths[title])
        for what, setting in tried.items():
            with setting():
                work = functools.partial(batched, model, chunks, Device("cuda", 0))
                first, second = (least(work, "cuda", 0) for _ in range(2))
            print(
                f"{title:<26} {what:<28} first {first:6.2f} s, second {second:6.2f} s, {done / second / 1e12:.0f} TFLOP/s",
                flush=True,
            )


def steps() -> None:
    """Gate and rotary embedding by kernels and by torch, with what they move: a number in once and out once."""
    inner = torch.randn(64, 2_047, 2 * 4_096, device="cuda", dtype=torch.bfloat16)
    query, key = (torch.randn(64, 2_047, 16, 64, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    turns = torch.polar(torch.ones(2_047, 32), torch.rand(2_047, 32)).to("cuda")
    for what in ("kernel", "torch"):
        with settings(kernels=what == "kernel"):
            gate = least(lambda: [fused.gated(inner) for _ in range(20)], "cuda") / 20
            turn = least(lambda: [fused.turned(query, key, turns) for _ in range(20)], "cuda") / 20
        print(
            f"by {what}: gate {1.5 * inner.nbytes / gate / 1e12:.2f} TB/s, turning {4 * query.nbytes / turn / 1e12:.2f} TB/s"
        )


def memory(model: NucleotideTransformer) -> None:
    """How many tokens the measured memory allows, and whether a batch that does not fit is halved."""
    generator = np.random.default_rng(1)
    chunks = chunks_of(np.full(400, 512), generator)
    device = Device("cuda", 0)
    whole = batched(model, chunks, device)
    print(f"{device.tokens:,} tokens a batch; peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    torch.cuda.empty_cache()
    taken = torch.cuda.memory_allocated() + STARVED_MB * 1_000_000
    torch.cuda.set_per_process_memory_fraction(taken / torch.cuda.get_device_properties(0).total_memory)
    starved = Device("cuda", 400 * 513)
    try:
        apart = np.abs(batched(model, chunks, starved) - whole).max() / np.abs(whole).max()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    print(
        f"with {STARVED_MB:,} MB: halved to {starved.tokens:,} tokens a batch; vectors differ by {apart:.1e} of their size"
    )


def precision(name: str, model: NucleotideTransformer) -> None:
    """bfloat16 and float32 on the GPU beside float32 on the CPU, and a chunk alone beside the same in a batch."""
    chunks = chunks_of(np.random.default_rng(2).integers(16, 257, 48), np.random.default_rng(3))
    exact = batched(build(name, "cpu", torch.float32), chunks, Device("cpu", 2_048))
    found = {
        "bfloat16": batched(model, chunks, Device("cuda", 0)),
        "float32": batched(build(name, "cuda", torch.float32), chunks, Device("cuda", 0)),
        "bfloat16, one by one": batched(model, chunks, Device("cuda", 1)),
    }
    for what, vectors in found.items():
        one, other = vectors.astype(float), exact.astype(float)
        cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        print(f"{what}: 1 - cosine to float32 on the CPU at most {1 - cosine.min():.1e}")


def hot(model: NucleotideTransformer) -> None:
    """The kernels that take the most time, of equal and of mixed chunks."""
    generator = np.random.default_rng(4)
    lengths = cases(True, generator)
    for title in ("equal, 512 tokens", "mixed, 16 to 256 tokens"):
        chunks, device = chunks_of(lengths[title], generator), Device("cuda", 0)
        batched(model, chunks, device)
        activities = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=activities) as profile:
            batched(model, chunks, device)
        kernels = [one for one in profile.key_averages() if one.device_type == torch.autograd.DeviceType.CUDA]
        total = sum(one.self_device_time_total for one in kernels)
        print(f"{title}: {total / 1e3:.0f} ms in kernels")
        for one in sorted(kernels, key=lambda one: -one.self_device_time_total)[:12]:
            print(f"  {one.self_device_time_total / total:6.1%} {one.count:>6} x {one.key[:100]}")


def faiss_on_gpu() -> None:
    """Exact neighbours by FAISS on the GPU beside numpy."""
    from genome_index.index.vectors.exact_search import by_gpu, by_product

    generator = np.random.default_rng(5)
    rows = generator.normal(size=(100_000, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries, barred = rows[:2_560], [np.array([at]) for at in range(2_560)]
    if (found := by_gpu(queries, rows, 10, barred)) is None:
        print("FAISS left out: it sees no GPU, or failed on it (the extra `gpu` brings the build that can)")
        return
    same = (by_product(queries, rows, 10, barred)[1] == found[1]).mean()
    numpy, faiss = (
        least(functools.partial(way, queries, rows, 10, barred), "cuda") for way in (by_product, by_gpu)
    )
    print(f"exact, 2,560 of 100,000 by 256: numpy {numpy:.2f} s, FAISS {faiss:.2f} s; same rows {same:.2%}")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "500m"
    if not best_device().is_cuda:
        sys.exit("torch sees no GPU here, so there is nothing to measure")
    print(f"{machine()}; torch {torch.__version__}, {torch.cuda.get_device_name()}; v2-{name}, bfloat16")
    model = build(name, "cuda", torch.bfloat16)
    parts: dict[str, Callable[[], None]] = {
        "share of the peak": lambda: share(model, name),
        "memory": lambda: memory(model),
        "precision": lambda: precision(name, model),
        "steps": steps,
        "ways": lambda: ways(model, name),
        "as it is, compiled, packed, ours": lambda: compare_ways(name, "cuda", torch.bfloat16),
        "kernels by time": lambda: hot(model),
        "FAISS": faiss_on_gpu,
    }
    for title, part in parts.items():
        print(f"-- {title}", flush=True)
        start = time.perf_counter()
        try:
            with torch.inference_mode():
                part()
        except Exception:  # noqa: BLE001  # what the others find is wanted still
            print(traceback.format_exc(limit=-4))
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)


def share(model: NucleotideTransformer, name: str) -> None:
    """Batches and plain loop, beside the fastest product."""
    print("\n".join(fused.missing_kernels("cuda")) or "gate and rotary embedding are kernels of ours")
    products = peak("cuda", name, 1024, torch.bfloat16)
    for what, speed in products.items():
        print(f"product of {what}: {speed / 1e12:.0f} TFLOP/s")
    compare(model, model, name, Device("cuda", 0), max(products.values()))


if __name__ == "__main__":
    main()
