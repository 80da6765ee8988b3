"""config.json: a number that no model can be made of is named before anything is computed with it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dgchat.errors import CheckpointError
from dgchat.model.config import ModelConfig
from tiny import CANVAS, CONTEXT, config_json, text_json

NO_REALS = [
    float("nan"),
    float("inf"),
    -float("inf"),
    0,
    0.0,
    -1.0,
    10**400,
    1e-300,
    1e-37,
    "1e-6",
    True,
    None,
]


def refuse(config: dict[str, Any], *words: str) -> None:
    with pytest.raises(CheckpointError, match=".*".join(map(re.escape, words))):
        ModelConfig.from_json(config)


def shown(value: object) -> str:
    return str(value)[:6]


@pytest.mark.parametrize("value", NO_REALS, ids=shown)
@pytest.mark.parametrize("name", ["rms_norm_eps", "final_logit_softcapping"])
def test_a_number_that_is_not_finite_and_positive_is_named(name: str, value: object):
    refuse(config_json(**{name: value}), f"config.json: {name} is {value!r}, not")


@pytest.mark.parametrize("value", NO_REALS, ids=shown)
@pytest.mark.parametrize("name", ["rope_theta", "partial_rotary_factor"])
@pytest.mark.parametrize("kind", ["sliding_attention", "full_attention"])
def test_a_rope_that_is_not_finite_and_positive_is_named(kind: str, name: str, value: object):
    rope = text_json()["rope_parameters"]
    rope[kind] |= {name: value}
    refuse(config_json(rope_parameters=rope), f"config.json: {name} is {value!r}, not")


def test_whole_numbers_are_numbers_too():
    assert ModelConfig.from_json(config_json(final_logit_softcapping=30)).final_logit_softcapping == 30.0


@pytest.mark.parametrize("value", [10**30, float("inf"), 0, -1, 8.0, True], ids=shown)
@pytest.mark.parametrize("name", ["sliding_window", "max_position_embeddings", "head_dim", "vocab_size"])
def test_a_size_that_no_model_can_have_is_named(name: str, value: object):
    refuse(config_json(**{name: value}), f"config.json: {name} is {value!r}, not a whole number")


@pytest.mark.parametrize("value", [float("inf"), -1, "0", 10**30], ids=shown)
def test_a_padding_token_that_is_no_id_is_named(value: object):
    refuse(config_json(pad_token_id=value), f"config.json: pad_token_id is {value!r}")


def test_no_padding_token_is_token_zero():
    assert ModelConfig.from_json(config_json(pad_token_id=None)).pad_token_id == 0


def test_more_chosen_experts_than_there_are_is_refused():
    refuse(config_json(num_experts=4, top_k_experts=5), "top_k_experts is 5", "num_experts only 4")
    assert ModelConfig.from_json(config_json(num_experts=4, top_k_experts=4)).top_k_experts == 4


@pytest.mark.parametrize("length", [CONTEXT, 2 * CONTEXT])
def test_a_canvas_that_leaves_no_room_for_a_prompt_is_refused_with_both_numbers(length: int):
    refuse(config_json() | {"canvas_length": length}, f"canvas_length is {length}", f"{CONTEXT}")


def test_a_canvas_may_fill_the_context_but_for_a_token():
    config = config_json(max_position_embeddings=CANVAS + 1)
    assert ModelConfig.from_json(config).canvas_length == CANVAS


@pytest.mark.parametrize("name", ["num_key_value_heads", "head_dim"])
@pytest.mark.parametrize("value", [0, -2, None, "2", 10**30], ids=shown)
def test_a_layers_own_size_is_checked_like_the_common_one(name: str, value: object):
    config = config_json(per_layer_config={"1": {name: value}})
    refuse(config, f"config.json: {name} is {value!r}, not a whole number")


@pytest.mark.parametrize("value", [0, -1, "1"], ids=shown)
def test_key_value_heads_of_full_layers_are_checked(value: object):
    refuse(config_json(num_global_key_value_heads=value), f"num_global_key_value_heads is {value!r}")


def test_full_layers_without_a_number_of_their_own_have_the_common_key_value_heads():
    layers = ModelConfig.from_json(config_json(num_global_key_value_heads=None)).layers
    assert [layer.num_kv_heads for layer in layers] == [2, 2]
