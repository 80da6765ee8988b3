"""Memory for the keys and values of one layer, side by side for several prefixes of different length."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.model.cache_sizes import full_capacity
from dgchat.model.config import LayerConfig


class RingRows:
    """Keys and values, both [batch, kv_heads, columns, head_dim]; of each row the latest positions.

    Position p lies in column p modulo `columns`: with as many columns as positions, in column p itself.
    Memory is zeros to begin with, since what a mask hides must still be a number.
    """

    def __init__(
        self, layer: LayerConfig, batch: int, columns: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (batch, layer.num_kv_heads, columns, layer.head_dim)
        self.is_sliding = layer.sliding
        self._keys = torch.zeros(shape, device=device, dtype=dtype)
        self._values = torch.zeros(shape, device=device, dtype=dtype)

    @property
    def columns(self) -> int:
        """Positions of each row there is room for."""
        return self._keys.shape[2]

    @property
    def num_bytes(self) -> int:
        """Bytes of the keys and the values."""
        return self._keys.nbytes + self._values.nbytes

    def reserve(self, length: int) -> None:
        """Make room for rows of `length` positions in a full layer; a sliding one only needs its window."""
        if not self.is_sliding and length > self.columns:
            self._keys, self._values = (
                _widened(old, full_capacity(length)) for old in (self._keys, self._values)
            )

    def write(self, rows: Tensor, positions: Tensor, keys: Tensor, values: Tensor) -> None:
        """Set the positions [rows, length] of these rows [rows] to keys and values [rows, kv_heads, length,
        head_dim].
        """
        columns = positions % self.columns
        self._keys[rows.unsqueeze(1), :, columns] = keys.transpose(1, 2)
        self._values[rows.unsqueeze(1), :, columns] = values.transpose(1, 2)

    def read(self, rows: slice | Tensor, columns: int) -> tuple[Tensor, Tensor]:
        """The first columns of these rows, [rows, kv_heads, columns, head_dim]: of a slice, views."""
        return self._keys[:, :, :columns][rows], self._values[:, :, :columns][rows]

    def positions(self, ends: Tensor, columns: int) -> Tensor:
        """Which position each of the first columns holds in rows that reach up to `ends` [rows]; negative
        where it holds none; [rows, columns].
        """
        last = ends.unsqueeze(1) - 1
        return last - (last - torch.arange(columns, device=ends.device)) % self.columns

    def copy_row(self, source: int, target: int) -> None:
        """Put one row in the place of another."""
        self._keys[target].copy_(self._keys[source])
        self._values[target].copy_(self._values[source])


def _widened(old: Tensor, columns: int) -> Tensor:
    new = old.new_zeros(*old.shape[:2], columns, old.shape[3])
    new[:, :, : old.shape[2]] = old
    return new
