"""What there is to compute with: device, GPU and driver, and the ops that were chosen."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from dgchat.doctor.fact import Fact, Finding
from dgchat.hub.sizes import rounded
from dgchat.settings import ChosenSettings

_ASK_DRIVER = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU."""

    name: str
    driver: str
    """Version."""
    memory_bytes: int


def find_computing(chosen: ChosenSettings) -> Iterator[Finding]:
    """gpus, device, ops."""
    gpus = _gpus()
    told = (f"{gpu.name}, {rounded(gpu.memory_bytes)}, driver {gpu.driver}" for gpu in gpus)
    yield Fact("gpus", "\n".join(told) or "none that nvidia-smi names", [asdict(gpu) for gpu in gpus])
    import torch  # takes seconds, and the lines above need not wait for it

    from dgchat.engine.device import choose_device, free_memory, leave_a_core_free
    from dgchat_kernels import select

    kind = choose_device(chosen.settings.device)
    leave_a_core_free()  # as the engine does before it computes
    device: dict[str, object] = {
        "kind": kind,
        "asked_for": chosen.settings.device,
        "torch_cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "free_bytes": free_memory(kind),
    }
    words = f"{kind} (asked for: {chosen.settings.device}), {_capacity(kind)}"
    yield Fact("device", words, device)
    reason = select(torch.device(kind))[1]
    yield Fact("ops", reason, reason)


def _capacity(kind: str) -> str:
    import torch  # imported already by the caller

    if kind == "cuda":
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, CUDA {torch.version.cuda}"
    return f"{torch.get_num_threads()} of {os.cpu_count()} cores"


def _gpus() -> list[Gpu]:
    """Those that the driver knows, whether or not torch can use them."""
    try:
        answer = subprocess.run(_ASK_DRIVER, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [gpu for line in answer.splitlines() if (gpu := _read_gpu(line)) is not None]


def _read_gpu(line: str) -> Gpu | None:
    match [part.strip() for part in line.split(",")]:
        case [name, driver, mebibytes] if mebibytes.isdigit():
            return Gpu(name, driver, int(mebibytes) * 2**20)
    return None
