"""The most memory that computing takes beside weights and cache, a bound on what the reference ops allocate.

Three moments compete: the statistics over the vocabulary at the end of a denoising step, the attention of a
canvas to a long prefix, and that of a chunk of the prompt to what precedes it.
"""

from __future__ import annotations

import torch

from dgchat.model.cache_sizes import MAX_CHUNK, MAX_CHUNK_SCORES
from dgchat.model.config import ModelConfig

VOCABULARY_COPIES = 4
"""Logits, log-probabilities, probabilities and their cumulative sum: all of a whole canvas, at least fp32."""

ACTIVATION_COPIES = 8
"""Of the widest activation of a layer: residual, norms in fp32, queries before and after their rotation."""

UNPACKED_COPIES = 2
"""Of a packed weight in use: codes turned into numbers, and these times their scales."""

CUBLAS_BYTES = 32 * 2**20
"""What cuBLAS holds for itself, on the largest GPUs."""


def workspace_bytes(
    config: ModelConfig, context_length: int, device: str, dtype: torch.dtype, batch: int = 1
) -> int:
    """Bytes at the worst moment within a context of so many tokens, of `batch` answers at once."""
    wide = max(4, dtype.itemsize)
    chunk, canvas = min(MAX_CHUNK, context_length), config.canvas_length
    logits = canvas * config.vocab_size * wide
    masked = min(chunk * context_length, MAX_CHUNK_SCORES + chunk * chunk)
    rows = max(config.num_attention_heads // layer.num_kv_heads for layer in config.layers)
    # truths, the same for all heads of a group, and numbers for the scores
    mask = masked * (1 + rows * (1 + (dtype.itemsize if device == "cpu" else wide)))
    canvas_attention, chunk_attention = 0, mask
    if device != "cpu":  # whose fused kernel keeps neither scores nor repeated heads
        canvas_attention = _unfused(config, context_length, canvas * context_length, wide)
        chunk_attention += _unfused(config, context_length, masked, wide)
    moments = VOCABULARY_COPIES * logits, logits + canvas_attention, chunk_attention
    return (
        batch * (max(moments) + _activations(config, max(chunk, canvas), wide))
        + _dequantised(config, wide)
        + (CUBLAS_BYTES if device == "cuda" else 0)
    )


def _unfused(config: ModelConfig, context_length: int, pairs: int, wide: int) -> int:
    """Bytes of torch's unfused attention over so many pairs of a query and a key, which heads of more than
    256 fall back to on a GPU: keys, scaled keys and values in at least fp32; then scores, their softmax and
    which of them are infinite.
    """
    widened = context_length * max(layer.num_kv_heads * layer.head_dim for layer in config.layers) * wide
    scores = config.num_attention_heads * pairs * wide
    return max(3 * widened + scores, 2 * widened + 2 * scores + scores // wide)


def _activations(config: ModelConfig, rows: int, wide: int) -> int:
    widest = max(config.num_attention_heads * layer.head_dim for layer in config.layers)
    return ACTIVATION_COPIES * rows * max(widest, config.hidden_size, config.intermediate_size) * wide


def _dequantised(config: ModelConfig, wide: int) -> int:
    """Bytes of the largest weight that may be packed while it is unpacked: an expert's or a projection's."""
    widest = max(config.num_attention_heads * layer.head_dim for layer in config.layers)
    rows = max(2 * config.moe_intermediate_size, config.intermediate_size, widest)
    return UNPACKED_COPIES * rows * config.hidden_size * wide
