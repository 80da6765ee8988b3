"""Packed weights against their definition, and the packed experts against the plain ones."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from dgchat_kernels import FP8Experts, NVFP4Experts, reference
from packed_tiny import E2M1

NUMBERS = [byte for byte in range(256) if byte & 0x7F != 0x7F]
"""E4M3 codes but for the two NaNs."""

MULTIPLIERS = [1.0, 2.0**-9, 0.0123456789, 3.0e-5, 0.0]


def e4m3(byte: int) -> Fraction:
    """The definition: sign, four bits of exponent with bias 7, three of mantissa."""
    exponent, mantissa = byte >> 3 & 15, byte & 7
    size = Fraction(8 + mantissa, 8) * Fraction(2) ** (exponent - 7) if exponent else Fraction(mantissa, 512)
    return -size if byte & 0x80 else size


def all_codes_and_scales() -> tuple[Tensor, Tensor]:
    """Codes [254, 8], the 16 codes in each row, and scales [254, 1], one for each number E4M3 has."""
    codes = torch.tensor([low | (low + 1) << 4 for low in range(0, 16, 2)], dtype=torch.uint8)
    scales = torch.tensor(NUMBERS, dtype=torch.uint8).view(torch.float8_e4m3fn)
    return codes.expand(len(NUMBERS), 8), scales[:, None]


@pytest.mark.parametrize("multiplier", MULTIPLIERS)
def test_every_code_times_every_scale_is_exact_and_rounded_once(multiplier: float):
    scale = torch.tensor([multiplier])
    weights = reference.dequantise_nvfp4(*all_codes_and_scales(), scale, torch.float32)
    exact = [
        [float(Fraction(code) * e4m3(byte) * Fraction(scale.item())) for code in E2M1] for byte in NUMBERS
    ]
    assert torch.equal(weights, torch.tensor(exact, dtype=torch.float64).float())


def test_without_a_global_scale_every_product_is_exact_in_bf16():
    one = torch.tensor([1.0])
    wide = reference.dequantise_nvfp4(*all_codes_and_scales(), one, torch.float32)
    narrow = reference.dequantise_nvfp4(*all_codes_and_scales(), one, torch.bfloat16)
    assert torch.equal(narrow.float(), wide)


def test_the_even_weight_lies_in_the_low_nibble_and_sixteen_share_a_scale():
    codes = torch.zeros(1, 16, dtype=torch.uint8)
    codes[0, 0], codes[0, 8] = 0x21, 0x43
    scales = torch.tensor([[1.0, 2.0]]).to(torch.float8_e4m3fn)
    weights = reference.dequantise_nvfp4(codes, scales, torch.tensor([10.0]), torch.float32)
    assert weights[0, :2].tolist() == [5.0, 10.0]
    assert weights[0, 16:18].tolist() == [30.0, 40.0]
    assert not weights[0, 2:16].any()


def test_fp8_weights_are_codes_times_the_scale_of_their_channel():
    codes = torch.tensor(NUMBERS, dtype=torch.uint8).view(torch.float8_e4m3fn).expand(2, -1)
    scales = torch.tensor([[0.5], [0.0123456789]])
    weights = reference.dequantise_fp8(codes, scales, torch.float32)
    exact = [[float(e4m3(byte) * Fraction(scale.item())) for byte in NUMBERS] for scale in scales[:, 0]]
    assert torch.equal(weights, torch.tensor(exact, dtype=torch.float64).float())


def random_bytes(*shape: int, seed: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


def random_fp8(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(torch.float8_e4m3fn)


def random_fp32(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.1


def nvfp4_experts(count: int) -> tuple[NVFP4Experts, Tensor, Tensor]:
    packed = NVFP4Experts(
        random_bytes(count, 64, 8, seed=1),
        random_fp8(count, 64, 1, seed=2),
        random_fp32(count, seed=3),
        random_fp32(count, seed=4) * 7,
        random_bytes(count, 16, 16, seed=5),
        random_fp8(count, 16, 2, seed=6),
        random_fp32(count, seed=7),
    )
    unpack = reference.dequantise_nvfp4
    gates, ups = packed.gate_global_scale[:, None, None], packed.up_global_scale[:, None, None]
    gate = unpack(packed.gate_up_codes[:, :32], packed.gate_up_scales[:, :32], gates, torch.float32)
    up = unpack(packed.gate_up_codes[:, 32:], packed.gate_up_scales[:, 32:], ups, torch.float32)
    downs = packed.down_global_scale[:, None, None]
    return (
        packed,
        torch.cat((gate, up), dim=1),
        unpack(packed.down_codes, packed.down_scales, downs, up.dtype),
    )


def fp8_experts(count: int) -> tuple[FP8Experts, Tensor, Tensor]:
    packed = FP8Experts(
        random_fp8(count, 64, 16, seed=1),
        random_fp32(count, 64, 1, seed=2),
        random_fp8(count, 16, 32, seed=3),
        random_fp32(count, 16, 1, seed=4),
    )
    gate_up = reference.dequantise_fp8(packed.gate_up_codes, packed.gate_up_scales, torch.float32)
    return packed, gate_up, reference.dequantise_fp8(packed.down_codes, packed.down_scales, torch.float32)


@pytest.mark.parametrize("count", [3, 20], ids=["dense", "gathered"])
@pytest.mark.parametrize("kind", ["nvfp4", "fp8"])
def test_packed_experts_are_the_experts_with_their_weights_unpacked(kind: str, count: int):
    x = torch.randn(9, 16, generator=torch.Generator().manual_seed(0))
    scores = torch.randn(9, count, generator=torch.Generator().manual_seed(8))
    weights, index = reference.route(scores, torch.ones(count), 2)
    if kind == "nvfp4":
        packed, gate_up, down = nvfp4_experts(count)
        ours = reference.experts_nvfp4(x, packed, weights, index)
    else:
        packed, gate_up, down = fp8_experts(count)
        ours = reference.experts_fp8(x, packed, weights, index)
    assert torch.equal(ours, reference.experts(x, gate_up, down, weights, index))


def test_only_the_experts_that_are_hit_are_unpacked_one_at_a_time(monkeypatch: pytest.MonkeyPatch):
    unpacked: list[tuple[int, ...]] = []
    unpack = reference.dequantise_nvfp4

    def watch(codes: Tensor, *rest: Tensor) -> Tensor:
        unpacked.append(tuple(codes.shape))
        return unpack(codes, *rest)

    packed = nvfp4_experts(20)[0]
    monkeypatch.setattr(reference, "dequantise_nvfp4", watch)
    index = torch.tensor([[3, 7], [7, 19]])
    reference.experts_nvfp4(torch.ones(2, 16), packed, torch.ones(2, 2), index)
    assert unpacked == [(2, 32, 8), (16, 16)] * 3
