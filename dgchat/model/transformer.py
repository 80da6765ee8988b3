"""DiffusionGemma: one set of weights, read causally as the encoder and bidirectionally as the decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgchat.model.attention import Attention, JoinPrefix
from dgchat.model.config import LayerConfig, ModelConfig
from dgchat.model.moe import Experts, GatedMLP, Router
from dgchat.model.rope import inverse_frequencies, rotations
from dgchat.model.self_conditioning import SelfConditioning
from dgchat_kernels import Ops

Rotation = tuple[Tensor, Tensor]
T = TypeVar("T")


class Prefix(Protocol):
    """Keys and values of what has been encoded: the encoder extends it, the decoder reads it.

    Where a token may look depends on the kind of layer only: one mask serves all layers of a kind.
    """

    def positions(self, length: int) -> Tensor:
        """Positions of the next `length` tokens, [batch | 1, length]."""
        ...

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append to one layer and return the keys and values that any new token sees, the new ones last."""
        ...

    def join(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """What a canvas attends to in one layer: the prefix it may see, then its own keys and values."""
        ...

    def encoder_mask(self, layer: int, length: int) -> Tensor | None:
        """True where the next `length` tokens may look, [length, extended]; None if everywhere."""
        ...

    def decoder_mask(self, layer: int, length: int) -> Tensor | None:
        """True where a canvas may look, broadcastable to [batch, 1, length, joined]; None if everywhere."""
        ...


class Layer(nn.Module):
    """Attention, then a dense MLP and experts side by side; norms before and after each."""

    encoder_layer_scalar: Tensor
    layer_scalar: Tensor

    def __init__(self, config: ModelConfig, layer: LayerConfig, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.eps = config.rms_norm_eps
        self.self_attn = Attention(config, layer, ops)
        self.mlp = GatedMLP(config.hidden_size, config.intermediate_size, ops)
        self.router = Router(config, ops)
        self.experts = Experts(config, ops)
        self.input_layernorm = nn.RMSNorm(config.hidden_size)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size)
        self.pre_feedforward_layernorm = nn.RMSNorm(config.hidden_size)
        self.pre_feedforward_layernorm_2 = nn.RMSNorm(config.hidden_size)
        self.post_feedforward_layernorm = nn.RMSNorm(config.hidden_size)
        self.post_feedforward_layernorm_1 = nn.RMSNorm(config.hidden_size)
        self.post_feedforward_layernorm_2 = nn.RMSNorm(config.hidden_size)
        self.register_buffer("layer_scalar", torch.ones(1))
        self.register_buffer("encoder_layer_scalar", torch.ones(1))

    def forward(
        self, x: Tensor, rotation: Rotation, join: JoinPrefix, mask: Tensor | None, scalar: Tensor
    ) -> Tensor:
        """[batch, length, hidden] to the same; `scalar` is the encoder's or the decoder's layer scalar."""
        attended = self.self_attn(self._norm(x, self.input_layernorm), rotation, join, mask)
        x = x + self._norm(attended, self.post_attention_layernorm)
        dense = self._norm(
            self.mlp(self._norm(x, self.pre_feedforward_layernorm)), self.post_feedforward_layernorm_1
        )
        sparse = self._norm(self._mixture(x), self.post_feedforward_layernorm_2)
        return (x + self._norm(dense + sparse, self.post_feedforward_layernorm)) * scalar

    def keys_and_values(self, x: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor]:
        """What the layer adds to the prefix for x [batch, length, hidden]."""
        return self.self_attn.keys_and_values(self._norm(x, self.input_layernorm), rotation)

    def _mixture(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, 1)
        weights, index = self.router(tokens)
        return self.experts(self._norm(tokens, self.pre_feedforward_layernorm_2), weights, index).view_as(x)

    def _norm(self, x: Tensor, norm: nn.RMSNorm) -> Tensor:
        return self.ops.rms_norm(x, norm.weight, self.eps)


class DiffusionGemma(nn.Module):
    """The text model of a DiffusionGemma checkpoint."""

    def __init__(self, config: ModelConfig, ops: Ops) -> None:
        super().__init__()
        self.config = config
        self.ops = ops
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        layers = nn.ModuleList(Layer(config, layer, ops) for layer in config.layers)
        self.layers = cast("Sequence[Layer]", layers)
        self.norm = nn.RMSNorm(config.hidden_size)
        self.self_conditioning = SelfConditioning(config, ops)
        self.place_frequencies(torch.device("cpu"))

    def place_frequencies(self, device: torch.device) -> None:
        """Compute the rotary frequencies, which no checkpoint holds, on `device`."""
        with torch.device("cpu"):
            frequencies = (
                inverse_frequencies(self.config.rope[c.layer_type], c.head_dim) for c in self.config.layers
            )
            self.frequencies = [frequency.to(device) for frequency in frequencies]

    def encode(self, token_ids: Tensor, prefix: Prefix) -> None:
        """Read token_ids [batch, length] causally after the prefix, and add their keys and values to it."""
        self._encode(token_ids, prefix, needs_output=False)

    def next_token_logits(self, token_ids: Tensor, prefix: Prefix, where: Tensor) -> Tensor:
        """`encode`, and the causal prediction [chosen, vocab] of the successors of the tokens `where` is
        True.
        """
        return self._logits(self._encode(token_ids, prefix, needs_output=True)[where])

    def decode(self, canvas: Tensor, prefix: Prefix, soft_embedding: Tensor | None) -> Tensor:
        """Logits [batch, canvas, vocab], at least fp32, of every canvas position given all others.

        canvas [batch, canvas] holds token ids; soft_embedding [batch, canvas, hidden] is the previous step's
        prediction, None on the first step. The prefix is read, never written.
        """
        x = self.self_conditioning.combine(self._embed(canvas), soft_embedding)
        rotation = self._rotations(prefix.positions(canvas.shape[1]), x.dtype)
        masks = self._for_each_kind(lambda index: prefix.decoder_mask(index, canvas.shape[1]))
        for index, layer in enumerate(self.layers):
            x = layer(x, rotation[index], partial(prefix.join, index), masks[index], layer.layer_scalar)
        return self._logits(x)

    def soft_embedding(self, logits: Tensor) -> Tensor:
        """Expected embedding [batch, canvas, hidden] under scaled logits [batch, canvas, vocab]."""
        return self.ops.soft_embedding(logits, self.embed_tokens.weight) * self._embed_scale

    @property
    def _embed_scale(self) -> Tensor:
        weight = self.embed_tokens.weight
        return torch.tensor(self.config.hidden_size**0.5, dtype=weight.dtype, device=weight.device)

    def _embed(self, token_ids: Tensor) -> Tensor:
        return functional.embedding(token_ids, self.embed_tokens.weight) * self._embed_scale

    def _encode(self, token_ids: Tensor, prefix: Prefix, needs_output: bool) -> Tensor:
        x = self._embed(token_ids)
        rotation = self._rotations(prefix.positions(token_ids.shape[1]), x.dtype)
        masks = self._for_each_kind(lambda index: prefix.encoder_mask(index, token_ids.shape[1]))
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            if index == last and not needs_output:
                prefix.extend(index, *layer.keys_and_values(x, rotation[index]))
            else:
                extend = partial(prefix.extend, index)
                x = layer(x, rotation[index], extend, masks[index], layer.encoder_layer_scalar)
        return x

    def _rotations(self, positions: Tensor, dtype: torch.dtype) -> list[Rotation]:
        return self._for_each_kind(lambda index: rotations(positions, self.frequencies[index], dtype))

    def _for_each_kind(self, make: Callable[[int], T]) -> list[T]:
        """One value per layer, made once for the first layer of each kind and shared by the others."""
        first = {layer.layer_type: index for index, layer in reversed([*enumerate(self.config.layers)])}
        made = {kind: make(index) for kind, index in first.items()}
        return [made[layer.layer_type] for layer in self.config.layers]

    def _logits(self, x: Tensor) -> Tensor:
        normed = self.ops.rms_norm(x, self.norm.weight, self.config.rms_norm_eps)
        logits = functional.linear(normed, self.embed_tokens.weight)
        return self.ops.softcap(logits, self.config.final_logit_softcapping)
