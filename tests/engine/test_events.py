"""Events: what the quantised numbers stand for."""

from __future__ import annotations

import pytest
import torch

from dgchat.engine.answer_run import _entropy_levels
from dgchat.engine.events import (
    ENTROPY_CEILING,
    ENTROPY_FLOOR,
    GenerationStats,
    entropy_of_level,
    level_of_entropy,
)


def test_every_level_survives_the_way_to_nats_and_back():
    assert [level_of_entropy(entropy_of_level(level)) for level in range(256)] == list(range(256))


def test_the_levels_span_floor_to_ceiling_and_clamp_what_lies_outside():
    assert entropy_of_level(0) == pytest.approx(ENTROPY_FLOOR)
    assert entropy_of_level(255) == pytest.approx(ENTROPY_CEILING)
    assert (level_of_entropy(0.0), level_of_entropy(-1e-9), level_of_entropy(99.0)) == (0, 0, 255)


def test_a_level_is_within_four_percent_of_the_entropy():
    for nats in (2e-6, 0.005, 0.1, 1.0, 12.0):
        assert entropy_of_level(level_of_entropy(nats)) == pytest.approx(nats, rel=0.04)


def test_the_engine_quantises_a_canvas_as_level_of_entropy_does():
    nats = [-1e-9, 0.0, 1e-6, 0.0049, 0.1, 0.77, 3.0, 12.48, 20.0]
    assert _entropy_levels(torch.tensor(nats)).tolist() == [level_of_entropy(value) for value in nats]


def test_speeds_are_ratios_of_the_counts_and_seconds():
    stats = GenerationStats(
        generated_tokens=60, canvas_length=48, denoising_steps=10, prefill_seconds=1.0, denoise_seconds=2.0
    )
    assert stats.tokens_per_second == 20
    assert stats.parallel_tokens_per_second == 240
    assert stats.tokens_per_forward == 6


def test_an_answer_that_took_no_step_has_no_speed():
    stats = GenerationStats()
    assert (stats.tokens_per_second, stats.parallel_tokens_per_second, stats.tokens_per_forward) == (0, 0, 0)
