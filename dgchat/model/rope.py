"""Rotary position embedding: plain for sliding layers, proportional for full ones."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.model.config import RopeConfig


def inverse_frequencies(rope: RopeConfig, head_dim: int) -> Tensor:
    """Angle per position of each rotated pair, [head_dim / 2] fp32; unrotated pairs get zero.

    A proportional rope rotates the first `partial_rotary_factor` of the pairs, at frequencies spread as if
    the whole head were rotated.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    frequencies = 1.0 / rope.theta**exponents
    if rope.rope_type == "proportional":
        frequencies[int(rope.partial_rotary_factor * head_dim // 2) :] = 0.0
    return frequencies


def rotations(positions: Tensor, frequencies: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines for positions [batch | 1, length], each [batch | 1, length, head_dim], rounded to
    `dtype`.
    """
    wide = torch.promote_types(dtype, torch.float32)
    angles = positions.unsqueeze(-1).to(wide) * frequencies.to(wide)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().to(dtype), angles.sin().to(dtype)
