"""The trace: every denoising step, and nothing else."""

from __future__ import annotations

from array import array

import pytest

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    Prefilled,
    StopReason,
    entropy_of_level,
)
from dgchat.engine.trace import Trace


def step(canvas_index: int, number: int, levels: bytes = b"\0\0") -> CanvasStep:
    return CanvasStep(
        canvas_index, number, 4, 0.8, array("i", [3, 4]), ("a", "b"), levels, b"\1\0", 0.1, None
    )


def recorded() -> Trace:
    trace = Trace()
    for event in (
        Prefilled(3, 0, 0, 0.1),
        CanvasStarted(0, 2, 2),
        step(0, 1),
        step(0, 2),
        CanvasCommitted(0, "ab", 2, StopReason.STABLE),
        step(1, 1),
    ):
        trace.record(event)
    return trace


def test_a_trace_keeps_the_steps_in_order_and_no_other_event():
    trace = recorded()
    assert [(one.canvas_index, one.step) for one in trace] == [(0, 1), (0, 2), (1, 1)]
    assert len(trace) == 3
    assert trace[2].canvas_index == 1


def test_a_trace_gives_the_steps_of_one_canvas():
    assert [one.step for one in recorded().canvas(0)] == [1, 2]
    assert recorded().canvas(2) == []


def test_a_steps_mean_entropy_is_that_of_its_levels():
    expected = (entropy_of_level(10) + entropy_of_level(200)) / 2
    assert step(0, 1, bytes([10, 200])).mean_entropy == pytest.approx(expected)
