"""The shape of the bundled model: its config.json and generation_config.json."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_SLIDING, _FULL = "sliding_attention", "full_attention"


class Edition(StrEnum):
    """The model's size: one for tests, what two CPU cores train in hours, what a GPU trains in minutes."""

    SMALL = "small"
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of one edition; `heads` of `head_dim` in sliding layers and of `global_head_dim` in full ones."""

    layer_types: tuple[str, ...]
    hidden: int
    mlp: int
    heads: int
    kv_heads: int
    global_kv_heads: int
    head_dim: int
    global_head_dim: int
    experts: int
    expert: int
    window: int
    canvas: int


SHAPES = {
    Edition.SMALL: Shape((_SLIDING, _FULL), 64, 128, 2, 1, 1, 32, 32, 2, 32, 128, 48),
    Edition.CPU: Shape((_SLIDING, _FULL) * 2, 160, 640, 4, 2, 2, 40, 40, 4, 240, 128, 48),
    Edition.GPU: Shape((*(_SLIDING,) * 5, _FULL), 256, 512, 4, 2, 1, 64, 128, 8, 160, 256, 64),
}


def model_json(edition: Edition, vocab_size: int, end_of_turn: int, max_prompt_tokens: int) -> dict[str, Any]:
    """config.json of the bundled model, in the dialect of the published checkpoint; it tells the longest
    prompt and the most turns, the present one included, the model was trained on.
    """
    shape = SHAPES[edition]
    text = {
        "model_type": "diffusion_gemma_text",
        "vocab_size": vocab_size,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.mlp,
        "num_hidden_layers": len(shape.layer_types),
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "num_global_key_value_heads": shape.global_kv_heads,
        "head_dim": shape.head_dim,
        "global_head_dim": shape.global_head_dim,
        "hidden_activation": "gelu_pytorch_tanh",
        "max_position_embeddings": 1024,
        "rms_norm_eps": 1e-6,
        "pad_token_id": 0,
        "eos_token_id": [1, end_of_turn],
        "bos_token_id": 2,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {
                "rope_type": "proportional",
                "rope_theta": 1_000_000.0,
                "partial_rotary_factor": 0.25,
            },
        },
        "attention_bias": False,
        "attention_dropout": 0.0,
        "sliding_window": shape.window,
        "layer_types": list(shape.layer_types),
        "final_logit_softcapping": 30.0,
        "use_bidirectional_attention": "vision",
        "num_experts": shape.experts,
        "top_k_experts": 2,
        "moe_intermediate_size": shape.expert,
    }
    return {
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "model_type": "diffusion_gemma",
        "canvas_length": shape.canvas,
        "eos_token_id": [1, end_of_turn],
        "tie_word_embeddings": True,
        "max_prompt_tokens": max_prompt_tokens,
        "max_turns": 4,
        "text_config": text,
    }


def generation_json(end_of_turn: int) -> dict[str, Any]:
    """generation_config.json: the published defaults."""
    return {
        "max_denoising_steps": 48,
        "max_new_tokens": 192,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.1},
        "t_max": 0.8,
        "t_min": 0.4,
        "confidence_threshold": 0.005,
        "stability_threshold": 1,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": [1, end_of_turn],
    }
