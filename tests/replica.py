"""The published 26B repositories without their weights: true headers over sparse files, written in a second.

Names and shapes are those of the architecture; the vision tower's are read off the reference implementation,
and the counts and bytes they add up to are the published ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import tiny
from dgchat.training.export import TEMPLATE

HIDDEN, DENSE, INNER, EXPERTS, LAYERS, VOCABULARY = 2816, 2112, 704, 128, 30, 262_144
VISION_HIDDEN, VISION_INNER, VISION_LAYERS, VISION_POSITIONS = 1152, 4304, 27, 10_240
DECODER, VISION = "model.decoder.", "model.encoder.vision_tower."
INDEX = "model.safetensors.index.json"
GROUP = 16
"""Weights that share a block scale in NVFP4."""

BYTES = {"BF16": 2, "F32": 4, "U8": 1, "F8_E4M3": 1}
Shape = tuple[int, ...]
Named = Iterator[tuple[str, str, Shape]]
"""Name, data type and shape of one tensor after the other."""


def is_full(layer: int) -> bool:
    """Whether a layer's attention is full: every sixth is."""
    return layer % 6 == 5


def config_json(**top: Any) -> dict[str, Any]:
    """config.json of the published checkpoint, with these top-level fields added."""
    kinds = ["full_attention" if is_full(layer) else "sliding_attention" for layer in range(LAYERS)]
    text = {
        "model_type": "diffusion_gemma_text",
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": DENSE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "num_global_key_value_heads": 2,
        "head_dim": 256,
        "global_head_dim": 512,
        "hidden_activation": "gelu_pytorch_tanh",
        "max_position_embeddings": 262_144,
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "use_bidirectional_attention": "vision",
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {
                "rope_type": "proportional",
                "rope_theta": 1_000_000.0,
                "partial_rotary_factor": 0.25,
            },
        },
        "sliding_window": 1024,
        "layer_types": kinds,
        "final_logit_softcapping": 30.0,
        "num_experts": EXPERTS,
        "top_k_experts": 8,
        "moe_intermediate_size": INNER,
    }
    return {
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "model_type": "diffusion_gemma",
        "canvas_length": 256,
        "eos_token_id": [1, 106],
        "boi_token_id": 255_999,
        "eoi_token_id": 258_882,
        "image_token_id": 258_880,
        "tie_word_embeddings": True,
        "text_config": text,
        **top,
    }


GENERATION = {
    "max_denoising_steps": 48,
    "max_new_tokens": 256,
    "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.1},
    "t_max": 0.8,
    "t_min": 0.4,
    "confidence_threshold": 0.005,
    "stability_threshold": 1,
    "pad_token_id": 0,
    "eos_token_id": [1, 106, 50],
}
MODELOPT = {"quant_algo": "NVFP4", "group_size": GROUP, "exclude_modules": ["lm_head"]}


def _common() -> Named:
    """What the bf16 and the NVFP4 repository hold alike: all but the experts."""
    yield f"{DECODER}embed_tokens.weight", "BF16", (VOCABULARY, HIDDEN)
    yield f"{DECODER}norm.weight", "BF16", (HIDDEN,)
    yield f"{DECODER}self_conditioning.pre_norm.weight", "BF16", (HIDDEN,)
    yield from _gated_mlp(f"{DECODER}self_conditioning.", HIDDEN, DENSE)
    for layer in range(LAYERS):
        yield from _layer(f"{DECODER}layers.{layer}.", full=is_full(layer))
        yield f"model.encoder.language_model.layers.{layer}.layer_scalar", "BF16", (1,)
    yield from _vision()


def _gated_mlp(prefix: str, hidden: int, inner: int, linear: str = "") -> Named:
    yield f"{prefix}gate_proj{linear}.weight", "BF16", (inner, hidden)
    yield f"{prefix}up_proj{linear}.weight", "BF16", (inner, hidden)
    yield f"{prefix}down_proj{linear}.weight", "BF16", (hidden, inner)


