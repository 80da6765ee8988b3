"""A window that is being dragged changes its size all the time, and a layout takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual import events
from textual.geometry import Size
from textual.screen import Screen

PAUSE_SECONDS = 0.25
"""From one change of size that is followed to the next."""


class ResizePace:
    """Lets the first change of size pass at once, and of those that come right behind it only the last."""

    def __init__(self, later: Callable[[float, Callable[[], object]], object]) -> None:
        """`later` calls something after so many seconds."""
        self._later = later
        self._passed_at = -PAUSE_SECONDS
        self._held: events.Resize | None = None
        self._released: events.Resize | None = None

    def passes(self, event: events.Resize, again: Callable[[events.Resize], object]) -> bool:
        """Whether the event is to be followed now; if not, `again` is called with the last one held."""
        now, is_released = monotonic(), event is self._released
        is_quiet = self._held is None and self._released is None and now >= self._passed_at + PAUSE_SECONDS
        if is_released or is_quiet:
            self._released, self._passed_at = None, now
            return True
        if self._held is None:
            self._later(PAUSE_SECONDS, lambda: self._release(again))
        self._held = event
        return False

    def _release(self, again: Callable[[events.Resize], object]) -> None:
        if self._released is not None:  # it is still on its way: none overtakes another
            self._later(PAUSE_SECONDS, lambda: self._release(again))
            return
        self._released, self._held = self._held, None
        if self._released is not None:
            again(self._released)


class SizedOnce(Screen[None]):
    """Is laid out once in a size: textual tells it of the same one again after its layout, and once for each
    screen that lies over it.
    """

    def _screen_resized(self, size: Size) -> None:
        if size != self.outer_size:
            super()._screen_resized(size)
