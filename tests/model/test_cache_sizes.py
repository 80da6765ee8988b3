"""The prefix cache's size, told before there is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dgchat.engine.kv_cache import KVCache
from dgchat.model.cache_sizes import (
    GROWTH_STEP,
    MAX_CHUNK,
    MAX_CHUNK_SCORES,
    cache_bytes,
    chunk_length,
    row_bytes,
    sliding_sizes,
)
from dgchat.model.config import LayerConfig, ModelConfig
from tiny import model_config

KIB, GIB = 1024, 1024**3
CONTEXT = 262_144


def config_of_the_26b() -> ModelConfig:
    sliding, full = LayerConfig("sliding_attention", 256, 8), LayerConfig("full_attention", 512, 2)
    layers = tuple(full if index % 6 == 5 else sliding for index in range(30))
    sizes = {"sliding_window": 1024, "max_position_embeddings": CONTEXT, "canvas_length": 256}
    return replace(model_config(), layers=layers, **sizes)


def test_a_token_of_the_26b_weighs_200_kib_in_the_sliding_layers_and_20_in_the_full_ones():
    layers = config_of_the_26b().layers
    weights = {
        kind: sum(row_bytes(layer, torch.bfloat16) for layer in layers if layer.sliding is kind)
        for kind in (True, False)
    }
    assert weights == {True: 200 * KIB, False: 20 * KIB}


def test_the_26b_can_go_back_on_four_canvases_and_the_end_of_a_prompt_or_to_its_snapshot():
    sizes = sliding_sizes(config_of_the_26b())
    assert (sizes.window, sizes.slack, sizes.spare, sizes.snapshot) == (1023, 4 * 256 + 256, 512, 1023 + 256)


@pytest.mark.parametrize(("context", "gib"), [(0, 0.781), (32_768, 1.406), (CONTEXT, 5.781)])
def test_the_cache_of_the_26b_weighs(context: int, gib: float):
    weight = cache_bytes(config_of_the_26b(), context, torch.bfloat16)
    assert weight / GIB == pytest.approx(gib, abs=5e-4)
    assert cache_bytes(config_of_the_26b(), context, torch.float32, batch=3) == 6 * weight


@pytest.mark.parametrize("context", [0, 1, GROWTH_STEP, GROWTH_STEP + 1])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_size_told_is_that_of_a_cache(context: int, batch: int):
    config = model_config()
    cache = KVCache(config, torch.device("cpu"), torch.float32, batch)
    cache.reserve(context)
    assert cache.num_bytes == cache_bytes(config, context, torch.float32, batch)


@pytest.mark.parametrize("window", [1, 2, 1000, 2**31 - 1])
def test_a_sliding_layer_is_no_larger_than_the_context_can_fill(window: int):
    config = model_config(sliding_window=window)
    longest = config.max_position_embeddings
    sizes = sliding_sizes(config)
    assert sizes.window == min(window - 1, longest)
    assert sizes.snapshot <= sizes.window + sizes.slack <= longest


def test_chunks_shrink_where_the_prefix_is_long():
    chunks = {prefix: chunk_length(prefix) for prefix in (0, 32_768, 32_769, 131_072, CONTEXT)}
    assert chunks == {0: MAX_CHUNK, 32_768: MAX_CHUNK, 32_769: 256, 131_072: 128, CONTEXT: 64}
    assert all(chunk * prefix <= MAX_CHUNK_SCORES for prefix, chunk in chunks.items())
    assert chunk_length(2**40) == 1
