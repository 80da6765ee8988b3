"""Frames give way on a machine that is late."""

from __future__ import annotations

from dgchat.ui.frame_clock import MAX_INTERVAL_SECONDS, FrameClock


def frames(tick_seconds: float, ticks: int) -> int:
    clock = FrameClock(20)
    return sum(clock.is_due(tick * tick_seconds) for tick in range(ticks))


def test_a_punctual_timer_draws_at_every_tick():
    assert frames(0.05, 100) == 100


def test_a_timer_that_is_late_draws_less_often():
    assert frames(0.2, 100) < 70


def test_however_late_there_are_some_frames():
    clock = FrameClock(20)
    for tick in range(50):
        clock.is_due(tick * 3.0)
    assert clock.interval == MAX_INTERVAL_SECONDS
    assert clock.is_due(1_000.0)


def test_a_machine_that_recovers_gets_its_frames_back():
    clock = FrameClock(20)
    now = 0.0
    for _ in range(20):
        now += 0.3
        clock.is_due(now)
    for _ in range(60):
        now += 0.05
        clock.is_due(now)
    assert clock.interval < 0.06
