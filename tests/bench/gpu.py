"""All that needs a GPU, in one run of some minutes: share of its peak, kernels, memory, precision, hot spots, FAISS.

python tests/bench/gpu.py [500m | 250m | 100m | 50m | 8m]

It needs torch and numpy, and for its last part faiss-gpu. Each part says what it found, or why it was left out.
"""

from __future__ import annotations

import contextlib
import functools
import sys

import numpy as np
import torch
from common import machine
from neural import batched, build, cases, chunks_of, compare, flops, least, peak
from torch.nn.attention import SDPBackend, sdpa_kernel

from genome_index.encoders import fused
from genome_index.encoders.batches import Device, best_device
from genome_index.encoders.nucleotide import NucleotideTransformer

STARVED_MB = 1_000  # beside the weights, where memory is made to run out


def ways(model: NucleotideTransformer, name: str) -> None:
    """The same chunks with kernels of ours and without, and with each way that torch has for attention."""
    generator = np.random.default_rng(6)
    lengths = cases(True, generator)
    titles = ("mixed, 16 to 256 tokens", "equal, 512 tokens", "equal, 2,047 tokens")
    chunks = {title: chunks_of(lengths[title], generator) for title in titles}
    backends = [
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ]
    kernels = fused._kernels_for
    for what, kernels_for, order in [
        ("as it is", kernels, None),
        ("without kernels", lambda _: None, None),
        *((f"{one.name} first", kernels, [one, *(b for b in backends if b != one)]) for one in backends[:3]),
    ]:
        fused._kernels_for = kernels_for
        for title in titles:
            with sdpa_kernel(order, set_priority=True) if order else contextlib.nullcontext():
                seconds = least(functools.partial(batched, model, chunks[title], Device("cuda", 0)), "cuda")
            done = flops(name, lengths[title])
            print(f"{what:<28} {title:<26} {done / seconds / 1e12:.0f} TFLOP/s", flush=True)
    fused._kernels_for = kernels


def steps() -> None:
    """Gate and rotary embedding by kernels and by torch, with what they move: a number in once and out once."""
    inner = torch.randn(64, 2_047, 2 * 4_096, device="cuda", dtype=torch.bfloat16)
    query, key = (torch.randn(64, 2_047, 16, 64, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    turns = torch.polar(torch.ones(2_047, 32), torch.rand(2_047, 32)).to("cuda")
    kernels = fused._kernels_for
    for what, kernels_for in (("kernel", kernels), ("torch", lambda _: None)):
        fused._kernels_for = kernels_for
        gate = least(lambda: [fused.gated(inner) for _ in range(20)], "cuda") / 20
        turn = least(lambda: [fused.turned(query, key, turns) for _ in range(20)], "cuda") / 20
        print(
            f"by {what}: gate {1.5 * inner.nbytes / gate / 1e12:.2f} TB/s, turning {4 * query.nbytes / turn / 1e12:.2f} TB/s"
        )
    fused._kernels_for = kernels


def memory(model: NucleotideTransformer) -> None:
    """What the probe allows, and whether a batch that does not fit is halved."""
    generator = np.random.default_rng(1)
    chunks = chunks_of(np.full(400, 512), generator)
    device = Device("cuda", 0)
    whole = batched(model, chunks, device)
    print(f"probe: {device.tokens:,} tokens a batch; peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    torch.cuda.empty_cache()
    taken = torch.cuda.memory_allocated() + STARVED_MB * 1_000_000
    torch.cuda.set_per_process_memory_fraction(taken / torch.cuda.get_device_properties(0).total_memory)
    starved = Device("cuda", 400 * 513)
    apart = np.abs(batched(model, chunks, starved) - whole).max() / np.abs(whole).max()
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
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(exact, axis=1)
        cosine = (vectors * exact).sum(1) / lengths
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
        print(title)
        print(
            profile.key_averages().table(
                sort_by="self_cuda_time_total", row_limit=12, max_name_column_width=60
            )
        )


def faiss_on_gpu() -> None:
    """Exact neighbours by FAISS on the GPU beside numpy."""
    try:
        import faiss

        from genome_index.exact import by_product, by_search, gpu_search
    except ImportError as error:
        print(f"FAISS left out: {error}")
        return
    search = gpu_search()
    if search is None:
        print(
            f"FAISS left out: version {faiss.__version__} sees no GPU (the extra `gpu` brings the one that does)"
        )
        return
    generator = np.random.default_rng(5)
    rows = generator.normal(size=(100_000, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries, barred = rows[:2_560], [np.array([at]) for at in range(2_560)]
    ways = {"numpy": by_product, "FAISS": functools.partial(by_search, search=search)}
    seconds = {
        what: least(functools.partial(way, queries, rows, 10, barred), "cuda") for what, way in ways.items()
    }
    same = (by_product(queries, rows, 10, barred)[1] == ways["FAISS"](queries, rows, 10, barred)[1]).mean()
    print(
        f"exact, 2,560 of 100,000 by 256: numpy {seconds['numpy']:.2f} s, FAISS {seconds['FAISS']:.2f} s; same rows {same:.2%}"
    )


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "500m"
    if not best_device().is_cuda:
        sys.exit("torch sees no GPU here, so there is nothing to measure")
    print(f"{machine()}; torch {torch.__version__}, {torch.cuda.get_device_name()}; v2-{name}, bfloat16")
    model = build(name, "cuda", torch.bfloat16)
    products = peak("cuda", name, 1024, torch.bfloat16)
    for what, speed in products.items():
        print(f"product of {what}: {speed / 1e12:.0f} TFLOP/s")
    print("\n".join(fused.missing("cuda")) or "gate and rotary embedding are kernels of ours")
    compare(model, model, name, Device("cuda", 0), max(products.values()))
    with torch.inference_mode():
        steps()
    ways(model, name)
    memory(model)
    precision(name, model)
    hot(model)
    faiss_on_gpu()


if __name__ == "__main__":
    main()
