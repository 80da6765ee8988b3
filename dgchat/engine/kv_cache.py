"""The prefix cache: keys and values of everything encoded so far, kept across turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import torch
from torch import Tensor

from dgchat.engine.full_rows import FullRows
from dgchat.engine.sliding_rows import SlidingRows
from dgchat.model.cache_sizes import MAX_CHUNK, chunk_length, sliding_sizes
from dgchat.model.config import LayerConfig, ModelConfig


class KVCache:
    """The `Prefix` of a conversation: the rows of `token_ids` in every layer.

    Full layers keep every row, sliding ones what `SlidingRows` does. Only committed rows count: a draft, or
    a chunk whose encoding failed, lies beyond them and is overwritten. `dgchat.model.cache_sizes` says how
    large all of it is.
    """

    def __init__(
        self,
        config: ModelConfig,
        device: torch.device,
        dtype: torch.dtype,
        batch: int = 1,
        max_chunk: int = MAX_CHUNK,
    ) -> None:
        self.config = config
        self.device = device
        self.token_ids: list[int] = []
        self._max_chunk = max_chunk
        sizes = sliding_sizes(config, max_chunk)

        def rows(layer: LayerConfig) -> SlidingRows | FullRows:
            if layer.sliding:
                return SlidingRows(layer, sizes, batch, device, dtype)
            return FullRows(layer, batch, device, dtype)

        self._layers = [rows(layer) for layer in config.layers]

    @property
    def length(self) -> int:
        """Rows that count."""
        return len(self.token_ids)

    @property
    def chunk_length(self) -> int:
        """The most tokens to encode next."""
        return chunk_length(self.length, self._max_chunk)

    @property
    def num_bytes(self) -> int:
        """Bytes of all rows there is room for."""
        return sum(layer.num_bytes for layer in self._layers)

    def common_prefix(self, token_ids: Sequence[int]) -> int:
        """How many leading ids are those of the cache."""
        pairs = zip(self.token_ids, token_ids, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens in one go."""
        for layer in self._layers:
            if isinstance(layer, FullRows):
                layer.reserve(length)

    def commit(self, token_ids: Sequence[int]) -> None:
        """Count rows that every layer has been extended with."""
        self.token_ids.extend(token_ids)

    def snapshot(self) -> None:
        """Make this length one that can be gone back to whatever is added: done at the end of a prompt."""
        for layer in self._layers:
            layer.snapshot(self.length)

    def roll_back(self, length: int) -> int:
        """Forget all rows from `length` on, and more where a sliding layer cannot go back just there.

        Returns how many are left: `length`, or the snapshot's if that comes before it, or none. To encode a
        window anew would not do: its first rows depend on rows further back.
        """
        while (restorable := min(layer.restorable(length) for layer in self._layers)) < length:
            length = restorable
        del self.token_ids[length:]
        for layer in self._layers:
            layer.roll_back(length)
        return length

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """Rows of one layer that the next token sees, both [batch, kv_heads, seen, head_dim]."""
        return self._layers[layer].seen(self.length)

    def positions(self, length: int) -> Tensor:
        """Positions of the next `length` tokens, [1, length]."""
        return torch.arange(self.length, self.length + length, device=self.device).unsqueeze(0)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write new rows after those that count, to be committed, and return all that one of them sees."""
        return self._layers[layer].append(self.length, keys, values)

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The rows a canvas sees (sliding: the last window - 1), followed by its own, which never count."""
        return self._layers[layer].append(self.length, keys, values)

    def encoder_mask(self, layer: int, length: int) -> Tensor:
        """Causal, and in sliding layers no further back than the window; [length, seen + length]."""
        seen = self._layers[layer].num_seen(self.length)
        key = torch.arange(seen + length, device=self.device)
        query = key[seen:].unsqueeze(1)
        mask = key <= query
        if self.config.layers[layer].sliding:
            mask &= key > query - self.config.sliding_window
        return mask

    def decoder_mask(self, layer: int, length: int) -> None:
        """A canvas sees all rows it is joined with."""
