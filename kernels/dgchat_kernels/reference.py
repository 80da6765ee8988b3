"""The ops in plain torch, written like the maths. They run on any device and have gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from dgchat_kernels.packed import NVFP4_BLOCK, FP8Experts, NVFP4Experts

DENSE_EXPERTS = 8
"""Up to this many experts, computing all of them beats gathering the tokens of each."""


def at_least_fp32(x: Tensor) -> Tensor:
    """`x` in fp32 if it is narrower, else as it is."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def rms_norm(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """`x` over its root mean square along the last axis, times `weight`; computed in at least fp32."""
    wide = at_least_fp32(x)
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    if weight is not None:
        normed = normed * at_least_fp32(weight)
    return normed.to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of `x` [batch, length, heads, dim], halves split; cos and sin [batch | 1, length,
    dim].
    """
    first, second = x.chunk(2, dim=-1)
    return x * cos.unsqueeze(2) + torch.cat((-second, first), dim=-1) * sin.unsqueeze(2)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention with scaling 1.0 and grouped heads; `mask` is True where a query may look.

    q [batch, heads, n, dim], k and v [batch, kv_heads, m, dim], mask broadcastable to [batch, 1, n, m];
    returns [batch, heads, n, dim]. The heads of a group become further rows of queries, so that no keys or
    values are repeated for them, on whichever path torch takes.
    """
    rows, kv_heads = q.shape[2], k.shape[1]
    group = q.shape[1] // kv_heads
    folded = q.unflatten(1, (kv_heads, group)).flatten(2, 3)  # [batch, kv_heads, group * n, dim]
    if mask is not None and mask.shape[-2] > 1:
        mask = mask.repeat(*[1] * (mask.ndim - 2), group, 1)
    attended = functional.scaled_dot_product_attention(folded, k, v, attn_mask=mask, scale=1.0)
    return attended.unflatten(2, (group, rows)).flatten(1, 2)


def gated_mlp(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """`down(gelu_tanh(gate x) * up x)`."""
    hidden = functional.gelu(functional.linear(x, gate), approximate="tanh") * functional.linear(x, up)
    return functional.linear(hidden, down)


def route(scores: Tensor, per_expert_scale: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """The `top_k` experts of each token and their weights, both [tokens, top_k], from scores [tokens,
    experts].
    """
    probabilities = at_least_fp32(scores).softmax(dim=-1)
    weights, index = probabilities.topk(top_k, dim=-1)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights * per_expert_scale[index], index


def experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """Weighted sum of each token's experts.

    x [tokens, hidden], gate_up [experts, 2 * inner, hidden], down [experts, hidden, inner], weights and index
    [tokens, top_k]; returns [tokens, hidden].
    """
    return _mixture(x, len(down), lambda chosen: (gate_up[chosen], down[chosen]), weights, index)


def dequantise_nvfp4(codes: Tensor, scales: Tensor, global_scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights [..., out, in] of packed ones: `e2m1(code) * e4m3(scale) * global_scale`.

    codes uint8 [..., out, in / 2], the even weight in the low nibble; scales float8_e4m3fn [..., out,
    in / 16]; global_scale fp32, broadcastable to the weights. The first product is exact, the second is
    rounded to fp32 once, and the result to `dtype`.
    """
    values = _e2m1(codes).unflatten(-1, (-1, NVFP4_BLOCK)) * scales.float().unsqueeze(-1)
    return (values.flatten(-2) * global_scale).to(dtype)


