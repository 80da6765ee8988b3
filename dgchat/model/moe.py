"""The feed-forward half of a layer: a dense MLP beside a mixture of experts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgchat.model.config import ModelConfig
from dgchat.model.quantised import weight_of
from dgchat_kernels import Ops


class GatedMLP(nn.Module):
    """`down(gelu_tanh(gate x) * up x)`."""

    def __init__(self, hidden: int, inner: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., hidden] to [..., hidden]."""
        gate, up, down = (
            weight_of(linear, x.dtype) for linear in (self.gate_proj, self.up_proj, self.down_proj)
        )
        return self.ops.gated_mlp(x, gate, up, down)


class Router(nn.Module):
    """Chooses each token's experts from the raw residual."""

    def __init__(self, config: ModelConfig, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.eps = config.rms_norm_eps
        self.top_k = config.top_k_experts
        self.proj = nn.Linear(config.hidden_size, config.num_experts, bias=False)
        self.scale = nn.Parameter(torch.ones(config.hidden_size))
        self.per_expert_scale = nn.Parameter(torch.ones(config.num_experts))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and indices, both [tokens, top_k], of x [tokens, hidden]."""
        normed = self.ops.rms_norm(x, None, self.eps) * self.scale * x.shape[-1] ** -0.5
        return self.ops.route(self.proj(normed), self.per_expert_scale, self.top_k)


class Experts(nn.Module):
    """All experts' weights, stacked."""

    def __init__(self, config: ModelConfig, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        count, hidden, inner = config.num_experts, config.hidden_size, config.moe_intermediate_size
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * inner, hidden))
        self.down_proj = nn.Parameter(torch.empty(count, hidden, inner))

    def forward(self, x: Tensor, weights: Tensor, index: Tensor) -> Tensor:
        """[tokens, hidden] to [tokens, hidden]."""
        return self.ops.experts(x, self.gate_up_proj, self.down_proj, weights, index)
