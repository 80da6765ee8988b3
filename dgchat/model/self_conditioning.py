"""Self-conditioning: the previous step's prediction joins the canvas as a soft embedding."""

from __future__ import annotations

from torch import Tensor, nn

from dgchat.model.config import ModelConfig
from dgchat.model.moe import GatedMLP
from dgchat_kernels import Ops


class SelfConditioning(GatedMLP):
    """`norm(embedding + mlp(norm(soft embedding)))`; the outer norm has no weight and always applies."""

    def __init__(self, config: ModelConfig, ops: Ops) -> None:
        super().__init__(config.hidden_size, config.intermediate_size, ops)
        self.eps = config.rms_norm_eps
        self.pre_norm = nn.RMSNorm(config.hidden_size)

    def combine(self, embedding: Tensor, soft_embedding: Tensor | None) -> Tensor:
        """Both [batch, canvas, hidden], the latter None on the first step; same shape."""
        if soft_embedding is not None:
            normed = self.ops.rms_norm(soft_embedding, self.pre_norm.weight, self.eps)
            embedding = embedding + self(normed)
        return self.ops.rms_norm(embedding, None, self.eps)
