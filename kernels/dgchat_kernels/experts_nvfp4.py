"""The experts on NVFP4 weights, which are unpacked in registers between the load and the matrix product.

    w = e2m1(code) * e4m3(scale) * global

The bits of an E2M1 code, put under an fp32 exponent, are the number 2^126 times too small, those of an E4M3
scale 2^120 times. The scale is made 2^110 times as large as it is, so the product is the weight 2^16 times
too small: six significant bits, exact in fp32 and in bf16. The missing 2^16 and the global scale join the
sums in fp32 at the end. A byte holds an even and an odd weight, so sums over even and odd inputs are two
products and nothing is interleaved.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor, float32, uint8

from dgchat_kernels.arithmetic import INTERPRETED, dot, gelu_tanh, power_of_two, rounded
from dgchat_kernels.experts import TILE, combine_slots
from dgchat_kernels.packed import NVFP4Experts
from dgchat_kernels.routing import sort_routes


@triton.jit
def _scales(bytes_):
    """E4M3 scales, 2^110 times as large."""
    bits = bytes_.to(tl.uint32)
    bits = ((bits & 0x7F) << 20) | ((bits & 0x80) << 24)
    return bits.to(tl.float32, bitcast=True) * 1.329227995784916e36 * 1.2980742146337069e33


@triton.jit
def _weights(nibbles, scales, ROWS: tl.constexpr, PAIRS: tl.constexpr):
    """Weights [ROWS, PAIRS], 2^16 times too small, of codes in the low four bits; eight share a scale."""
    bits = ((nibbles & 7) << 22) | ((nibbles & 8) << 28)
    values = bits.to(tl.float32, bitcast=True).reshape(ROWS, PAIRS // 8, 8)
    return (values * scales[:, :, None]).reshape(ROWS, PAIRS)


@triton.jit
def _products(
    codes, scales, row_at, column, even, odd, inside, length, total, ROWS: tl.constexpr, PAIRS: tl.constexpr
):
    """`total` and the products of one block of packed rows with its even and odd inputs [PAIRS, tile]."""
    pair = column + tl.arange(0, PAIRS)
    packed = tl.load(
        codes + row_at[:, None] * (length // 2) + pair[None, :],
        inside[:, None] & (pair < length // 2)[None, :], other=0,
    ).to(tl.uint32)  # fmt: skip
    block = column // 8 + tl.arange(0, PAIRS // 8)
    scale = _scales(
        tl.load(
            scales + row_at[:, None] * (length // 16) + block[None, :],
            inside[:, None] & (block < length // 16)[None, :], other=0,
        )
    )  # fmt: skip
    low = rounded(_weights(packed & 15, scale, ROWS, PAIRS), even.dtype)
    high = rounded(_weights(packed >> 4, scale, ROWS, PAIRS), even.dtype)
    return dot(high, odd, dot(low, even, total))


@triton.jit
def gate_up_nvfp4_kernel(
    x, codes, scales, gate_globals, up_globals, order, tiles, out, hidden, inner,
    TOP_K: tl.constexpr, BLOCK_N: tl.constexpr, PAIRS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    expert = tl.load(tiles + tile * 3).to(tl.int64)
    if expert >= 0:
        place = tl.load(tiles + tile * 3 + 1) + tl.arange(0, TILE)
        here = place < tl.load(tiles + tile * 3 + 2)
        token = (tl.load(order + place, here, other=0) // TOP_K).to(tl.int64)
        row = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
        inside = row < inner
        gate_row = expert * 2 * inner + row
        gate = tl.zeros((BLOCK_N, TILE), tl.float32)
        up = tl.zeros((BLOCK_N, TILE), tl.float32)
        for column in range(0, hidden // 2, PAIRS):
            pair = column + tl.arange(0, PAIRS)
            mask = (pair < hidden // 2)[:, None] & here[None, :]
            at = x + token[None, :] * hidden + 2 * pair[:, None]
            even, odd = tl.load(at, mask, other=0.0), tl.load(at + 1, mask, other=0.0)
            gate = _products(codes, scales, gate_row, column, even, odd, inside, hidden, gate, BLOCK_N, PAIRS)
            up = _products(
                codes, scales, gate_row + inner, column, even, odd, inside, hidden, up, BLOCK_N, PAIRS
            )
        gate *= tl.load(gate_globals + expert) * 65536.0
        up *= tl.load(up_globals + expert) * 65536.0
        to = out + place.to(tl.int64)[None, :] * inner + row[:, None]
        both = rounded(gelu_tanh(gate) * up, x.dtype.element_ty)
        tl.store(to, both, inside[:, None] & here[None, :])


@triton.jit
def down_nvfp4_kernel(
    activated, codes, scales, globals_, order, tiles, out, hidden, inner,
    BLOCK_N: tl.constexpr, PAIRS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    expert = tl.load(tiles + tile * 3).to(tl.int64)
    if expert >= 0:
        place = tl.load(tiles + tile * 3 + 1) + tl.arange(0, TILE)
        here = place < tl.load(tiles + tile * 3 + 2)
        route = tl.load(order + place, here, other=0).to(tl.int64)
        row = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
        inside = row < hidden
        total = tl.zeros((BLOCK_N, TILE), tl.float32)
        for column in range(0, inner // 2, PAIRS):
            pair = column + tl.arange(0, PAIRS)
            mask = (pair < inner // 2)[:, None] & here[None, :]
            at = activated + place.to(tl.int64)[None, :] * inner + 2 * pair[:, None]
            even, odd = tl.load(at, mask, other=0.0), tl.load(at + 1, mask, other=0.0)
            total = _products(
                codes, scales, expert * hidden + row, column, even, odd, inside, inner, total, BLOCK_N, PAIRS
            )
        total *= tl.load(globals_ + expert) * 65536.0
        to = out + route[None, :] * hidden + row[:, None]
        tl.store(to, total, inside[:, None] & here[None, :])


def expert_slots_nvfp4(x: Tensor, packed: NVFP4Experts, index: Tensor) -> Tensor:
    """`experts.expert_slots` on packed weights: [tokens, top_k, hidden], not yet weighted."""
    count, hidden, half = packed.down_codes.shape
    inner, top_k = 2 * half, index.shape[1]
    assert packed.gate_up_codes.shape == (count, 2 * inner, hidden // 2)
    assert packed.gate_up_scales.shape == (count, 2 * inner, hidden // 16)
    assert x.shape[1] == hidden
    routes = sort_routes(index, count, TILE)
    activated = x.new_empty(index.numel(), inner)
    n, pairs = blocks_nvfp4(hidden)
    gate_up_nvfp4_kernel[(len(routes.tiles), triton.cdiv(inner, n))](
        x.contiguous(), packed.gate_up_codes, packed.gate_up_scales.view(uint8), packed.gate_global_scale,
        packed.up_global_scale, routes.order, routes.tiles, activated, hidden, inner,
        TOP_K=top_k, BLOCK_N=n, PAIRS=pairs, TILE=TILE, num_warps=4, num_stages=3,
    )  # fmt: skip
    slots = x.new_empty(len(x), top_k, hidden, dtype=float32)
    n, pairs = blocks_nvfp4(inner)
    down_nvfp4_kernel[(len(routes.tiles), triton.cdiv(hidden, n))](
        activated, packed.down_codes, packed.down_scales.view(uint8), packed.down_global_scale, routes.order,
        routes.tiles, slots, hidden, inner, BLOCK_N=n, PAIRS=pairs, TILE=TILE, num_warps=4, num_stages=3,
    )  # fmt: skip
    return slots


def blocks_nvfp4(length: int) -> tuple[int, int]:
    """Output rows and bytes of input columns of a program whose sums run over `length` weights."""
    return (256, max(16, power_of_two(length // 2))) if INTERPRETED else (64, 32)


def experts_nvfp4(x: Tensor, packed: NVFP4Experts, weights: Tensor, index: Tensor) -> Tensor:
    """`reference.experts_nvfp4`: the weighted sum of each token's experts, [tokens, hidden]."""
    return combine_slots(expert_slots_nvfp4(x, packed, index), weights, x.dtype)
