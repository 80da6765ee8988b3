"""A download that stands still is noticed by the clock."""

from __future__ import annotations

from dgchat.hub.stall import STALL_SECONDS, StallWatch


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_without_a_byte_is_a_stall_and_a_byte_ends_it():
    clock = Clock()
    watch = StallWatch(clock)
    assert watch.seconds_stalled(10) is None
    clock.now += STALL_SECONDS - 1
    assert watch.seconds_stalled(10) is None
    clock.now += 4
    assert watch.seconds_stalled(10) == STALL_SECONDS + 3
    assert watch.seconds_stalled(11) is None
    clock.now += STALL_SECONDS
    assert watch.seconds_stalled(11) == STALL_SECONDS


def test_a_download_that_never_begins_is_stalled_too():
    clock = Clock()
    watch = StallWatch(clock)
    clock.now += STALL_SECONDS
    assert watch.seconds_stalled(0) == STALL_SECONDS


def test_slow_is_not_stalled():
    clock = Clock()
    watch = StallWatch(clock)
    for count in range(1, 10):
        clock.now += STALL_SECONDS - 1
        assert watch.seconds_stalled(count) is None
