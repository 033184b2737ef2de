"""Peak memory of one encoder's pass: of this process, or of the GPU."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from genome_index.encoders import TRANSFORMER
from genome_index.spec import IndexSpec


def release_models() -> None:
    """Free the model of the encoder before: it would stay, and be counted, until the next one is loaded."""
    if loader := sys.modules.get("genome_index.encoders.loaded_model"):
        loader.load.cache_clear()


def reset_peak() -> None:
    """Measure the peak from here on; where Linux cannot reset it, it is that of the process so far."""
    if gpu := _gpu():
        gpu.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mb(spec: IndexSpec) -> float:
    """The peak in MB: of the GPU for a language model that may use one, else of this process."""
    if spec.encoder == TRANSFORMER and (gpu := _gpu()):
        return float(gpu.max_memory_allocated() / 1e6)
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2]
        return int(status.split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _gpu() -> Any:  # noqa: ANN401  # torch.cuda, or None
    """torch.cuda, if torch has been loaded and sees a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
