"""Ops: one callable per operation, chosen once per device and data type, with the reason."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dgchat_kernels import reference
from dgchat_kernels.packed import FP8Experts, NVFP4Experts

LEAST_CAPABILITY = (8, 0)
"""The oldest GPU whose matrix unit knows bf16."""

KERNELS = {
    "route": ("routing", "route"),
    "experts": ("experts", "experts"),
    "experts_nvfp4": ("experts_nvfp4", "experts_nvfp4"),
    "attention": ("canvas_attention", "attention"),
}
"""Module and launcher of every op that has a kernel with its signature."""


@dataclass(frozen=True, slots=True)
class Ops:
    """The operations of a forward pass; every field has the signature of its namesake in `reference`."""

    rms_norm: Callable[[Tensor, Tensor | None, float], Tensor]
    rotate: Callable[[Tensor, Tensor, Tensor], Tensor]
    attention: Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
    gated_mlp: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    route: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
    experts: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
    dequantise_nvfp4: Callable[[Tensor, Tensor, Tensor, torch.dtype], Tensor]
    dequantise_fp8: Callable[[Tensor, Tensor, torch.dtype], Tensor]
    experts_nvfp4: Callable[[Tensor, NVFP4Experts, Tensor, Tensor], Tensor]
    experts_fp8: Callable[[Tensor, FP8Experts, Tensor, Tensor], Tensor]
    softcap: Callable[[Tensor, float], Tensor]
    soft_embedding: Callable[[Tensor, Tensor], Tensor]
    token_statistics: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


PLAIN = Ops(
    rms_norm=reference.rms_norm,
    rotate=reference.rotate,
    attention=reference.attention,
    gated_mlp=reference.gated_mlp,
    route=reference.route,
    experts=reference.experts,
    dequantise_nvfp4=reference.dequantise_nvfp4,
    dequantise_fp8=reference.dequantise_fp8,
    experts_nvfp4=reference.experts_nvfp4,
    experts_fp8=reference.experts_fp8,
    softcap=reference.softcap,
    soft_embedding=reference.soft_embedding,
    token_statistics=reference.token_statistics,
)
"""Every op by its reference."""


def select(device: torch.device, dtype: torch.dtype | None = None) -> tuple[Ops, str]:
    """The ops for `device` and the activations' `dtype` (None: bf16), and one sentence on why these."""
    against = reason_against_kernels(device, dtype or torch.bfloat16)
    if against:
        return PLAIN, f"plain torch on {device.type}: {against}"
    failed: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name in KERNELS:
        try:
            found[name] = built_and_tried(name, device)
        except Exception as error:  # a compiler may fail in any way; each op then has its reference
            failed[name] = _first_line(error)
    ops = replace(PLAIN, **found)
    return ops, _reason(torch.cuda.get_device_name(device), sorted(found), failed)


def reason_against_kernels(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why kernels cannot run there, with the remedy if there is one; None if they can."""
    if device.type != "cuda":
        return "the kernels need an NVIDIA GPU"
    if torch.version.hip is not None:
        return "the kernels are tried on NVIDIA GPUs only"
    capability = torch.cuda.get_device_capability(device)
    if capability < LEAST_CAPABILITY:
        return f"the kernels need compute capability 8.0, this GPU has {capability[0]}.{capability[1]}"
    if dtype != torch.bfloat16:
        return f"the kernels compute in bfloat16, not {str(dtype).removeprefix('torch.')}"
    try:
        importlib.import_module("triton")
    except ImportError:
        return "triton is not installed; pip install triton"
    return None


def built_and_tried(name: str, device: torch.device) -> Callable[..., Any]:
    """The launcher of an op, once it has computed something tiny on the device: what fails, fails here."""
    module, launcher = KERNELS[name]
    launch = getattr(importlib.import_module(f"dgchat_kernels.{module}"), launcher)
    launch(*_tiny_inputs(name, device))
    torch.cuda.synchronize(device)
    return launch


def _tiny_inputs(name: str, device: torch.device) -> tuple[Any, ...]:
    """Inputs that compile the kernel: 16 is the least side of a matrix product."""
    x = torch.ones(16, 32, dtype=torch.bfloat16, device=device)
    weights, index = torch.ones(16, 1, device=device), torch.zeros(16, 1, dtype=torch.int64, device=device)
    if name == "route":
        return x, torch.ones(32, device=device), 2
    if name == "experts":
        return x, x.new_ones(1, 64, 32), x.new_ones(1, 32, 32), weights, index
    if name == "experts_nvfp4":
        return x, _tiny_packed(device), weights, index
    heads = x.view(1, 1, 16, 32)
    return heads, heads, heads, None


def _tiny_packed(device: torch.device) -> NVFP4Experts:
    def codes(rows: int) -> Tensor:
        return torch.zeros(1, rows, 16, dtype=torch.uint8, device=device)

    def scales(rows: int) -> Tensor:
        return torch.ones(1, rows, 2, device=device).to(torch.float8_e4m3fn)

    one = torch.ones(1, device=device)
    return NVFP4Experts(codes(64), scales(64), one, one, codes(32), scales(32), one)


def _reason(gpu: str, found: list[str], failed: dict[str, str]) -> str:
    kernels = f"kernels on {gpu} for {', '.join(found)}" if found else f"plain torch on {gpu}"
    fallen = "; ".join(f"{name} by plain torch, its kernel failed: {why}" for name, why in failed.items())
    return f"{kernels}; {fallen}" if fallen else f"{kernels}; plain torch for the rest"


def _first_line(error: Exception) -> str:
    told = str(error).strip().splitlines()
    return f"{type(error).__name__}: {told[0][:120]}" if told else type(error).__name__
