"""The prefix in one full-attention layer: every row, for every later token to see."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.engine.row_buffer import RowBuffer
from dgchat.model.cache_sizes import full_capacity
from dgchat.model.config import LayerConfig


class FullRows:
    """All rows of a layer; going back to any earlier length is a matter of counting fewer of them.

    How many rows count is told with every call: whatever was appended beyond them is overwritten by the next.
    """

    def __init__(self, layer: LayerConfig, batch: int, device: torch.device, dtype: torch.dtype) -> None:
        self._rows = RowBuffer(layer, 0, batch, device, dtype)

    @property
    def num_bytes(self) -> int:
        """Bytes of all memory the layer holds."""
        return self._rows.num_bytes

    def num_seen(self, length: int) -> int:
        """How many of `length` rows the next token sees: all."""
        return length

    def seen(self, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values that the next token sees, both [batch, kv_heads, length, head_dim]."""
        return self._rows.rows(0, length)

    def append(self, length: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write rows after the first `length` ones, and return those seen and the new ones."""
        end = length + keys.shape[2]
        self.reserve(end)
        self._rows.write(length, keys, values)
        return self._rows.rows(0, end)

    def reserve(self, length: int) -> None:
        """Make room for `length` rows, in steps."""
        if length > self._rows.capacity:
            self._rows.grow(full_capacity(length))

    def restorable(self, length: int) -> int:
        """The longest prefix of at most `length` rows that can be gone back to: all of them."""
        return length

    def roll_back(self, length: int) -> None:
        """Nothing but the count changes."""

    def snapshot(self, length: int) -> None:
        """Nothing is ever lost that a snapshot would have to keep."""
