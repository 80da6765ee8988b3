"""What a step wants to know of the logits, in one pass over them: no softmax, no sort, no cumulative sum is
stored.

    l = cap tanh(raw / cap) / T
    per tile of the vocabulary   m = max l,  L = sum e^(l - m),  A = sum e^(l - m) (m - l),  argmax
                                 m', L' of l rounded to the embedding's type, which is stored
    per row                      entropy = log L + A / L,  lse' = m' + log L'
                                 draw: the first token where the running sum of e^(l - m) passes u L

Tiles are merged by a second, small kernel. It finds the tile in which the draw falls and reads that tile
alone again, so one uniform number per row decides, as in the reference, and 1 / TILES of the logits are
read twice. Entropy in this form does not cancel near zero.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import INTERPRETED, TRITON_TYPES, power_of_two, rounded, tanh, widened
from dgchat_kernels.packed import CanvasStatistics

TILE = 4096
"""Tokens of a tile."""


@triton.jit
def _scaled(raw, cap, temperature):
    return cap * tanh(widened(raw) / cap) / temperature


@triton.jit
def statistics_kernel(
    raw, temperatures, scaled_out, top_out, index_out, sum_out, spread_out, top_rounded_out, sum_rounded_out,
    rows, vocab, tiles, cap, canvas, DTYPE: tl.constexpr, TILE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    tile = tl.program_id(1)
    token = tile * TILE + tl.arange(0, TILE)
    mask = (row < rows)[:, None] & (token < vocab)[None, :]
    at = row[:, None] * vocab + token[None, :]
    temperature = tl.load(temperatures + row // canvas, row < rows, other=1.0)[:, None]
    x = _scaled(tl.load(raw + at, mask, other=0.0), cap, temperature)
    x = tl.where(mask, x, float("-inf"))
    narrow = rounded(x, DTYPE)
    tl.store(scaled_out + at, narrow, mask)

    top = tl.max(x, 1)
    index = tl.min(tl.where(x == top[:, None], token[None, :], vocab), 1)
    below = tl.where(mask, x - top[:, None], 0.0)
    mass = tl.where(mask, tl.exp(below), 0.0)
    wide = widened(narrow)
    top_rounded = tl.max(tl.where(mask, wide, float("-inf")), 1)
    mass_rounded = tl.where(mask, tl.exp(wide - top_rounded[:, None]), 0.0)
    to = row * tiles + tile
    tl.store(top_out + to, top, row < rows)
    tl.store(index_out + to, index, row < rows)
    tl.store(sum_out + to, tl.sum(mass, 1), row < rows)
    tl.store(spread_out + to, tl.sum(mass * -below, 1), row < rows)
    tl.store(top_rounded_out + to, top_rounded, row < rows)
    tl.store(sum_rounded_out + to, tl.sum(mass_rounded, 1), row < rows)


@triton.jit
def merge_kernel(
    raw, temperatures, uniforms, tops, indices, sums, spreads, tops_rounded, sums_rounded,
    argmax_out, proposal_out, entropy_out, lse_out, rows, vocab, tiles, cap, canvas,
    TILE: tl.constexpr, TILES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    here = row < rows
    tile = tl.arange(0, TILES)
    mask = here[:, None] & (tile < tiles)[None, :]
    at = row[:, None] * tiles + tile[None, :]
    top = tl.load(tops + at, mask, other=float("-inf"))
    highest = tl.where(here, tl.max(top, 1), 0.0)
    index = tl.load(indices + at, mask, other=vocab)
    argmax = tl.min(tl.where(top == highest[:, None], index, vocab), 1)
    tl.store(argmax_out + row, argmax.to(tl.int64), here)

    lower = tl.where(mask, top - highest[:, None], 0.0)
    factor = tl.where(mask, tl.exp(lower), 0.0)
    mass = tl.load(sums + at, mask, other=0.0) * factor
    spread = tl.load(spreads + at, mask, other=0.0) * factor - mass * lower
    total = tl.where(here, tl.sum(mass, 1), 1.0)
    tl.store(entropy_out + row, tl.log(total) + tl.sum(spread, 1) / total, here)

    top_rounded = tl.load(tops_rounded + at, mask, other=float("-inf"))
    highest_rounded = tl.where(here, tl.max(top_rounded, 1), 0.0)
    factor_rounded = tl.where(mask, tl.exp(top_rounded - highest_rounded[:, None]), 0.0)
    total_rounded = tl.sum(tl.load(sums_rounded + at, mask, other=0.0) * factor_rounded, 1)
    total_rounded = tl.where(here, total_rounded, 1.0)
    tl.store(lse_out + row, highest_rounded + tl.log(total_rounded), here)

    target = tl.load(uniforms + row, here, other=0.0).to(tl.float32) * total
    running = tl.cumsum(mass, 1)
    last = tl.max(tl.where(mass > 0, tile[None, :], 0), 1)
    chosen = tl.minimum(tl.sum(((running <= target[:, None]) & mask).to(tl.int32), 1), last)
    before = tl.sum(tl.where(tile[None, :] < chosen[:, None], mass, 0.0), 1)

    token = chosen[:, None] * TILE + tl.arange(0, TILE)[None, :]
    inside = here[:, None] & (token < vocab)
    temperature = tl.load(temperatures + row // canvas, here, other=1.0)[:, None]
    x = _scaled(tl.load(raw + row[:, None] * vocab + token, inside, other=0.0), cap, temperature)
    mass_of = tl.where(inside, tl.exp(x - highest[:, None]), 0.0)
    passed = ((before[:, None] + tl.cumsum(mass_of, 1)) <= target[:, None]) & inside
    drawn = chosen * TILE + tl.sum(passed.to(tl.int32), 1)
    final = tl.max(tl.where(mass_of > 0, token, 0), 1)
    tl.store(proposal_out + row, tl.minimum(drawn, final).to(tl.int64), here)


def canvas_statistics(
    raw: Tensor, cap: float, temperatures: Tensor, uniforms: Tensor, dtype: torch.dtype, tile: int = TILE
) -> CanvasStatistics:
    """`fused_reference.canvas_statistics`: raw logits [batch, canvas, vocab], temperatures fp32 [batch],
    uniforms [batch, canvas] in [0, 1); the rows of the result are batch * canvas.
    """
    batch, canvas, vocab = raw.shape
    assert temperatures.shape == (batch,)
    assert uniforms.shape == (batch, canvas)
    rows, tiles = batch * canvas, triton.cdiv(vocab, tile)
    raw, temperatures, uniforms = raw.contiguous(), temperatures.float(), uniforms.float().contiguous()
    parts = [raw.new_empty(rows, tiles, dtype=torch.float32) for _ in range(6)]
    parts[1] = parts[1].to(torch.int32)
    scaled = raw.new_empty(rows, vocab, dtype=dtype)
    block = min(power_of_two(rows), max(1, 2**18 // tile)) if INTERPRETED else 1
    statistics_kernel[(triton.cdiv(rows, block), tiles)](
        raw, temperatures, scaled, *parts, rows, vocab, tiles, cap, canvas,
        DTYPE=TRITON_TYPES[dtype], TILE=tile, ROWS=block, num_warps=8,
    )  # fmt: skip
    argmax, proposal = (raw.new_empty(rows, dtype=torch.int64) for _ in range(2))
    entropy, lse = (raw.new_empty(rows, dtype=torch.float32) for _ in range(2))
    merge_kernel[(triton.cdiv(rows, block),)](
        raw, temperatures, uniforms, *parts, argmax, proposal, entropy, lse, rows, vocab, tiles, cap, canvas,
        TILE=tile, TILES=power_of_two(tiles), ROWS=block, num_warps=8,
    )  # fmt: skip
    return CanvasStatistics(argmax, proposal, entropy, lse, scaled)
