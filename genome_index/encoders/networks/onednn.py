"""Linear layers on a CPU, multiplied by oneDNN with weights reordered for it once.

By default torch multiplies float32 by MKL, which leaves half of an AMD processor unused, and reorders
bfloat16 weights at every call. The products have the same precision; tests/bench/RESULTS.md has the speed.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor, nn

X86 = ("x86_64", "AMD64")


def lay_out(module: nn.Module) -> None:
    """Replace all linear layers of a module that stays on the CPU and is not trained any more.

    The module is left alone where torch has no oneDNN for this processor or for the weights' precision.
    """
    _replace(module)
    if not any(isinstance(one, LaidOut) for one in module.modules()):
        return
    # The other parameters are views of the weights' file, which would stay in memory as a whole.
    for other in module.parameters():
        other.data = other.data.clone()


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) is not nn.Linear:  # a derived class may use its weight otherwise
            _replace(child)
        elif is_faster(child.weight.dtype):
            setattr(module, name, LaidOut(child))


def is_faster(dtype: torch.dtype) -> bool:
    """Whether oneDNN is available and the processor has instructions for this precision."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # no types here
    if not available or platform.machine() not in X86:
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


class LaidOut(nn.Module):
    """A linear layer with its weight in oneDNN's order; the plain weight is computed on demand."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = layer.in_features, layer.out_features, layer.bias
        # The operations that torch's own compiler calls for frozen weights.
        self._weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())

    @property
    def weight(self) -> Tensor:
        """The plain weight (out, in): some models read their device from it."""
        return self._weight.to_dense()

    def forward(self, rows: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self.bias, "none", [], "")
        return product
