"""Which device to compute on."""

from __future__ import annotations

import os

import torch

from dgchat.errors import UsageError


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


def leave_a_core_free() -> None:
    """Let torch use one core less than there are, so that a screen in the same process is never starved.

    Two threads on two cores that other programs want too wait for each other at every operation: a step then
    takes seconds instead of milliseconds.
    """
    cores = os.cpu_count() or 1
    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores - 1)))
