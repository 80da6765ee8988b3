"""Rows of sliding and full layers against plain lists, whatever is appended, rolled back or given up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dgchat.engine.full_rows import FullRows
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.row_buffer import RowBuffer
from dgchat.engine.sliding_rows import SlidingRows
from dgchat.model import cache_sizes
from dgchat.model.cache_sizes import sliding_sizes
from dgchat.model.config import ModelConfig
from tiny import CANVAS, model_config

WINDOW = 6
BATCH = 2
RUNS, OPERATIONS = 60, 80
PROMPT_END = 8


@pytest.fixture(autouse=True)
def _short_prompt_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows are enough to go beyond it."""
    monkeypatch.setattr(cache_sizes, "PROMPT_END", PROMPT_END)


def config() -> ModelConfig:
    """Sliding, full and sliding again, so that an encoding can fail between sliding layers."""
    tiny = model_config(sliding_window=WINDOW)
    return replace(tiny, layers=(*tiny.layers, tiny.layers[0]))


def new_cache(max_chunk: int = 12) -> KVCache:
    return KVCache(config(), torch.device("cpu"), torch.float64, BATCH, max_chunk)


def rows(cache: KVCache, layer: int, values: list[int]) -> tuple[Tensor, Tensor]:
    """Keys and values that say what they are: their number, the layer, keys or values, and the batch row."""
    shape = cache.config.layers[layer]
    keys = (
        torch.tensor(values, dtype=torch.float64)
        .reshape(1, 1, -1, 1)
        .repeat(BATCH, shape.num_kv_heads, 1, shape.head_dim)
    )
    keys += torch.arange(BATCH).reshape(-1, 1, 1, 1) / 4 + layer / 16
    return keys, keys + 1 / 128


