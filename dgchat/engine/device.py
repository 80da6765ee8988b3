"""Which device to compute on."""

from __future__ import annotations

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
