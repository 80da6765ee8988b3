"""Tiny random checkpoints of varied shapes, saved by transformers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import (
    DiffusionGemmaConfig,
    DiffusionGemmaForBlockDiffusion,
    DiffusionGemmaTextConfig,
    Gemma4VisionConfig,
)
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

TEMPLATE = "{% for message in messages %}{{ message.content }} {% endfor %}"
"""A prompt is its messages, one after the other: no ids but theirs."""

LAYER_TYPES = {"S": "sliding_attention", "F": "full_attention"}

SMALL_VISION = Gemma4VisionConfig(
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
    head_dim=8,
    patch_size=4,
    position_embedding_size=8,
)
"""transformers builds a vision tower in any case; ours is text only and skips it."""

Dialect = Literal["per_layer_config", "global"]
"""How config.json tells the shape of full-attention layers: as transformers re-saves it, or as published."""


@dataclass(frozen=True, slots=True)
class Case:
    """One checkpoint: shape, how peaked its predictions are, generation defaults, how it is stored."""

    name: str
    layers: str = "SSF"
    """One letter per layer: Sliding or Full attention; the last is always full."""
    hidden: int = 32
    heads: int = 4
    kv_heads: int = 2
    global_kv_heads: int = 1
    head_dim: int = 8
    global_head_dim: int = 16
    rotary: float = 0.25
    """Share of a full-attention head that is rotated."""
    softcap: float = 30.0
    experts: int = 4
    top_k: int = 2
    vocab: int = 100
    window: int = 8
    canvas: int = 8
    prefix: int = 12
    """Tokens of the first prompt; the window is `window`, of which a sliding layer caches one less."""
    sharpness: float = 1.0
    """Factor on the final norm's weight: how peaked the predictions are."""
    change: float = 1.0
    """Factor on what layers add to a token's embedding: the lower, the sooner a canvas settles."""
    stability: int = 1
    confidence: float = 0.005
    entropy_bound: float = 0.1
    max_steps: int = 10
    eos: tuple[int, ...] = (1, 7)
    dialect: Dialect = "per_layer_config"
    shard_size: str = "1GB"

    @property
    def is_sharpened(self) -> bool:
        return self.sharpness > 1.0


def random_ids(case: Case, purpose: str, length: int) -> list[int]:
    """Ids that a prompt may hold: neither padding nor end of turn."""
    allowed = [token for token in range(1, case.vocab) if token not in case.eos]
    return _random(case.name, purpose).choice(allowed, size=length).tolist()


def words(ids: Iterable[int]) -> str:
    """The text that the tiny checkpoints' tokenizer turns into these ids, and back: one word per token."""
    return " ".join(f"w{token}" for token in ids)


def save_checkpoint(case: Case, folder: Path) -> None:
    """Write the case's checkpoint: what transformers saves, a tokenizer and a chat template."""
    model = DiffusionGemmaForBlockDiffusion(_config(case))
    _randomise(model, case)
    model.generation_config = _generation_config(case)
    model.save_pretrained(folder, max_shard_size=case.shard_size)
    if case.dialect == "global":
        path = folder / "config.json"
        path.write_text(json.dumps(rewrite_as_global(json.loads(path.read_text()), case)))
    tokenizer = Tokenizer(
        WordLevel({words([token]): token for token in range(case.vocab)}, unk_token=words([0]))
    )
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)


def rewrite_as_global(config: dict[str, Any], case: Case) -> dict[str, Any]:
    """A re-saved config.json that tells the shape of full-attention layers as the published one does."""
    text = {name: value for name, value in config["text_config"].items() if name != "per_layer_config"}
    text |= {"global_head_dim": case.global_head_dim, "num_global_key_value_heads": case.global_kv_heads}
    return config | {"text_config": text}


def _config(case: Case) -> DiffusionGemmaConfig:
    text = DiffusionGemmaTextConfig(
        vocab_size=case.vocab,
        hidden_size=case.hidden,
        intermediate_size=case.hidden + 16,
        num_hidden_layers=len(case.layers),
        num_attention_heads=case.heads,
        num_key_value_heads=case.kv_heads,
        head_dim=case.head_dim,
        layer_types=[LAYER_TYPES[letter] for letter in case.layers],
        sliding_window=case.window,
        num_experts=case.experts,
        top_k_experts=case.top_k,
        moe_intermediate_size=case.hidden // 2,
        max_position_embeddings=1024,
        use_bidirectional_attention="vision",
        eos_token_id=list(case.eos),
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {
                "rope_type": "proportional",
                "partial_rotary_factor": case.rotary,
                "rope_theta": 1_000_000.0,
            },
        },
        final_logit_softcapping=case.softcap,
        global_head_dim=case.global_head_dim,
        num_global_key_value_heads=case.global_kv_heads,
    )
    return DiffusionGemmaConfig(text_config=text, vision_config=SMALL_VISION, canvas_length=case.canvas)


