"""The prefix of a training batch: like the prefix cache, but with gradients and rows of different length."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.model.config import ModelConfig


class PaddedPrefix:
    """Keys and values of prefixes padded on the right; `lengths` [batch] says how much of each row counts."""

    def __init__(self, config: ModelConfig, lengths: Tensor) -> None:
        self.config = config
        self.lengths = lengths
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def rows(self, chosen: Tensor) -> PaddedPrefix:
        """The same prefix for some rows of the batch, without gradients."""
        part = PaddedPrefix(self.config, self.lengths[chosen])
        part._layers = {i: (k.detach()[chosen], v.detach()[chosen]) for i, (k, v) in self._layers.items()}
        return part

    def positions(self, length: int) -> Tensor:
        """0, 1, ... while encoding; once encoded, those that continue each row."""
        ahead = torch.arange(length, device=self.lengths.device).unsqueeze(0)
        return ahead + self.lengths.unsqueeze(1) if self._layers else ahead

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the keys and values of one layer."""
        self._layers[layer] = (keys, values)
        return keys, values

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The prefix, then the canvas."""
        prefix_keys, prefix_values = self._layers[layer]
        return torch.cat((prefix_keys, keys), dim=2), torch.cat((prefix_values, values), dim=2)

    def encoder_mask(self, layer: int, length: int) -> Tensor:
        """Causal, within the window in sliding layers; padding comes last, so no row sees it."""
        index = torch.arange(length, device=self.lengths.device)
        back = index.unsqueeze(1) - index
        reach = self.config.sliding_window if self.config.layers[layer].sliding else length
        return (back >= 0) & (back < reach)

    def decoder_mask(self, layer: int, length: int) -> Tensor:
        """The whole canvas and each row's own prefix, in sliding layers its last window - 1 rows."""
        width = self._layers[layer][0].shape[2]
        distance = self.lengths.unsqueeze(1) - torch.arange(
            width, device=self.lengths.device
        )  # 1 = the last row
        reach = self.config.sliding_window - 1 if self.config.layers[layer].sliding else width
        prefix = (distance >= 1) & (distance <= reach)
        canvas = prefix.new_ones(len(prefix), length)
        return torch.cat((prefix, canvas), dim=1)[:, None, None, :]
