"""What this machine can do, measured: how fast it copies memory and multiplies matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from dgchat.shaped_bench.work import Work

COPIED_BYTES = {"cuda": 2**31, "mps": 2**29, "cpu": 2**28}
"""Size of the block that is copied: beyond what any cache holds."""

SQUARE = {"cuda": 8192, "mps": 2048, "cpu": 1024}
"""Side of the matrices that are multiplied."""

REPEAT = 10


@dataclass(frozen=True, slots=True)
class MachineRates:
    bytes_per_second: float
    """Of a copy, reads and writes counted."""
    flop_per_second: float
    """Of a matrix product in the data type of the computation."""

    def floor_seconds(self, work: Sequence[Work]) -> float:
        """The least time for components one after another: each is bound by its bytes or by its FLOP."""
        return sum(self.component_seconds(part) for part in work)

    def component_seconds(self, part: Work) -> float:
        """The least time for one component."""
        return max(part.num_bytes / self.bytes_per_second, part.flop / self.flop_per_second)


def measure_machine(device: torch.device, dtype: torch.dtype) -> MachineRates:
    """Copy a block and multiply two matrices, several times each; the best counts, for it is a limit."""
    num_bytes, side = COPIED_BYTES[device.type], SQUARE[device.type]
    source = torch.zeros(num_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = _seconds(lambda: target.copy_(source), device)
    matrix = torch.randn(side, side, device=device).to(dtype)
    multiplied = _seconds(lambda: matrix @ matrix, device)
    return MachineRates(2 * num_bytes / copied, 2 * side**3 / multiplied)


def wait_for(device: torch.device) -> None:
    """Let the device finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    def timed() -> float:
        started = time.perf_counter()
        run()
        wait_for(device)
        return time.perf_counter() - started

    return min(timed() for _ in range(REPEAT))
