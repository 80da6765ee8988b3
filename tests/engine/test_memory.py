"""What a step and a prompt take beside weights and cache stays within the planned workspace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from threading import Event

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile

from dgchat.checkpoint.workspace import CUBLAS_BYTES, workspace_bytes
from dgchat.engine.canvas import Canvas
from dgchat.engine.denoise import denoise
from dgchat.engine.draws import Draws
from dgchat.engine.encode import encode
from dgchat.engine.events import SamplerConfig
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.prefix_rows import ConversationRow
from dgchat.model.config import ModelConfig
from dgchat.model.transformer import DiffusionGemma
from dgchat.training.trainer import initialise
from dgchat_kernels import select
from tiny import model_config

CPU = torch.device("cpu")


def peak_bytes(work: Callable[[], object]) -> int:
    """The most that `work` has allocated at any moment, less what it has freed."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    assert recorded.profiler is not None
    assert recorded.profiler.kineto_results is not None
    events = [one for one in recorded.profiler.kineto_results.events() if one.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda one: one.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def wide_vocabulary() -> ModelConfig:
    """A step spends most on its logits."""
    config = model_config(vocab_size=16_384, num_experts=12)
    return replace(config, canvas_length=64, max_position_embeddings=512)


def long_context() -> ModelConfig:
    """Most goes into the attention to what has been read."""
    kinds = ["full_attention", "sliding_attention"]  # the last layer of a prompt attends to nothing
    config = model_config(vocab_size=512, num_attention_heads=8, num_experts=12, layer_types=kinds)
    return replace(config, canvas_length=64, max_position_embeddings=4096)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("make_config", [wide_vocabulary, long_context])
def test_the_workspace_bounds_what_a_prompt_and_two_steps_allocate(
    make_config: Callable[[], ModelConfig], dtype: torch.dtype, device: str
):
    config = make_config()
    model = DiffusionGemma(config, select(CPU)[0])
    initialise(model, seed=1)
    model.requires_grad_(False).to(dtype)
    context = config.max_position_embeddings
    cache = KVCache(config, CPU, dtype)
    cache.reserve(context)
    prompt = [1] * (context - config.canvas_length)
    sampler = SamplerConfig(max_denoising_steps=2, confidence_threshold=-1.0)

    @torch.inference_mode()
    def answer() -> None:
        encode(model, cache, prompt, Event())
        canvas = Canvas(model, 0, sampler, Draws(1, CPU))
        steps = denoise(model, ConversationRow(model, cache, 0, Event()), [canvas])
        next(steps), next(steps)

    # what torch does on a GPU for heads of 512 it can be made to do here
    with sdpa_kernel(SDPBackend.MATH) if device == "cuda" else nullcontext():
        measured = peak_bytes(answer)
    planned = workspace_bytes(config, context, device, dtype) - (CUBLAS_BYTES if device == "cuda" else 0)
    assert measured <= planned <= 1.5 * measured
