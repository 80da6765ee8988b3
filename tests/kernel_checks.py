"""How far a kernel may be from its reference, and the numbers it is tried on."""

from __future__ import annotations

import random

import torch
from torch import Tensor

SHAPES = 50
PLANTED = 1.01
"""What an input is multiplied by to plant an error of one percent: every parity check must notice."""

TYPES = (torch.float32, torch.bfloat16)


def gaussian(*shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> Tensor:
    return (torch.randn(*shape) * scale).to(dtype)


def odd_length(rng: random.Random, longest: int, step: int = 1) -> int:
    """Mostly a length that no block divides, now and then one that is whole."""
    length = rng.choice([rng.randint(1, longest), rng.randint(1, longest), longest])
    return max(step, length // step * step)


def room(rng: random.Random, longest: int, dtype: torch.dtype, least: int) -> int:
    """An odd length; for bf16 no shorter than `least`: of a few elements one rounding is half of the norm."""
    return odd_length(rng, longest) if dtype == torch.float32 else rng.randint(least, longest)


def distance(ours: Tensor, truth: Tensor) -> float:
    """Relative Frobenius norm of the difference; infinite if anything is NaN."""
    assert ours.shape == truth.shape, (ours.shape, truth.shape)
    gap = (ours.double() - truth.double()).norm() / truth.double().norm().clamp_min(1e-30)
    return float(gap.nan_to_num(torch.inf))


def assert_near(ours: Tensor, truth: Tensor, tolerance: float) -> None:
    far = distance(ours, truth)
    assert far <= tolerance, f"{far:.2e} apart, {tolerance:.0e} allowed, shape {tuple(ours.shape)}"


def assert_same_but_for_roundings(ours: Tensor, reference: Tensor) -> None:
    """bf16 against bf16: nearly all elements equal, none far."""
    assert_near(ours, reference, 1e-3)
    assert float((ours != reference).float().mean()) < 0.01 + 2 / ours.numel()


def spoilt(x: Tensor, factor: float) -> Tensor:
    """`x` with the planted error; `x` itself without one."""
    return x if factor == 1.0 else (x.float() * factor).to(x.dtype)
