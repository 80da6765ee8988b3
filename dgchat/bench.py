"""`dgchat bench`: denoising steps per second, with early stopping off: every run does the same work."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass, replace
from statistics import median
from threading import Event as Flag
from typing import TextIO

from dgchat.engine.events import ChatMessage, Engine, EngineInfo, GenerationRequest
from dgchat.engine.trace import Trace
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader, Loading

PROMPT = "Tell me a story about the sea."
SEED = 1
DEFAULT_STEPS = 16

NEVER_CONFIDENT = -1.0
"""As a confidence threshold: no mean entropy is below it, so a canvas never stops early."""


@dataclass(frozen=True, slots=True)
class BenchResult:
    info: EngineInfo
    """What was measured, and where."""
    steps: int
    """Denoising steps of one run."""
    runs: tuple[tuple[float, ...], ...]
    """Seconds of every step of every run; the warm-up run is left out."""

    @property
    def step_seconds(self) -> list[float]:
        """Seconds of every measured step."""
        return [seconds for run in self.runs for seconds in run]

    @property
    def steps_per_second(self) -> float:
        """All measured steps over the time they took."""
        return len(self.step_seconds) / sum(self.step_seconds)


def run_bench(engine_loader: EngineLoader, steps: int | None, repeat: int, *, json: bool, out: TextIO) -> int:
    """Measure and report on `out`; returns the exit code."""
    result = measure(engine_loader(Loading()), steps or DEFAULT_STEPS, repeat)
    out.write(as_json(result) if json else as_text(result))
    return 0


def measure(engine: Engine, steps: int, repeat: int) -> BenchResult:
    """Denoise one canvas for `steps` steps, once unmeasured and then `repeat` times."""
    info = engine.info()
    request = GenerationRequest(
        messages=(ChatMessage("user", PROMPT),),
        max_new_tokens=info.canvas_length,
        sampler=replace(info.sampler, max_denoising_steps=steps, confidence_threshold=NEVER_CONFIDENT),
        seed=SEED,
    )
    runs = [_step_seconds(engine, request) for _ in range(repeat + 1)]
    return BenchResult(info, steps, tuple(runs[1:]))


def as_json(result: BenchResult) -> str:
    """The result as one JSON object on one line."""
    milliseconds = [seconds * 1000 for seconds in result.step_seconds]
    return (
        json_format.dumps(
            {
                "model": result.info.model,
                "device": result.info.device,
                "dtype": result.info.dtype,
                "ops": result.info.ops_reason,
                "canvas_length": result.info.canvas_length,
                "steps": result.steps,
                "repeat": len(result.runs),
                "steps_per_second": result.steps_per_second,
                "ms_per_step": median(milliseconds),
                "ms_per_step_min": min(milliseconds),
                "ms_per_step_max": max(milliseconds),
            }
        )
        + "\n"
    )


def as_text(result: BenchResult) -> str:
    """The result for a person."""
    milliseconds = [seconds * 1000 for seconds in result.step_seconds]
    info = result.info
    lines = (
        f"{info.model} · {info.device} · {info.dtype} · {info.parameters / 1e6:,.1f} M parameters",
        f"{len(result.runs)} × {result.steps} steps, canvas of {info.canvas_length} tokens, no early stop",
        f"{result.steps_per_second:.1f} steps/s",
        f"{median(milliseconds):.1f} ms/step (median; {min(milliseconds):.1f} to {max(milliseconds):.1f})",
    )
    return visible("\n".join(lines)) + "\n"


def _step_seconds(engine: Engine, request: GenerationRequest) -> tuple[float, ...]:
    trace = Trace()
    engine.generate(request, trace.record, Flag())
    return tuple(step.seconds for step in trace)
