"""Driver that runs a model on a simulated device and prints each operation that waits or mixes devices.

Tensors of this device have a shape but no numbers: torch refuses to mix devices and to read a value, which on
a GPU would mean waiting for it. It runs in a process of its own, because torch keeps the device registered.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from genome_index.encoders.networks.loader import open_model
from genome_index.encoders.pooling import TOKEN_POOLS

DEVICE = torch.device("privateuseone", 0)


class Backend(_DummyBackendModule):
    """What torch asks of a device; the rest of it is torch's own stand-in."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


class Watch(TorchDispatchMode):
    """Notes each operation that brings a tensor to another place."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = [one for one in args if isinstance(one, torch.Tensor)]
        if isinstance(made, torch.Tensor) and any(one.device != made.device for one in given):
            self.moves.append(str(func))
        return made


def there(mode: FakeTensorMode, tensor: torch.Tensor) -> torch.Tensor:
    return FakeTensor(mode, torch.empty_like(tensor, device="meta"), DEVICE)


def send(mode: FakeTensorMode, module: torch.nn.Module) -> None:
    for part in module.modules():
        for name, one in part._parameters.items():
            if one is not None:
                part._parameters[name] = torch.nn.Parameter(there(mode, one.data), requires_grad=False)
        for name, one in part._buffers.items():
            if one is not None:
                part._buffers[name] = there(mode, one)


def read(folder: Path, padded: bool) -> list[str]:
    """What was moved when a second batch was read, a shorter one."""
    model: Any = open_model(folder)[0]
    mode = FakeTensorMode()
    send(mode, model.to(torch.bfloat16))
    for tokens in (40, 33):
        ids = there(mode, torch.zeros((3, tokens), dtype=torch.int64))
        real = there(mode, torch.ones((3, tokens), dtype=torch.bool))
        with mode, Watch() as watch:
            for states in model.hidden(ids, real if padded else None):
                pooled = [pool(states.float(), real) for pool in TOKEN_POOLS.values()]
                assert {one.device for one in pooled} == {DEVICE}
    return watch.moves


def main() -> None:
    _setup_privateuseone_for_python_backend(backend_module=Backend())
    with torch.inference_mode():
        for folder in sys.argv[1:]:
            for padded in (False, True):
                try:
                    said = " ".join(read(Path(folder), padded)) or "nothing"
                except Exception as error:  # noqa: BLE001  # whatever it is, it is what the test asks for
                    said = f"{type(error).__name__}: {str(error).splitlines()[0]}"
                sys.stdout.write(f"{Path(folder).name}, {'padded' if padded else 'equal'}: {said}\n")


if __name__ == "__main__":
    main()
