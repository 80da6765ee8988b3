"""Denoising canvases: from random tokens to text, all positions at once. Read this file first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgchat.engine.alternatives import MostLikely
from dgchat.engine.canvas import Canvas, rows_of
from dgchat.engine.prefix_rows import PrefixRows
from dgchat.engine.sampler import accept_by_entropy, renoise
from dgchat.model.transformer import DiffusionGemma


@dataclass(frozen=True, slots=True)
class DenoisingStep:
    """The outcome of one step for one canvas; tensors are [canvas]."""

    step: int
    temperature: float
    argmax_canvas: Tensor
    entropy: Tensor
    accepted: Tensor
    stopped: bool
    alternatives: MostLikely | None
    """None unless asked for."""


def denoise(
    model: DiffusionGemma, rows: PrefixRows, canvases: Sequence[Canvas]
) -> Iterator[list[DenoisingStep]]:
    """Refine canvases together, step by step; row i of `rows` is the prefix of canvases[i].

    Each has its own step, sampler and draws. Between two steps the reader takes out of `canvases` those that
    are done, and may put in others, likewise with `rows`; when none is left, this ends.
    """
    while batch := list(canvases):
        for canvas in batch:
            canvas.step += 1
        token_ids = torch.cat([canvas.token_ids for canvas in batch])  # [batch, canvas]
        logits = model.decode(token_ids, rows.prefix, torch.cat([canvas.soft_embedding for canvas in batch]))
        logits = logits / logits.new_tensor([canvas.temperature for canvas in batch]).view(-1, 1, 1)
        uniforms = torch.cat([canvas.proposal() for canvas in batch])
        argmax_canvas, proposed, entropy = model.ops.token_statistics(logits, uniforms)
        bounds = entropy.new_tensor([canvas.sampler.entropy_bound for canvas in batch]).unsqueeze(-1)
        accepted = accept_by_entropy(entropy, bounds)
        likely = [canvas.likely(row) for canvas, row in zip(batch, logits, strict=True)]
        told = zip(batch, argmax_canvas, entropy, accepted, likely, strict=True)
        yield [
            DenoisingStep(c.step, c.temperature, argmax, nats, kept, c.is_done(argmax, nats), others)
            for c, argmax, nats, kept, others in told
        ]
        going = [index for index, canvas in enumerate(batch) if canvas in canvases]
        if going:
            noise = torch.cat([batch[index].noise() for index in going])
            renoised = renoise(rows_of(proposed, going), rows_of(accepted, going), noise)
            soft_embedding = model.soft_embedding(rows_of(logits, going))
            for index, *ahead in zip(going, renoised, soft_embedding, strict=True):
                batch[index].renew(*ahead)
