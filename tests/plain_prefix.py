"""A prefix without any cunning: every row of every layer, from the beginning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgchat.model.config import ModelConfig
from dgchat.model.transformer import DiffusionGemma


class PlainPrefix:
    """The `Prefix` of token ids that were encoded at once and are never rolled back."""

    def __init__(self, model: DiffusionGemma, token_ids: Sequence[int]) -> None:
        self.config: ModelConfig = model.config
        self.length = 0
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        if token_ids:
            model.encode(torch.tensor([list(token_ids)]), self)
        self.length = len(token_ids)

    def seen(self, layer: int) -> tuple[Tensor, Tensor]:
        """The rows that the next token sees, in sliding layers the last window - 1."""
        start = 0
        if self.config.layers[layer].sliding:
            start = max(0, self.length - self.config.sliding_window + 1)
        keys, values = self.layers[layer]
        return keys[:, :, start:], values[:, :, start:]

    def positions(self, length: int) -> Tensor:
        return torch.arange(self.length, self.length + length).unsqueeze(0)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self.layers[layer] = keys, values
        return keys, values

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        if not self.length:
            return keys, values
        seen_keys, seen_values = self.seen(layer)
        return torch.cat((seen_keys, keys), dim=2), torch.cat((seen_values, values), dim=2)

    def encoder_mask(self, layer: int, length: int) -> Tensor:
        """Row i sees j with i - window < j <= i."""
        full = torch.ones(length, length, dtype=torch.bool).tril()
        if self.config.layers[layer].sliding:
            full = full.triu(1 - self.config.sliding_window)
        return full

    def decoder_mask(self, layer: int, length: int) -> None:
        """A canvas sees all rows it is joined with."""
