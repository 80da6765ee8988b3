"""Self-attention of one layer: the encoder adds to the prefix, the decoder only reads it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from dgchat.model.config import LayerConfig, ModelConfig
from dgchat_kernels import Ops

JoinPrefix = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Puts the prefix's keys and values before new ones, both [batch, kv_heads, length, head_dim]."""


class Attention(nn.Module):
    """Grouped-query attention with normed queries, keys and values and no scaling.

    Full layers have no v_proj: their values are the raw keys.
    """

    def __init__(self, config: ModelConfig, layer: LayerConfig, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.eps = config.rms_norm_eps
        self.head_dim = layer.head_dim
        hidden, wide = config.hidden_size, config.num_attention_heads * layer.head_dim
        narrow = layer.num_kv_heads * layer.head_dim
        self.q_proj = nn.Linear(hidden, wide, bias=False)
        self.k_proj = nn.Linear(hidden, narrow, bias=False)
        self.v_proj = nn.Linear(hidden, narrow, bias=False) if layer.sliding else None
        self.o_proj = nn.Linear(wide, hidden, bias=False)
        self.q_norm = nn.RMSNorm(layer.head_dim)
        self.k_norm = nn.RMSNorm(layer.head_dim)

    def keys_and_values(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Keys and values of x [batch, length, hidden], both [batch, kv_heads, length, head_dim]."""
        keys = self.k_proj(x).unflatten(-1, (-1, self.head_dim))
        values = keys if self.v_proj is None else self.v_proj(x).unflatten(-1, (-1, self.head_dim))
        keys = self.ops.rotate(self.ops.rms_norm(keys, self.k_norm.weight, self.eps), *rotation)
        values = self.ops.rms_norm(values, None, self.eps)
        return keys.transpose(1, 2), values.transpose(1, 2)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], join: JoinPrefix, mask: Tensor | None
    ) -> Tensor:
        """Attend from x [batch, length, hidden] to the prefix and to x itself; same shape."""
        queries = self.q_proj(x).unflatten(-1, (-1, self.head_dim))
        queries = self.ops.rotate(self.ops.rms_norm(queries, self.q_norm.weight, self.eps), *rotation)
        keys, values = join(*self.keys_and_values(x, rotation))
        attended = self.ops.attention(queries.transpose(1, 2), keys, values, mask)
        return self.o_proj(attended.transpose(1, 2).flatten(2))