def _layer(prefix: str, full: bool) -> Named:
    norms = ("input_layernorm", "post_attention_layernorm")
    norms += tuple(f"{side}_feedforward_layernorm" for side in ("pre", "post"))
    norms += ("pre_feedforward_layernorm_2", "post_feedforward_layernorm_1", "post_feedforward_layernorm_2")
    for norm in norms:
        yield f"{prefix}{norm}.weight", "BF16", (HIDDEN,)
    yield f"{prefix}layer_scalar", "BF16", (1,)
    yield from _gated_mlp(f"{prefix}mlp.", HIDDEN, DENSE)
    yield f"{prefix}router.proj.weight", "BF16", (EXPERTS, HIDDEN)
    yield f"{prefix}router.scale", "BF16", (HIDDEN,)
    yield f"{prefix}router.per_expert_scale", "BF16", (EXPERTS,)
    head_dim, wide, narrow = (512, 8192, 1024) if full else (256, 4096, 2048)
    yield f"{prefix}self_attn.q_proj.weight", "BF16", (wide, HIDDEN)
    yield f"{prefix}self_attn.k_proj.weight", "BF16", (narrow, HIDDEN)
    if not full:
        yield f"{prefix}self_attn.v_proj.weight", "BF16", (narrow, HIDDEN)
    yield f"{prefix}self_attn.o_proj.weight", "BF16", (HIDDEN, wide)
    yield f"{prefix}self_attn.q_norm.weight", "BF16", (head_dim,)
    yield f"{prefix}self_attn.k_norm.weight", "BF16", (head_dim,)


def _vision() -> Named:
    yield "model.encoder.embed_vision.embedding_projection.weight", "BF16", (HIDDEN, VISION_HIDDEN)
    yield f"{VISION}patch_embedder.input_proj.weight", "BF16", (VISION_HIDDEN, 768)
    yield (
        f"{VISION}patch_embedder.position_embedding_table",
        "BF16",
        (2, VISION_POSITIONS, VISION_HIDDEN),
    )
    yield f"{VISION}std_bias", "BF16", (VISION_HIDDEN,)
    yield f"{VISION}std_scale", "BF16", (VISION_HIDDEN,)
    for layer in range(VISION_LAYERS):
        prefix = f"{VISION}encoder.layers.{layer}."
        for norm in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            yield f"{prefix}{norm}_layernorm.weight", "BF16", (VISION_HIDDEN,)
        for projection in ("q", "k", "v", "o"):
            square = (VISION_HIDDEN, VISION_HIDDEN)
            yield f"{prefix}self_attn.{projection}_proj.linear.weight", "BF16", square
        yield f"{prefix}self_attn.q_norm.weight", "BF16", (72,)
        yield f"{prefix}self_attn.k_norm.weight", "BF16", (72,)
        yield from _gated_mlp(f"{prefix}mlp.", VISION_HIDDEN, VISION_INNER, linear=".linear")


def _bf16_experts() -> Named:
    for layer in range(LAYERS):
        prefix = f"{DECODER}layers.{layer}.experts."
        yield f"{prefix}gate_up_proj", "BF16", (EXPERTS, 2 * INNER, HIDDEN)
        yield f"{prefix}down_proj", "BF16", (EXPERTS, HIDDEN, INNER)


