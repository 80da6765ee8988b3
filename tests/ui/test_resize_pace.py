"""A window that is dragged is laid out a few times a second, and at the end in its last size."""

from __future__ import annotations

import pytest
from textual import events
from textual.geometry import Size

from dgchat.ui import resize_pace
from dgchat.ui.resize_pace import PAUSE_SECONDS, ResizePace


def resized(width: int) -> events.Resize:
    return events.Resize(Size(width, 24), Size(width, 24))


def test_the_first_passes_at_once_and_of_those_behind_it_the_last(monkeypatch: pytest.MonkeyPatch):
    now, timers, again = [100.0], [], []
    monkeypatch.setattr(resize_pace, "monotonic", lambda: now[0])
    pace = ResizePace(lambda seconds, release: timers.append(release))
    assert pace.passes(resized(80), again.append)
    followed = [resized(width) for width in (81, 82, 83)]
    for event in followed:
        now[0] += PAUSE_SECONDS / 10
        assert not pace.passes(event, again.append)
    assert len(timers) == 1
    timers[0]()
    assert again == [followed[-1]]
    assert pace.passes(followed[-1], again.append)


def test_a_change_of_size_after_a_while_passes_at_once(monkeypatch: pytest.MonkeyPatch):
    now: list[float] = [100.0]
    monkeypatch.setattr(resize_pace, "monotonic", lambda: now[0])
    pace = ResizePace(lambda seconds, release: None)
    assert pace.passes(resized(80), lambda event: None)
    now[0] += PAUSE_SECONDS
    assert pace.passes(resized(81), lambda event: None)


def test_a_change_that_comes_while_the_last_one_is_on_its_way_is_followed_after_it(
    monkeypatch: pytest.MonkeyPatch,
):
    now, timers, again = [100.0], [], []
    monkeypatch.setattr(resize_pace, "monotonic", lambda: now[0])
    pace = ResizePace(lambda seconds, release: timers.append(release))
    first, second, third = resized(80), resized(81), resized(82)
    assert pace.passes(first, again.append)
    assert not pace.passes(second, again.append)
    timers.pop()()
    now[0] += 10 * PAUSE_SECONDS
    assert not pace.passes(third, again.append)
    assert pace.passes(second, again.append)
    timers.pop()()
    assert again == [second, third]
    assert pace.passes(third, again.append)
