"""Chunks of tokens -> padded batches on a device, of like lengths, as large as memory allows."""

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
from genome_index.encoders.protocol import Ids, Tokenizer
from genome_index.errors import ModelError

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Step = Callable[[Tensor, Tensor | None, Tensor], Tensor]
"""What is made of one batch: ids, mask, real, each (B, T) -> (B, ...). `ids` have special ones and padding,
`mask` is True where there is no padding (None: there is none at all), `real` where there is sequence."""

PADDING = 1 / 16  # of a batch at most, where its chunks differ in length ...
ENOUGH_TOKENS = 512  # ... and it has so many already: a smaller batch mostly waits for weights ...
CUDA_ENOUGH = 8_192  # ... or leaves a GPU idle: 64 tiles of rows, by 8 of a width of 1,024; not measured
CPU_TOKENS = 2_048  # a batch: more does not run faster on a CPU, tests/bench/RESULTS.md
CUDA_TOKENS = 262_144
MOST_CHUNKS = 65_535  # of a batch: as many blocks a GPU takes in the second dimension of its grid
PROBE_TOKENS = 8_192  # read on a GPU to see what a token costs in memory
SPARE = 0.8  # of the free memory is used
NO_NUMBERS = (
    "what it makes of sequence are no numbers (NaN or infinite), so its weights are damaged or it needs more "
    "precision; give --precision float32, or download the model again"
)
ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""What torch may take for attention on a GPU. Not cuDNN, its first choice on recent ones: that makes a plan
for each new shape of a batch, which takes longer than to read a batch of short chunks."""


@dataclass
class Device:
    """Where a model runs, and how many tokens a batch there may have; halved when memory runs out."""

    name: str  # cpu, cuda, cuda:1
    tokens: int  # 0: to be found by a probe

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cuda")

    @property
    def enough(self) -> int:
        """Tokens of a batch for the sake of which shorter chunks are padded."""
        return CUDA_ENOUGH if self.is_cuda else ENOUGH_TOKENS


def best_device() -> Device:
    """The GPU where there is one."""
    return Device("cuda", 0) if torch.cuda.is_available() else Device("cpu", CPU_TOKENS)


def like_lengths(lengths: Rows, tokens: int, enough: int) -> Iterator[Rows]:
    """Rows of chunks that go together, longest first: (C,) -> (B,) each.

    A batch, padding included, has at most so many tokens, but at least one chunk. Chunks are padded by more
    than PADDING only until there are enough tokens.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        most = min(max(1, tokens // longest), MOST_CHUNKS)
        some = order[start : start + most]
        close = int(np.searchsorted(-lengths[some], -longest * (1 - PADDING), side="right"))
        some = some[: max(close, -(-enough // longest))]
        yield some
        start += len(some)


def run(
    chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device, step: Step, where: str
) -> Iterator[tuple[Rows, Floats]]:
    """Do a step with every batch of some chunks; yields rows of chunks with what was made of them: (B, ...).

    While a GPU is at one batch, the next is padded and sent there, and the one before is handed out. A batch
    that does not fit into memory is halved, and those after it are as small.

    Raises
    ------
    ModelError
        Not even one chunk fits into memory, or what is made of one is no number.
    """
    if not len(chunks):
        return
    if not device.tokens:
        device.tokens = _tokens_that_fit(chunks, tokenizer, device, step)
    around = len(tokenizer.before) + len(tokenizer.after)
    lengths = np.array([len(one) + around for one in chunks], np.int64)
    order = _by_content(chunks)
    waiting = [order[part] for part in like_lengths(lengths[order], device.tokens, device.enough)][::-1]
    before: _Begun | None = None
    while waiting:
        rows = waiting.pop()
        try:
            begun = _begin(chunks, rows, tokenizer, device, step)
        except ERRORS as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ModelError(where, _too_large(int(lengths[rows[0]]), device, error)) from error
            device.tokens = max(1, len(rows) // 2) * int(lengths[rows].max())
            left = np.concatenate([rows, *waiting[::-1]])
            waiting = [left[part] for part in like_lengths(lengths[left], device.tokens, device.enough)][::-1]
            continue
        if before is not None:
            yield before.rows, before.found(where)
        before = begun
    if before is not None:
        yield before.rows, before.found(where)


def _by_content(chunks: Sequence[Ids]) -> Rows:
    """An order that chunks have by themselves: N of (T,) -> (N,).

    So a genome makes the same batches whichever strand it is given in, and in whatever order its contigs: in
    bfloat16 it shows in a vector how large its batch was.
    """
    return np.argsort([zlib.crc32(one.tobytes()) for one in chunks], kind="stable")


def _tokens_that_fit(chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device, step: Step) -> int:
    """How many tokens a batch may have on a GPU: what some took, scaled up to what is free."""
    lengths = np.array([len(one) for one in chunks], np.int64)
    some = next(like_lengths(lengths, PROBE_TOKENS, PROBE_TOKENS))
    try:
        _begin(chunks, some, tokenizer, device, step)  # what libraries take once is not a token's
        torch.cuda.synchronize(device.name)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device.name)
        before = torch.cuda.memory_allocated(device.name)
        _begin(chunks, some, tokenizer, device, step)
        torch.cuda.synchronize(device.name)
    except ERRORS as error:
        if not is_out_of_memory(error):
            raise
        return PROBE_TOKENS // 2  # `run` halves it further where it must
    taken = (torch.cuda.max_memory_allocated(device.name) - before) / max(1, int(lengths[some].sum()))
    free, _ = torch.cuda.mem_get_info(device.name)
    return int(np.clip(SPARE * free / max(1.0, taken), PROBE_TOKENS, CUDA_TOKENS))


@dataclass(frozen=True)
class _Begun:
    """A batch that a device is at."""

    rows: Rows
    made: Tensor  # on the CPU, but on a GPU's word only
    ready: torch.cuda.Event | None  # that word

    def found(self, where: str) -> Floats:
        """Wait for what is made of it: (B, ...)."""
        if self.ready is not None:
            self.ready.synchronize()
        found: Floats = self.made.numpy()
        if not np.isfinite(found).all():
            raise ModelError(where, NO_NUMBERS)
        return found


def _begin(chunks: Sequence[Ids], rows: Rows, tokenizer: Tokenizer, device: Device, step: Step) -> _Begun:
    """Do a step with one batch; a GPU does it later, and what it makes is on its way back from then on."""
    with torch.inference_mode():
        batch = padded([chunks[row] for row in rows.tolist()], tokenizer, device)
        if not device.is_cuda:
            return _Begun(rows, step(*batch).float(), None)
        with sdpa_kernel(ATTENTION, set_priority=True):
            made = step(*batch).float()
        home = made.to("cpu", non_blocking=True)  # torch gives it pinned memory
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch gives it none
        ready.record(torch.cuda.current_stream(made.device))
        return _Begun(rows, home, ready)


def padded(
    chunks: Sequence[Ids], tokenizer: Tokenizer, device: Device
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Chunks as one batch on a device: B of (T,) -> ids, mask, real, as a `Step` wants them."""
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


def _to(table: npt.NDArray[np.int64 | np.bool_], device: Device) -> Tensor:
    """On a GPU from pinned memory, so that nobody waits for the copy."""
    tensor = torch.from_numpy(table)
    return tensor.pin_memory().to(device.name, non_blocking=True) if device.is_cuda else tensor


def _too_large(tokens: int, device: Device, error: Exception) -> str:
    asked = re.search(r"tried to allocate ([\d.,]+ \w+)", str(error), re.IGNORECASE)
    why = f"{asked.group(1)} more were asked for" if asked else in_short(error)
    return (
        f"a single chunk of {tokens:,} tokens does not fit into the memory of {device.name} "
        f"({why}); give fewer with --chunk-tokens, or {SMALLER}"
    )
