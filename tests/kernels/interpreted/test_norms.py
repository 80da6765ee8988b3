"""The fused norms against the reference's operations one after another."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from dgchat_kernels import fused_reference, norms
from dgchat_kernels.packed import AttendedNorms, FeedforwardNorms
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
T = TypeVar("T", AttendedNorms, FeedforwardNorms)


def in_double(weights: T) -> T:
    return type(weights)(*(getattr(weights, field.name).double() for field in fields(weights)))


def compare(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...], dtype: torch.dtype) -> None:
    for own, other in zip(ours, theirs, strict=True):
        assert own.dtype == dtype
        if dtype == torch.float32:
            assert_near(own, other, 1e-6)
        else:
            assert_same_but_for_roundings(own, other)


def check_attended(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    rows, hidden = odd_length(rng, 70), odd_length(rng, 200)
    x, attended = gaussian(rows, hidden, dtype=dtype), gaussian(rows, hidden, dtype=dtype, scale=3)
    weights = AttendedNorms(*(gaussian(hidden, dtype=dtype) for _ in range(4)))
    wrong = replace(weights, dense=spoilt(weights.dense, planted))
    ours = norms.attended_norms(x, attended, wrong, EPS)
    if dtype == torch.float32:
        x, attended, weights = x.double(), attended.double(), in_double(weights)
    compare(ours, fused_reference.attended_norms(x, attended, weights, EPS), dtype)


def check_feedforward(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    rows, hidden, top_k = odd_length(rng, 40), odd_length(rng, 200), rng.randint(1, 8)
    x, dense = gaussian(rows, hidden, dtype=dtype), gaussian(rows, hidden, dtype=dtype, scale=3)
    slots, gates = gaussian(rows, top_k, hidden), torch.rand(rows, top_k)
    scalar = torch.tensor([0.7], dtype=dtype)
    parts = [gaussian(hidden, dtype=dtype) for _ in range(4)]
    weights = FeedforwardNorms(parts[0], parts[1], parts[2], scalar, parts[3])
    wrong = replace(weights, following=spoilt(weights.following, planted))
    ours = norms.feedforward_norms(x, dense, slots, gates, wrong, EPS)
    if dtype == torch.float32:
        x, dense, slots, gates = (part.double() for part in (x, dense, slots, gates))
        weights = in_double(weights)
    compare(ours, fused_reference.feedforward_norms(x, dense, slots, gates, weights, EPS), dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("check", [check_attended, check_feedforward])
def test_fused_norms_are_those_of_the_reference(check, dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("check", [check_attended, check_feedforward])
def test_one_percent_in_a_norm_is_noticed(check, dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, dtype, PLANTED)