def _nvfp4_experts() -> Named:
    shapes = {"gate_proj": (INNER, HIDDEN), "up_proj": (INNER, HIDDEN), "down_proj": (HIDDEN, INNER)}
    for layer in range(LAYERS):
        for expert in range(EXPERTS):
            for projection, (rows, columns) in shapes.items():
                name = f"{DECODER}layers.{layer}.experts.{expert}.{projection}."
                yield f"{name}weight", "U8", (rows, columns // 2)
                yield f"{name}weight_scale", "F8_E4M3", (rows, columns // GROUP)
                yield f"{name}weight_scale_2", "F32", ()
                yield f"{name}input_scale", "F32", ()


@dataclass
class Replica:
    """A checkpoint folder that is still to be written: a test changes it first."""

    config: dict[str, Any]
    extra: dict[str, dict[str, Any]]
    """Further JSON files by name."""
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The JSON header of each safetensors file by its name."""
    index: dict[str, str] = field(default_factory=dict)
    """The index's map from tensors to files."""

    def entry(self, name: str) -> dict[str, Any]:
        """The header of a tensor, wherever it is."""
        return self.shards[self.index[name]][name]

    def lay_out(self, file: str) -> None:
        """Give the tensors of a file the places that their shapes ask for, one behind the other."""
        end = 0
        for entry in self.shards[file].values():
            begin, end = end, end + BYTES[entry["dtype"]] * prod(entry["shape"])
            entry["data_offsets"] = [begin, end]

    def change(self, name: str, **fields: Any) -> None:
        """Change data type or shape of a tensor; the rest of its file moves along."""
        self.entry(name).update(fields)
        self.lay_out(self.index[name])

    def add(self, name: str, dtype: str, shape: Shape, file: str | None = None) -> None:
        """Put one more tensor into a file, the last one if none is named."""
        file = file or max(self.shards)
        self.shards[file][name] = {"dtype": dtype, "shape": list(shape)}
        self.index[name] = file
        self.lay_out(file)

    def remove(self, name: str) -> None:
        """Take a tensor out of its file and out of the index."""
        file = self.index.pop(name)
        del self.shards[file][name]
        self.lay_out(file)

    def write(self, folder: Path) -> Path:
        """Write everything and return the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        documents = {"config.json": self.config, "generation_config.json": GENERATION, **self.extra}
        for name, value in documents.items():
            tiny.write_json(folder / name, value)
        tiny.write_json(folder / INDEX, {"metadata": {}, "weight_map": self.index})
        (folder / "tokenizer.json").write_text(tiny.tokenizer_json(), encoding="utf-8")
        (folder / "chat_template.jinja").write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
        for file in self.shards:
            self.write_shard(folder, file)
        return folder

    def write_shard(self, folder: Path, file: str) -> None:
        """Write one header; the weights behind it are a hole in the file that reads as zeros."""
        header = json.dumps(self.shards[file], separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        end = max((entry["data_offsets"][1] for entry in self.shards[file].values()), default=0)
        with (folder / file).open("wb") as stream:
            stream.write(len(header).to_bytes(8, "little") + header)
            stream.truncate()
        os.truncate(folder / file, 8 + len(header) + end)


def bf16_replica() -> Replica:
    """google/diffusiongemma-26B-A4B-it: 11 shards, 51.65 GB."""
    return _replica([*_common(), *_bf16_experts()], num_shards=11, config=config_json(), extra={})


def nvfp4_replica() -> Replica:
    """nvidia/diffusiongemma-26B-A4B-it-NVFP4: 2 shards, 47,067 tensors."""
    quantisation = {"quant_method": "modelopt", **MODELOPT}
    extra = {"hf_quant_config.json": {"producer": {"name": "modelopt"}, "quantization": MODELOPT}}
    tensors = [*_common(), *_nvfp4_experts()]
    return _replica(tensors, 2, config_json(quantization_config=quantisation), extra)


def _replica(
    tensors: list[tuple[str, str, Shape]], num_shards: int, config: dict[str, Any], extra: dict[str, Any]
) -> Replica:
    """Fill one shard after the other, in the order of the names, as the published repositories do."""
    replica = Replica(config, extra)
    tensors.sort()
    per_shard = -(-sum(BYTES[dtype] * prod(shape) for _, dtype, shape in tensors) // num_shards)
    filled = 0
    for name, dtype, shape in tensors:
        file = f"model-{filled // per_shard + 1:05}-of-{num_shards:05}.safetensors"
        replica.shards.setdefault(file, {})[name] = {"dtype": dtype, "shape": list(shape)}
        replica.index[name] = file
        filled += BYTES[dtype] * prod(shape)
    for file in replica.shards:
        replica.lay_out(file)
    return replica
