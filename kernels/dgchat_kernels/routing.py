"""Routing: the softmax over the experts and its top, and the list of tiles that the expert kernels work
through.

    route          p = softmax(scores);  weights = top_k p / sum(top_k p) * scale of the expert
    sort_routes    routes (token, slot) sorted by expert, in their order; and tiles of them, one expert each

Equal scores go to the lower expert. A tile is (expert, first sorted route, end of the expert's routes).
There is room for every way the routes can fall: routes / tile + experts of them at most, the unused ones of
expert -1. No atomics: every program finds its expert's routes by itself.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import INTERPRETED, power_of_two, widened
from dgchat_kernels.packed import Routes


@triton.jit
def route_kernel(
    scores, expert_scale, weights_out, index_out, rows, experts,
    TOP_K: tl.constexpr, EXPERTS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    expert = tl.arange(0, EXPERTS)
    here = row < rows
    mask = here[:, None] & (expert < experts)[None, :]
    x = widened(tl.load(scores + row[:, None] * experts + expert[None, :], mask, other=0.0))
    x = tl.where((expert < experts)[None, :], x, float("-inf"))
    mass = tl.exp(x - tl.max(x, 1)[:, None])
    probability = mass / tl.sum(mass, 1)[:, None]
    left = tl.where((expert < experts)[None, :], probability, -1.0)
    total = tl.zeros((ROWS,), tl.float32)
    for slot in tl.static_range(TOP_K):
        best = tl.max(left, 1)
        chosen = tl.min(tl.where(left == best[:, None], expert[None, :], EXPERTS), 1)
        total += best
        tl.store(index_out + row * TOP_K + slot, chosen.to(tl.int64), here)
        left = tl.where(expert[None, :] == chosen[:, None], -1.0, left)
    left = tl.where((expert < experts)[None, :], probability, -1.0)
    for slot in tl.static_range(TOP_K):
        best = tl.max(left, 1)
        chosen = tl.min(tl.where(left == best[:, None], expert[None, :], EXPERTS), 1)
        scale = widened(tl.load(expert_scale + chosen, here, other=0.0))
        tl.store(weights_out + row * TOP_K + slot, best / total * scale, here)
        left = tl.where(expert[None, :] == chosen[:, None], -1.0, left)


@triton.jit
def sort_routes_kernel(
    index, order_out, tiles_out, routes, experts, most_tiles,
    ROUTES: tl.constexpr, EXPERTS: tl.constexpr, TILE: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    own = tl.program_id(0)
    route = tl.arange(0, ROUTES)
    chosen = tl.load(index + route, route < routes, other=EXPERTS).to(tl.int32)
    begin = tl.sum((chosen < own).to(tl.int32), 0)
    mine = chosen == own
    rank = tl.cumsum(mine.to(tl.int32), 0) - 1
    tl.store(order_out + begin + rank, route, mine)

    expert = tl.arange(0, EXPERTS)
    counts = tl.histogram(tl.minimum(chosen, EXPERTS - 1), EXPERTS)
    padding = tl.where(expert == EXPERTS - 1, ROUTES - routes, 0)
    tiles = (counts - padding + TILE - 1) // TILE
    count = tl.sum(mine.to(tl.int32), 0)
    first = tl.sum(tl.where(expert < own, tiles, 0), 0)
    number = tl.arange(0, TILES)
    used = number < (count + TILE - 1) // TILE
    to = tiles_out + (first + number) * 3
    tl.store(to, tl.zeros((TILES,), tl.int32) + own, used)
    tl.store(to + 1, begin + number * TILE, used)
    tl.store(to + 2, tl.zeros((TILES,), tl.int32) + begin + count, used)
    if own == experts - 1:
        unused = (number >= tl.sum(tiles, 0)) & (number < most_tiles)
        nothing = tl.zeros((TILES,), tl.int32)
        tl.store(tiles_out + number * 3, nothing - 1, unused)
        tl.store(tiles_out + number * 3 + 1, nothing, unused)
        tl.store(tiles_out + number * 3 + 2, nothing, unused)


def route(scores: Tensor, per_expert_scale: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """`reference.route`: scores [tokens, experts] to weights fp32 and experts int64, both [tokens, top_k]."""
    rows, experts = scores.shape
    assert per_expert_scale.shape == (experts,)
    assert top_k <= experts
    weights = torch.empty(rows, top_k, dtype=torch.float32, device=scores.device)
    index = torch.empty(rows, top_k, dtype=torch.int64, device=scores.device)
    block = min(power_of_two(rows), 256) if INTERPRETED else 4
    route_kernel[(triton.cdiv(rows, block),)](
        scores.contiguous(), per_expert_scale, weights, index, rows, experts,
        TOP_K=top_k, EXPERTS=power_of_two(experts), ROWS=block, num_warps=4,
    )  # fmt: skip
    return weights, index


def sort_routes(index: Tensor, experts: int, tile: int) -> Routes:
    """`fused_reference.sort_routes`: the experts [tokens, top_k] that tokens go to, as tiles."""
    routes = index.numel()
    most = min(routes // tile + experts, routes)
    order = torch.empty(routes, dtype=torch.int32, device=index.device)
    tiles = torch.empty(most, 3, dtype=torch.int32, device=index.device)
    sort_routes_kernel[(experts,)](
        index.contiguous(), order, tiles, routes, experts, most, ROUTES=power_of_two(routes),
        EXPERTS=power_of_two(experts + 1), TILE=tile, TILES=power_of_two(most), num_warps=4,
    )  # fmt: skip
    return Routes(order, tiles)
