"""Where a canvas begins: as noise, or as the draft of an answer that is to be refined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from dgchat.engine.draws import Draws
from dgchat.engine.events import GenerationRequest
from dgchat.errors import UsageError


@dataclass(frozen=True, slots=True)
class CanvasStart:
    """A canvas before its first step."""

    token_ids: Tensor
    """[1, canvas]."""
    steps_done: int
    """Steps of the schedule that a draft need not take; 0 for a canvas of noise."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The canvases of an earlier answer, and how much of them is to be thought over."""

    canvases: tuple[tuple[int, ...], ...]
    """Token ids, [canvas_length] each; canvases beyond them begin as noise."""
    noise_level: float
    """0 keeps the draft, 1 forgets it."""
    refine_pass: int
    """Another pass turns other positions into noise."""

    @classmethod
    def of(cls, request: GenerationRequest, canvas_length: int, vocab_size: int) -> Draft | None:
        """The draft that a request brings along; UsageError if it is none for this model."""
        if not request.initial_canvas:
            return None
        if not 0 <= request.noise_level <= 1:
            raise UsageError(f"noise_level is {request.noise_level!r}, not a number from 0 to 1")
        for index, token_ids in enumerate(request.initial_canvas):
            _check_canvas(index, token_ids, canvas_length, vocab_size)
        return cls(request.initial_canvas, request.noise_level, request.refine_pass)


def start_canvas(
    draws: Draws, index: int, canvas_length: int, vocab_size: int, draft: Draft | None, num_steps: int
) -> CanvasStart:
    """The canvas with this index before its first of at most `num_steps` steps.

    Of a draft, each position becomes the noise of a fresh canvas with probability `noise_level`, and the
    schedule begins where that share of its steps is left: at 0 none, at 1 all of them.
    """
    shape = (1, canvas_length)
    noise = draws.initial_canvas(index, shape, vocab_size)
    if draft is None or index >= len(draft.canvases):
        return CanvasStart(noise, 0)
    written = torch.tensor([draft.canvases[index]], dtype=noise.dtype, device=noise.device)
    forgotten = draws.forgotten(index, draft.refine_pass, shape, draft.noise_level)
    return CanvasStart(
        torch.where(forgotten, noise, written), num_steps - ceil(draft.noise_level * num_steps)
    )


def _check_canvas(index: int, token_ids: Sequence[int], canvas_length: int, vocab_size: int) -> None:
    if len(token_ids) != canvas_length:
        raise UsageError(
            f"canvas {index + 1} of the draft has {len(token_ids)} tokens, the model's have {canvas_length}"
        )
    if not all(0 <= token < vocab_size for token in token_ids):
        raise UsageError(f"canvas {index + 1} of the draft holds a token that the model does not have")
