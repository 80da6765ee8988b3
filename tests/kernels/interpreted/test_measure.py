"""The script that measures on a GPU, at tiny sizes and without a clock: every part is near its reference."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parents[3] / "kernels" / "measure.py"


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["measure"] = module
    spec.loader.exec_module(module)
    return module


def test_every_part_runs_and_no_kernel_is_off(measure: ModuleType):
    tiny = measure.Shape(
        canvas=24, hidden=64, vocab=5000, experts=4, inner=32, top_k=2, heads=4,
        kv_heads=((32, 2),), prefixes=(40,), copied_bytes=64, square=16,
    )  # fmt: skip
    names = []
    for part in measure.PARTS.values():
        for row in part(tiny, torch.device("cpu"), lambda run: 1.0):
            names.append(row["name"])
            assert row["ms"] == 1.0, row
    assert len(names) == 7


def test_a_kernel_that_is_off_has_no_time(measure: ModuleType):
    assert measure.row("off", 0.011, 0.01, lambda: None, 1, lambda run: 1.0)["ms"] is None


def test_without_a_gpu_it_says_so_in_one_line(measure: ModuleType, capsys: pytest.CaptureFixture[str]):
    assert measure.main([]) == 2
    assert capsys.readouterr().err == "torch finds no CUDA device here: nothing to measure\n"
