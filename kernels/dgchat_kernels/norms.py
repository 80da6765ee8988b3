"""Fused norms: two of the three elementwise kernels of a layer (the third is `qkv`).

    attended_norms      x' = x + norm(attended) w_post
                        dense = norm(x') w_dense,  sparse = norm(x') w_sparse,
                        router = norm(x') scale hidden^-0.5
    feedforward_norms   m = sum_k weight_k slot_k
                        x' = (x + norm(norm(dense) w_dense + norm(m) w_sparse) w_post) scalar
                        next = norm(x') w_next

norm(x) = x (mean(x^2) + eps)^-0.5 in fp32. Every value that the reference holds in the activations' type is
rounded to it here too. Rows are tokens; sums over the slots run in their order, so results do not depend on
scheduling.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import (
    inverse_root_mean_square,
    power_of_two,
    rounded,
    row_block,
    stepped,
    widened,
)
from dgchat_kernels.packed import AttendedNorms, FeedforwardNorms


@triton.jit
def attended_norms_kernel(
    x, attended, post, dense, sparse, scale, x_out, dense_out, sparse_out, router_out, rows, eps,
    HIDDEN: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    inside = column < HIDDEN
    at = row[:, None] * HIDDEN + column[None, :]
    mask = (row < rows)[:, None] & inside[None, :]
    dtype: tl.constexpr = x.dtype.element_ty

    a = widened(tl.load(attended + at, mask, other=0.0))
    w = widened(tl.load(post + column, inside, other=0.0))
    a = stepped(a * inverse_root_mean_square(a, HIDDEN, eps) * w, dtype)
    total = stepped(widened(tl.load(x + at, mask, other=0.0)) + a, dtype)
    tl.store(x_out + at, rounded(total, dtype), mask)

    normed = total * inverse_root_mean_square(total, HIDDEN, eps)
    w = widened(tl.load(dense + column, inside, other=0.0))
    tl.store(dense_out + at, rounded(normed * w, dtype), mask)
    w = widened(tl.load(sparse + column, inside, other=0.0))
    tl.store(sparse_out + at, rounded(normed * w, dtype), mask)
    w = widened(tl.load(scale + column, inside, other=0.0))
    routed = stepped(stepped(normed, dtype) * w, dtype) * (HIDDEN**-0.5)
    tl.store(router_out + at, rounded(routed, dtype), mask)


@triton.jit
def feedforward_norms_kernel(
    x, dense, slots, weights, dense_norm, sparse_norm, post, scalar, following, x_out, next_out, rows, eps,
    HIDDEN: tl.constexpr, BLOCK: tl.constexpr, SLOTS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    inside = column < HIDDEN
    at = row[:, None] * HIDDEN + column[None, :]
    mask = (row < rows)[:, None] & inside[None, :]
    dtype: tl.constexpr = x.dtype.element_ty

    mixture = tl.zeros((ROWS, BLOCK), tl.float32)
    for slot in tl.static_range(SLOTS):
        weight = tl.load(weights + row * SLOTS + slot, row < rows, other=0.0)
        value = tl.load(slots + (row * SLOTS + slot)[:, None] * HIDDEN + column[None, :], mask, other=0.0)
        mixture += weight[:, None] * widened(value)
    mixture = stepped(mixture, dtype)
    w = widened(tl.load(sparse_norm + column, inside, other=0.0))
    mixture = stepped(mixture * inverse_root_mean_square(mixture, HIDDEN, eps) * w, dtype)

    d = widened(tl.load(dense + at, mask, other=0.0))
    w = widened(tl.load(dense_norm + column, inside, other=0.0))
    both = stepped(stepped(d * inverse_root_mean_square(d, HIDDEN, eps) * w, dtype) + mixture, dtype)
    w = widened(tl.load(post + column, inside, other=0.0))
    both = stepped(both * inverse_root_mean_square(both, HIDDEN, eps) * w, dtype)

    total = stepped(widened(tl.load(x + at, mask, other=0.0)) + both, dtype)
    total = stepped(total * widened(tl.load(scalar)), dtype)
    tl.store(x_out + at, rounded(total, dtype), mask)
    w = widened(tl.load(following + column, inside, other=0.0))
    tl.store(next_out + at, rounded(total * inverse_root_mean_square(total, HIDDEN, eps) * w, dtype), mask)


def attended_norms(
    x: Tensor, attended: Tensor, norms: AttendedNorms, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`fused_reference.attended_norms`: x and attended [rows, hidden] to four of the same."""
    rows, hidden = x.shape
    assert attended.shape == x.shape
    x, attended = x.contiguous(), attended.contiguous()
    outputs = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
    block = row_block(rows)
    attended_norms_kernel[(triton.cdiv(rows, block),)](
        x, attended, norms.post, norms.dense, norms.sparse, norms.router_scale, *outputs, rows, eps,
        HIDDEN=hidden, BLOCK=power_of_two(hidden), ROWS=block, num_warps=8,
    )  # fmt: skip
    return outputs


def feedforward_norms(
    x: Tensor, dense: Tensor, slots: Tensor, weights: Tensor, norms: FeedforwardNorms, eps: float
) -> tuple[Tensor, Tensor]:
    """`fused_reference.feedforward_norms`: x, dense [rows, hidden], slots [rows, top_k, hidden] to
    two like x.
    """
    rows, hidden = x.shape
    assert dense.shape == x.shape
    assert slots.shape == (rows, weights.shape[1], hidden)
    x, dense, slots = x.contiguous(), dense.contiguous(), slots.contiguous()
    outputs = torch.empty_like(x), torch.empty_like(x)
    block = row_block(rows)
    feedforward_norms_kernel[(triton.cdiv(rows, block),)](
        x, dense, slots, weights.float().contiguous(), norms.dense, norms.sparse, norms.post, norms.scalar,
        norms.following, *outputs, rows, eps,
        HIDDEN=hidden, BLOCK=power_of_two(hidden), SLOTS=weights.shape[1], ROWS=block, num_warps=8,
    )  # fmt: skip
    return outputs
