"""The experts on bf16 weights: every route's two matrix products, gathered and activated inside the kernels.

    hidden_r = gelu_tanh(W_gate x_t) * W_up x_t        slot_r = W_down hidden_r       route r of token t

A program takes one tile of routes, which share an expert, and a block of that expert's output rows. Weights
are the left factor: their rows fill the matrix unit, and the tile can be as narrow as the routes are few.
Slots are written where their token stands and weighted in order by `combine_slots` or by
`feedforward_norms`, so that nothing depends on scheduling and no route is dropped.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import INTERPRETED, dot, gelu_tanh, power_of_two, rounded, row_block, widened
from dgchat_kernels.routing import sort_routes

TILE = 16
"""Routes of a tile: 256 tokens with 8 routes each make 16 for each of 128 experts."""


@triton.jit
def gate_up_kernel(
    x, weights, order, tiles, out, hidden, inner,
    TOP_K: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    expert = tl.load(tiles + tile * 3).to(tl.int64)
    if expert >= 0:
        place = tl.load(tiles + tile * 3 + 1) + tl.arange(0, TILE)
        here = place < tl.load(tiles + tile * 3 + 2)
        token = (tl.load(order + place, here, other=0) // TOP_K).to(tl.int64)
        row = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
        inside = row < inner
        gate_at = (expert * 2 * inner + row)[:, None] * hidden
        up_at = gate_at + inner.to(tl.int64) * hidden
        gate = tl.zeros((BLOCK_N, TILE), tl.float32)
        up = tl.zeros((BLOCK_N, TILE), tl.float32)
        for start in range(0, hidden, BLOCK_K):
            column = start + tl.arange(0, BLOCK_K)
            known = column < hidden
            mask = inside[:, None] & known[None, :]
            value = tl.load(
                x + token[None, :] * hidden + column[:, None], known[:, None] & here[None, :], other=0.0
            )
            gate = dot(tl.load(weights + gate_at + column[None, :], mask, other=0.0), value, gate)
            up = dot(tl.load(weights + up_at + column[None, :], mask, other=0.0), value, up)
        to = out + place.to(tl.int64)[None, :] * inner + row[:, None]
        both = rounded(gelu_tanh(gate) * up, x.dtype.element_ty)
        tl.store(to, both, inside[:, None] & here[None, :])


@triton.jit
def down_kernel(
    activated, weights, order, tiles, out, hidden, inner,
    BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    expert = tl.load(tiles + tile * 3).to(tl.int64)
    if expert >= 0:
        place = tl.load(tiles + tile * 3 + 1) + tl.arange(0, TILE)
        here = place < tl.load(tiles + tile * 3 + 2)
        route = tl.load(order + place, here, other=0).to(tl.int64)
        row = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
        inside = row < hidden
        at = (expert * hidden + row)[:, None] * inner
        total = tl.zeros((BLOCK_N, TILE), tl.float32)
        for start in range(0, inner, BLOCK_K):
            column = start + tl.arange(0, BLOCK_K)
            known = column < inner
            value = tl.load(
                activated + place.to(tl.int64)[None, :] * inner + column[:, None],
                known[:, None] & here[None, :], other=0.0,
            )  # fmt: skip
            weight = tl.load(weights + at + column[None, :], inside[:, None] & known[None, :], other=0.0)
            total = dot(weight, value, total)
        to = out + route[None, :] * hidden + row[:, None]
        tl.store(to, total, inside[:, None] & here[None, :])


@triton.jit
def combine_slots_kernel(
    slots, weights, out, rows, hidden, SLOTS: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    mask = (row < rows)[:, None] & (column < hidden)[None, :]
    total = tl.zeros((ROWS, BLOCK), tl.float32)
    for slot in tl.static_range(SLOTS):
        weight = tl.load(weights + row * SLOTS + slot, row < rows, other=0.0)
        at = (row * SLOTS + slot)[:, None] * hidden + column[None, :]
        total += weight[:, None] * widened(tl.load(slots + at, mask, other=0.0))
    tl.store(out + row[:, None] * hidden + column[None, :], rounded(total, out.dtype.element_ty), mask)


def combine_slots(slots: Tensor, weights: Tensor, dtype: torch.dtype) -> Tensor:
    """`fused_reference.combine_slots`: slots [tokens, top_k, hidden], weights [tokens, top_k] to [tokens,
    hidden].
    """
    rows, top_k, hidden = slots.shape
    assert weights.shape == (rows, top_k)
    out = slots.new_empty(rows, hidden, dtype=dtype)
    block = row_block(rows)
    combine_slots_kernel[(triton.cdiv(rows, block),)](
        slots, weights.float().contiguous(), out, rows, hidden,
        SLOTS=top_k, BLOCK=power_of_two(hidden), ROWS=block, num_warps=4,
    )  # fmt: skip
    return out


def expert_slots(x: Tensor, gate_up: Tensor, down: Tensor, index: Tensor) -> Tensor:
    """What each of a token's experts gives, not yet weighted: fp32 [tokens, top_k, hidden].

    x [tokens, hidden], gate_up [experts, 2 * inner, hidden], down [experts, hidden, inner], index [tokens,
    top_k].
    """
    count, hidden, inner = down.shape
    assert gate_up.shape == (count, 2 * inner, hidden)
    assert x.shape[1] == hidden
    assert gate_up.is_contiguous()
    assert down.is_contiguous()
    routes, top_k = sort_routes(index, count, TILE), index.shape[1]
    n, k = blocks(hidden)
    activated = x.new_empty(index.numel(), inner)
    gate_up_kernel[(len(routes.tiles), triton.cdiv(inner, n))](
        x.contiguous(), gate_up, routes.order, routes.tiles, activated, hidden, inner,
        TOP_K=top_k, BLOCK_N=n, BLOCK_K=k, TILE=TILE, num_warps=4, num_stages=3,
    )  # fmt: skip
    slots = x.new_empty(len(x), top_k, hidden, dtype=torch.float32)
    n, k = blocks(inner)
    down_kernel[(len(routes.tiles), triton.cdiv(hidden, n))](
        activated, down, routes.order, routes.tiles, slots, hidden, inner,
        BLOCK_N=n, BLOCK_K=k, TILE=TILE, num_warps=4, num_stages=3,
    )  # fmt: skip
    return slots


def blocks(length: int) -> tuple[int, int]:
    """Output rows and input columns of a program whose sums run over `length`; all of them if interpreted."""
    return (256, max(16, power_of_two(length))) if INTERPRETED else (64, 64)


def experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """`reference.experts`: the weighted sum of each token's experts, [tokens, hidden]."""
    return combine_slots(expert_slots(x, gate_up, down, index), weights, x.dtype)
