"""Norm and rotary embedding of queries and keys, norm of values, and the write of both into the cache.

    q = rotate(norm(q) w_q),  k = rotate(norm(k) w_k),  v = norm(v)
    rotate(x) = x cos + (-second half, first half) sin

Keys and values go to rows `offset + row` of the cache, an offset that lies on the device: a captured graph
serves every prefix. Products and sums are rounded as the reference rounds them.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import power_of_two, rounded, row_block, stepped, widened


@triton.jit
def _normed(first, second, head_dim: tl.constexpr, eps):
    total = tl.sum(first * first, 1) + tl.sum(second * second, 1)
    scale = tl.rsqrt(total / head_dim + eps)[:, None]
    return first * scale, second * scale


@triton.jit
def _turned(
    first, second, weight, cos, sin, at, column, mask, inside, HALF: tl.constexpr, dtype: tl.constexpr
):
    first *= widened(tl.load(weight + column, inside, other=0.0))
    second *= widened(tl.load(weight + HALF + column, inside, other=0.0))
    first, second = stepped(first, dtype), stepped(second, dtype)
    cos_first = widened(tl.load(cos + at, mask, other=0.0))
    cos_second = widened(tl.load(cos + at + HALF, mask, other=0.0))
    sin_first = widened(tl.load(sin + at, mask, other=0.0))
    sin_second = widened(tl.load(sin + at + HALF, mask, other=0.0))
    turned_first = stepped(first * cos_first, dtype) - stepped(second * sin_first, dtype)
    turned_second = stepped(second * cos_second, dtype) + stepped(first * sin_second, dtype)
    return turned_first, turned_second


@triton.jit
def qkv_kernel(
    q, k, v, q_norm, k_norm, cos, sin, offset, q_out, k_cache, v_cache, rows, eps,
    q_stride, k_stride, v_stride, cache_stride,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    head = tl.program_id(1)
    column = tl.arange(0, BLOCK)
    inside = column < HALF
    mask = (row < rows)[:, None] & inside[None, :]
    angle = row[:, None] * (2 * HALF) + column[None, :]
    dtype: tl.constexpr = q.dtype.element_ty
    begin = tl.load(offset).to(tl.int64)
    if head < HEADS:
        at = row[:, None] * q_stride + head * (2 * HALF) + column[None, :]
        first = widened(tl.load(q + at, mask, other=0.0))
        second = widened(tl.load(q + at + HALF, mask, other=0.0))
        first, second = _normed(first, second, 2 * HALF, eps)
        first, second = _turned(first, second, q_norm, cos, sin, angle, column, mask, inside, HALF, dtype)
        to = q_out + (row[:, None] * HEADS + head) * (2 * HALF) + column[None, :]
    elif head < HEADS + KV_HEADS:
        own = head - HEADS
        at = row[:, None] * k_stride + own * (2 * HALF) + column[None, :]
        first = widened(tl.load(k + at, mask, other=0.0))
        second = widened(tl.load(k + at + HALF, mask, other=0.0))
        first, second = _normed(first, second, 2 * HALF, eps)
        first, second = _turned(first, second, k_norm, cos, sin, angle, column, mask, inside, HALF, dtype)
        to = k_cache + own * cache_stride + (begin + row)[:, None] * (2 * HALF) + column[None, :]
    else:
        own = head - HEADS - KV_HEADS
        at = row[:, None] * v_stride + own * (2 * HALF) + column[None, :]
        first = widened(tl.load(v + at, mask, other=0.0))
        second = widened(tl.load(v + at + HALF, mask, other=0.0))
        first, second = _normed(first, second, 2 * HALF, eps)
        to = v_cache + own * cache_stride + (begin + row)[:, None] * (2 * HALF) + column[None, :]
    tl.store(to, rounded(first, dtype), mask)
    tl.store(to + HALF, rounded(second, dtype), mask)


def write_qkv(
    projected: tuple[Tensor, Tensor, Tensor],
    norms: tuple[Tensor, Tensor],
    rotation: tuple[Tensor, Tensor],
    cache: tuple[Tensor, Tensor],
    offset: Tensor,
    eps: float,
) -> Tensor:
    """`fused_reference.write_qkv`: fills rows of the cache, [kv_heads, capacity, head_dim] twice, from
    `offset` (int32 [1]) on; returns queries [rows, heads, head_dim].

    projected: q [rows, heads, head_dim], k and v [rows, kv_heads, head_dim]; rotation: cos and sin [rows,
    head_dim]; norms: the weights of queries and of keys [head_dim].
    """
    q, k, v = projected
    keys, values = cache
    rows, heads, head_dim = q.shape
    kv_heads = k.shape[1]
    assert k.shape == v.shape == (rows, kv_heads, head_dim)
    assert keys.shape == values.shape
    assert keys.stride() == values.stride()
    assert keys.stride(1) == head_dim
    assert all(x.stride(2) == 1 and x.stride(1) == head_dim for x in (q, k, v))
    out = q.new_empty(rows, heads, head_dim)
    block, half = row_block(rows), head_dim // 2
    cos, sin = (angles.contiguous() for angles in rotation)
    qkv_kernel[(triton.cdiv(rows, block), heads + 2 * kv_heads)](
        q, k, v, *norms, cos, sin, offset, out, keys, values, rows, eps, q.stride(0), k.stride(0),
        v.stride(0), keys.stride(0), HEADS=heads, KV_HEADS=kv_heads, HALF=half, BLOCK=power_of_two(half),
        ROWS=block, num_warps=4,
    )  # fmt: skip
    return out
