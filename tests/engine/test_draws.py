"""Randomness: a pure function, even and independent."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgchat.engine.draws import Draws

CPU = torch.device("cpu")
WIDE = (1, 20_000)

INITIAL = [[77, 95, 705, 882, 405, 905]]
NOISE = [[161, 462, 975, 654, 771, 822]]
"""Of seed 7: a seed that people wrote down must not change its answer."""


def correlation(first: Tensor, second: Tensor) -> float:
    return torch.corrcoef(torch.cat((first, second)))[0, 1].item()


def test_the_same_question_draws_the_same_in_any_order():
    one, other = Draws(7, CPU), Draws(7, CPU)
    early = one.proposal(0, 3, (1, 8))
    other.noise(2, 1, (1, 8), 100)
    other.initial_canvas(0, (1, 8), 100)
    assert torch.equal(early, other.proposal(0, 3, (1, 8)))
    assert torch.equal(early, one.proposal(0, 3, (1, 8)))


def test_a_position_draws_the_same_on_a_longer_canvas_and_in_every_row():
    draws = Draws(7, CPU)
    assert torch.equal(draws.proposal(0, 1, (1, 8)), draws.proposal(0, 1, (1, 256))[:, :8])
    assert torch.equal(draws.proposal(0, 1, (3, 8)), draws.proposal(0, 1, (1, 8)).expand(3, 8))


def test_draws_are_the_same_on_every_machine_and_in_every_release():
    draws = Draws(7, CPU)
    assert draws.initial_canvas(0, (1, 6), 1000).tolist() == INITIAL
    assert draws.noise(1, 2, (1, 6), 1000).tolist() == NOISE


@pytest.mark.parametrize(
    "other",
    [
        Draws(8, CPU).proposal(0, 1, WIDE),
        Draws(7, CPU).proposal(1, 1, WIDE),
        Draws(7, CPU).proposal(0, 2, WIDE),
        Draws(7, CPU).noise(0, 1, WIDE, 1 << 30) / (1 << 30),
        Draws(7, CPU).proposal(0, 1, (1, 20_001))[:, 1:],
    ],
    ids=["seed", "canvas", "step", "purpose", "position"],
)
def test_another_seed_canvas_step_purpose_or_position_draws_independently(other: Tensor):
    assert abs(correlation(Draws(7, CPU).proposal(0, 1, WIDE), other)) < 0.03


def test_steps_and_canvases_are_not_exchangeable():
    draws = Draws(7, CPU)
    assert not torch.equal(draws.proposal(1, 2, (1, 8)), draws.proposal(2, 1, (1, 8)))


def test_proposals_are_even_fp64_numbers_below_one():
    uniforms = Draws(3, CPU).proposal(0, 1, WIDE)
    assert uniforms.dtype == torch.float64
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    counts = torch.histc(uniforms.float(), bins=10, min=0, max=1)
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.88  # p = 0.001 with 9 degrees of freedom


@pytest.mark.parametrize("step", [0, 5])
def test_ids_are_even_over_the_whole_vocabulary(step: int):
    draws = Draws(11, CPU)
    ids = draws.noise(0, step, WIDE, 10) if step else draws.initial_canvas(0, WIDE, 10)
    counts = torch.bincount(ids[0], minlength=10).double()
    assert len(counts) == 10
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.88


@pytest.mark.parametrize("seed", [0, (1 << 63) - 1])
def test_the_smallest_and_the_largest_seed_draw(seed: int):
    ids = Draws(seed, CPU).initial_canvas(0, (1, 256), 262_144)
    assert 0 <= ids.min() < ids.max() < 262_144
