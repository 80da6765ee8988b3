"""Prefixes side by side: each row is what it would be alone, whatever lies beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event

import pytest
import torch

from dgchat.engine.encode import encode_rows
from dgchat.engine.ragged_prefix import RaggedPrefix
from dgchat.engine.ring_rows import RingRows
from dgchat.model.transformer import DiffusionGemma
from plain_prefix import PlainPrefix
from tiny import CANVAS, random_model

CPU = torch.device("cpu")


def ids(count: int, start: int = 7) -> list[int]:
    return [2 + (start + i * 7919) % 400 for i in range(count)]


@pytest.fixture(scope="module")
def model() -> DiffusionGemma:
    return random_model().double()


def new_prefix(model: DiffusionGemma, rows: int, max_chunk: int = 16) -> RaggedPrefix:
    prefix = RaggedPrefix(model.config, rows, CPU, torch.float64, max_chunk)
    for _ in range(rows):
        prefix.add()
    return prefix


def extend(model: DiffusionGemma, prefix: RaggedPrefix, token_ids: Mapping[int, Sequence[int]]) -> None:
    encode_rows(model, prefix, token_ids, Event())


def assert_alone(model: DiffusionGemma, prefix: RaggedPrefix, rows: Sequence[Sequence[int]]) -> None:
    """Every row predicts what a prefix of its own does."""
    assert prefix.lengths == [len(row) for row in rows]
    canvases = torch.stack([torch.tensor(ids(CANVAS, start)) for start in range(len(rows))])
    together = model.decode(canvases, prefix.all_rows(), None)
    for row, token_ids in enumerate(rows):
        alone = model.decode(canvases[row : row + 1], PlainPrefix(model, token_ids), None)
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("max_chunk", [5, 16, 100])
@pytest.mark.parametrize("lengths", [(1, 1), (3, 40, 0, 17), (90, 5, 6, 7)])
def test_rows_of_different_length_predict_what_each_does_alone(
    model: DiffusionGemma, lengths: tuple[int, ...], max_chunk: int
):
    prefix = new_prefix(model, len(lengths), max_chunk)
    rows = [ids(length, start) for start, length in enumerate(lengths)]
    extend(model, prefix, dict(enumerate(rows)))
    assert_alone(model, prefix, rows)


def test_rows_grow_one_at_a_time_past_the_window_and_the_ring(model: DiffusionGemma):
    prefix = new_prefix(model, 3)
    rows = [ids(4), ids(30, 3), ids(11, 5)]
    extend(model, prefix, dict(enumerate(rows)))
    for turn in range(9):
        row = (1, 0, 1, 2)[turn % 4]
        added = ids(CANVAS, turn)
        extend(model, prefix, {row: added})
        rows[row] = rows[row] + added
        assert_alone(model, prefix, rows)
    sliding = next(layer for layer in prefix.layers if layer.is_sliding)
    assert len(rows[1]) > 2 * sliding.columns


def test_a_row_that_leaves_is_replaced_by_the_last_one(model: DiffusionGemma):
    prefix = new_prefix(model, 3)
    rows = [ids(9), ids(20, 3), ids(33, 5)]
    extend(model, prefix, dict(enumerate(rows)))
    prefix.remove(0)
    assert_alone(model, prefix, [rows[2], rows[1]])
    prefix.remove(1)
    assert_alone(model, prefix, [rows[2]])


def test_a_row_that_enters_sees_nothing_of_the_one_that_left(model: DiffusionGemma):
    prefix = new_prefix(model, 2)
    extend(model, prefix, {0: ids(40), 1: ids(12, 3)})
    prefix.remove(1)
    prefix.add()
    extend(model, prefix, {1: ids(2, 9)})
    assert_alone(model, prefix, [ids(40), ids(2, 9)])


def test_decoding_counts_nothing(model: DiffusionGemma):
    prefix = new_prefix(model, 2)
    rows = [ids(13), ids(4, 3)]
    extend(model, prefix, dict(enumerate(rows)))
    assert_alone(model, prefix, rows)
    assert_alone(model, prefix, rows)


def test_a_cancel_keeps_whole_chunks_of_every_row(model: DiffusionGemma):
    class After:
        left = 2

        def is_set(self) -> bool:
            self.left -= 1
            return self.left < 0

    prefix = new_prefix(model, 2, max_chunk=5)
    encode_rows(model, prefix, {0: ids(40), 1: ids(7, 3)}, After())
    assert_alone(model, prefix, [ids(40)[:10], ids(7, 3)])


def test_a_sliding_layer_takes_the_same_memory_however_long_a_row_is(model: DiffusionGemma):
    prefix = new_prefix(model, 2)
    sliding = [layer for layer in prefix.layers if layer.is_sliding]
    before = [layer.num_bytes for layer in sliding]
    extend(model, prefix, {0: ids(300)})
    assert [layer.num_bytes for layer in sliding] == before


def test_a_row_that_was_masked_like_its_longer_neighbour_would_be_noticed(
    model: DiffusionGemma, monkeypatch: pytest.MonkeyPatch
):
    original = RingRows.positions

    def as_the_longest(rows: RingRows, ends: torch.Tensor, columns: int) -> torch.Tensor:
        return original(rows, ends.max().expand_as(ends), columns)

    prefix = new_prefix(model, 2)
    rows = [ids(40), ids(12, 3)]
    extend(model, prefix, dict(enumerate(rows)))
    monkeypatch.setattr(RingRows, "positions", as_the_longest)
    with pytest.raises(AssertionError, match="not close"):
        assert_alone(model, prefix, rows)
