"""Making NVFP4 of plain weights: a global scale, a scale per block of 16, and four bits per weight."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.checkpoint.formats.packed import E2M1_MAX, E4M3_MAX
from dgchat_kernels import NVFP4_BLOCK

_MIDPOINTS = (0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0)
"""Where one magnitude of E2M1 (0, 0.5, 1, 1.5, 2, 3, 4, 6) ends and the next begins."""


def pack(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The NVFP4 of weight [rows, columns]: codes uint8 [rows, columns / 2], block scales float8_e4m3fn
    [rows, columns / 16] and the global scale fp32 [].

    The largest weight decides the global scale, `amax / (6 * 448)`, the largest of a block its own,
    `e4m3(block_amax / (6 * global))`; each weight becomes the nearest code, halfway the even one.
    """
    blocks = weight.float().unflatten(-1, (-1, NVFP4_BLOCK))
    largest = blocks.abs().amax(dim=-1)
    global_scale = largest.amax() / (E2M1_MAX * E4M3_MAX)
    scales = _quotient(largest, E2M1_MAX * global_scale).clamp(max=E4M3_MAX).to(torch.float8_e4m3fn)
    codes = _nearest_codes(_quotient(blocks, (scales.float() * global_scale).unsqueeze(-1))).flatten(-2)
    return codes[..., 0::2] | codes[..., 1::2] << 4, scales, global_scale


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """`numerator / denominator`; zero for a block of zeros or one too small for a scale, which have none."""
    return torch.where(denominator == 0, 0, numerator / denominator)


def _nearest_codes(values: Tensor) -> Tensor:
    midpoints = torch.tensor(_MIDPOINTS)
    midpoints[1::2] = midpoints[1::2].nextafter(torch.zeros(()))  # halfway to an even code goes up
    return torch.bucketize(values.abs(), midpoints).to(torch.uint8) | values.signbit().to(torch.uint8) << 3
