"""A window that is being dragged changes its size all the time, and a layout takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual import events

PAUSE_SECONDS = 0.1
"""From one change of size that is followed to the next."""


class ResizePace:
    """Lets the first change of size pass at once, and of those that come right behind it only the last."""

    def __init__(self, later: Callable[[float, Callable[[], object]], object]) -> None:
        """`later` calls something after so many seconds."""
        self._later = later
        self._passed_at = -PAUSE_SECONDS
        self._held: events.Resize | None = None

    def passes(self, event: events.Resize, again: Callable[[events.Resize], object]) -> bool:
        """Whether the event is to be followed now; if not, `again` is called with the last one held."""
        left = self._passed_at + PAUSE_SECONDS - monotonic()
        if left <= 0 and (self._held is None or self._held is event):
            self._passed_at, self._held = monotonic(), None
            return True
        if self._held is None:
            self._later(max(left, 0), lambda: self._release(again))
        self._held = event
        return False

    def _release(self, again: Callable[[events.Resize], object]) -> None:
        event = self._held
        if event is not None:
            self._passed_at = -PAUSE_SECONDS
            again(event)
