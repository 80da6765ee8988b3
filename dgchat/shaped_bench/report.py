"""What was measured at a shape, in words and in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

from dgchat.safe_text import visible
from dgchat.shaped_bench.machine import MachineRates
from dgchat.shaped_bench.passes import Passes
from dgchat.shaped_bench.work import Work

STEP_COUNTS = (12, 16, 48)
"""Denoising steps of a canvas for which the tokens per second are told."""


@dataclass(frozen=True, slots=True)
class ShapedResult:
    subject: dict[str, str]
    """model, device, dtype, weights, ops."""
    canvas_length: int
    prefix: int
    steps: int
    """Denoising steps of one run."""
    repeat: int
    passes: Passes
    rates: MachineRates
    work: tuple[Work, ...]
    peak_memory_bytes: int | None
    """None where nothing tells."""

    @property
    def step_seconds(self) -> float:
        """Median of all steps."""
        return median(self.passes.steps)

    @property
    def floor_seconds(self) -> float:
        """The least a step can take on this machine."""
        return self.rates.floor_seconds(self.work)

    @property
    def achieved_bytes_per_second(self) -> float:
        """What a step reads and writes, over what it takes."""
        return sum(part.num_bytes for part in self.work) / self.step_seconds

    def tokens_per_second(self, steps: int) -> float:
        """Of a canvas of so many steps and its commit, by the medians."""
        return self.canvas_length / (steps * self.step_seconds + median(self.passes.commits))

    @property
    def one_at_a_time(self) -> float | None:
        """Tokens per second of the same weights, one token at a time; None unless measured."""
        return 1 / median(self.passes.tokens) if self.passes.tokens else None


def percentile_95(seconds: tuple[float, ...]) -> float:
    """The least that 95 of 100 do not exceed."""
    return sorted(seconds)[ceil(0.95 * len(seconds)) - 1]


def as_fields(result: ShapedResult) -> dict[str, Any]:
    """The result as one JSON object."""
    rates, alone = result.rates, result.one_at_a_time
    own = result.tokens_per_second(result.steps)
    fields = {
        **result.subject,
        "canvas_length": result.canvas_length,
        "prefix": result.prefix,
        "steps": result.steps,
        "repeat": result.repeat,
        "ms_per_step": result.step_seconds * 1000,
        "ms_per_step_p95": percentile_95(result.passes.steps) * 1000,
        "ms_per_commit": median(result.passes.commits) * 1000,
        "floor_ms": result.floor_seconds * 1000,
        "share_of_floor": result.floor_seconds / result.step_seconds,
        "gb_per_s": result.achieved_bytes_per_second / 1e9,
        "copy_gb_per_s": rates.bytes_per_second / 1e9,
        "share_of_copy": result.achieved_bytes_per_second / rates.bytes_per_second,
        "matrix_tflop_per_s": rates.flop_per_second / 1e12,
        "floor_by_component_ms": {part.name: rates.component_seconds(part) * 1000 for part in result.work},
        "tokens_per_second": {str(steps): result.tokens_per_second(steps) for steps in STEP_COUNTS},
        "peak_memory_bytes": result.peak_memory_bytes,
    }
    if alone is None:
        return fields
    compared = {"tokens_per_second": own, "autoregressive_tokens_per_second": alone, "ratio": own / alone}
    return fields | {"against_autoregressive": compared}


def as_json(result: ShapedResult) -> str:
    """The result as one JSON object on one line."""
    return json.dumps(as_fields(result)) + "\n"


def as_text(result: ShapedResult) -> str:
    """The result for a person."""
    found, subject = as_fields(result), result.subject
    lines = [
        f"{subject['model']} · {subject['device']} · {subject['dtype']} · weights in {subject['weights']}",
        f"{result.repeat} × {result.steps} steps, canvas of {result.canvas_length} tokens behind"
        f" {result.prefix:,}, no early stop",
        f"{found['ms_per_step']:.2f} ms/step (median; p95 {found['ms_per_step_p95']:.2f}),"
        f" {found['ms_per_commit']:.2f} ms for the commit of a canvas",
        f"{found['floor_ms']:.2f} ms/step is the floor: {found['share_of_floor']:.0%} of the time is needed",
        f"{found['gb_per_s']:.1f} GB/s, {found['share_of_copy']:.0%} of the copy bandwidth"
        f" ({found['copy_gb_per_s']:.1f} GB/s; matrices {found['matrix_tflop_per_s']:.2f} TFLOP/s)",
        *(
            f"  {name}: floor {milliseconds:.2f} ms"
            for name, milliseconds in found["floor_by_component_ms"].items()
        ),
        ", ".join(
            f"{rate:.0f} tokens/s at {steps} steps" for steps, rate in found["tokens_per_second"].items()
        ),
    ]
    if against := found.get("against_autoregressive"):
        lines.append(
            f"one token at a time {against['autoregressive_tokens_per_second']:.1f} tokens/s, at"
            f" {result.steps} steps a canvas {against['tokens_per_second']:.1f}:"
            f" {against['ratio']:.2f} times as fast"
        )
    return visible("\n".join(lines)) + "\n"
