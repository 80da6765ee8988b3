"""Making NVFP4, against the definition in words: amax, block amax, nearest code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgchat.checkpoint.formats.nvfp4 import pack
from packed_tiny import E2M1, weights_of


def gaussian(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def unpacked(weight: Tensor) -> Tensor:
    return weights_of(*pack(weight))


def test_shapes_and_types_are_those_of_the_format():
    codes, scales, global_scale = pack(gaussian(5, 48))
    assert (codes.shape, codes.dtype) == ((5, 24), torch.uint8)
    assert (scales.shape, scales.dtype) == ((5, 3), torch.float8_e4m3fn)
    assert (global_scale.shape, global_scale.dtype) == ((), torch.float32)


def test_scales_are_those_of_the_definition():
    weight = gaussian(64, 64)
    _, scales, global_scale = pack(weight)
    assert global_scale == weight.abs().max() / (6 * 448)
    largest = weight.view(64, 4, 16).abs().amax(-1)
    assert torch.equal(scales.float(), (largest / (6 * global_scale)).to(torch.float8_e4m3fn).float())
    assert scales.float().max() == 448


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_every_weight_is_the_nearest_that_its_block_can_hold(dtype: torch.dtype):
    weight = gaussian(32, 64).to(dtype)
    codes, scales, global_scale = pack(weight)
    steps = (scales.double() * global_scale.double()).repeat_interleave(16, dim=-1)
    candidates = steps[..., None] * torch.tensor(E2M1, dtype=torch.float64)
    nearest = (candidates - weight.double()[..., None]).abs().amin(-1)
    distance = (weights_of(codes, scales, global_scale).double() - weight.double()).abs()
    torch.testing.assert_close(distance, nearest, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("negative", [False, True])
def test_halfway_between_two_codes_the_even_one_is_taken(negative: bool):
    sign = -1 if negative else 1
    row = [6.0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, *[0.0] * 8]
    weight = sign * 448 * torch.tensor([row])  # global scale 1, block scale 448
    expected = sign * 448 * torch.tensor([[6.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, *[0.0] * 8]])
    assert torch.equal(unpacked(weight), expected)


def test_what_is_packed_already_is_packed_to_itself():
    once = unpacked(gaussian(16, 64))
    torch.testing.assert_close(unpacked(once), once, rtol=1e-6, atol=0)


def test_zeros_stay_zeros():
    assert not unpacked(torch.zeros(2, 32)).any()


def test_a_block_too_small_for_a_scale_is_zero_and_its_neighbours_are_not():
    weight = torch.full((1, 32), 1e-9)
    weight[0, 16:] = 1.0
    assert not unpacked(weight)[0, :16].any()
    torch.testing.assert_close(unpacked(weight)[0, 16:], torch.ones(16))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_no_number_shows_in_the_global_scale(value: float):
    weight = gaussian(2, 32)
    weight[1, 7] = value
    assert not pack(weight)[-1].isfinite()
