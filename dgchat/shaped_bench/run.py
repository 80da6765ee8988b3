"""Measure at a shape, or refuse to: no figures of ops that do not compute what they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

import torch

from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.out_of_memory import refused_when_full
from dgchat.errors import DgchatError, UsageError
from dgchat.session.loading import EngineLoader, Loading
from dgchat.shaped_bench.machine import measure_machine
from dgchat.shaped_bench.passes import time_passes
from dgchat.shaped_bench.report import ShapedResult, as_json, as_text
from dgchat.shaped_bench.subject import Shape, Subject, Weights, loaded_subject, random_subject
from dgchat.shaped_bench.work import work_of_step
from dgchat_kernels.parity import faults

DEFAULT_STEPS = 16
ROOM = 1024
"""Tokens of context beyond prefix and canvas, so that a plan has its least."""


@dataclass(frozen=True, slots=True)
class ShapedBench:
    """What is asked for."""

    shape: Shape | None
    """Random weights of this shape; None: the checkpoint of the settings."""
    weights: Weights | None
    prefix: int
    """Tokens before the canvas."""
    steps: int | None
    repeat: int
    autoregressive: bool
    """Measure the same weights one token at a time too."""


def run_shaped_bench(
    asked: ShapedBench, engine_loader: EngineLoader, device: str, *, json: bool, out: TextIO
) -> int:
    """Measure and report on `out`; returns the exit code."""
    result = measure_shape(asked, _subject(asked, engine_loader, device))
    out.write(as_json(result) if json else as_text(result))
    return 0


def measure_shape(asked: ShapedBench, subject: Subject) -> ShapedResult:
    """The figures; DgchatError instead if an op of the subject is off."""
    if found := faults(subject.model.ops, subject.device, subject.dtype):
        raise DgchatError(
            f"no figures, for what is fast here is wrong: {'; '.join(found)}",
            hint="dgchat doctor names who computes; please report it",
        )
    config, steps = subject.model.config, asked.steps or DEFAULT_STEPS
    on_cuda = subject.device.type == "cuda"
    rates = measure_machine(subject.device, subject.dtype)
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    with refused_when_full(subject.name, subject.device.type, asked.prefix, "a shorter --prefix"):
        passes = time_passes(subject, asked.prefix, steps, asked.repeat, one_at_a_time=asked.autoregressive)
    return ShapedResult(
        subject={
            "model": subject.name,
            "device": torch.cuda.get_device_name(subject.device) if on_cuda else subject.device.type,
            "dtype": str(subject.dtype).removeprefix("torch."),
            "weights": subject.weights,
            "ops": subject.ops_reason,
        },
        canvas_length=config.canvas_length,
        prefix=asked.prefix,
        steps=steps,
        repeat=asked.repeat,
        passes=passes,
        rates=rates,
        work=tuple(work_of_step(subject.model, subject.dtype, asked.prefix)),
        peak_memory_bytes=torch.cuda.max_memory_allocated() if on_cuda else None,
    )


def _subject(asked: ShapedBench, engine_loader: EngineLoader, device: str) -> Subject:
    if asked.shape is not None:
        return random_subject(asked.shape, asked.weights, device, asked.prefix + ROOM)
    engine = engine_loader(Loading())
    assert isinstance(engine, DiffusionEngine)
    config = engine.checkpoint.model.config
    room = config.max_position_embeddings - config.canvas_length
    if asked.prefix > room:
        raise UsageError(f"--prefix is {asked.prefix}, this model has room for {room}")
    return loaded_subject(engine.checkpoint)
