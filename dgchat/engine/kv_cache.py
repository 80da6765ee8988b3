"""The prefix cache: keys and values of everything encoded so far, kept across turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import torch
from torch import Tensor

from dgchat.model.config import ModelConfig

MIN_CAPACITY = 256
"""Rows allocated at first; the buffers double from there."""


class KVCache:
    """Keys and values per layer, each [batch, kv_heads, capacity, head_dim]; `length` rows are valid.

    All layers keep every row, so rolling back to any earlier length is exact; sliding layers show the
    decoder only their window.
    """

    def __init__(self, config: ModelConfig, device: torch.device, dtype: torch.dtype, batch: int = 1) -> None:
        self.config = config
        self.device = device
        self.token_ids: list[int] = []
        shapes = [(batch, layer.num_kv_heads, MIN_CAPACITY, layer.head_dim) for layer in config.layers]
        self._keys = [torch.empty(shape, device=device, dtype=dtype) for shape in shapes]
        self._values = [torch.empty(shape, device=device, dtype=dtype) for shape in shapes]

    @property
    def length(self) -> int:
        """Rows that are valid."""
        return len(self.token_ids)

    def common_prefix(self, token_ids: Sequence[int]) -> int:
        """How many leading ids are cached already."""
        pairs = zip(self.token_ids, token_ids, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def roll_back(self, length: int) -> None:
        """Forget all rows from `length` on."""
        del self.token_ids[length:]

    def commit(self, token_ids: Sequence[int]) -> None:
        """Make rows that every layer has been extended with valid."""
        self.token_ids.extend(token_ids)

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """All valid rows of one layer, both [batch, kv_heads, length, head_dim]."""
        return self._keys[layer][:, :, : self.length], self._values[layer][:, :, : self.length]

    def positions(self, length: int) -> Tensor:
        """Positions of the next `length` tokens, [1, length]."""
        return torch.arange(self.length, self.length + length, device=self.device).unsqueeze(0)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write new rows after the valid ones and return both; they count once `commit` has been called."""
        end = self.length + keys.shape[2]
        self._reserve(layer, end)
        self._keys[layer][:, :, self.length : end] = keys
        self._values[layer][:, :, self.length : end] = values
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The rows a canvas sees in one layer (sliding: the last window - 1), followed by its own."""
        start = 0
        if self.config.layers[layer].sliding:
            start = max(0, self.length - (self.config.sliding_window - 1))
        seen = slice(start, self.length)
        return (
            torch.cat((self._keys[layer][:, :, seen], keys), dim=2),
            torch.cat((self._values[layer][:, :, seen], values), dim=2),
        )

    def encoder_mask(self, layer: int, length: int) -> Tensor:
        """Causal, and in sliding layers no further back than the window; [length, prefix + length]."""
        query = self.positions(length).transpose(0, 1)
        key = torch.arange(self.length + length, device=self.device)
        mask = key <= query
        if self.config.layers[layer].sliding:
            mask &= key > query - self.config.sliding_window
        return mask

    def decoder_mask(self, layer: int, length: int) -> None:
        """A canvas sees all rows it is joined with."""

    def _reserve(self, layer: int, length: int) -> None:
        capacity = self._keys[layer].shape[2]
        if length <= capacity:
            return
        for buffers in (self._keys, self._values):
            old = buffers[layer]
            rows = max(length, 2 * capacity)
            buffers[layer] = old.new_empty(*old.shape[:2], rows, old.shape[3])
            buffers[layer][:, :, : self.length] = old[:, :, : self.length]
