"""What is measured: a checkpoint that is loaded, or random weights at real shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dgchat.checkpoint.folder import LoadedCheckpoint
from dgchat.checkpoint.plan import MemoryPlanner, choose_plan, within
from dgchat.engine.device import choose_device, free_memory, leave_a_core_free
from dgchat.engine.out_of_memory import refused_when_full
from dgchat.hub.known import KNOWN
from dgchat.model.config import ModelConfig
from dgchat.model.quantised import pack_modules
from dgchat.model.transformer import DiffusionGemma
from dgchat.paths import bundled_model
from dgchat_kernels import Ops, select
from dgchat_kernels.ops import PLAIN

Shape = Literal["26b", "nano"]
Weights = Literal["fp32", "bf16", "nvfp4"]


_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16"}


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    model: DiffusionGemma
    device: torch.device
    dtype: torch.dtype
    """Data type of the computation."""
    weights: str
    """How the weights are stored."""
    ops_reason: str


def loaded_subject(loaded: LoadedCheckpoint) -> Subject:
    """A checkpoint as it was loaded."""
    weights = (
        _NAMES.get(loaded.dtype, str(loaded.dtype)) if loaded.quantisation == "none" else loaded.quantisation
    )
    return Subject(loaded.name, loaded.model, loaded.device, loaded.dtype, weights, loaded.ops_reason)


def random_subject(shape: Shape, weights: Weights | None, device: str, context: int) -> Subject:
    """Random weights with room for `context` tokens; InsufficientMemoryError, before any is made, if they do
    not fit. Left out, `weights` are fp32 on a CPU, else bf16; of nvfp4 only the experts are packed.
    """
    target = torch.device(choose_device(device))
    weights = weights or ("fp32" if target.type == "cpu" else "bf16")
    is_wide = weights == "fp32" or (weights == "nvfp4" and target.type == "cpu")
    dtype = torch.float32 if is_wide else torch.bfloat16
    leave_a_core_free()
    config = within(config_of(shape), context)
    ops, reason = select(target, dtype)
    model = empty_model(config, weights, dtype, ops)
    name = f"random {shape}"
    planner = MemoryPlanner(config, _num_bytes(model), target.type, dtype, weights == "nvfp4")
    choose_plan(planner, name, free_memory(target.type), context, "--shape")
    with refused_when_full(name, target.type, context):
        _fill(model, target)
    return Subject(name, model, target, dtype, weights, reason)


def config_of(shape: Shape) -> ModelConfig:
    """The sizes of the real model or of the bundled one."""
    if shape == "26b":
        return ModelConfig.from_json(KNOWN[0].configuration().config)
    return ModelConfig.from_json(json.loads(Path(bundled_model(), "config.json").read_text("utf-8")))


def empty_model(
    config: ModelConfig, weights: Weights, dtype: torch.dtype, ops: Ops = PLAIN
) -> DiffusionGemma:
    """A model of these sizes without any memory for its weights."""
    with torch.device("meta"):
        model = DiffusionGemma(config, ops).to(dtype)
        if weights == "nvfp4":
            experts = [f"layers.{index}.experts" for index in range(len(config.layers))]
            pack_modules(model, experts, "nvfp4", ops)
    return model.requires_grad_(False).eval()


def _num_bytes(model: DiffusionGemma) -> int:
    return sum(value.nbytes for value in model.state_dict().values())


def _fill(model: DiffusionGemma, device: torch.device) -> None:
    maker = torch.Generator(device).manual_seed(1)
    state = {name: _random(name, value, device, maker) for name, value in model.state_dict().items()}
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(False)
    model.place_frequencies(device)


def _random(name: str, like: Tensor, device: torch.device, maker: torch.Generator) -> Tensor:
    """Weights of the usual size; norms and scalars are ones."""
    made = torch.empty(like.shape, dtype=like.dtype, device=device)
    if like.dtype == torch.uint8:
        return made.random_(0, 256, generator=maker)
    if like.dtype == torch.float8_e4m3fn:
        return made.fill_(1)
    if name.endswith("global_scale"):
        return made.fill_(0.01)
    if like.ndim == 1:
        return made.fill_(1)
    return made.normal_(0, like.shape[-1] ** -0.5, generator=maker)
