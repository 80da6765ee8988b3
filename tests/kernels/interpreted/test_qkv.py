"""Queries, keys and values on their way into the cache."""

from __future__ import annotations

import random

import pytest
import torch

from dgchat_kernels import fused_reference, qkv
from kernel_checks import (
    PLANTED,
    SHAPES,
    TYPES,
    assert_near,
    assert_same_but_for_roundings,
    gaussian,
    odd_length,
    spoilt,
)

EPS = 1e-6


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    rows, kv_heads, dim = odd_length(rng, 30), rng.choice([1, 2]), 2 * odd_length(rng, 24)
    heads, offset = kv_heads * rng.choice([1, 2, 3]), rng.randint(0, 9)
    q = gaussian(rows, heads, dim, dtype=dtype)
    k = gaussian(rows, kv_heads, dim, dtype=dtype)
    v = k if rng.random() < 0.3 else gaussian(rows, kv_heads, dim, dtype=dtype)  # full layers have no values
    weights = gaussian(dim, dtype=dtype), gaussian(dim, dtype=dtype)
    angle = torch.rand(rows, dim) * 6
    rotation = angle.cos().to(dtype), angle.sin().to(dtype)
    cache = tuple(torch.full((kv_heads, rows + 12, dim), 5.0, dtype=dtype) for _ in range(2))
    wide = torch.float64 if dtype == torch.float32 else dtype
    theirs = tuple(part.clone().to(wide) for part in cache)
    at = torch.tensor([offset], dtype=torch.int32)
    wrong = weights[0], spoilt(weights[1], planted)
    ours = qkv.write_qkv((q, k, v), wrong, rotation, cache, at, EPS)
    expected = fused_reference.write_qkv(
        (q.to(wide), k.to(wide), v.to(wide)),
        (weights[0].to(wide), weights[1].to(wide)),
        (rotation[0].to(wide), rotation[1].to(wide)),
        theirs,
        at,
        EPS,
    )
    written = slice(offset, offset + rows)
    pairs = [(ours, expected), *((cache[part][:, written], theirs[part][:, written]) for part in (0, 1))]
    for own, other in pairs:
        if dtype == torch.float32:
            assert_near(own, other, 1e-6)
        else:
            assert_same_but_for_roundings(own, other)
    for part in cache:
        assert (part[:, :offset] == 5).all()
        assert (part[:, offset + rows :] == 5).all()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_queries_keys_and_values_are_those_of_the_reference(dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_one_percent_in_the_keys_is_noticed(dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, dtype, PLANTED)