def dequantise_fp8(codes: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights [..., out, in] of float8_e4m3fn codes of that shape and fp32 scales [..., out, 1]: the product
    in fp32, rounded to `dtype`.
    """
    return (codes.float() * scales).to(dtype)


def experts_nvfp4(x: Tensor, packed: NVFP4Experts, weights: Tensor, index: Tensor) -> Tensor:
    """`experts` on packed weights, which are dequantised in x's data type as they are used."""
    gate_up_scale = torch.stack((packed.gate_global_scale, packed.up_global_scale), dim=-1)[..., None, None]
    down_scale = packed.down_global_scale[:, None, None]

    def unpack(chosen: int | slice) -> tuple[Tensor, Tensor]:
        codes, scales = (
            both[chosen].unflatten(-2, (2, -1)) for both in (packed.gate_up_codes, packed.gate_up_scales)
        )
        gate_up = dequantise_nvfp4(codes, scales, gate_up_scale[chosen], x.dtype).flatten(-3, -2)
        codes, scales = packed.down_codes[chosen], packed.down_scales[chosen]
        return gate_up, dequantise_nvfp4(codes, scales, down_scale[chosen], x.dtype)

    return _mixture(x, len(packed.down_codes), unpack, weights, index)


def experts_fp8(x: Tensor, packed: FP8Experts, weights: Tensor, index: Tensor) -> Tensor:
    """`experts` on packed weights, which are dequantised in x's data type as they are used."""

    def unpack(chosen: int | slice) -> tuple[Tensor, Tensor]:
        return (
            dequantise_fp8(packed.gate_up_codes[chosen], packed.gate_up_scales[chosen], x.dtype),
            dequantise_fp8(packed.down_codes[chosen], packed.down_scales[chosen], x.dtype),
        )

    return _mixture(x, len(packed.down_codes), unpack, weights, index)


def _e2m1(codes: Tensor) -> Tensor:
    """The fp32 values [..., 2 * n] of codes [..., n], low nibble first.

    An E2M1 code widened at both ends is the E4M3 code of a number 2^6 times smaller, so torch's own
    conversion does the rest, exactly.
    """
    low = (codes & 0x08) << 4 | (codes & 0x07) << 2
    high = (codes & 0x80) | (codes & 0x70) >> 2
    return torch.stack((low, high), dim=-1).flatten(-2).view(torch.float8_e4m3fn).float() * 64


Unpack = Callable[[int | slice], tuple[Tensor, Tensor]]
"""The gate_up and down weights of one expert, or of a slice of them."""


def _mixture(x: Tensor, num_experts: int, unpack: Unpack, weights: Tensor, index: Tensor) -> Tensor:
    if num_experts <= DENSE_EXPERTS:
        return _all_experts(x, *unpack(slice(None)), weights, index)
    return _hit_experts(x, unpack, weights, index)


def _all_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    num_experts, _, inner = down.shape
    gates = weights.new_zeros(len(x), num_experts).scatter(1, index, weights).to(x.dtype)
    gate, up = functional.linear(x, gate_up.flatten(0, 1)).view(len(x), num_experts, 2, inner).unbind(2)
    hidden = functional.gelu(gate, approximate="tanh") * up * gates.unsqueeze(-1)
    return hidden.flatten(1) @ down.transpose(1, 2).flatten(0, 1)


def _hit_experts(x: Tensor, unpack: Unpack, weights: Tensor, index: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    for expert in index.unique().tolist():
        gate_up, down = unpack(expert)
        token, slot = torch.where(index == expert)
        gate, up = functional.linear(x[token], gate_up).chunk(2, dim=-1)
        hidden = functional.linear(functional.gelu(gate, approximate="tanh") * up, down)
        out.index_add_(0, token, (hidden * weights[token, slot, None]).to(x.dtype))
    return out


def softcap(logits: Tensor, cap: float) -> Tensor:
    """Squash logits smoothly into (-cap, cap); at least fp32."""
    return torch.tanh(at_least_fp32(logits) / cap) * cap


def soft_embedding(logits: Tensor, embedding: Tensor) -> Tensor:
    """Expected embedding row under the logits [..., vocab]: [..., hidden], in the embedding's dtype.

    The logits are rounded to that dtype first, as the reference implementation does. Probabilities too small
    to matter are set to zero: subnormal numbers make a CPU's matrix product many times slower.
    """
    probabilities = at_least_fp32(logits.to(embedding.dtype)).softmax(dim=-1)
    return functional.threshold(probabilities, 1e-30, 0.0).to(embedding.dtype) @ embedding


def token_statistics(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Argmax, drawn token and entropy in nats of each position, all [batch, canvas].

    logits [batch, canvas, vocab]; `uniforms` [batch, canvas] in [0, 1) choose the draw by inverting the
    cumulative distribution.
    """
    log_probabilities = logits.log_softmax(dim=-1)
    probabilities = log_probabilities.exp()
    entropy = -(probabilities * log_probabilities).sum(dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[..., -1:].contiguous()
    target = uniforms.to(cumulative.dtype).unsqueeze(-1) * total
    # a target that rounds to the total would pass the last token that has any probability
    last = torch.searchsorted(cumulative, total)
    proposal = torch.searchsorted(cumulative.contiguous(), target, right=True).minimum(last).squeeze(-1)
    return logits.argmax(dim=-1), proposal, entropy
