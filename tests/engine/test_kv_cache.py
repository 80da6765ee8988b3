"""The prefix cache: whatever happened to it, it holds what a fresh encode would."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import pytest
import torch

from dgchat.engine.encode import encode
from dgchat.engine.kv_cache import KVCache
from dgchat.model.cache_sizes import MAX_CHUNK, MAX_CHUNK_SCORES
from dgchat.model.transformer import DiffusionGemma
from tiny import CANVAS, model_config, new_cache, random_model

TEXT = [2, *range(20, 50)]
LONG = [2 + i * 7 % 300 for i in range(326)]


@pytest.fixture(scope="module")
def model() -> DiffusionGemma:
    return random_model()


def extend(model: DiffusionGemma, cache: KVCache, token_ids: Sequence[int]) -> KVCache:
    model.encode(torch.tensor([list(token_ids)]), cache)
    cache.commit(token_ids)
    return cache


def fresh(model: DiffusionGemma, token_ids: Sequence[int]) -> KVCache:
    return extend(model, new_cache(model.config), token_ids)


def assert_alike(model: DiffusionGemma, cache: KVCache, other: KVCache) -> None:
    assert cache.token_ids == other.token_ids
    for layer in range(len(model.config.layers)):
        torch.testing.assert_close(cache.keys_and_values(layer), other.keys_and_values(layer))
    canvas = torch.arange(30, 30 + CANVAS).unsqueeze(0)
    torch.testing.assert_close(model.decode(canvas, cache, None), model.decode(canvas, other, None))


@pytest.mark.parametrize("kept", [0, 1, 17, len(TEXT)])
def test_rolled_back_and_encoded_anew_it_equals_a_fresh_one(model: DiffusionGemma, kept: int):
    cache = fresh(model, TEXT)
    cache.roll_back(kept)
    extend(model, cache, [400, 401, 402])
    assert_alike(model, cache, fresh(model, [*TEXT[:kept], 400, 401, 402]))


@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_encoding_in_chunks_equals_encoding_at_once(model: DiffusionGemma, chunk: int):
    cache = new_cache(model.config)
    for start in range(0, len(LONG), chunk):
        extend(model, cache, LONG[start : start + chunk])
    assert_alike(model, cache, fresh(model, LONG))


def test_decoding_writes_nothing(model: DiffusionGemma):
    cache = fresh(model, TEXT)
    canvas = torch.arange(CANVAS).unsqueeze(0)
    assert torch.equal(model.decode(canvas, cache, None), model.decode(canvas, cache, None))
    assert_alike(model, cache, fresh(model, TEXT))


def test_rows_count_only_once_they_are_committed(model: DiffusionGemma):
    cache = fresh(model, TEXT)
    model.encode(torch.tensor([[400, 401]]), cache)
    assert cache.length == len(TEXT)
    assert_alike(model, extend(model, cache, [402]), fresh(model, [*TEXT, 402]))


def test_the_common_prefix_ends_at_the_first_difference():
    cache = new_cache(model_config())
    cache.commit([2, 7, 8, 9])
    assert cache.common_prefix([2, 7, 5, 9]) == 2
    assert cache.common_prefix([2, 7]) == 2
    assert cache.common_prefix([2, 7, 8, 9, 10]) == 4
    assert cache.common_prefix([]) == 0


@pytest.mark.parametrize(("length", "seen"), [(0, 0), (3, 3), (5, 5), (6, 5), (40, 5)])
def test_a_canvas_sees_one_row_less_than_the_window_in_sliding_layers_and_all_in_full_ones(
    length: int, seen: int
):
    config = model_config()
    assert config.sliding_window == 6
    cache = new_cache(config)
    rows = torch.arange(float(length))
    for layer, (kv_heads, dim) in enumerate([(2, 8), (1, 16)]):
        cache.extend(layer, *[rows[None, None, :, None].expand(1, kv_heads, length, dim)] * 2)
    cache.commit(list(range(length)))
    own = [torch.full((1, 2, CANVAS, 8), -1.0), torch.full((1, 1, CANVAS, 16), -1.0)]
    sliding, full = (cache.join(layer, own[layer], own[layer])[0][0, 0, :, 0] for layer in (0, 1))
    assert sliding.tolist() == [*rows[length - seen :].tolist(), *[-1.0] * CANVAS]
    assert full.tolist() == [*rows.tolist(), *[-1.0] * CANVAS]


def test_the_encoder_sees_itself_and_what_came_before_within_the_window():
    cache = new_cache(model_config())
    cache.commit(range(7))
    sliding, full = cache.encoder_mask(0, 2), cache.encoder_mask(1, 2)
    assert [row.nonzero().flatten().tolist() for row in sliding] == [[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]]
    assert [int(row.sum()) for row in full] == [8, 9]


def test_positions_continue_after_the_valid_rows():
    cache = new_cache(model_config())
    cache.commit([2, 7, 8])
    assert cache.positions(2).tolist() == [[3, 4]]


def test_masks_of_a_long_prefix_are_no_larger_than_those_of_a_shorter_one(monkeypatch: pytest.MonkeyPatch):
    length = 40_000
    model = random_model(
        max_position_embeddings=length, num_attention_heads=1, num_key_value_heads=1, global_head_dim=8
    )
    masks: list[tuple[int, int]] = []
    encoder_mask = KVCache.encoder_mask

    def watch(cache: KVCache, layer: int, length: int) -> torch.Tensor:
        mask = encoder_mask(cache, layer, length)
        masks.append((mask.shape[0], mask.shape[1]))
        return mask

    monkeypatch.setattr(KVCache, "encoder_mask", watch)
    cache = new_cache(model.config)
    encode(model, cache, [2 + i * 7919 % 400 for i in range(length)], Event())
    assert cache.length == length
    assert {chunk for chunk, _ in masks} >= {512, 256}
    assert max(chunk * seen for chunk, seen in masks) <= MAX_CHUNK_SCORES + MAX_CHUNK**2
