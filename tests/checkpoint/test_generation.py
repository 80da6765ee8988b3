"""generation_config.json: absent or null is the default, anything odd is named."""

from __future__ import annotations

from typing import Any

import pytest

from dgchat.checkpoint.generation import GenerationDefaults
from dgchat.engine.events import SamplerConfig
from dgchat.errors import CheckpointError

NUMBERS = (
    "max_denoising_steps",
    "max_new_tokens",
    "t_min",
    "t_max",
    "stability_threshold",
    "confidence_threshold",
)
LIMITS = ("max_prompt_tokens", "max_turns")
NULLS: dict[str, Any] = dict.fromkeys((*NUMBERS, "sampler_config", "eos_token_id"))


@pytest.mark.parametrize("generation", [{}, NULLS, {"sampler_config": {"entropy_bound": None}}])
def test_absent_and_null_fields_are_the_defaults(generation: dict[str, Any]):
    defaults = GenerationDefaults.from_json(generation, {})
    assert defaults == GenerationDefaults(SamplerConfig(), 256, frozenset({1}), None, None)


def test_every_field_is_read():
    generation = {
        "max_denoising_steps": 12,
        "max_new_tokens": 99,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.3},
        "t_min": 0.2,
        "t_max": 1,
        "stability_threshold": 0,
        "confidence_threshold": 0.01,
        "eos_token_id": [1, 5],
    }
    config = {"eos_token_id": 7, "max_prompt_tokens": 128, "max_turns": 3}
    sampler = SamplerConfig(12, 0.3, 0.2, 1.0, 0, 0.01)
    expected = GenerationDefaults(sampler, 99, frozenset({1, 5}), 128, 3)
    assert GenerationDefaults.from_json(generation, config) == expected


def test_the_end_of_turn_falls_back_to_config_json():
    assert GenerationDefaults.from_json({}, {"eos_token_id": 7}).end_ids == {7}
    assert GenerationDefaults.from_json({"eos_token_id": None}, {"eos_token_id": [7, 8]}).end_ids == {7, 8}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["4", -1, True, [1]], ids=str)
def test_a_field_that_is_no_such_number_is_named(name: str, value: object):
    with pytest.raises(CheckpointError, match=rf"generation_config\.json: {name} is"):
        GenerationDefaults.from_json({name: value}, {})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "stability_threshold"])
def test_zero_is_refused_where_it_makes_no_sense(name: str):
    with pytest.raises(CheckpointError, match=name):
        GenerationDefaults.from_json({name: 0}, {})


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["4", 0, -1, True, [1]], ids=str)
def test_a_limit_that_is_no_such_number_is_named(name: str, value: object):
    with pytest.raises(CheckpointError, match=rf"^config\.json: {name} is"):
        GenerationDefaults.from_json({}, {name: value})


@pytest.mark.parametrize("value", [3, [1], "x"], ids=str)
def test_a_sampler_config_that_is_no_object_is_named(value: object):
    with pytest.raises(CheckpointError, match="sampler_config"):
        GenerationDefaults.from_json({"sampler_config": value}, {})


@pytest.mark.parametrize("value", ["<eos>", {"a": 1}, [[1]], [True], 1.5], ids=str)
def test_end_ids_that_are_no_whole_numbers_are_named(value: object):
    with pytest.raises(CheckpointError, match="eos_token_id"):
        GenerationDefaults.from_json({"eos_token_id": value}, {})


HUGE, INFINITE = 10**30, float("inf")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [10**400, INFINITE, -INFINITE, float("nan"), 1e-300], ids=lambda v: str(v)[:6]
)
def test_a_number_that_no_computation_can_hold_is_named(name: str, value: float):
    with pytest.raises(CheckpointError, match=rf"generation_config\.json: {name} is"):
        GenerationDefaults.from_json({name: value}, {})


@pytest.mark.parametrize("name", ["stability_threshold", "max_denoising_steps", "max_new_tokens"])
def test_a_whole_number_beyond_all_counts_is_named(name: str):
    with pytest.raises(CheckpointError, match=rf"generation_config\.json: {name} is {HUGE}, not"):
        GenerationDefaults.from_json({name: HUGE}, {})


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_beyond_all_counts_is_named(name: str):
    with pytest.raises(CheckpointError, match=rf"^config\.json: {name} is {HUGE}, not"):
        GenerationDefaults.from_json({}, {name: HUGE})
