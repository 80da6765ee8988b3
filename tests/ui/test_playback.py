"""Which step is drawn when."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest

from dgchat.engine.events import CanvasStep
from dgchat.engine.trace import Trace
from dgchat.ui.playback import MAX_TRAIL_SECONDS, Playback

TICK = 0.05


def step(canvas_index: int, number: int) -> CanvasStep:
    return CanvasStep(canvas_index, number, 48, 0.5, array("q"), (), b"", b"", 0.001, None)


def play(canvases: list[int], step_seconds: float, trailing: bool = True) -> tuple[list[int], float, float]:
    """Indices drawn, seconds from the first drawing to the end, and seconds behind the engine at the end."""
    trace = Trace()
    events = [step(canvas, number) for canvas, steps in enumerate(canvases) for number in range(1, steps + 1)]
    playback = Playback(trace, 1 / TICK, trailing)
    drawn: list[tuple[float, int]] = []
    for tick in range(10_000):
        now = tick * TICK
        while len(trace) < min(len(events), int(now / step_seconds + 1e-9)):
            trace.record(events[len(trace)])
        is_done = len(trace) == len(events)
        finished = len(canvases) if is_done else (trace[len(trace) - 1].canvas_index if len(trace) else 0)
        index = playback.next_step(now, finished)
        if index is not None:
            drawn.append((now, index))
        elif is_done and playback.is_over(now, finished):
            return [index for _, index in drawn], now - drawn[0][0], now - len(events) * step_seconds
    raise AssertionError("it never ended")


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 12])
def test_a_fast_short_canvas_is_seen_step_by_step_for_half_a_second(steps):
    drawn, seconds, _ = play([steps], step_seconds=0.001)
    assert drawn == list(range(steps))
    assert 0.5 <= seconds <= MAX_TRAIL_SECONDS


def test_several_fast_canvases_share_the_trail():
    drawn, seconds, _ = play([2, 2, 2, 2], step_seconds=0.001)
    assert drawn == list(range(8))
    assert seconds <= MAX_TRAIL_SECONDS + 2 * TICK


@pytest.mark.parametrize("canvases", [[48], [48] * 4, [48] * 16])
def test_a_long_answer_skips_evenly_rather_than_trail_too_far(canvases):
    drawn, _, behind = play(canvases, step_seconds=0.002)
    strides = [later - earlier for earlier, later in pairwise(drawn[12:])]
    assert behind <= MAX_TRAIL_SECONDS + 2 * TICK
    assert drawn[-1] == sum(canvases) - 1
    assert max(strides) - min(strides) <= max(1, max(strides) // 2)


def test_a_slow_engine_is_shown_as_it_goes():
    drawn, _, behind = play([8], step_seconds=0.3)
    assert drawn == list(range(8))
    assert behind < 3 * TICK


def test_without_a_trail_only_the_newest_step_is_drawn():
    drawn, seconds, _ = play([48], step_seconds=0.005, trailing=False)
    assert len(drawn) <= 6
    assert drawn[-1] == 47
    assert seconds <= 0.4


def test_catching_up_ends_the_trail_at_once():
    trace = Trace()
    for number in range(1, 13):
        trace.record(step(0, number))
    playback = Playback(trace, 20)
    assert playback.next_step(0.0, 1) == 0
    playback.catch_up()
    assert playback.next_step(TICK, 1) == 11
    assert playback.is_over(TICK, 1)
