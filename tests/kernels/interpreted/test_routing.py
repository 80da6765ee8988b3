"""The router's choice, and the order that its routes are worked in."""

from __future__ import annotations

import random

import pytest
import torch

from dgchat_kernels import fused_reference, reference
from dgchat_kernels.routing import route, sort_routes
from kernel_checks import PLANTED, SHAPES, TYPES, assert_near, odd_length, spoilt


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    tokens, experts = odd_length(rng, 64), odd_length(rng, 128)
    top_k = min(experts, rng.randint(1, 8))
    # distinct scores: which of two equals comes first is tested below
    scores = (torch.rand(tokens, experts).argsort(-1) - experts / 2).to(dtype) / 8
    scale = torch.rand(experts) + 0.5
    weights, index = route(scores, spoilt(scale, planted), top_k)
    true, theirs = reference.route(scores.double(), scale.double(), top_k)
    assert torch.equal(index, theirs)
    assert_near(weights, true, 1e-6)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_routes_are_those_of_the_reference(dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


def test_one_percent_in_the_scale_is_noticed(rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, torch.float32, PLANTED)


def test_of_equal_scores_the_lower_experts_are_chosen():
    weights, index = route(torch.zeros(3, 11), torch.ones(11), 4)
    assert index.tolist() == [[0, 1, 2, 3]] * 3
    torch.testing.assert_close(weights, torch.full((3, 4), 0.25))


def test_sorted_routes_and_tiles_are_those_of_the_reference(rng: random.Random):
    for _ in range(SHAPES):
        tokens, experts, top_k = odd_length(rng, 40), rng.randint(1, 8), rng.randint(1, 4)
        index = torch.randint(0, rng.randint(1, experts), (tokens, top_k))
        ours, theirs = sort_routes(index, experts, 16), fused_reference.sort_routes(index, experts, 16)
        assert torch.equal(ours.order, theirs.order)
        assert torch.equal(ours.tiles, theirs.tiles)


def test_the_bound_on_tiles_can_be_reached():
    index = torch.tensor([[0]] * 17 + [[1]] + [[2]] * 14)
    tiles = sort_routes(index, 3, 16).tiles
    assert tiles.tolist() == [[0, 0, 17], [0, 16, 17], [1, 17, 18], [2, 18, 32], [-1, 0, 0]]
    assert sort_routes(torch.tensor([[2], [0]]), 3, 16).tiles.tolist() == [[0, 0, 1], [2, 1, 2]]
