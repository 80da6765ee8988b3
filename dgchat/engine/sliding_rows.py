"""The prefix in one sliding layer: the last rows and a snapshot, in memory of constant size."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.engine.row_buffer import RowBuffer
from dgchat.model.cache_sizes import SlidingSizes
from dgchat.model.config import LayerConfig


class SlidingRows:
    """The latest rows of a layer of which a token sees only a window, and those before one earlier point.

    The rows lie in order, so what a token sees is a view. When the buffer is full, the last window + slack
    rows move to its front. A prefix can be gone back to if the window before its end is still there: among
    the latest rows, which is sure for the last `slack` lengths, or in the snapshot.

    How many rows count is told with every call: whatever was appended beyond them is overwritten by the next.
    """

    def __init__(
        self,
        layer: LayerConfig,
        sizes: SlidingSizes,
        batch: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.sizes = sizes
        self._latest = RowBuffer(layer, sizes.capacity, batch, device, dtype)
        self._saved = RowBuffer(layer, sizes.snapshot, batch, device, dtype)
        self._saved_end = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of all memory the layer holds, the snapshot's included."""
        return self._latest.num_bytes + self._saved.num_bytes

    def num_seen(self, length: int) -> int:
        """How many of `length` rows the next token sees: the last window."""
        return min(length, self.sizes.window)

    def seen(self, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values that the next token sees, both [batch, kv_heads, num_seen, head_dim]."""
        return self._latest.rows(length - self.num_seen(length), length)

    def append(self, length: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write rows after the first `length` ones, and return those seen and the new ones.

        ValueError for more rows than `sizes.spare`, or if `length` is not one that can be gone back to.
        """
        added = keys.shape[2]
        if added > self.sizes.spare:
            raise ValueError(f"{added} rows at once, but only {self.sizes.spare} are spare")
        if not self._reaches(self._latest, length):
            raise ValueError(f"the rows before position {length} are no longer there")
        end = length + added
        if end - self._latest.first > self._latest.capacity:
            kept = max(self._latest.first, length - self.sizes.window - self.sizes.slack)
            self._latest.refill(kept, *self._latest.rows(kept, length))
        self._latest.write(length, keys, values)
        return self._latest.rows(length - self.num_seen(length), end)

    def restorable(self, length: int) -> int:
        """The longest prefix of at most `length` rows that can be gone back to; 0 always can."""
        if self._reaches(self._latest, length):
            return length
        saved = min(length, self._saved_end)
        return saved if self._reaches(self._saved, saved) else 0

    def roll_back(self, length: int) -> None:
        """Go back to a length that `restorable` named; what the snapshot holds beyond it is forgotten."""
        self._saved_end = min(self._saved_end, length)
        if not self._reaches(self._latest, length):
            first = min(self._saved.first, length)
            self._latest.refill(first, *self._saved.rows(first, length))

    def snapshot(self, length: int) -> None:
        """Keep what is needed to go back to `length` rows, whatever is appended; the last snapshot goes."""
        first = max(self._latest.first, length - self.sizes.snapshot)
        self._saved_end = 0
        self._saved.refill(first, *self._latest.rows(first, length))
        self._saved_end = length

    def _reaches(self, rows: RowBuffer, length: int) -> bool:
        """Whether the rows begin early enough for all that a token at position `length` sees."""
        return rows.first <= length - self.num_seen(length)
