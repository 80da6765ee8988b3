"""One canvas on its way from noise to text: a row of the batch that is denoised together."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.engine.alternatives import MostLikely, most_likely
from dgchat.engine.draft import CanvasStart
from dgchat.engine.draws import Draws
from dgchat.engine.events import SamplerConfig
from dgchat.engine.sampler import temperature_at
from dgchat.engine.stopping import StableAndConfident
from dgchat.model.transformer import DiffusionGemma


class Canvas:
    """What a canvas is between two steps; nothing in it depends on the canvases beside it."""

    def __init__(
        self,
        model: DiffusionGemma,
        index: int,
        sampler: SamplerConfig,
        draws: Draws,
        start: CanvasStart | None = None,
        num_alternatives: int = 0,
    ) -> None:
        """Without a `start` it begins as noise; every step tells so many alternatives of each position."""
        self.index, self.sampler, self.draws = index, sampler, draws
        self._num_alternatives = num_alternatives
        self.shape = (1, model.config.canvas_length)
        self.vocab_size = model.config.vocab_size
        start = start or CanvasStart(draws.initial_canvas(index, self.shape, self.vocab_size), 0)
        self.step = self.skipped = start.steps_done
        self.token_ids = start.token_ids  # [1, canvas]
        # [1, canvas, hidden]; no prediction yet, and to the network zeros are the same as none
        self.soft_embedding = model.embed_tokens.weight.new_zeros(*self.shape, model.config.hidden_size)
        self.is_done = StableAndConfident(sampler)

    @property
    def temperature(self) -> float:
        """Temperature of the present step."""
        return temperature_at(self.step, self.sampler)

    def proposal(self) -> Tensor:
        """Numbers [1, canvas] that choose the tokens proposed at the present step."""
        return self.draws.proposal(self.index, self.step, self.shape)

    def noise(self) -> Tensor:
        """Token ids [1, canvas] for the positions that the present step does not accept."""
        return self.draws.noise(self.index, self.step, self.shape, self.vocab_size)

    def likely(self, logits: Tensor) -> MostLikely | None:
        """The most likely tokens by logits [canvas, vocab], if they are asked for."""
        return most_likely(logits, self._num_alternatives) if self._num_alternatives else None

    def renew(self, token_ids: Tensor, soft_embedding: Tensor) -> None:
        """Take what the next step begins with, [canvas] and [canvas, hidden]."""
        self.token_ids, self.soft_embedding = token_ids.unsqueeze(0), soft_embedding.unsqueeze(0)


def rows_of(tensor: Tensor, rows: list[int]) -> Tensor:
    """These rows of a batch; if they are all of them, without a copy."""
    return tensor if len(rows) == len(tensor) else tensor[torch.tensor(rows, device=tensor.device)]
