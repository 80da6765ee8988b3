"""Whether a checkpoint fits the memory of this machine, with both numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from dgchat.checkpoint.needs import needs_bytes
from dgchat.engine.device import choose_device
from dgchat.hub.formats import OURS
from dgchat.hub.sizes import rounded

_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Machine:
    device: str
    """`cpu`, `cuda` or `mps`."""
    available_bytes: int | None
    """Memory that is free on it; None where nothing tells."""


@dataclass(frozen=True, slots=True)
class Fit:
    kind: str
    """How the weights are stored."""
    needs_bytes: int
    """Memory the checkpoint needs on this device."""
    available_bytes: int | None
    """Memory that is free there; None where nothing tells."""

    @property
    def fits(self) -> bool | None:
        """Whether it can be opened here; None where nothing tells how much memory is free."""
        if self.kind not in OURS:
            return False
        return None if self.available_bytes is None else self.needs_bytes <= self.available_bytes

    @property
    def words(self) -> str:
        """`fits: needs 19.7 of 23.1 GB`, or why not."""
        if self.kind not in OURS:
            return f"{self.kind} is not read"
        needs = rounded(self.needs_bytes)
        if self.available_bytes is None:
            return f"needs {needs}; how much is free is not known here"
        free = rounded(self.available_bytes)
        return f"fits: needs {needs}, {free} free" if self.fits else f"too large: needs {needs}, {free} free"


def this_machine(device: str = "auto") -> Machine:
    """The device that would compute (`auto`, `cpu`, `cuda` or `mps`) and what is free on it."""
    chosen = choose_device(device)
    if chosen == "cuda":
        return Machine(chosen, torch.cuda.mem_get_info()[0])
    return Machine(chosen, _available_memory())


def fit_of(weight_bytes: int, kind: str, machine: Machine) -> Fit:
    """How weights of this size, stored as `kind`, fit the machine."""
    return Fit(kind, needs_bytes(weight_bytes, kind, machine.device), machine.available_bytes)


def _available_memory() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None
