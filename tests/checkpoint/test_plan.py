"""The memory plan: arithmetic on a config, and what is said where it does not fit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgchat.checkpoint import open_checkpoint
from dgchat.checkpoint.plan import MemoryPlan, MemoryPlanner, bound_context, choose_plan
from dgchat.checkpoint.workspace import workspace_bytes
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.kv_cache import KVCache
from dgchat.errors import InsufficientMemoryError, UsageError
from dgchat.model.cache_sizes import cache_bytes
from dgchat.model.config import ModelConfig
from replica import config_json
from tiny import CANVAS, CONTEXT, model_config, write_checkpoint

BF16_WEIGHTS, NVFP4_WEIGHTS = 50_501_973_624, 17_672_415_864
REAL = ModelConfig.from_json(config_json())
LIMIT = 262_144


def planner(weights: int = BF16_WEIGHTS, device: str = "cuda") -> MemoryPlanner:
    packed = weights == NVFP4_WEIGHTS
    return MemoryPlanner(REAL, weights, device, torch.bfloat16, is_packed=packed)


def test_a_plan_is_the_sum_of_its_parts():
    plan = planner().plan(32_768)
    assert plan.weights_bytes == BF16_WEIGHTS
    assert plan.cache_bytes == cache_bytes(REAL, 32_768, torch.bfloat16)
    assert plan.workspace_bytes == workspace_bytes(REAL, 32_768, "cuda", torch.bfloat16)
    assert plan.total_bytes == plan.weights_bytes + plan.cache_bytes + plan.workspace_bytes


def test_full_layers_take_20_kib_a_token_and_sliding_ones_nothing_more():
    long, longer = (planner().plan(context).cache_bytes for context in (65_536, 131_072))
    assert longer - long == 65_536 * 20 * 1024


def test_a_short_context_fills_no_window():
    assert planner().plan(1024).cache_bytes < planner().plan(8192).cache_bytes


def test_the_workspace_holds_the_logits_of_a_canvas_four_times():
    logits = 256 * LIMIT * 4
    assert 4 * logits < planner().plan(1024).workspace_bytes < 5.5 * logits


def test_a_longer_context_never_takes_less():
    totals = [planner().plan(context).total_bytes for context in range(1024, LIMIT + 1, 4093)]
    assert totals == sorted(totals)


@pytest.mark.parametrize("device", ["cuda", "cpu", "mps"])
@pytest.mark.parametrize("available", [20e9, 24e9, 32e9, 55e9, 57e9, 80e9, 200e9])
def test_the_longest_context_fits_and_one_token_more_does_not(available: float, device: str):
    one = planner(NVFP4_WEIGHTS if available < 50e9 else BF16_WEIGHTS, device)
    longest = one.longest_context(int(available))
    assert longest is not None
    assert one.plan(longest).total_bytes <= available
    assert longest == LIMIT or one.plan(longest + 1).total_bytes > available


def test_nothing_fits_where_not_even_four_canvases_do():
    least = planner().plan(4 * 256).total_bytes
    assert planner().longest_context(least) is not None
    assert planner().longest_context(least - 1) is None


def test_a_cache_of_the_planned_context_is_as_large_as_planned():
    config = replace(model_config(), max_position_embeddings=512)
    cache = KVCache(config, torch.device("cpu"), torch.float32)
    cache.reserve(512)
    assert cache.num_bytes == MemoryPlanner(config, 0, "cpu", torch.float32).plan(512).cache_bytes


@pytest.mark.parametrize(
    ("asked", "available", "chosen"),
    [
        (None, 200e9, LIMIT),
        (4096, 200e9, 4096),
        (10 * LIMIT, 200e9, LIMIT),
        (None, None, LIMIT),
        (4096, None, 4096),
    ],
)
def test_the_context_is_the_one_asked_for_or_the_longest_and_never_beyond_the_limit(
    asked: int | None, available: float | None, chosen: int
):
    free = None if available is None else int(available)
    assert choose_plan(planner(), "m", free, asked).context_length == chosen


def test_without_a_wish_the_context_is_the_longest_that_fits():
    plan = choose_plan(planner(NVFP4_WEIGHTS), "m", int(24e9), None)
    assert plan == planner(NVFP4_WEIGHTS).plan(plan.context_length)
    assert 8192 < plan.context_length < LIMIT
    assert 0.95 * 24e9 < plan.total_bytes <= 0.97 * 24e9, "a little is left for whatever comes"


def test_a_wish_may_take_what_an_automatic_context_leaves_free():
    one = planner(NVFP4_WEIGHTS)
    longest = one.longest_context(int(24e9))
    assert choose_plan(one, "m", int(24e9), longest).context_length == longest


def test_where_only_the_shortest_context_fits_nothing_is_left_free():
    least = planner().plan(4 * 256).total_bytes
    assert choose_plan(planner(), "m", least, None).context_length == 4 * 256


def refusal(one: MemoryPlanner, available: float, context: int | None = None) -> tuple[str, str]:
    with pytest.raises(InsufficientMemoryError) as caught:
        choose_plan(one, "big one", int(available), context)
    assert caught.value.exit_code == 1
    return caught.value.message, str(caught.value.hint)


def test_too_long_a_context_is_refused_with_both_numbers_and_the_longest_that_fits():
    one = planner(NVFP4_WEIGHTS)
    message, hint = refusal(one, 24e9, LIMIT)
    assert message.startswith("big one needs 38.5 GB for a context of 262,144 tokens")
    assert "weights 17.7 GB, cache 6.2 GB, workspace 14.6 GB" in message
    assert message.endswith("24.0 GB are free")
    suggested = int(re.search(r"--context (\d+)$", hint)[1])
    assert choose_plan(one, "big one", int(24e9), suggested).context_length == suggested


def test_weights_too_large_are_refused_with_their_nvfp4_form_if_that_fits():
    message, hint = refusal(planner(), 24e9)
    assert "weights 50.5 GB" in message
    assert message.endswith("24.0 GB are free")
    assert "in NVFP4 it fits" in hint
    assert "dgchat models" in hint


@pytest.mark.parametrize("weights", [BF16_WEIGHTS, NVFP4_WEIGHTS])
def test_where_nothing_of_it_fits_the_bundled_model_is_named(weights: int):
    assert refusal(planner(weights), 8e9)[1] == "the bundled model fits: leave out --model"


@pytest.mark.parametrize("context", [1, 256])
def test_a_context_without_room_for_a_prompt_is_wrong_usage(context: int):
    with pytest.raises(UsageError, match=rf"a context of {context} tokens.* 256 "):
        choose_plan(planner(), "m", None, context)


def test_a_plan_says_itself_in_one_line():
    words = str(MemoryPlan(32_768, 17_700_000_000, 1_500_000_000, 1_300_000_000))
    expected = "20.5 GB for a context of 32,768 tokens: weights 17.7 GB, cache 1.5 GB, workspace 1.3 GB"
    assert words == expected


@pytest.mark.parametrize(
    ("available", "end"),
    [(23_100_000_000, "; 23.1 GB free"), (None, "; how much is free is not known here")],
)
def test_a_plan_is_told_beside_what_is_free(available: int | None, end: str):
    plan = planner().plan(4096)
    assert plan.beside(available) == f"{plan}{end}"


def test_an_engine_keeps_to_the_bounded_context(tmp_path: Path):
    checkpoint = open_checkpoint(write_checkpoint(tmp_path))
    whole, _ = bound_context(checkpoint, "cpu", None, None)
    assert whole.config.max_position_embeddings == CONTEXT
    bounded, plan = bound_context(checkpoint, "cpu", None, 8 * CANVAS)
    assert plan == MemoryPlanner.of(checkpoint, "cpu").plan(8 * CANVAS)
    assert DiffusionEngine(bounded.load()).info().context_length == 8 * CANVAS


def test_each_answer_of_a_batch_has_cache_and_workspace_of_its_own():
    one, eight = planner().plan(8192), replace(planner(), batch=8).plan(8192)
    assert eight.weights_bytes == one.weights_bytes
    assert eight.cache_bytes == 8 * one.cache_bytes
    assert 6 * one.workspace_bytes < eight.workspace_bytes <= 8 * one.workspace_bytes
    assert "8 answers together, each with a context of 8,192 tokens" in str(eight)


def test_a_batch_leaves_a_shorter_context():
    alone = choose_plan(planner(NVFP4_WEIGHTS), "m", int(48e9), None)
    together = choose_plan(replace(planner(NVFP4_WEIGHTS), batch=8), "m", int(48e9), None)
    assert together.context_length < alone.context_length
    assert together.total_bytes <= 48e9


@pytest.mark.parametrize("context", [None, 8192])
def test_a_batch_that_does_not_fit_is_refused_with_one_that_does(context: int | None):
    large = replace(planner(NVFP4_WEIGHTS), batch=64)
    message, hint = refusal(large, 40e9, context)
    assert "64 answers together" in message
    found = re.fullmatch("([0-9]+) together fit: --batch-size ([0-9]+)", hint)
    assert found is not None
    fits = int(found[1])
    choose_plan(replace(large, batch=fits), "m", int(40e9), context)
    with pytest.raises(InsufficientMemoryError):
        choose_plan(replace(large, batch=fits + 1), "m", int(40e9), context)
