"""The experts, plain and packed, where the routes fall as they may."""

from __future__ import annotations

import random

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels import NVFP4Experts, reference
from dgchat_kernels.experts import experts
from dgchat_kernels.experts_nvfp4 import _scales, _weights, experts_nvfp4
from kernel_checks import PLANTED, SHAPES, TYPES, assert_near, gaussian, room, spoilt


def routes(rng: random.Random, tokens: int, count: int) -> tuple[Tensor, Tensor]:
    """Weights and experts of tokens; some experts get no route, and now and then one gets all."""
    top_k = rng.randint(1, min(count, 8))
    scores = torch.randn(tokens, count)
    if rng.random() < 0.3:
        scores[:, rng.randrange(count)] += 50
    return reference.route(scores, torch.rand(count) + 0.5, top_k)


def tolerance(dtype: torch.dtype) -> float:
    return 1e-5 if dtype == torch.float32 else 3e-3


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    tokens, count = room(rng, 33, dtype, 20), rng.randint(1, 9)
    hidden, inner = room(rng, 70, dtype, 50), room(rng, 50, dtype, 20)
    x = gaussian(tokens, hidden, dtype=dtype)
    gate_up = gaussian(count, 2 * inner, hidden, dtype=dtype, scale=hidden**-0.5)
    down = gaussian(count, hidden, inner, dtype=dtype, scale=inner**-0.5)
    weights, index = routes(rng, tokens, count)
    ours = experts(x, gate_up, spoilt(down, planted), weights, index)
    true = reference.experts(x.double(), gate_up.double(), down.double(), weights.double(), index)
    assert ours.dtype == dtype
    assert_near(ours, true, tolerance(dtype))


def packed_experts(count: int, hidden: int, inner: int) -> NVFP4Experts:
    def codes(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape).to(torch.uint8)

    def scales(*shape: int) -> Tensor:
        return (torch.rand(shape) * 8 + 0.01).to(torch.float8_e4m3fn)

    def globals_() -> Tensor:
        return torch.rand(count) * 0.02 + 0.001

    return NVFP4Experts(
        codes(count, 2 * inner, hidden // 2),
        scales(count, 2 * inner, hidden // 16),
        globals_(),
        globals_() * 7,
        codes(count, hidden, inner // 2),
        scales(count, hidden, inner // 16),
        globals_(),
    )


def unpacked(packed: NVFP4Experts, inner: int) -> tuple[Tensor, Tensor]:
    """The weights in float64."""
    one = torch.ones(1)
    gate_up = reference.dequantise_nvfp4(
        packed.gate_up_codes, packed.gate_up_scales, one, torch.float32
    ).double()
    gate_up[:, :inner] *= packed.gate_global_scale[:, None, None].double()
    gate_up[:, inner:] *= packed.up_global_scale[:, None, None].double()
    down = reference.dequantise_nvfp4(packed.down_codes, packed.down_scales, one, torch.float32).double()
    return gate_up, down * packed.down_global_scale[:, None, None].double()


def check_packed(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    tokens, count = room(rng, 33, dtype, 20), rng.randint(1, 6)
    hidden, inner = 16 * room(rng, 6, dtype, 3), 16 * room(rng, 4, dtype, 2)
    x = gaussian(tokens, hidden, dtype=dtype)
    packed = packed_experts(count, hidden, inner)
    weights, index = routes(rng, tokens, count)
    true = reference.experts(x.double(), *unpacked(packed, inner), weights.double(), index)
    packed.down_global_scale.mul_(planted)
    assert_near(experts_nvfp4(x, packed, weights, index), true, tolerance(dtype))


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("checked", [check, check_packed], ids=["plain", "nvfp4"])
def test_experts_are_those_of_the_reference(checked, dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        checked(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("checked", [check, check_packed], ids=["plain", "nvfp4"])
def test_one_percent_in_the_weights_is_noticed(checked, dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        checked(rng, dtype, PLANTED)


@pytest.mark.parametrize("tokens", [1, 256])
def test_one_expert_may_take_every_row(tokens: int):
    x, gate_up, down = gaussian(tokens, 40), gaussian(5, 24, 40), gaussian(5, 40, 12)
    index, weights = torch.full((tokens, 1), 3), torch.rand(tokens, 1)
    true = reference.experts(x.double(), gate_up.double(), down.double(), weights.double(), index)
    assert_near(experts(x, gate_up, down, weights, index), true, 1e-5)


@triton.jit
def unpack_kernel(codes, scales, out, ROWS: tl.constexpr):
    row, pair, block = tl.arange(0, ROWS), tl.arange(0, 8), tl.arange(0, 1)
    packed = tl.load(codes + row[:, None] * 8 + pair[None, :]).to(tl.uint32)
    scale = _scales(tl.load(scales + row[:, None] + block[None, :]))
    at = out + row[:, None] * 16 + 2 * pair[None, :]
    tl.store(at, _weights(packed & 15, scale, ROWS, 8) * 65536.0)
    tl.store(at + 1, _weights(packed >> 4, scale, ROWS, 8) * 65536.0)


def test_every_code_times_every_scale_is_exact():
    codes = torch.tensor([low | (low + 1) << 4 for low in range(0, 16, 2)], dtype=torch.uint8).repeat(256, 1)
    scales = torch.tensor([byte if byte & 0x7F != 0x7F else 0 for byte in range(256)], dtype=torch.uint8)[
        :, None
    ]
    weights = torch.empty(256, 16)
    unpack_kernel[(1,)](codes, scales, weights, ROWS=256)
    exact = reference.dequantise_nvfp4(codes, scales.view(torch.float8_e4m3fn), torch.ones(1), torch.float32)
    assert torch.equal(weights, exact)
    assert torch.equal((weights / 65536).bfloat16().double() * 65536, exact.double())
