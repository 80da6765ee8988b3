"""Prefixes of several answers side by side, each with a length of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgchat.engine.ring_rows import RingRows
from dgchat.model.cache_sizes import MAX_CHUNK, chunk_length, sliding_sizes
from dgchat.model.config import ModelConfig


class RaggedPrefix:
    """Keys and values of up to `batch` prefixes, rows 0, 1, ... without a gap: who leaves is replaced by the
    last one.

    Nothing is rolled back here, so a sliding layer holds the window and room for a chunk, and no more.
    """

    def __init__(
        self,
        config: ModelConfig,
        batch: int,
        device: torch.device,
        dtype: torch.dtype,
        max_chunk: int = MAX_CHUNK,
    ) -> None:
        self.config = config
        self.device = device
        self.max_chunk = max_chunk
        self.lengths: list[int] = []
        """Positions of each row that count."""
        sizes = sliding_sizes(config, max_chunk)
        self.layers = [
            RingRows(layer, batch, sizes.window + sizes.spare if layer.sliding else 0, device, dtype)
            for layer in config.layers
        ]

    @property
    def num_bytes(self) -> int:
        """Bytes of all rows there is room for."""
        return sum(layer.num_bytes for layer in self.layers)

    def add(self) -> None:
        """Begin an empty row, after the others."""
        self.lengths.append(0)

    def remove(self, row: int) -> None:
        """Forget a row; the last one takes its number."""
        last = len(self.lengths) - 1
        if row != last:
            for layer in self.layers:
                layer.copy_row(last, row)
        self.lengths[row] = self.lengths[last]
        del self.lengths[last]

    def commit(self, row: int, num_tokens: int) -> None:
        """Count positions that every layer of a row has been extended with."""
        self.lengths[row] += num_tokens

    def rows(self, chosen: Sequence[int]) -> RaggedRows:
        """Some of the rows, as the `Prefix` of one pass."""
        return RaggedRows(self, chosen)

    def all_rows(self) -> RaggedRows:
        """All of them."""
        return RaggedRows(self, range(len(self.lengths)))


class RaggedRows:
    """The `Prefix` of some rows at their present lengths; for one pass of the network.

    What a row cannot see, being shorter than others or outside the window, is masked.
    """

    def __init__(self, prefix: RaggedPrefix, chosen: Sequence[int]) -> None:
        self._prefix = prefix
        self._lengths = [prefix.lengths[row] for row in chosen]
        self._starts = torch.tensor(self._lengths, device=prefix.device)
        self._chosen = torch.tensor(list(chosen), device=prefix.device)
        is_leading = list(chosen) == list(range(len(chosen)))
        self._read = slice(0, len(chosen)) if is_leading else self._chosen

    @property
    def chunk_length(self) -> int:
        """The most tokens of each row to encode next: the longer and the more the rows, the fewer."""
        return chunk_length(max(self._lengths) * len(self._lengths), self._prefix.max_chunk)

    def positions(self, length: int) -> Tensor:
        """Positions of the next `length` tokens of each row, [rows, length]."""
        return self._starts.unsqueeze(1) + torch.arange(length, device=self._prefix.device)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write new positions after those that count, to be committed, and return the columns of the rows."""
        length = keys.shape[2]
        rows = self._prefix.layers[layer]
        rows.reserve(max(self._lengths) + length)
        rows.write(self._chosen, self.positions(length), keys, values)
        return rows.read(self._read, self._columns(layer, length))

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The same for a canvas, whose positions never count."""
        return self.extend(layer, keys, values)

    def encoder_mask(self, layer: int, length: int) -> Tensor:
        """Causal, and in sliding layers no further back than the window; [rows, 1, length, columns]."""
        held = self._held(layer, length).unsqueeze(1)
        query = self.positions(length).unsqueeze(-1)
        mask = (held >= 0) & (held <= query)
        if self._prefix.config.layers[layer].sliding:
            mask &= held > query - self._prefix.config.sliding_window
        return mask.unsqueeze(1)

    def decoder_mask(self, layer: int, length: int) -> Tensor:
        """The whole canvas and each row's own prefix, in sliding layers its last window - 1 positions;
        [rows, 1, 1, columns].
        """
        held = self._held(layer, length)
        mask = held >= 0
        if self._prefix.config.layers[layer].sliding:
            mask &= held > self._starts.unsqueeze(1) - self._prefix.config.sliding_window
        return mask[:, None, None]

    def _columns(self, layer: int, length: int) -> int:
        return min(max(self._lengths) + length, self._prefix.layers[layer].columns)

    def _held(self, layer: int, length: int) -> Tensor:
        rows = self._prefix.layers[layer]
        rows.reserve(max(self._lengths) + length)
        return rows.positions(self._starts + length, self._columns(layer, length))
