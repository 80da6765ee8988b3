"""The shape of the bundled model: its config.json and generation_config.json."""

from __future__ import annotations

from typing import Any

NUM_LAYERS = 4


def model_json(vocab_size: int, end_of_turn: int, max_prompt_tokens: int) -> dict[str, Any]:
    """config.json of the bundled model, in the dialect of the published checkpoint; it tells the longest
    prompt and the most turns, the present one included, the model was trained on.
    """
    layer_types = ["sliding_attention", "full_attention"] * (NUM_LAYERS // 2)
    text = {
        "model_type": "diffusion_gemma_text",
        "vocab_size": vocab_size,
        "hidden_size": 160,
        "intermediate_size": 320,
        "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": 2,
        "head_dim": 40,
        "global_head_dim": 40,
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
        "sliding_window": 128,
        "layer_types": layer_types,
        "final_logit_softcapping": 30.0,
        "use_bidirectional_attention": "vision",
        "num_experts": 4,
        "top_k_experts": 2,
        "moe_intermediate_size": 80,
    }
    return {
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "model_type": "diffusion_gemma",
        "canvas_length": 48,
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