def _generation_config(case: Case) -> DiffusionGemmaGenerationConfig:
    return DiffusionGemmaGenerationConfig(
        max_new_tokens=4 * case.canvas,
        max_denoising_steps=case.max_steps,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=case.entropy_bound),
        t_min=0.4,
        t_max=0.8,
        stability_threshold=case.stability,
        confidence_threshold=case.confidence,
        pad_token_id=0,
        eos_token_id=list(case.eos),
    )


@torch.no_grad()
def _randomise(model: DiffusionGemmaForBlockDiffusion, case: Case) -> None:
    """Give every weight a value that matters: none is left at zero or one."""
    tensors = dict(model.named_parameters())
    tensors |= {name: value for name, value in model.named_buffers() if name.endswith("layer_scalar")}
    for name, tensor in tensors.items():
        if "vision" not in name:
            tensor.copy_(_random_weight(name, tensor, case))


def _random_weight(name: str, tensor: Tensor, case: Case) -> Tensor:
    random = _random(case.name, name)
    if tensor.ndim > 1:
        values = random.standard_normal(tensor.shape) * (
            1.0 if "router" in name else tensor.shape[-1] ** -0.5
        )
    else:
        values = random.uniform(0.6, 1.4, tensor.shape)
    if name.endswith(("decoder.norm.weight", "language_model.norm.weight")):
        values *= case.sharpness
    if name.endswith(("post_attention_layernorm.weight", "post_feedforward_layernorm.weight")):
        values *= case.change
    if name.endswith("self_conditioning.down_proj.weight"):
        values *= case.change
    return torch.from_numpy(values).to(tensor.dtype)


def _random(*key: str) -> np.random.Generator:
    return np.random.default_rng([crc32(part.encode()) for part in key])


CASES = (
    # plain: near-uniform predictions, one token accepted per step
    Case("one full layer", layers="F", prefix=1),
    Case("two full layers", layers="FF", heads=2, global_kv_heads=2, head_dim=16, prefix=9, canvas=5),
    Case("prefix one short of the window", window=13, prefix=11, dialect="global"),
    Case("prefix fills the window", window=13, prefix=12, experts=8, top_k=3),
    Case("prefix one past the window", window=13, prefix=13, kv_heads=4, vocab=64),
    Case("window of two", layers="SSSF", window=2, prefix=20, head_dim=16, heads=2, dialect="global"),
    Case("window wider than everything", layers="SFSF", window=200, prefix=30, hidden=48),
    Case("one expert of two", experts=2, top_k=1, vocab=130, canvas=12, softcap=5.0, shard_size="60KB"),
    Case("all experts", experts=4, top_k=4, hidden=64, kv_heads=1, prefix=25),
    Case("sixteen experts", layers="SF", experts=16, top_k=8, global_head_dim=32, dialect="global"),
    Case(
        "same heads in every layer",
        head_dim=16,
        global_head_dim=16,
        kv_heads=2,
        global_kv_heads=2,
        rotary=0.5,
    ),
    Case(
        "same heads, global dialect",
        heads=8,
        kv_heads=4,
        global_kv_heads=4,
        global_head_dim=8,
        dialect="global",
    ),
    # sharpened: peaked predictions that settle sooner the less the layers change them
    Case("settles at once", sharpness=6.0, change=0.2, canvas=4, prefix=7),
    Case("settles soon", layers="SSFSF", sharpness=3.0, change=0.2, window=5, prefix=21, shard_size="60KB"),
    Case("settles in between", sharpness=10.0, change=0.4, experts=8, canvas=12, vocab=150, eos=(1, 7, 9)),
    Case(
        "settles late", sharpness=10.0, change=0.6, max_steps=16, heads=8, global_kv_heads=2, dialect="global"
    ),
    Case("seldom settles", sharpness=6.0, change=0.8, hidden=64, canvas=16, vocab=200, window=16, prefix=40),
    Case("sharp and restless", sharpness=8.0, layers="SSSSSF", window=6, prefix=17, max_steps=6),
    Case("stable twice", sharpness=6.0, change=0.2, stability=2, vocab=64, max_steps=14),
    Case(
        "stable twice, long canvas", sharpness=10.0, change=0.3, stability=2, canvas=16, window=4, prefix=33
    ),
    Case(
        "stable twice, global", sharpness=6.0, change=0.3, stability=2, heads=2, head_dim=12, dialect="global"
    ),
    Case("stable without history", sharpness=6.0, change=0.3, stability=0, confidence=0.05, kv_heads=1),
    Case(
        "generous bound", sharpness=3.0, change=0.5, entropy_bound=2.0, confidence=0.2, eos=(1, 3, 5, 9, 11)
    ),
    Case("ends early", sharpness=6.0, change=0.3, vocab=64, canvas=6, eos=(1, 10, 20, 30), shard_size="60KB"),
    Case(
        "ends later",
        layers="SFF",
        sharpness=5.0,
        change=0.3,
        vocab=90,
        canvas=4,
        eos=(1, 10),
        global_head_dim=24,
    ),
)

SUBJECTS: dict[str, Case | None] = {case.name: case for case in CASES} | {"the bundled model": None}
"""What parity is shown on, by name."""
