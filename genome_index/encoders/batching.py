"""Batches of token chunks on a device: padded, of similar lengths, as large as memory allows."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from genome_index.encoders.checkpoint import in_short
from genome_index.encoders.out_of_memory import ERRORS, SMALLER, is_out_of_memory
from genome_index.encoders.protocol import Ids, Packing, Tokenizer
from genome_index.errors import ModelError

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Step = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""The computation on one batch: ids, mask, real, each (B, T) -> (B, ...). `ids` include special ids and
padding, `mask` is True except for padding (None: no padding at all), `real` is True for sequence."""
PackedStep = Callable[[Tensor, Packing, Tensor], Tensor]
"""The same on chunks that lie end to end: ids (1, T), where each lies, `real` (B, longest) -> (B, ...)."""

PADDING = 1 / 16  # largest share of padding in a batch whose chunks differ in length ...
ENOUGH_TOKENS = 512  # ... once it has so many tokens: a smaller batch mostly waits for weights ...
CUDA_ENOUGH = 8_192  # ... or leaves a GPU idle: 64 tiles of rows, by 8 of a width of 1,024; not measured
CPU_TOKENS = 2_048  # in a batch: more does not run faster on a CPU, tests/bench/RESULTS.md
CUDA_TOKENS = 262_144
MOST_CHUNKS = 65_535  # in a batch: the blocks that a GPU takes in the second dimension of its grid
SAMPLE_TOKENS = 8_192  # read on a GPU to measure the memory of a token
SPARE = 0.8  # share of the free memory that is used
NO_NUMBERS = (
    "its vectors are NaN or infinite, so its weights are damaged or it needs more precision; "
    "give --precision float32, or download the model again"
)
ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Attention kernels that torch may use on a GPU. cuDNN, its first choice on recent GPUs, is left out: a
plan for each new shape of a batch takes longer than reading a batch of short chunks."""


@dataclass
class Device:
    """The device of a model, and the largest batch there in tokens; halved when memory runs out."""

    name: str  # cpu, cuda, cuda:1
    tokens: int  # 0: to be measured

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cuda")

    @property
    def enough(self) -> int:
        """Tokens up to which a batch is filled with shorter chunks, padded."""
        return CUDA_ENOUGH if self.is_cuda else ENOUGH_TOKENS


def best_device() -> Device:
    """The GPU if there is one, else the CPU."""
    return Device("cuda", 0) if torch.cuda.is_available() else Device("cpu", CPU_TOKENS)


def similar_lengths(lengths: Rows, tokens: int, enough: int, equal: bool = False) -> Iterator[Rows]:
    """Rows of the chunks in each batch, longest first: (C,) -> (B,) each.

    A batch, padding included, has at most `tokens` tokens, but at least one chunk. Chunks are padded by more
    than PADDING only until the batch has `enough` tokens. With `equal` they are padded at all only until
    then: on a GPU attention without a mask is faster (flash attention, not the memory-efficient one).
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        most = min(max(1, tokens // longest), MOST_CHUNKS)
        batch = order[start : start + most]
        least = longest if equal else longest * (1 - PADDING)
        close = int(np.searchsorted(-lengths[batch], -least, side="right"))
        batch = batch[: max(close, -(-enough // longest))]
        yield batch
        start += len(batch)


def run(
    chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device, step: Step, where: str,
    packed_step: PackedStep | None = None,
) -> Iterator[tuple[Rows, Floats]]:  # fmt: skip
    """Compute a step on every batch of some chunks; yields rows of chunks with their results: (B, ...).

    Batches of chunks of unequal length go through `packed_step`, if there is one, else they are padded.

    While a GPU computes one batch, the next is padded and sent there, and the result of the one before is
    yielded. A batch that does not fit into memory is halved, and so are those after it.

    Raises
    ------
    ModelError
        Not even one chunk fits into memory, or a result is NaN or infinite.
    """
    if not len(chunks):
        return
    if not device.tokens:
        device.tokens = _tokens_that_fit(chunks, tokenizer, device, step)
    special = len(tokenizer.before) + len(tokenizer.after)
    lengths = np.array([len(chunk) + special for chunk in chunks], np.int64)
    order = _by_content(chunks)
    waiting = [
        order[part] for part in similar_lengths(lengths[order], device.tokens, device.enough, device.is_cuda)
    ][::-1]
    previous: _Started | None = None
    while waiting:
        rows = waiting.pop()
        try:
            started = _start(chunks, rows, tokenizer, device, step, packed_step)
        except ERRORS as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ModelError(where, _too_large(int(lengths[rows[0]]), device, error)) from error
            device.tokens = max(1, len(rows) // 2) * int(lengths[rows].max())
            left = np.concatenate([rows, *waiting[::-1]])
            batches = similar_lengths(lengths[left], device.tokens, device.enough, device.is_cuda)
            waiting = [left[part] for part in batches][::-1]
            continue
        if previous is not None:
            yield previous.rows, previous.result(where)
        previous = started
    if previous is not None:
        yield previous.rows, previous.result(where)


def _by_content(chunks: Sequence[Ids]) -> Rows:
    """An order of chunks that depends on their tokens only: N of (T,) -> (N,).

    So a genome makes the same batches on either strand and in any order of its contigs: in bfloat16 the size
    of a batch changes a vector.
    """
    return np.argsort([zlib.crc32(chunk.tobytes()) for chunk in chunks], kind="stable")


def _tokens_that_fit(chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device, step: Step) -> int:
    """The largest batch on a GPU in tokens: the memory of a sample, scaled up to the free memory."""
    lengths = np.array([len(chunk) for chunk in chunks], np.int64)
    sample = next(similar_lengths(lengths, SAMPLE_TOKENS, SAMPLE_TOKENS))
    try:
        _start(chunks, sample, tokenizer, device, step)  # libraries allocate once: not counted
        torch.cuda.synchronize(device.name)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device.name)
        before = torch.cuda.memory_allocated(device.name)
        _start(chunks, sample, tokenizer, device, step)
        torch.cuda.synchronize(device.name)
    except ERRORS as error:
        if not is_out_of_memory(error):
            raise
        return SAMPLE_TOKENS // 2  # `run` halves it further if necessary
    per_token = (torch.cuda.max_memory_allocated(device.name) - before) / max(1, int(lengths[sample].sum()))
    free, _ = torch.cuda.mem_get_info(device.name)
    return int(np.clip(SPARE * free / max(1.0, per_token), SAMPLE_TOKENS, CUDA_TOKENS))


@dataclass(frozen=True)
class _Started:
    """A batch whose computation has started."""

    rows: Rows
    output: Tensor  # on the CPU; of a GPU, complete only after the event
    ready: torch.cuda.Event | None

    def result(self, where: str) -> Floats:
        """Wait for the output: (B, ...)."""
        if self.ready is not None:
            self.ready.synchronize()
        result: Floats = self.output.numpy()
        if not np.isfinite(result).all():
            raise ModelError(where, NO_NUMBERS)
        return result


def _start(
    chunks: Sequence[Ids], rows: Rows, tokenizer: Tokenizer, device: Device, step: Step,
    packed_step: PackedStep | None = None,
) -> _Started:  # fmt: skip
    """Start a step on one batch; a GPU computes it later and copies the output to the CPU."""
    with torch.inference_mode():
        batch = [chunks[row] for row in rows.tolist()]
        if not device.is_cuda:
            return _Started(rows, _computed(batch, tokenizer, device, step, packed_step), None)
        with sdpa_kernel(ATTENTION, set_priority=True):
            output = _computed(batch, tokenizer, device, step, packed_step)
        copied = output.to("cpu", non_blocking=True)  # torch gives it pinned memory
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch gives it none
        ready.record(torch.cuda.current_stream(output.device))
        return _Started(rows, copied, ready)


def _computed(
    chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device, step: Step, packed_step: PackedStep | None
) -> Tensor:
    """The output for one batch, packed where its chunks differ in length and there is a way."""
    if packed_step is not None and len({len(chunk) for chunk in chunks}) > 1:
        return packed_step(*packed(chunks, tokenizer, device)).float()
    return step(*padded(chunks, tokenizer, device)).float()


def packed(chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device) -> tuple[Tensor, Packing, Tensor]:
    """Chunks end to end on a device: B of (T,) -> ids, packing, real, the arguments of a `PackedStep`."""
    before, after = len(tokenizer.before), len(tokenizer.after)
    sizes = np.array([before + len(chunk) + after for chunk in chunks], np.int64)
    longest = int(sizes.max())
    ids = np.concatenate([part for chunk in chunks for part in (tokenizer.before, chunk, tokenizer.after)])
    ends = np.concatenate([[0], sizes.cumsum()])
    position = np.arange(len(ids)) - np.repeat(ends[:-1], sizes)
    place = position + longest * np.repeat(np.arange(len(chunks)), sizes)
    columns = np.arange(longest)
    real = (columns >= before) & (columns < (sizes - after)[:, None])
    packing = Packing(_to(ends.astype(np.int32), device), _to(position, device), _to(place, device), longest)
    return _to(ids[None].astype(np.int64), device), packing, _to(real, device)


def padded(
    chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Chunks as one batch on a device: B of (T,) -> ids, mask, real, the arguments of a `Step`."""
    before, after = len(tokenizer.before), len(tokenizer.after)
    longest = max(len(chunk) for chunk in chunks) + before + after
    ids = np.full((len(chunks), longest), tokenizer.pad, np.int64)
    mask, real = np.zeros(ids.shape, bool), np.zeros(ids.shape, bool)
    for row, chunk in enumerate(chunks):
        end = before + len(chunk)
        ids[row, :before], ids[row, before:end], ids[row, end : end + after] = (
            tokenizer.before, chunk, tokenizer.after,
        )  # fmt: skip
        mask[row, : end + after], real[row, before:end] = True, True
    return _to(ids, device), None if mask.all() else _to(mask, device), _to(real, device)


def _to(table: npt.NDArray[np.int64 | np.int32 | np.bool_], device: Device) -> Tensor:
    """The tensor on a device; to a GPU it is copied from pinned memory, without waiting."""
    tensor = torch.from_numpy(table)
    return tensor.pin_memory().to(device.name, non_blocking=True) if device.is_cuda else tensor


def _too_large(tokens: int, device: Device, error: Exception) -> str:
    required = re.search(r"tried to allocate ([\d.,]+ \w+)", str(error), re.IGNORECASE)
    reason = f"{required.group(1)} more were required" if required else in_short(error)
    return (
        f"a single chunk of {tokens:,} tokens does not fit into the memory of {device.name} "
        f"({reason}); give fewer with --chunk-tokens, or {SMALLER}"
    )
