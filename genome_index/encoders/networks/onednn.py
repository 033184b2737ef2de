"""Linear layers on a CPU, multiplied by oneDNN with weights that are laid out for it once.

By itself torch multiplies float32 by MKL, which leaves half of an AMD processor unused, and lays bfloat16
weights out anew at every call. The products are of the same precision; how much faster they are is in
tests/bench/RESULTS.md.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor, nn

X86 = ("x86_64", "AMD64")


def lay_out(module: nn.Module) -> None:
    """Replace all linear layers of a module, which stays on the CPU and is not trained any more.

    Where torch has no oneDNN for this processor, or none for its weights' precision, nothing is changed.
    """
    _replace(module)
    if not any(isinstance(one, LaidOut) for one in module.modules()):
        return
    # The others are views of the file of weights, all of which would stay in memory for their sake.
    for other in module.parameters():
        other.data = other.data.clone()


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) is not nn.Linear:  # what is derived from it may be used otherwise
            _replace(child)
        elif is_faster(child.weight.dtype):
            setattr(module, name, LaidOut(child))


def is_faster(dtype: torch.dtype) -> bool:
    """Whether oneDNN is there and multiplies numbers of this kind by instructions of the processor."""
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch has none here
    if not there or platform.machine() not in X86:
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


class LaidOut(nn.Module):
    """A linear layer as oneDNN wants it; its plain weight is made when it is asked for."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        # The operations that torch's own compiler calls for frozen weights.
        self._weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())

    @property
    def weight(self) -> Tensor:
        """(out, in); some models look at it to see where they are."""
        return self._weight.to_dense()

    def forward(self, rows: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self.bias, "none", [], "")
        return found
