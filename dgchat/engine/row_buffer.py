"""Memory for the keys and values of consecutive positions in one layer."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.model.config import LayerConfig


class RowBuffer:
    """Keys and values, both [batch, kv_heads, capacity, head_dim], of the positions from `first` on.

    Which of its rows hold anything is for its owner to know.
    """

    def __init__(
        self, layer: LayerConfig, capacity: int, batch: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (batch, layer.num_kv_heads, capacity, layer.head_dim)
        self.first = 0
        self._keys = torch.empty(shape, device=device, dtype=dtype)
        self._values = torch.empty(shape, device=device, dtype=dtype)

    @property
    def capacity(self) -> int:
        """Rows there is room for."""
        return self._keys.shape[2]

    @property
    def num_bytes(self) -> int:
        """Bytes of the keys and the values."""
        return self._keys.nbytes + self._values.nbytes

    def rows(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the positions from `start` up to `end`: views, valid until the next write."""
        part = slice(start - self.first, end - self.first)
        return self._keys[:, :, part], self._values[:, :, part]

    def write(self, start: int, keys: Tensor, values: Tensor) -> None:
        """Set the rows of the positions from `start` on."""
        to_keys, to_values = self.rows(start, start + keys.shape[2])
        to_keys.copy_(keys)
        to_values.copy_(values)

    def refill(self, first: int, keys: Tensor, values: Tensor) -> None:
        """Hold these rows, views of this buffer included, as the positions from `first` on, and no others."""
        keys, values = keys.clone(), values.clone()
        self.first = first
        self.write(first, keys, values)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows, keeping those there are."""
        keys, values = (
            old.new_empty(*old.shape[:2], capacity, old.shape[3]) for old in (self._keys, self._values)
        )
        old_keys, old_values = self._keys, self._values
        self._keys, self._values = keys, values
        self.write(self.first, old_keys, old_values)
