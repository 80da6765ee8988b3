"""What a denoising step has to read and to multiply, by component: counted from weights and shapes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dgchat.model.config import LayerConfig, ModelConfig
from dgchat.model.transformer import DiffusionGemma

NARROW_TENSORS = 12
"""Activations [canvas, hidden] that the fused norms of a layer read and write."""


@dataclass(frozen=True, slots=True)
class Work:
    """Of one component in one step of one canvas."""

    name: str
    flop: float
    num_bytes: float


def work_of_step(model: DiffusionGemma, dtype: torch.dtype, prefix: int) -> list[Work]:
    """Every component of a step behind `prefix` tokens; weights are read once, as they are stored."""
    config, size = model.config, dtype.itemsize
    rows, hidden, layers = config.canvas_length, config.hidden_size, len(config.layers)
    stored = _stored_bytes(model)
    vocabulary = 2 * rows * config.vocab_size * hidden
    vocabulary_bytes = stored["embed_tokens"] + rows * config.vocab_size * size
    routes = rows * config.top_k_experts
    dense, expert = (3 * hidden * inner for inner in (config.intermediate_size, config.moe_intermediate_size))
    projected = [_projected(config, layer) for layer in config.layers]
    read = [_attended(config, layer, prefix) for layer in config.layers]
    return [
        Work("soft embedding", vocabulary, vocabulary_bytes),
        Work(
            "attention projections",
            2 * rows * sum(count for count, _ in projected),
            stored["self_attn"] + rows * size * sum(wide for _, wide in projected),
        ),
        Work("attention core", sum(flop for flop, _ in read), size * sum(numbers for _, numbers in read)),
        Work(
            "dense MLP",
            2 * rows * dense * layers,
            stored["mlp"] + rows * size * layers * (2 * hidden + 4 * config.intermediate_size),
        ),
        Work(
            "experts", 2 * routes * expert * layers, stored["experts"] + routes * size * layers * 2 * hidden
        ),
        Work("LM head", vocabulary, vocabulary_bytes),
        Work(
            "the rest",
            2 * rows * (layers * config.num_experts * hidden + dense),
            stored["rest"] + NARROW_TENSORS * layers * rows * hidden * size,
        ),
    ]


def _projected(config: ModelConfig, layer: LayerConfig) -> tuple[int, int]:
    """Weights of a layer's projections, and numbers of a row that go in and come out of them."""
    wide, narrow = config.num_attention_heads * layer.head_dim, layer.num_kv_heads * layer.head_dim
    keys_and_values = narrow * (2 if layer.sliding else 1)
    return (
        config.hidden_size * (2 * wide + keys_and_values),
        2 * config.hidden_size + 2 * wide + keys_and_values,
    )


def _attended(config: ModelConfig, layer: LayerConfig, prefix: int) -> tuple[int, int]:
    """FLOP of a layer's attention, and numbers that it reads and writes."""
    seen = min(prefix, config.sliding_window - 1) if layer.sliding else prefix
    keys, wide = seen + config.canvas_length, config.num_attention_heads * layer.head_dim
    return (
        4 * config.canvas_length * keys * wide,
        2 * keys * layer.num_kv_heads * layer.head_dim + 2 * config.canvas_length * wide,
    )


def _stored_bytes(model: DiffusionGemma) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(("embed_tokens", "self_attn", "mlp", "experts", "rest"), 0)
    for name, value in model.state_dict().items():
        parts = name.split(".")
        component = parts[2] if parts[0] == "layers" else parts[0]
        found[component if component in found else "rest"] += value.nbytes
    return found
