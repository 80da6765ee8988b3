"""The fused ops in plain torch: each is the reference's operations one after another, rounded where they
round.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgchat_kernels import reference
from dgchat_kernels.packed import AttendedNorms, CanvasStatistics, FeedforwardNorms, Routes


def attended_norms(
    x: Tensor, attended: Tensor, norms: AttendedNorms, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The residual after attention and what dense MLP, experts and router read of it, all [rows, hidden]."""
    x = x + reference.rms_norm(attended, norms.post, eps)
    router = reference.rms_norm(x, None, eps) * norms.router_scale * x.shape[-1] ** -0.5
    dense, sparse = (reference.rms_norm(x, weight, eps) for weight in (norms.dense, norms.sparse))
    return x, dense, sparse, router


def feedforward_norms(
    x: Tensor, dense: Tensor, slots: Tensor, weights: Tensor, norms: FeedforwardNorms, eps: float
) -> tuple[Tensor, Tensor]:
    """The residual at the end of a layer and the next layer's normed input, both like x [rows, hidden].

    slots [rows, top_k, hidden] are what the experts gave, weights [rows, top_k].
    """
    sparse = reference.rms_norm(combine_slots(slots, weights, x.dtype), norms.sparse, eps)
    both = reference.rms_norm(reference.rms_norm(dense, norms.dense, eps) + sparse, norms.post, eps)
    x = (x + both) * norms.scalar
    return x, reference.rms_norm(x, norms.following, eps)


def combine_slots(slots: Tensor, weights: Tensor, dtype: torch.dtype) -> Tensor:
    """Weighted sum over the slots of [tokens, top_k, hidden]: [tokens, hidden]."""
    wide = reference.at_least_fp32(slots) * weights.unsqueeze(-1)
    return wide.sum(dim=1).to(dtype)


def write_qkv(
    projected: tuple[Tensor, Tensor, Tensor],
    norms: tuple[Tensor, Tensor],
    rotation: tuple[Tensor, Tensor],
    cache: tuple[Tensor, Tensor],
    offset: Tensor,
    eps: float,
) -> Tensor:
    """Queries [rows, heads, head_dim], normed and rotated; keys and values go to rows `offset` and on of the
    cache, [kv_heads, capacity, head_dim] twice.

    projected: q [rows, heads, head_dim], k and v [rows, kv_heads, head_dim]; norms: weights of queries and of
    keys; rotation: cos and sin [rows, head_dim].
    """
    q, k, v = projected
    cos, sin = (angles.unsqueeze(0) for angles in rotation)

    def turned(x: Tensor, weight: Tensor) -> Tensor:
        return reference.rotate(reference.rms_norm(x, weight, eps).unsqueeze(0), cos, sin).squeeze(0)

    rows = slice(int(offset), int(offset) + len(q))
    cache[0][:, rows] = turned(k, norms[1]).transpose(0, 1)
    cache[1][:, rows] = reference.rms_norm(v, None, eps).transpose(0, 1)
    return turned(q, norms[0])


def canvas_statistics(
    raw: Tensor, cap: float, temperatures: Tensor, uniforms: Tensor, dtype: torch.dtype
) -> CanvasStatistics:
    """Softcap, temperature and `reference.token_statistics` of raw logits [batch, canvas, vocab], and what
    the soft embedding needs of them: rounded to `dtype`, with their log-sum-exp.
    """
    logits = reference.softcap(raw, cap) / temperatures.view(-1, 1, 1)
    argmax, proposal, entropy = (part.flatten() for part in reference.token_statistics(logits, uniforms))
    narrow = logits.to(dtype).flatten(0, 1)
    return CanvasStatistics(argmax, proposal, entropy, reference.at_least_fp32(narrow).logsumexp(-1), narrow)


def soft_embedding_of(logits: Tensor, lse: Tensor, embedding: Tensor, scale: Tensor) -> Tensor:
    """Expected embedding [rows, hidden] under rounded logits [rows, vocab] of log-sum-exp `lse` [rows]."""
    probabilities = (reference.at_least_fp32(logits) - lse.unsqueeze(-1)).exp()
    return (probabilities.to(embedding.dtype) @ embedding) * scale


def accept_and_renoise(
    entropy: Tensor,
    tokens: tuple[Tensor, Tensor, Tensor],
    history: Tensor,
    steps: Tensor,
    bounds: Tensor,
    thresholds: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The next canvas, what is accepted, both [batch, canvas], and which canvases stop, [batch].

    tokens: proposal, noise, argmax [batch, canvas]; history [batch, stability, canvas] holds the argmax
    canvases of earlier steps, step s in row s % stability, and takes this one; steps count from 1.
    """
    proposal, noise, argmax = tokens
    stability = history.shape[1]
    ascending, order = torch.sort(entropy, dim=-1, stable=True)
    within = ascending.cumsum(dim=-1) - ascending <= bounds.unsqueeze(-1)
    accepted = torch.zeros_like(within).scatter(-1, order, within)
    stable = torch.ones_like(bounds, dtype=torch.bool)
    if stability:
        stable = (history == argmax.unsqueeze(1)).flatten(1).all(1) & (steps > stability)
        history[torch.arange(len(steps), device=steps.device), steps % stability] = argmax
    stopped = stable & (entropy.mean(-1) < thresholds)
    return torch.where(accepted, proposal, noise), accepted, stopped


def sort_routes(index: Tensor, experts: int, tile: int) -> Routes:
    """Routes sorted by expert, in their order, and tiles of at most `tile` of them, one expert each."""
    flat = index.flatten()
    order = torch.sort(flat, stable=True).indices.int()
    rows, begin = [], 0
    for expert, count in enumerate(torch.bincount(flat, minlength=experts).tolist()):
        rows += [(expert, begin + start, begin + count) for start in range(0, count, tile)]
        begin += count
    most = min(len(flat) // tile + experts, len(flat))
    rows += [(-1, 0, 0)] * (most - len(rows))
    return Routes(order, torch.tensor(rows, dtype=torch.int32, device=index.device))
