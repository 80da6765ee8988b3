"""What kernels share: arithmetic that means the same compiled and in Triton's interpreter.

The interpreter computes with bf16 as if it were whole numbers and cuts fp32 off where it should round. So
every kernel loads with `widened`, computes in fp32, multiplies matrices with `dot` and stores through
`rounded`.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from triton import knobs

INTERPRETED = tl.constexpr(bool(knobs.runtime.interpret))
"""Whether kernels run in the interpreter: read once, when this module is imported."""


@triton.jit
def widened(x):
    """`x` in fp32."""
    if INTERPRETED and x.dtype == tl.bfloat16:
        return (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    return x.to(tl.float32)


@triton.jit
def rounded(x, dtype: tl.constexpr):
    """fp32 `x` in `dtype`, to the nearest and ties to even."""
    if INTERPRETED and dtype == tl.bfloat16:
        bits = x.to(tl.uint32, bitcast=True)
        bits += 0x7FFF + ((bits >> 16) & 1)
        return (bits >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)
    return x.to(dtype)


@triton.jit
def stepped(x, dtype: tl.constexpr):
    """fp32 `x` with what `dtype` cannot hold rounded away: a rounding point of the reference."""
    return widened(rounded(x, dtype))


@triton.jit
def dot(a, b, total):
    """`total + a @ b` in fp32; both factors have the type they were loaded in."""
    if INTERPRETED:
        return tl.dot(widened(a), widened(b), total, input_precision="ieee")
    return tl.dot(a, b, total, input_precision="ieee")


@triton.jit
def as_factor(x, dtype: tl.constexpr):
    """fp32 `x` as a factor of `dot`: in `dtype` on a device; as it is in the interpreter, where `dot` is
    exact.
    """
    return x if INTERPRETED else x.to(dtype)


@triton.jit
def tanh(x):
    """Hyperbolic tangent, without a device library: `2 sigmoid(2x) - 1`, which cancels near zero: there a
    series.
    """
    square = x * x
    series = x * (1 + square * (-1 / 3 + square * (2 / 15 - square * (17 / 315))))
    return tl.where(square < 0.01, series, 2 * tl.sigmoid(2 * x) - 1)


@triton.jit
def gelu_tanh(x):
    """GELU by its tanh approximation, `x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))`."""
    return x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))


@triton.jit
def inverse_root_mean_square(x, length: tl.constexpr, eps):
    """`(mean(x^2) + eps)^-0.5` of the rows of x [rows, padded], whose padding is zero."""
    return tl.rsqrt(tl.sum(x * x, 1) / length + eps)[:, None]


def power_of_two(length: int) -> int:
    """The smallest power of two that is no smaller."""
    return 1 << max(0, length - 1).bit_length()


def row_block(rows: int) -> int:
    """Rows of one program: one on a device; many in the interpreter, where every program costs the same."""
    return min(power_of_two(rows), 64) if INTERPRETED else 1


TRITON_TYPES = {torch.float32: tl.float32, torch.bfloat16: tl.bfloat16, torch.float16: tl.float16}
"""The data types that kernels compute on."""