class Lists:
    """A cache, and beside it the list of what it should hold."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cache = new_cache()
        self.held: list[int] = []
        self.taken_at = self.snapshot_at = 0
        self.given = 0

    def run(self) -> None:
        """Random operations; AssertionError as soon as the cache shows anything but the list."""
        operations = [self.encode] * 12 + [self.draft, self.fail, self.go_back] * 2
        operations += [self.snapshot, self.return_]
        for _ in range(OPERATIONS):
            self.random.choice(operations)()
            self.check(self.held)

    def encode(self) -> None:
        fresh = self.fresh(self.random.randint(1, 12))
        for layer in range(3):
            self.append(self.cache.extend, layer, fresh)
        self.cache.commit(fresh)
        self.held += fresh

    def draft(self) -> None:
        """Steps of a canvas that comes to nothing."""
        for _ in range(self.random.randint(1, 3)):
            fresh = self.fresh(CANVAS)
            for layer in range(3):
                self.append(self.cache.join, layer, fresh)

    def fail(self) -> None:
        """A chunk whose encoding ends in the middle of the layers."""
        fresh = self.fresh(self.random.randint(1, 12))
        for layer in range(self.random.randint(1, 3)):
            self.append(self.cache.extend, layer, fresh)

    def snapshot(self) -> None:
        self.cache.snapshot()
        self.taken_at = self.snapshot_at = len(self.held)

    def go_back(self) -> None:
        """To anywhere, but most of all to about where the snapshot was taken."""
        near = self.taken_at + self.random.randint(-PROMPT_END, PROMPT_END)
        anywhere = self.random.randint(0, len(self.held))
        self.roll_back(max(0, min(len(self.held), self.random.choice([near, near, anywhere]))))

    def return_(self) -> None:
        """To the snapshot, or what is left of it, which is sure to work."""
        point = self.snapshot_at
        self.roll_back(point)
        assert len(self.held) == point

    def roll_back(self, length: int) -> None:
        left = self.cache.roll_back(length)
        assert left <= length
        del self.held[left:]
        self.snapshot_at = min(self.snapshot_at, left) if left >= self.taken_at - PROMPT_END else 0

    def append(self, method: Callable[..., tuple[Tensor, Tensor]], layer: int, fresh: list[int]) -> None:
        self.compare(method(layer, *rows(self.cache, layer, fresh)), layer, self.seen(layer) + fresh)

    def check(self, held: list[int]) -> None:
        assert self.cache.token_ids == held
        for layer in range(3):
            self.compare(self.cache.keys_and_values(layer), layer, self.seen(layer))

    def compare(self, found: tuple[Tensor, Tensor], layer: int, expected: list[int]) -> None:
        for ours, theirs in zip(found, rows(self.cache, layer, expected), strict=True):
            assert torch.equal(ours, theirs)

    def seen(self, layer: int) -> list[int]:
        return self.held[-(WINDOW - 1) :] if self.cache.config.layers[layer].sliding else list(self.held)

    def fresh(self, count: int) -> list[int]:
        self.given += count
        return list(range(self.given - count, self.given))


def run_all() -> None:
    for seed in range(RUNS):
        Lists(seed).run()


def test_whatever_happens_the_cache_shows_what_a_list_would():
    run_all()


def forget_nothing(self: SlidingRows, length: int) -> None:
    saved_end = self._saved_end
    original_roll_back(self, length)
    self._saved_end = saved_end


def reach_too_far(self: SlidingRows, rows: RowBuffer, length: int) -> bool:
    return rows.first <= length - self.num_seen(length) + 1


def write_one_early(self: KVCache, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    return self._layers[layer].append(max(0, self.length - 1), keys, values)


def see_one_more(self: SlidingRows, length: int) -> int:
    return min(length, self.sizes.window + 1)


def lose_the_last(self: RowBuffer, first: int, keys: Tensor, values: Tensor) -> None:
    original_refill(self, first, keys[:, :, :-1], values[:, :, :-1])


def save_nothing(self: SlidingRows, length: int) -> None:
    """A snapshot that is forgotten."""


original_roll_back = SlidingRows.roll_back
original_refill = RowBuffer.refill


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (SlidingRows, "roll_back", forget_nothing),
        (SlidingRows, "_reaches", reach_too_far),
        (SlidingRows, "num_seen", see_one_more),
        (SlidingRows, "snapshot", save_nothing),
        (RowBuffer, "refill", lose_the_last),
        (KVCache, "join", write_one_early),
    ],
)
def test_a_fault_does_not_go_unnoticed(
    owner: type, name: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises(AssertionError):
        run_all()


@pytest.mark.parametrize("max_chunk", [1, 5, 512])
def test_the_slack_can_be_rolled_back_from_any_length_without_a_snapshot(max_chunk: int):
    slack = sliding_sizes(config(), max_chunk).slack
    assert slack == 4 * CANVAS + PROMPT_END
    for length in (slack, 300, 1000):
        for back in (1, CANVAS, slack):
            cache = new_cache(max_chunk)
            fill(cache, length)
            assert cache.roll_back(length - back) == length - back


def test_beyond_slack_and_snapshot_nothing_is_left():
    cache = new_cache()
    fill(cache, 100)
    cache.snapshot()
    fill(cache, 200)
    assert cache.roll_back(100 - PROMPT_END - 1) == 0
    assert cache.length == 0
    assert cache.roll_back(0) == 0


@pytest.mark.parametrize(("wanted", "left"), [(150, 100), (100, 100), (100 - PROMPT_END, 100 - PROMPT_END)])
def test_between_slack_and_snapshot_the_snapshot_is_what_is_left(wanted: int, left: int):
    cache = new_cache()
    fill(cache, 100)
    cache.snapshot()
    fill(cache, 200)
    assert cache.roll_back(wanted) == left


@pytest.mark.parametrize("max_chunk", [1, 5, 512])
def test_a_snapshot_can_be_returned_to_again_and_again(max_chunk: int):
    cache = new_cache(max_chunk)
    fill(cache, 700)
    cache.snapshot()
    for _ in range(3):
        fill(cache, 2000)
        assert cache.roll_back(700) == 700
        for layer in range(3):
            ends = (seen[0, 0, -1, 0] for seen in cache.keys_and_values(layer))
            expected = (value[0, 0, 0, 0] for value in rows(cache, layer, [699]))
            assert list(map(float, ends)) == list(map(float, expected))


def test_more_rows_than_are_spare_are_refused():
    cache = new_cache(max_chunk=12)
    with pytest.raises(ValueError, match="13 rows at once, but only 12 are spare"):
        cache.extend(0, *rows(cache, 0, list(range(13))))


def test_appending_where_the_window_is_gone_is_refused():
    layer = config().layers[0]
    sliding = SlidingRows(layer, sliding_sizes(config(), 12), BATCH, torch.device("cpu"), torch.float64)
    cache = new_cache()
    for start in range(0, 240, 12):
        sliding.append(start, *rows(cache, 0, list(range(start, start + 12))))
    with pytest.raises(ValueError, match="before position 100"):
        sliding.append(100, *rows(cache, 0, [0]))


def test_sliding_layers_keep_their_size_while_the_context_grows_fiftyfold():
    cache = new_cache()
    sizes: list[dict[type, int]] = []
    for _ in range(50):
        fill(cache, 100)
        cache.snapshot()
        sizes.append({kind: size_of(cache, kind) for kind in (SlidingRows, FullRows)})
    assert cache.length == 5000
    assert {size[SlidingRows] for size in sizes} == {sizes[0][SlidingRows]}
    assert sizes[-1][FullRows] == 5 * sizes[0][FullRows]


def size_of(cache: KVCache, kind: type) -> int:
    return sum(layer.num_bytes for layer in cache._layers if isinstance(layer, kind))


def fill(cache: KVCache, count: int) -> None:
    """Append and commit `count` rows in chunks."""
    for start in range(0, count, cache.chunk_length):
        chunk = list(range(start, min(count, start + cache.chunk_length)))
        for layer in range(3):
            cache.extend(layer, *rows(cache, layer, chunk))
        cache.commit(chunk)


def test_what_attention_gets_is_a_view_and_no_copy():
    cache = new_cache()
    fill(cache, 100)
    for layer in range(3):
        first, _ = cache.join(layer, *rows(cache, layer, [1] * CANVAS))
        again, _ = cache.join(layer, *rows(cache, layer, [2] * CANVAS))
        assert first.data_ptr() == again.data_ptr()
