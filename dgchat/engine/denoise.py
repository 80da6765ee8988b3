"""Denoising one canvas: from random tokens to text, all positions at once. Read this file first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from dgchat.engine.alternatives import MostLikely, most_likely
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
    alternatives: MostLikely | None
    """None unless asked for."""


def denoise(
    model: DiffusionGemma,
    cache: KVCache,
    canvas_index: int,
    sampler: SamplerConfig,
    draws: Draws,
    num_alternatives: int = 0,
) -> Iterator[DenoisingStep]:
    """Refine one canvas step by step until it is stable and confident, or the steps are used up."""
    shape = (1, model.config.canvas_length)
    canvas = draws.initial_canvas(canvas_index, shape, model.config.vocab_size)
    soft_embedding = None
    stop = StableAndConfident(sampler)
    for step in range(1, sampler.max_denoising_steps + 1):
        temperature = temperature_at(step, sampler)
        logits = model.decode(canvas, cache, soft_embedding) / temperature
        uniforms = draws.proposal(canvas_index, step, shape)
        argmax_canvas, proposed, entropy = model.ops.token_statistics(logits, uniforms)
        accepted = accept_by_entropy(entropy, bound=sampler.entropy_bound)
        stopped = stop(argmax_canvas, entropy)
        alternatives = most_likely(logits, num_alternatives) if num_alternatives else None
        yield DenoisingStep(step, temperature, argmax_canvas, entropy, accepted, stopped, alternatives)
        if stopped:
            return
        canvas = renoise(proposed, accepted, draws.noise(canvas_index, step, shape, model.config.vocab_size))
        soft_embedding = model.soft_embedding(logits)
