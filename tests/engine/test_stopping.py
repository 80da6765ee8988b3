"""When a canvas is done, and where an answer ends."""

from __future__ import annotations

import pytest
import torch

from dgchat.engine.events import SamplerConfig
from dgchat.engine.stopping import StableAndConfident, first_end

SURE, UNSURE = 0.001, 0.1


def stops(canvases: list[int], entropies: list[float], stability_threshold: int) -> list[bool]:
    stop = StableAndConfident(SamplerConfig(stability_threshold=stability_threshold))
    return [
        stop(torch.tensor([[canvas, 9]]), torch.full((1, 2), entropy))
        for canvas, entropy in zip(canvases, entropies, strict=True)
    ]


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0, [True, True, True, True, True]),
        (1, [False, False, True, True, True]),
        (2, [False, False, False, True, True]),
    ],
)
def test_a_canvas_is_stable_when_that_many_earlier_ones_equal_it(threshold: int, expected: list[bool]):
    assert stops([1, 2, 2, 2, 2], [SURE] * 5, threshold) == expected


def test_a_change_starts_the_count_again():
    assert stops([1, 1, 2, 1, 1, 1], [SURE] * 6, 2) == [False, False, False, False, False, True]


def test_a_stable_canvas_goes_on_until_the_model_is_sure():
    assert stops([1, 1, 1], [UNSURE, UNSURE, SURE], 1) == [False, False, True]


def test_a_canvas_of_unsure_steps_counts_as_earlier_canvas():
    assert stops([1, 1], [UNSURE, SURE], 1) == [False, True]


def test_confidence_is_the_mean_and_below_the_threshold():
    stop = StableAndConfident(SamplerConfig(stability_threshold=0, confidence_threshold=0.5))
    canvas = torch.tensor([[1, 2]])
    assert stop(canvas, torch.tensor([[0.0, 0.98]]))
    assert not stop(canvas, torch.tensor([[0.25, 0.75]]))


def test_an_answer_ends_at_its_first_end_token():
    assert first_end([7, 5, 1, 5], {1, 5}) == 1
    assert first_end([5], {5}) == 0
    assert first_end([7, 8], {1, 5}) is None
    assert first_end([], {5}) is None
