"""`dgchat bench --batch N`: N prompts answered together against the same N one after another."""

from __future__ import annotations

import json as json_format
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from threading import Event as Flag
from typing import TextIO

from dgchat.engine.events import (
    ChatMessage,
    Engine,
    EngineInfo,
    Finished,
    GenerationRequest,
    SamplerConfig,
)
from dgchat.engine.in_turn import generate_all
from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader, Loading

PROMPTS = (
    "Tell me a story about the sea.",
    "What is the capital of France?",
    "Write a poem about autumn.",
    "Who are you?",
    "Tell me a joke.",
    "What is a whale?",
    "Tell me a story about a fox.",
    "What do you like?",
)
"""Asked in turn, each with a seed of its own."""


@dataclass(frozen=True, slots=True)
class BatchBenchResult:
    info: EngineInfo
    """What was measured, and where."""
    rows: int
    """Prompts of a run."""
    tokens: int
    """Answer tokens of all measured runs of singles."""
    single_seconds: tuple[float, ...]
    """Wall time of every run, one prompt after another; the warm-up run is left out."""
    batch_seconds: tuple[float, ...]
    """The same, all prompts together."""
    equal_texts: int
    """Texts that are the same both ways, of those of all measured runs."""

    @property
    def compared_texts(self) -> int:
        """Texts of all measured runs; every run has seeds of its own."""
        return self.rows * len(self.single_seconds)

    @property
    def match_rate(self) -> float:
        """Share of the texts that are the same both ways, in the engine's own data type."""
        return self.equal_texts / self.compared_texts

    @property
    def ratio(self) -> float:
        """How many times as fast the batch is, by the medians."""
        return median(self.single_seconds) / median(self.batch_seconds)


def run_bench_batch(
    engine_loader: EngineLoader, rows: int, steps: int | None, repeat: int, *, json: bool, out: TextIO
) -> int:
    """Measure and report on `out`; returns the exit code."""
    result = measure_batch(engine_loader(Loading()), rows, steps, repeat)
    out.write(_as_json(result) if json else _as_text(result))
    return 0


def measure_batch(engine: Engine, rows: int, steps: int | None, repeat: int) -> BatchBenchResult:
    """Answer `rows` prompts as users do, early stopping and all, alone by turns and together: once unmeasured
    and then `repeat` times, with other seeds each time.
    """
    info = engine.info()
    sampler = replace(info.sampler, max_denoising_steps=steps or info.sampler.max_denoising_steps)
    runs = [_run(engine, _requests(rows, first * rows, info, sampler)) for first in range(repeat + 1)][1:]
    return BatchBenchResult(
        info=info,
        rows=rows,
        tokens=sum(one.tokens for one in runs),
        single_seconds=tuple(one.single_seconds for one in runs),
        batch_seconds=tuple(one.batch_seconds for one in runs),
        equal_texts=sum(one.equal_texts for one in runs),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    single_seconds: float
    batch_seconds: float
    tokens: int
    equal_texts: int


def _run(engine: Engine, requests: list[GenerationRequest]) -> _Run:
    alone: list[Finished] = []
    together: dict[int, Finished | DgchatError] = {}

    def singly() -> None:
        alone.extend(engine.generate(request, lambda event: None, Flag()) for request in requests)

    def at_once() -> None:
        generate_all(engine, requests, len(requests), lambda row, event: None, together.__setitem__, Flag())

    single_seconds, batch_seconds = _seconds(singly), _seconds(at_once)
    both = [(one, together[row]) for row, one in enumerate(alone)]
    return _Run(
        single_seconds,
        batch_seconds,
        tokens=sum(one.stats.generated_tokens for one in alone),
        equal_texts=sum(isinstance(row, Finished) and row.text == one.text for one, row in both),
    )


def _requests(
    rows: int, first_seed: int, info: EngineInfo, sampler: SamplerConfig
) -> list[GenerationRequest]:
    return [
        GenerationRequest((_asked(row),), 2 * info.canvas_length, sampler, seed=first_seed + row)
        for row in range(rows)
    ]


def _asked(row: int) -> ChatMessage:
    return ChatMessage("user", PROMPTS[row % len(PROMPTS)])


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _as_json(result: BatchBenchResult) -> str:
    single, batch = median(result.single_seconds), median(result.batch_seconds)
    fields = {
        "model": result.info.model,
        "device": result.info.device,
        "dtype": result.info.dtype,
        "batch": result.rows,
        "repeat": len(result.single_seconds),
        "single_seconds": single,
        "batch_seconds": batch,
        "single_tokens_per_second": result.tokens / sum(result.single_seconds),
        "batch_tokens_per_second": result.tokens / sum(result.batch_seconds),
        "ratio": result.ratio,
        "equal_texts": result.equal_texts,
        "compared_texts": result.compared_texts,
        "match_rate": result.match_rate,
    }
    return json_format.dumps(fields) + "\n"


def _as_text(result: BatchBenchResult) -> str:
    single, batch, info = median(result.single_seconds), median(result.batch_seconds), result.info
    lines = (
        f"{info.model} · {info.device} · {info.dtype} · {result.rows} prompts",
        f"one after another {single:.2f} s, together {batch:.2f} s: {result.ratio:.2f} times as fast",
        f"{result.equal_texts} of {result.compared_texts} texts equal in {info.dtype}:"
        f" {result.match_rate:.1%}",
    )
    return visible("\n".join(lines)) + "\n"
