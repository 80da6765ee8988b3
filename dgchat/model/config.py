"""The sizes of a model, read from config.json and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dgchat.errors import CheckpointError

LayerType = Literal["sliding_attention", "full_attention"]


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """The attention of one layer."""

    layer_type: LayerType
    head_dim: int
    num_kv_heads: int

    @property
    def sliding(self) -> bool:
        """Whether the layer sees only a window; such layers have a v_proj, full ones do not."""
        return self.layer_type == "sliding_attention"


@dataclass(frozen=True, slots=True)
class RopeConfig:
    """How one kind of layer turns positions into angles."""

    rope_type: str
    theta: float
    partial_rotary_factor: float


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A text model's sizes; field names follow config.json where it has them."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_experts: int
    top_k_experts: int
    moe_intermediate_size: int
    rms_norm_eps: float
    final_logit_softcapping: float
    sliding_window: int
    max_position_embeddings: int
    canvas_length: int
    pad_token_id: int
    layers: tuple[LayerConfig, ...]
    rope: Mapping[str, RopeConfig]

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> ModelConfig:
        """Read a parsed config.json of either dialect; CheckpointError names what is missing or unknown."""
        try:
            return _read(config)
        except KeyError as error:
            raise CheckpointError(f"config.json: {error.args[0]!r} is missing") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"config.json: a value has the wrong type ({error})") from error


def _read(config: Mapping[str, Any]) -> ModelConfig:
    model_type = config.get("model_type")
    if model_type != "diffusion_gemma":
        raise CheckpointError(
            f"config.json: model_type is {model_type!r}, not 'diffusion_gemma'",
            hint="dgchat opens checkpoints of the DiffusionGemma architecture only",
        )
    text = config["text_config"]
    _refuse_unknown_variants(text)
    sizes = {name: _positive(text, name) for name in _SIZES}
    return ModelConfig(
        **sizes,
        rms_norm_eps=float(text["rms_norm_eps"]),
        final_logit_softcapping=float(text.get("final_logit_softcapping", _SOFTCAPPING)),
        canvas_length=_positive(config, "canvas_length"),
        pad_token_id=int(text.get("pad_token_id") or 0),
        layers=_layers(text),
        rope={kind: _rope(parameters) for kind, parameters in text["rope_parameters"].items()},
    )


_SOFTCAPPING = 30.0
"""The reference's final_logit_softcapping, which transformers leaves out when it saves a config.json."""

_SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_experts",
    "top_k_experts",
    "moe_intermediate_size",
    "sliding_window",
    "max_position_embeddings",
)


def _positive(section: Mapping[str, Any], name: str) -> int:
    value = section[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CheckpointError(f"config.json: {name} is {value!r}, not a positive whole number")
    return value


def _refuse_unknown_variants(text: Mapping[str, Any]) -> None:
    expected = {"hidden_activation": "gelu_pytorch_tanh", "attention_bias": False}
    for name, value in expected.items():
        if text.get(name, value) != value:
            raise CheckpointError(f"config.json: {name} is {text[name]!r}; only {value!r} is known")
    if text.get("use_bidirectional_attention") == "all":
        raise CheckpointError(
            "config.json: use_bidirectional_attention 'all' is not known; the encoder is causal"
        )


def _layers(text: Mapping[str, Any]) -> tuple[LayerConfig, ...]:
    kinds = text["layer_types"]
    if len(kinds) != _positive(text, "num_hidden_layers"):
        raise CheckpointError(f"config.json: {len(kinds)} layer_types for {text['num_hidden_layers']} layers")
    return tuple(_layer(text, index, kind) for index, kind in enumerate(kinds))


def _layer(text: Mapping[str, Any], index: int, kind: str) -> LayerConfig:
    if kind not in ("sliding_attention", "full_attention"):
        raise CheckpointError(f"config.json: layer_types[{index}] is {kind!r}")
    if kind not in text["rope_parameters"]:
        raise CheckpointError(f"config.json: rope_parameters lacks {kind!r}")
    head_dim, kv_heads = _positive(text, "head_dim"), _positive(text, "num_key_value_heads")
    if "per_layer_config" in text:
        # re-saved dialect: only what differs from the base is written
        override = (text["per_layer_config"] or {}).get(str(index), {})
        head_dim = override.get("head_dim", head_dim)
        kv_heads = override.get("num_key_value_heads", kv_heads)
    elif kind == "full_attention":
        head_dim = _positive(text, "global_head_dim")
        kv_heads = text.get("num_global_key_value_heads") or kv_heads
    if text["num_attention_heads"] % kv_heads:
        raise CheckpointError(
            f"config.json: {kv_heads} key/value heads do not divide {text['num_attention_heads']} heads"
        )
    return LayerConfig(kind, head_dim, kv_heads)


def _rope(parameters: Mapping[str, Any]) -> RopeConfig:
    rope_type = parameters["rope_type"]
    if rope_type not in ("default", "proportional"):
        raise CheckpointError(f"config.json: rope_type {rope_type!r} is not known")
    factor = parameters.get("partial_rotary_factor", 1.0)
    return RopeConfig(rope_type, float(parameters["rope_theta"]), float(factor))
