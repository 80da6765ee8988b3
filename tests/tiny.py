"""A random checkpoint small enough to write in a test, and models that say what they are told to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from dgchat.checkpoint import LoadedCheckpoint, open_checkpoint
from dgchat.checkpoint.tensors import tensor_name
from dgchat.engine.kv_cache import KVCache
from dgchat.model.config import ModelConfig
from dgchat.model.transformer import DiffusionGemma
from dgchat.training.export import TEMPLATE
from dgchat.training.tokenizer import train_tokenizer
from dgchat.training.trainer import initialise
from dgchat_kernels import select

CANVAS = 8
CONTEXT = 1024
PAD, EOS, BOS, END_OF_TURN = 0, 1, 2, 5

THINKING_TEMPLATE = "{% if enable_thinking %}<|think|>{% endif %}" + TEMPLATE.read_text(encoding="utf-8")

SENTENCES = (
    "The canvas starts as noise and becomes an answer.",
    "What is the capital of France? The capital of France is Paris.",
    "Hello! How are you? I am well, thank you.",
    "A cat sat on the mat and looked at the moon.",
)


@cache
def tokenizer_json() -> str:
    """tokenizer.json of a real tokenizer of few tokens."""
    return train_tokenizer(SENTENCES, vocab_size=480).to_str()


@cache
def vocab_size() -> int:
    """Tokens of the tiny tokenizer."""
    return Tokenizer.from_str(tokenizer_json()).get_vocab_size()


def text_json() -> dict[str, Any]:
    """text_config of the tiny model: one sliding layer, one full one, all sizes different."""
    return {
        "vocab_size": vocab_size(),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": 1,
        "head_dim": 8,
        "global_head_dim": 16,
        "hidden_activation": "gelu_pytorch_tanh",
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "pad_token_id": PAD,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {
                "rope_type": "proportional",
                "rope_theta": 1_000_000.0,
                "partial_rotary_factor": 0.25,
            },
        },
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention"],
        "final_logit_softcapping": 30.0,
        "num_experts": 4,
        "top_k_experts": 2,
        "moe_intermediate_size": 20,
    }


def config_json(**text: Any) -> dict[str, Any]:
    """config.json of the tiny model, with these fields of text_config changed."""
    return {
        "model_type": "diffusion_gemma",
        "canvas_length": CANVAS,
        "eos_token_id": [EOS, END_OF_TURN],
        "text_config": text_json() | text,
    }


def generation_json(**fields: Any) -> dict[str, Any]:
    """generation_config.json of the tiny model, with these fields changed."""
    return {"max_denoising_steps": 4, "max_new_tokens": 16, "eos_token_id": [EOS, END_OF_TURN]} | fields


def model_config(**text: Any) -> ModelConfig:
    """The tiny model's sizes."""
    return ModelConfig.from_json(config_json(**text))


def random_model(seed: int = 1, **text: Any) -> DiffusionGemma:
    """A tiny model whose layer scalars differ between encoder and decoder."""
    model = DiffusionGemma(model_config(**text), select(torch.device("cpu"))[0])
    initialise(model, seed)
    for index, layer in enumerate(model.layers):
        layer.layer_scalar.fill_(0.9 - 0.1 * index)
        layer.encoder_layer_scalar.fill_(1.1 + 0.1 * index)
    return model.requires_grad_(False)


def new_cache(config: ModelConfig, batch: int = 1) -> KVCache:
    """An empty prefix cache in fp32."""
    return KVCache(config, torch.device("cpu"), torch.float32, batch)


def tensors(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """The tiny model's tensors, named as in a checkpoint."""
    state = random_model().state_dict()
    return {tensor_name(name): value.to(dtype).contiguous() for name, value in state.items()}


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value), encoding="utf-8")


def write_weights(folder: Path, weights: Mapping[str, Tensor], shards: int = 1) -> None:
    """Write one safetensors file, or several with an index."""
    if shards == 1:
        save_file(dict(weights), folder / "model.safetensors")
        return
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        names = sorted(weights)[shard::shards]
        save_file({name: weights[name] for name in names}, folder / file)
        weight_map |= dict.fromkeys(names, file)
    write_json(folder / "model.safetensors.index.json", {"weight_map": weight_map})


def write_checkpoint(
    folder: Path,
    weights: Mapping[str, Tensor] | None = None,
    shards: int = 1,
    generation: Mapping[str, Any] | None = None,
    template: str | None = None,
    limits: Mapping[str, int] | None = None,
) -> Path:
    """Write a whole checkpoint folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config_json() | dict(limits or {}))
    write_json(folder / "generation_config.json", generation or generation_json())
    (folder / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")
    source = template or TEMPLATE.read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    write_weights(folder, tensors() if weights is None else weights, shards)
    return folder


def load_tiny(folder: Path, **options: Any) -> LoadedCheckpoint:
    """Write a tiny checkpoint to `folder` and load it; options are those of `write_checkpoint`."""
    return open_checkpoint(write_checkpoint(folder, **options)).load()


class Speaker(DiffusionGemma):
    """A model that is certain of its answer: canvas after canvas, whatever it is asked."""

    canvases: Sequence[Sequence[int]]
    starts: list[int]

    def decode(self, canvas: Tensor, prefix: KVCache, soft_embedding: Tensor | None) -> Tensor:
        """Logits that leave no doubt about the next canvas; after the last one comes the first again."""
        if self.starts and prefix.length < self.starts[-1]:
            self.starts = []
        if prefix.length not in self.starts:
            self.starts.append(prefix.length)
        said = self.canvases[self.starts.index(prefix.length) % len(self.canvases)]
        return functional.one_hot(torch.tensor([said]), self.config.vocab_size) * 30.0


def with_speaker(loaded: LoadedCheckpoint, *canvases: Sequence[int]) -> LoadedCheckpoint:
    """The checkpoint with a model that says these canvases."""
    speaker = Speaker(loaded.model.config, loaded.model.ops)
    speaker.load_state_dict(loaded.model.state_dict())
    speaker.canvases, speaker.starts = canvases, []
    return replace(loaded, model=speaker.requires_grad_(False))
