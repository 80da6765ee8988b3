"""Attention of a canvas to prefix and canvas, whole heads of 256 and 512 among them."""

from __future__ import annotations

import random

import pytest
import torch

from dgchat_kernels import reference
from dgchat_kernels.canvas_attention import canvas_attention
from kernel_checks import PLANTED, SHAPES, TYPES, assert_near, gaussian, odd_length, room, spoilt


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0, dim: int = 0, keys: int = 0) -> None:
    batch, kv_heads, group = rng.choice([1, 2]), rng.choice([1, 2]), rng.choice([1, 2, 3])
    rows, dim = room(rng, 32, dtype, 20), dim or room(rng, 48, dtype, 32)
    keys = keys or odd_length(rng, 400)
    q = gaussian(batch, kv_heads * group, rows, dim, dtype=dtype, scale=dim**-0.5)
    # a cache of two more rows than count, at either end
    k, v = (gaussian(batch, kv_heads, keys + 4, dim, dtype=dtype) for _ in range(2))
    k[:, :, :2], v[:, :, keys + 2 :] = torch.nan, torch.nan
    seen = slice(2, keys + 2)
    true = reference.attention(q.double(), k[:, :, seen].double(), v[:, :, seen].double(), None)
    bounds = torch.tensor([2, keys + 2], dtype=torch.int32)
    ours = canvas_attention(q, k, spoilt(v, planted), bounds)
    assert_near(ours, true, 1e-5 if dtype == torch.float32 else 2e-3)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_attention_is_that_of_the_reference(dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_one_percent_in_the_values_is_noticed(dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, dtype, PLANTED)


@pytest.mark.parametrize("prefix", [0, 1, 1022, 1023, 1024])
@pytest.mark.parametrize("dim", [256, 512])
def test_heads_of_the_real_sizes_behind_prefixes_around_the_window(dim: int, prefix: int, rng: random.Random):
    check(rng, torch.bfloat16, dim=dim, keys=prefix + 7)


def test_without_bounds_all_rows_count_and_the_inputs_need_not_lie_together():
    q, cache = gaussian(1, 9, 4, 24).transpose(1, 2), gaussian(2, 1, 70, 2, 24)
    k, v = cache[0].transpose(1, 2), cache[1].transpose(1, 2)
    assert_near(
        canvas_attention(q, k, v), reference.attention(q.double(), k.double(), v.double(), None), 1e-5
    )


def test_rows_do_not_depend_on_their_neighbours():
    q, k, v = gaussian(1, 2, 9, 16), gaussian(1, 1, 300, 16), gaussian(1, 1, 300, 16)
    whole, alone = canvas_attention(q, k, v), canvas_attention(q[:, :, 4:5].contiguous(), k, v)
    torch.testing.assert_close(whole[:, :, 4:5], alone, rtol=1e-6, atol=1e-7)
