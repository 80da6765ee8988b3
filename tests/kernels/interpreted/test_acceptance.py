"""Acceptance, renoising and stopping against the engine's pure functions."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from dgchat_kernels import fused_reference
from dgchat_kernels.acceptance import accept_and_renoise
from kernel_checks import SHAPES, odd_length


def tokens(batch: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    proposal, noise, argmax = torch.randint(0, 9, (3, batch, length)).unbind()
    return proposal, noise, argmax


def bound_of(entropy: Tensor) -> Tensor:
    """A bound in the middle of a gap of the sums, so that rounding decides nothing."""
    sums = torch.sort(entropy.double()).values.cumsum(-1)
    steps = torch.cat((torch.zeros(len(sums), 1).double(), sums), -1)
    widest = steps.diff(dim=-1).argmax(-1, keepdim=True)
    return ((steps.gather(-1, widest) + steps.gather(-1, widest + 1)) / 2).squeeze(-1).float()


def check(rng: random.Random, wrong: float = 1.0) -> None:
    batch, length, stability = rng.choice([1, 3]), odd_length(rng, 256), rng.randint(0, 3)
    entropy = torch.rand(batch, length) ** 4 * rng.choice([0.02, 1.0])
    drawn = tokens(batch, length)
    history = torch.randint(0, 9, (batch, stability, length))
    if rng.random() < 0.7:
        history[:] = drawn[2].unsqueeze(1)
    steps = torch.randint(1, 6, (batch,))
    thresholds = entropy.double().mean(-1).float() * rng.choice([0.5, 1.5])
    bounds = bound_of(entropy)
    theirs = history.clone()
    ours = accept_and_renoise(entropy, drawn, history, steps, bounds * wrong, thresholds)
    expected = fused_reference.accept_and_renoise(entropy, drawn, theirs, steps, bounds, thresholds)
    for own, other in zip((*ours, history), (*expected, theirs), strict=True):
        assert torch.equal(own, other), "apart"


def check_often(rng: random.Random, wrong: float = 1.0) -> None:
    for _ in range(SHAPES):
        check(rng, wrong)


def test_the_next_canvas_is_that_of_the_reference(rng: random.Random):
    check_often(rng)


def test_a_wrong_bound_is_noticed(rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check_often(rng, wrong=0.1)


def test_of_equal_entropies_the_first_positions_are_accepted():
    entropy = torch.full((1, 10), 0.25)
    _, accepted, _ = accept_and_renoise(
        entropy,
        tokens(1, 10),
        torch.zeros(1, 1, 10).long(),
        torch.ones(1).long(),
        torch.ones(1),
        torch.zeros(1),
    )
    assert accepted.tolist() == [[True] * 5 + [False] * 5]


def test_one_position_is_always_accepted():
    entropy = torch.tensor([[3.0, 2.0, 4.0]])
    _, accepted, _ = accept_and_renoise(
        entropy,
        tokens(1, 3),
        torch.zeros(1, 1, 3).long(),
        torch.ones(1).long(),
        torch.zeros(1),
        torch.zeros(1),
    )
    assert accepted.tolist() == [[False, True, False]]


def test_a_canvas_stops_once_it_has_been_the_same_often_enough():
    drawn, history = tokens(1, 7), torch.full((1, 2, 7), -1)
    stops = []
    for step in range(1, 5):
        steps = torch.tensor([step])
        entropy = torch.full((1, 7), 0.001)
        stops.append(
            bool(accept_and_renoise(entropy, drawn, history, steps, torch.ones(1), torch.ones(1))[2])
        )
    assert stops == [False, False, True, True]
