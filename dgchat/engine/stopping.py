"""When a canvas is done: its argmax has stopped changing and the model is sure; and where an answer ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from dgchat.engine.events import SamplerConfig


class StableAndConfident:
    """Adaptive stopping of one canvas."""

    def __init__(self, sampler: SamplerConfig) -> None:
        self._confidence_threshold = sampler.confidence_threshold
        self._history: deque[Tensor] = deque(maxlen=sampler.stability_threshold)

    def __call__(self, argmax_canvas: Tensor, entropy: Tensor) -> bool:
        """Whether to stop after a step with this argmax canvas and entropy in nats, both [canvas]."""
        full = len(self._history) == self._history.maxlen
        stable = full and all(torch.equal(argmax_canvas, earlier) for earlier in self._history)
        self._history.append(argmax_canvas)
        return stable and bool(entropy.mean() < self._confidence_threshold)


def first_end(token_ids: Sequence[int], end_ids: Collection[int]) -> int | None:
    """Position of the first end-of-turn token, None if there is none."""
    return next((position for position, token in enumerate(token_ids) if token in end_ids), None)
