"""Which tensors a checkpoint must hold, what this program calls them, and which ones it knows and skips."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgchat.model.config import LayerConfig, ModelConfig

Shape = tuple[int, ...]

_DECODER = "model.decoder."
_ENCODER_SCALAR = re.compile(r"model\.encoder\.language_model\.(layers\.\d+\.)layer_scalar")
_CALIBRATION = re.compile(r"(.+)\.(input_scale|input_global_scale|output_scale|[kv]_scale)")


def is_vision(name: str) -> bool:
    """Whether a tensor belongs to what reads images, which is known and not needed."""
    return name.startswith(("model.encoder.vision_tower.", "model.encoder.embed_vision."))


def calibrated_module(name: str) -> str | None:
    """The module whose activations a tensor is the scale of: known and not needed, as only weights are
    quantised here; None for any other tensor.
    """
    match = _CALIBRATION.fullmatch(name)
    return match[1] if match else None


def parameter_name(tensor_name: str) -> str:
    """What `DiffusionGemma` calls the tensor that a checkpoint calls `tensor_name`."""
    if match := _ENCODER_SCALAR.fullmatch(tensor_name):
        return f"{match[1]}encoder_layer_scalar"
    return tensor_name.removeprefix(_DECODER)


def tensor_name(parameter: str) -> str:
    """What a checkpoint calls the parameter that `DiffusionGemma` calls `parameter`."""
    if parameter.endswith(".encoder_layer_scalar"):
        return f"model.encoder.language_model.{parameter.replace('encoder_layer_scalar', 'layer_scalar')}"
    return _DECODER + parameter


def expected_tensors(config: ModelConfig) -> dict[str, Shape]:
    """Every tensor of a text model with these sizes, by its name in a checkpoint."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, Shape] = {
        "embed_tokens.weight": (config.vocab_size, hidden),
        "norm.weight": (hidden,),
        "self_conditioning.pre_norm.weight": (hidden,),
        **dict(_gated_mlp("self_conditioning", hidden, inner)),
    }
    for index, layer in enumerate(config.layers):
        prefix = f"layers.{index}."
        shapes |= {prefix + name: shape for name, shape in _layer(config, layer)}
        shapes[f"{prefix}encoder_layer_scalar"] = (1,)
    return {tensor_name(name): shape for name, shape in shapes.items()}


def _gated_mlp(name: str, hidden: int, inner: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.gate_proj.weight", (inner, hidden)
    yield f"{name}.up_proj.weight", (inner, hidden)
    yield f"{name}.down_proj.weight", (hidden, inner)


def _layer(config: ModelConfig, layer: LayerConfig) -> Iterator[tuple[str, Shape]]:
    hidden, inner, experts = config.hidden_size, config.moe_intermediate_size, config.num_experts
    for norm in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
        yield f"{norm}_layernorm.weight", (hidden,)
    for norm in (
        "pre_feedforward_layernorm_2",
        "post_feedforward_layernorm_1",
        "post_feedforward_layernorm_2",
    ):
        yield f"{norm}.weight", (hidden,)
    yield "layer_scalar", (1,)
    yield from _gated_mlp("mlp", hidden, config.intermediate_size)
    yield "router.proj.weight", (experts, hidden)
    yield "router.scale", (hidden,)
    yield "router.per_expert_scale", (experts,)
    yield "experts.gate_up_proj", (experts, 2 * inner, hidden)
    yield "experts.down_proj", (experts, hidden, inner)
    yield from _attention(config, layer)


def _attention(config: ModelConfig, layer: LayerConfig) -> Iterator[tuple[str, Shape]]:
    wide, narrow = config.num_attention_heads * layer.head_dim, layer.num_kv_heads * layer.head_dim
    yield "self_attn.q_proj.weight", (wide, config.hidden_size)
    yield "self_attn.k_proj.weight", (narrow, config.hidden_size)
    if layer.sliding:
        yield "self_attn.v_proj.weight", (narrow, config.hidden_size)
    yield "self_attn.o_proj.weight", (config.hidden_size, wide)
    yield "self_attn.q_norm.weight", (layer.head_dim,)
    yield "self_attn.k_norm.weight", (layer.head_dim,)
