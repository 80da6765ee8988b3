"""Ops: one callable per operation, chosen once per device, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgchat_kernels import reference
from dgchat_kernels.packed import FP8Experts, NVFP4Experts


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


def select(device: torch.device) -> tuple[Ops, str]:
    """The ops for `device`, and one sentence on why these."""
    ops = Ops(
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
    return ops, f"plain torch on {device.type}: there are no kernels of our own yet"
