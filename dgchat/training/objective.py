"""What is learned: the clean canvas from a noisy one, at every noise level, given the clean prefix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from dgchat.model.transformer import DiffusionGemma
from dgchat.training.examples import Batch
from dgchat.training.padded_prefix import PaddedPrefix

ALL_NOISE_SHARE = 0.25
"""Part of a batch whose canvas is nothing but noise: the first step of every answer."""
SELF_CONDITIONING_SHARE = 0.5
FILL_WEIGHT = 0.2
"""Weight of the end-of-sequence tokens that fill a canvas, against 1 for text."""
NEXT_TOKEN_WEIGHT = 0.2
NEXT_TOKEN_SHARE = 0.2
"""Part of the prefix tokens whose successor is predicted."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Parts of one batch's loss, nats per token."""

    denoising: Tensor
    next_token: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.denoising + NEXT_TOKEN_WEIGHT * self.next_token


def noise_levels(batch: int, generator: torch.Generator) -> Tensor:
    """Probability of replacing a token, [batch]: 1 for some rows, the others spread over (0.02, 1).

    Their density rises with the level: where much is noise, the answer must be read from the prefix, which is
    what takes longest to learn.
    """
    device = generator.device
    order = torch.randperm(batch, generator=generator, device=device)
    strata = (order + torch.rand(batch, generator=generator, device=device)) / batch
    levels = 0.02 + 0.98 * strata.sqrt()
    is_all_noise = torch.rand(batch, generator=generator, device=device) < ALL_NOISE_SHARE
    return torch.where(is_all_noise, 1.0, levels)


def corrupt(canvas: Tensor, vocab_size: int, generator: torch.Generator) -> Tensor:
    """Replace each token with its row's probability by a uniform one; [batch, canvas] to the same."""
    levels = noise_levels(len(canvas), generator).unsqueeze(1)
    replaced = torch.rand(canvas.shape, generator=generator, device=canvas.device) < levels
    noise = torch.randint(vocab_size, canvas.shape, generator=generator, device=canvas.device)
    return torch.where(replaced, noise, canvas)


def batch_losses(model: DiffusionGemma, batch: Batch, fill_id: int, generator: torch.Generator) -> Losses:
    """Losses of one batch, whose tensors and `generator` live on the model's device."""
    if batch.canvas.device.type != "cpu":
        return _batch_losses(model, batch, fill_id, generator)
    with sdpa_kernel(SDPBackend.MATH):  # on a CPU and for heads this narrow twice as fast as the fused kernel
        return _batch_losses(model, batch, fill_id, generator)


def _batch_losses(model: DiffusionGemma, batch: Batch, fill_id: int, generator: torch.Generator) -> Losses:
    prefix = PaddedPrefix(model.config, batch.lengths)
    next_token = _next_token_loss(model, batch, prefix, generator)
    noisy = corrupt(batch.canvas, model.config.vocab_size, generator)
    logits = model.decode(noisy, prefix, _own_prediction(model, noisy, prefix, generator))
    losses = functional.cross_entropy(logits.flatten(0, 1), batch.canvas.flatten(), reduction="none")
    weights = _weights(batch.canvas, fill_id).flatten()
    return Losses((losses * weights).sum() / weights.sum(), next_token)


def _weights(canvas: Tensor, fill_id: int) -> Tensor:
    return torch.where(canvas == fill_id, FILL_WEIGHT, 1.0)


def _own_prediction(
    model: DiffusionGemma, noisy: Tensor, prefix: PaddedPrefix, generator: torch.Generator
) -> Tensor:
    """What half the rows would be told by a previous step, at a random temperature; zeros for the others."""
    hidden = model.config.hidden_size
    device = noisy.device
    told = torch.zeros(*noisy.shape, hidden, device=device)
    is_chosen = torch.rand(len(noisy), generator=generator, device=device) < SELF_CONDITIONING_SHARE
    chosen = is_chosen.nonzero().squeeze(1)
    if len(chosen):
        with torch.no_grad():
            logits = model.decode(noisy[chosen], prefix.rows(chosen), None)
            temperature = 0.4 + 0.6 * torch.rand(len(chosen), 1, 1, generator=generator, device=device)
            told[chosen] = model.soft_embedding(logits / temperature).to(told.dtype)
    return told


def _next_token_loss(
    model: DiffusionGemma, batch: Batch, prefix: PaddedPrefix, generator: torch.Generator
) -> Tensor:
    device = batch.prefix.device
    position = torch.arange(batch.prefix.shape[1], device=device)
    chosen = torch.rand(batch.prefix.shape, generator=generator, device=device) < NEXT_TOKEN_SHARE
    chosen &= position + 1 < batch.lengths.unsqueeze(1)
    chosen[:, 0] = True
    logits = model.next_token_logits(batch.prefix, prefix, chosen)
    return functional.cross_entropy(logits, batch.prefix.roll(-1, dims=1)[chosen])
