"""The entropy-bound sampler: temperature, acceptance, renoising."""

from __future__ import annotations

import pytest
import torch

from dgchat.engine.events import SamplerConfig
from dgchat.engine.sampler import accept_by_entropy, renoise, temperature_at


def accepted(entropy: list[float], bound: float) -> list[bool]:
    return accept_by_entropy(torch.tensor([entropy]), bound)[0].tolist()


def test_the_schedule_begins_at_t_max_and_ends_one_step_above_t_min():
    sampler = SamplerConfig(max_denoising_steps=4, t_min=0.4, t_max=0.8)
    assert [temperature_at(step, sampler) for step in (1, 2, 3, 4)] == pytest.approx([0.8, 0.7, 0.6, 0.5])


def test_a_single_step_is_taken_at_t_max():
    assert temperature_at(1, SamplerConfig(max_denoising_steps=1)) == pytest.approx(0.8)


def test_positions_are_accepted_while_those_more_certain_sum_to_the_bound():
    assert accepted([0.05, 9.0, 0.04, 0.02, 0.5], 0.1) == [True, False, True, True, False]


def test_the_position_that_passes_the_bound_is_still_accepted():
    assert accepted([0.75, 0.25, 0.5], 0.25) == [False, True, True]


def test_the_most_certain_position_is_accepted_whatever_it_costs():
    assert accepted([5.0, 3.0, 4.0], 0.1) == [False, True, False]


def test_certainty_everywhere_accepts_everything():
    assert accepted([0.0, 0.0, 0.0], 0.1) == [True, True, True]


def test_of_equals_the_first_position_is_accepted():
    assert accepted([2.0, 2.0, 2.0], 0.1) == [True, False, False]


def test_rows_are_accepted_by_themselves():
    entropy = torch.tensor([[0.0, 0.2, 9.0], [9.0, 8.0, 9.0]])
    assert accept_by_entropy(entropy, 0.1).tolist() == [[True, True, False], [False, True, False]]


def test_renoise_leaves_accepted_tokens_alone_and_replaces_all_others():
    keep = torch.tensor([[True, False, True, False]])
    canvas = renoise(torch.tensor([[1, 2, 3, 4]]), keep, torch.tensor([[5, 6, 7, 8]]))
    assert canvas.tolist() == [[1, 6, 3, 8]]
