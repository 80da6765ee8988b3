"""Kernels in Triton's interpreter: a mode of the whole process, so only `test_interpreter.py` collects this
folder.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

INTERPRETING = os.environ.get("TRITON_INTERPRET") == "1"
collect_ignore_glob = [] if INTERPRETING else ["test_*.py"]


@pytest.fixture
def rng() -> Iterator[random.Random]:
    """Fresh numbers in every run; a failure shows the seed, which KERNEL_SEED brings back."""
    seed = int(os.environ.get("KERNEL_SEED") or secrets.randbits(32))
    print(f"KERNEL_SEED={seed}")
    torch.manual_seed(seed)
    return random.Random(seed)


def poisoned(allocate: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def filled(*arguments: Any, **options: Any) -> torch.Tensor:
        tensor = allocate(*arguments, **options)
        return tensor.fill_(torch.nan if tensor.is_floating_point() else 77)

    return filled


@pytest.fixture(autouse=True)
def _poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel forgets to write is NaN, or a number no result has."""
    monkeypatch.setattr(torch, "empty", poisoned(torch.empty))
    monkeypatch.setattr(torch, "empty_like", poisoned(torch.empty_like))
    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned(torch.Tensor.new_empty))
