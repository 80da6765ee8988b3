"""The entropy-bound sampler as small pure functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat.engine.events import SamplerConfig


def temperature_at(step: int, sampler: SamplerConfig) -> float:
    """Temperature of a step counted from 1: t_max at the first step, falling linearly towards t_min."""
    remaining = sampler.max_denoising_steps - step + 1
    return sampler.t_min + (sampler.t_max - sampler.t_min) * (remaining / sampler.max_denoising_steps)


def accept_by_entropy(entropy: Tensor, bound: float | Tensor) -> Tensor:
    """True at the lowest-entropy positions [batch, canvas] that `bound` nats, one for all or [batch, 1],
    reach.

    A position is reached if those more certain than it sum to at most the bound; the first always is.
    """
    ascending, order = torch.sort(entropy, dim=-1, stable=True)
    within = ascending.cumsum(dim=-1) - ascending <= bound
    return torch.zeros_like(within).scatter(-1, order, within)


def renoise(proposed: Tensor, accepted: Tensor, noise: Tensor) -> Tensor:
    """The next canvas: accepted positions keep their proposed token, all others become noise."""
    return torch.where(accepted, proposed, noise)
