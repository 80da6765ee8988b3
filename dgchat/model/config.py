"""The sizes of a model, read from config.json and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dgchat.errors import CheckpointError

LayerType = Literal["sliding_attention", "full_attention"]

MAX_WHOLE = 2**31 - 1
"""Larger whole numbers of a checkpoint are refused: no size, limit or count comes near it."""

MIN_REAL, MAX_REAL = 1e-30, 1e30
"""Other numbers of a checkpoint lie between these: beyond them fp32 soon comes to zero or infinity."""


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
    sizes = {name: _whole(text, name) for name in _SIZES}
    canvas_length = _whole(config, "canvas_length")
    _refuse_impossible(sizes, canvas_length)
    return ModelConfig(
        **sizes,
        rms_norm_eps=_real(text, "rms_norm_eps"),
        final_logit_softcapping=_real({**_SOFTCAPPING, **text}, "final_logit_softcapping"),
        canvas_length=canvas_length,
        pad_token_id=0 if text.get("pad_token_id") is None else _whole(text, "pad_token_id", least=0),
        layers=_layers(text),
        rope={kind: _rope(parameters) for kind, parameters in text["rope_parameters"].items()},
    )


_SOFTCAPPING = {"final_logit_softcapping": 30.0}
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


def _whole(section: Mapping[str, Any], name: str, least: int = 1) -> int:
    value = section[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_WHOLE:
        raise CheckpointError(
            f"config.json: {name} is {value!r}, not a whole number from {least} to {MAX_WHOLE}"
        )
    return value


def _real(section: Mapping[str, Any], name: str) -> float:
    value = section[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_REAL <= value <= MAX_REAL:
        raise CheckpointError(
            f"config.json: {name} is {value!r}, not a number from {MIN_REAL:g} to {MAX_REAL:g}"
        )
    return float(value)


def _refuse_impossible(sizes: Mapping[str, int], canvas_length: int) -> None:
    experts, chosen = sizes["num_experts"], sizes["top_k_experts"]
    if chosen > experts:
        raise CheckpointError(f"config.json: top_k_experts is {chosen}, num_experts only {experts}")
    if canvas_length >= sizes["max_position_embeddings"]:
        raise CheckpointError(
            f"config.json: canvas_length is {canvas_length}, which leaves no room for a prompt within "
            f"max_position_embeddings, {sizes['max_position_embeddings']}"
        )


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
    if len(kinds) != _whole(text, "num_hidden_layers"):
        raise CheckpointError(f"config.json: {len(kinds)} layer_types for {text['num_hidden_layers']} layers")
    return tuple(_layer(text, index, kind) for index, kind in enumerate(kinds))


def _layer(text: Mapping[str, Any], index: int, kind: str) -> LayerConfig:
    if kind not in ("sliding_attention", "full_attention"):
        raise CheckpointError(f"config.json: layer_types[{index}] is {kind!r}")
    if kind not in text["rope_parameters"]:
        raise CheckpointError(f"config.json: rope_parameters lacks {kind!r}")
    head_dim, kv_heads = _whole(text, "head_dim"), _whole(text, "num_key_value_heads")
    if "per_layer_config" in text:
        # re-saved dialect: only what differs from the base is written
        override = {**text, **(text["per_layer_config"] or {}).get(str(index), {})}
        head_dim, kv_heads = _whole(override, "head_dim"), _whole(override, "num_key_value_heads")
    elif kind == "full_attention":
        head_dim = _whole(text, "global_head_dim")
        if text.get("num_global_key_value_heads") is not None:
            kv_heads = _whole(text, "num_global_key_value_heads")
    if text["num_attention_heads"] % kv_heads:
        raise CheckpointError(
            f"config.json: {kv_heads} key/value heads do not divide {text['num_attention_heads']} heads"
        )
    return LayerConfig(kind, head_dim, kv_heads)


def _rope(parameters: Mapping[str, Any]) -> RopeConfig:
    rope_type = parameters["rope_type"]
    if rope_type not in ("default", "proportional"):
        raise CheckpointError(f"config.json: rope_type {rope_type!r} is not known")
    factor = _real({"partial_rotary_factor": 1.0, **parameters}, "partial_rotary_factor")
    return RopeConfig(rope_type, _real(parameters, "rope_theta"), factor)
