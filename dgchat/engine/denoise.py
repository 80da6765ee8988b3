"""Denoising one canvas: from random tokens to text, all positions at once. Read this file first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from dgchat.engine.draft import CanvasStart
from dgchat.engine.draws import Draws
from dgchat.engine.events import SamplerConfig
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.sampler import accept_by_entropy, renoise, temperature_at
from dgchat.engine.stopping import StableAndConfident
from dgchat.model.transformer import DiffusionGemma


@dataclass(frozen=True, slots=True)
class DenoisingStep:
    """The outcome of one step; tensors are [batch, canvas]."""

    step: int
    temperature: float
    argmax_canvas: Tensor
    entropy: Tensor
    accepted: Tensor
    stopped: bool


def denoise(
    model: DiffusionGemma,
    cache: KVCache,
    canvas_index: int,
    sampler: SamplerConfig,
    draws: Draws,
    start: CanvasStart,
) -> Iterator[DenoisingStep]:
    """Refine one canvas step by step until it is stable and confident, or the steps are used up."""
    shape = (1, model.config.canvas_length)
    canvas = start.token_ids
    soft_embedding = None
    stop = StableAndConfident(sampler)
    for step in range(start.steps_done + 1, sampler.max_denoising_steps + 1):
        temperature = temperature_at(step, sampler)
        logits = model.decode(canvas, cache, soft_embedding) / temperature
        uniforms = draws.proposal(canvas_index, step, shape)
        argmax_canvas, proposed, entropy = model.ops.token_statistics(logits, uniforms)
        accepted = accept_by_entropy(entropy, bound=sampler.entropy_bound)
        stopped = stop(argmax_canvas, entropy)
        yield DenoisingStep(step, temperature, argmax_canvas, entropy, accepted, stopped)
        if stopped:
            return
        canvas = renoise(proposed, accepted, draws.noise(canvas_index, step, shape, model.config.vocab_size))
        soft_embedding = model.soft_embedding(logits)
