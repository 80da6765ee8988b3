"""Attention of a canvas to a prefix and to itself: no mask, no copy of keys or values.

    out = softmax(q k^T) v        over cache rows begin..end, which lie on the device; scaling is 1

Canvas keys stand in the cache, right after the prefix. The query heads that share a key head become rows of
one product. The rows of the cache are cut into a fixed number of splits, whose results a second kernel
joins in their order: the result does not depend on how many programs run at once. Heads of 512 do not fit
the registers of a program: it takes `BLOCK_V` columns of the output, and the scores are summed over the
head in chunks of `BLOCK_D`.
"""

# pyright: reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels import reference
from dgchat_kernels.arithmetic import INTERPRETED, as_factor, dot, power_of_two, rounded
from dgchat_kernels.builds import ROOMY_KIB

SPLITS = 8
"""Parts of the cache rows."""


@triton.jit
def attention_kernel(
    q, k, v, bounds, out, tops, sums, heads, kv_heads, rows, q_batch, q_head, q_row, k_batch, k_head, k_row,
    GROUP: tl.constexpr, HEAD_DIM: tl.constexpr, BLOCK_V: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    batch = (tl.program_id(1) // kv_heads).to(tl.int64)
    kv_head = tl.program_id(1) % kv_heads
    split = tl.program_id(2) % SPLITS
    chunk = tl.program_id(2) // SPLITS
    packed = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    here = packed < GROUP * rows
    head, row = kv_head * GROUP + packed // rows, packed % rows
    q_at = q + batch * q_batch + head.to(tl.int64) * q_head + row * q_row
    begin, end = tl.load(bounds), tl.load(bounds + 1)
    length = (end - begin + SPLITS * BLOCK_N - 1) // (SPLITS * BLOCK_N) * BLOCK_N
    first = begin + split * length
    last = tl.minimum(first + length, end)
    cache_at = batch * k_batch + kv_head.to(tl.int64) * k_head
    value_column = chunk * BLOCK_V + tl.arange(0, BLOCK_V)

    top = tl.full((BLOCK_M,), -1e30, tl.float32)
    mass = tl.zeros((BLOCK_M,), tl.float32)
    total = tl.zeros((BLOCK_M, BLOCK_V), tl.float32)
    for start in range(first, last, BLOCK_N):
        key = start + tl.arange(0, BLOCK_N)
        known = key < last
        key_at = cache_at + key.to(tl.int64) * k_row
        scores = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for depth in tl.static_range(0, HEAD_DIM, BLOCK_D):
            column = depth + tl.arange(0, BLOCK_D)
            wanted = column < HEAD_DIM
            queries = tl.load(q_at[:, None] + column[None, :], here[:, None] & wanted[None, :], other=0.0)
            keys = tl.load(k + key_at[None, :] + column[:, None], wanted[:, None] & known[None, :], other=0.0)
            scores = dot(queries, keys, scores)
        scores = tl.where(known[None, :], scores, -1e30)
        higher = tl.maximum(top, tl.max(scores, 1))
        factor = tl.exp(top - higher)
        probability = tl.where(known[None, :], tl.exp(scores - higher[:, None]), 0.0)
        mass = mass * factor + tl.sum(probability, 1)
        mask = known[:, None] & (value_column < HEAD_DIM)[None, :]
        values = tl.load(v + key_at[:, None] + value_column[None, :], mask, other=0.0)
        total = dot(as_factor(probability, v.dtype.element_ty), values, total * factor[:, None])
        top = higher

    to = (split * (tl.num_programs(1) // kv_heads) + batch) * heads * rows + head * rows + row
    mask = here[:, None] & (value_column < HEAD_DIM)[None, :]
    tl.store(out + to.to(tl.int64)[:, None] * HEAD_DIM + value_column[None, :], total, mask)
    if chunk == 0:
        tl.store(tops + to, top, here)
        tl.store(sums + to, mass, here)


@triton.jit
def join_splits_kernel(
    parts, tops, sums, out, rows,
    HEAD_DIM: tl.constexpr, BLOCK: tl.constexpr, SPLITS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    here = row < rows
    mask = here[:, None] & (column < HEAD_DIM)[None, :]
    highest = tl.full((ROWS,), -1e30, tl.float32)
    for split in tl.static_range(SPLITS):
        highest = tl.maximum(highest, tl.load(tops + split * rows + row, here, other=-1e30))
    mass = tl.zeros((ROWS,), tl.float32)
    total = tl.zeros((ROWS, BLOCK), tl.float32)
    for split in tl.static_range(SPLITS):
        factor = tl.exp(tl.load(tops + split * rows + row, here, other=-1e30) - highest)
        mass += factor * tl.load(sums + split * rows + row, here, other=1.0)
        at = (split * rows + row)[:, None] * HEAD_DIM + column[None, :]
        total += factor[:, None] * tl.load(parts + at, mask, other=0.0)
    to = row[:, None] * HEAD_DIM + column[None, :]
    tl.store(out + to, rounded(total / mass[:, None], out.dtype.element_ty), mask)


def _roomy(device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    shared = torch.cuda.get_device_properties(device).shared_memory_per_block_optin
    return shared >= ROOMY_KIB * 1024


def canvas_attention(q: Tensor, k: Tensor, v: Tensor, bounds: Tensor | None = None) -> Tensor:
    """`reference.attention` without a mask: q [batch, heads, n, dim], k and v [batch, kv_heads, m, dim].

    `bounds`, int32 [2] on the device, are the first row of k and v that counts and the one after the last;
    without them all count. At least one must. Returns [batch, heads, n, dim].
    """
    batch, heads, rows, dim = q.shape
    kv_heads, group = k.shape[1], heads // k.shape[1]
    assert k.shape == v.shape
    assert k.stride() == v.stride()
    assert heads % kv_heads == 0
    assert q.stride(3) == k.stride(3) == 1
    if bounds is None:
        bounds = torch.tensor([0, k.shape[2]], dtype=torch.int32, device=q.device)
    padded = max(16, power_of_two(dim))
    m, n, wide, deep = (min(64, max(16, power_of_two(group * rows))), 32, min(padded, 256), min(padded, 128))
    if padded > 256 and not _roomy(q.device):
        n = 16
    if INTERPRETED:
        m, n, deep = max(16, power_of_two(group * rows)), 128, padded
    parts = q.new_empty(SPLITS, batch, heads, rows, dim, dtype=torch.float32)
    tops, sums = (q.new_empty(SPLITS, batch, heads, rows, dtype=torch.float32) for _ in range(2))
    grid = (triton.cdiv(group * rows, m), batch * kv_heads, SPLITS * triton.cdiv(dim, wide))
    attention_kernel[grid](
        q, k, v, bounds, parts, tops, sums, heads, kv_heads, rows, *q.stride()[:3], *k.stride()[:3],
        GROUP=group, HEAD_DIM=dim, BLOCK_V=wide, BLOCK_D=deep, BLOCK_M=m, BLOCK_N=n, SPLITS=SPLITS,
        num_warps=8, num_stages=2,
    )  # fmt: skip
    out = q.new_empty(batch, heads, rows, dim)
    block = min(power_of_two(batch * heads * rows), 256) if INTERPRETED else 1
    join_splits_kernel[(triton.cdiv(batch * heads * rows, block),)](
        parts, tops, sums, out, batch * heads * rows,
        HEAD_DIM=dim, BLOCK=power_of_two(dim), SPLITS=SPLITS, ROWS=block, num_warps=4,
    )  # fmt: skip
    return out


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """`reference.attention`; with a mask, which only the encoder has, the reference itself."""
    alike = k.stride() == v.stride() and q.stride(3) == k.stride(3) == 1
    if mask is not None or not alike:
        return reference.attention(q, k, v, mask)
    return canvas_attention(q, k, v)
