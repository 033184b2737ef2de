"""Triton kernels: their numbers in the interpreter against formulas, and their compilation for two GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from genome_index.encoders.networks import fused_ops as fused

DRIVER = Path(__file__).parents[1] / "helpers" / "kernel_driver.py"


def told(what: str, **settings: str) -> Any:
    done = subprocess.run(
        [sys.executable, DRIVER, what], env=os.environ | settings, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_kernels_find_what_the_formulas_say() -> None:
    found = told("run", TRITON_INTERPRET="1")
    assert len(found["differences"]) == 6
    for name, apart in found["differences"].items():
        assert apart < (0.01 if name.endswith("bfloat16") else 1e-6), name
    assert found["refused"] == ["gate", "turn"]


@pytest.mark.long
def test_kernels_are_compiled_for_an_a100_and_for_an_h100(tmp_path: Path) -> None:
    """The interpreter takes more of Python than the compiler does."""
    found = told("compile", TRITON_CACHE_DIR=str(tmp_path))
    assert {(gpu, name) for gpu, sizes in found.items() for name, size in sizes.items() if size > 1_000} == {
        (gpu, name) for gpu in ("80", "90") for name in ("gate", "turn")
    }


@pytest.mark.skipif(torch.cuda.is_available(), reason="here they can be made")
def test_where_there_are_no_kernels_it_is_reported() -> None:
    assert fused.missing_kernels("cpu") == []
    (said,) = fused.missing_kernels("cuda")
    assert said.startswith("reading is slower than it could be: Triton makes no kernels for cuda (")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="they need a GPU")
def test_on_a_gpu_there_are_kernels() -> None:
    assert fused.missing_kernels("cuda") == []
