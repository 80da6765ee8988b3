"""Which device to compute on, and how much memory it has left."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from dgchat.errors import UsageError

_MEMINFO = Path("/proc/meminfo")
"""Where Linux tells how much memory there is."""


def choose_device(wanted: str) -> str:
    """`auto`, `cpu`, `cuda` or `mps` to a device that is there; UsageError otherwise."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, there in present.items() if there)
    if wanted not in present:
        raise UsageError(f"there is no device {wanted!r}", hint=f"auto, {', '.join(present)}")
    if not present[wanted]:
        raise UsageError(f"torch finds no {wanted} device here", hint="--device cpu")
    return wanted


def free_memory(device: str) -> int | None:
    """Bytes that are free on a device that is there (on a CPU: that can be had without swapping); None where
    nothing tells.
    """
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return _available_memory() if device == "cpu" else None


def _available_memory() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


def leave_a_core_free() -> None:
    """Let torch use one core less than there are, so that a screen in the same process is never starved.

    Two threads on two cores that other programs want too wait for each other at every operation: a step then
    takes seconds instead of milliseconds.
    """
    cores = os.cpu_count() or 1
    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - 1)))
