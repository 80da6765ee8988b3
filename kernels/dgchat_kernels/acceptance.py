"""Acceptance, renoising and the decision to stop, on the device: one program per canvas.

    accepted_i   if the entropies before its own, from the lowest on, sum to at most the bound
    canvas_i     the proposed token if accepted, else noise
    stopped      if the argmax canvas equals each of the last `stability` ones and the mean entropy is
                 below the threshold

Equal entropies stand in the order of their positions. Instead of sorting, every position adds what stands
before it: 65,536 comparisons for a canvas of 256. The step counter lies on the device; the history is a
ring.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import INTERPRETED, power_of_two


@triton.jit
def accept_kernel(
    entropies, proposals, noises, argmaxes, history, steps, bounds, thresholds, canvas_out, accepted_out,
    stopped_out, length, STABILITY: tl.constexpr, BLOCK: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    canvas = tl.program_id(0).to(tl.int64)
    position = tl.arange(0, BLOCK)
    mask = position < length
    at = canvas * length + position
    own = tl.load(entropies + at, mask, other=float("inf"))
    before = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, BLOCK, CHUNK):
        other = start + tl.arange(0, CHUNK)
        entropy = tl.load(entropies + canvas * length + other, other < length, other=float("inf"))
        first = (entropy[None, :] < own[:, None]) | (
            (entropy[None, :] == own[:, None]) & (other[None, :] < position[:, None])
        )
        before += tl.sum(tl.where(first, entropy[None, :], 0.0), 1)
    accepted = (before <= tl.load(bounds + canvas)) & mask
    tl.store(accepted_out + at, accepted.to(tl.int8), mask)
    proposed, noise = tl.load(proposals + at, mask, other=0), tl.load(noises + at, mask, other=0)
    tl.store(canvas_out + at, tl.where(accepted, proposed, noise), mask)

    step = tl.load(steps + canvas)
    argmax = tl.load(argmaxes + at, mask, other=0)
    changed = tl.where(step > STABILITY, 0, 1)
    for earlier in tl.static_range(STABILITY):
        kept = tl.load(history + (canvas * STABILITY + earlier) * length + position, mask, other=0)
        changed += tl.sum((kept != argmax).to(tl.int32), 0)
    if STABILITY > 0:
        ring = (step % STABILITY).to(tl.int64)
        tl.store(history + (canvas * STABILITY + ring) * length + position, argmax, mask)
    else:
        changed = 0
    mean = tl.sum(tl.where(mask, own, 0.0), 0) / length
    stopped = (changed == 0) & (mean < tl.load(thresholds + canvas))
    tl.store(stopped_out + canvas, stopped.to(tl.int8))


def accept_and_renoise(
    entropy: Tensor,
    tokens: tuple[Tensor, Tensor, Tensor],
    history: Tensor,
    steps: Tensor,
    bounds: Tensor,
    thresholds: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """`fused_reference.accept_and_renoise`: the next canvas int64, what is accepted bool, both [batch,
    canvas], and what has stopped, bool [batch]; writes the argmax canvas into the history.

    entropy fp32 [batch, canvas]; tokens: proposal, noise and argmax, int64 of that shape; history int64
    [batch, stability, canvas]; steps int64, counted from 1, bounds and thresholds fp32, all [batch].
    """
    batch, length = entropy.shape
    stability = history.shape[1]
    assert all(part.shape == entropy.shape for part in tokens)
    assert history.shape == (batch, stability, length)
    proposal, noise, argmax = (part.contiguous() for part in tokens)
    canvas = torch.empty_like(proposal)
    accepted = torch.empty(batch, length, dtype=torch.int8, device=entropy.device)
    stopped = torch.empty(batch, dtype=torch.int8, device=entropy.device)
    block = power_of_two(length)
    accept_kernel[(batch,)](
        entropy.contiguous(), proposal, noise, argmax, history, steps, bounds, thresholds, canvas, accepted,
        stopped, length, STABILITY=stability, BLOCK=block, CHUNK=block if INTERPRETED else min(block, 8),
        num_warps=8,
    )  # fmt: skip
    return canvas, accepted.bool(), stopped.bool()
