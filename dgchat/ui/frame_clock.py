"""How often frames are drawn: as often as is asked for, less often on a machine that is late for its own timer."""

from __future__ import annotations

MAX_INTERVAL_SECONDS = 0.5
"""However busy the machine is, there are two frames a second."""

_MEMORY = 0.8
"""Share of the past in the mean lateness; the rest is the latest tick's."""

_TOLERANCE_SECONDS = 0.006


class FrameClock:
    """Asked at every tick of a timer; times are given by the caller, in seconds of one clock."""

    def __init__(self, frames_per_second: float) -> None:
        self._tick_seconds = 1 / frames_per_second
        self._ticked_at: float | None = None
        self._drawn_at = float("-inf")
        self._lateness = 0.0

    @property
    def interval(self) -> float:
        """Seconds from frame to frame, as things are: a tick, and twice what ticks have been late."""
        return min(MAX_INTERVAL_SECONDS, self._tick_seconds + 2 * self._lateness)

    def is_due(self, now: float) -> bool:
        """Whether this tick may draw a frame."""
        if self._ticked_at is not None:
            late = max(0.0, now - self._ticked_at - self._tick_seconds)
            self._lateness = _MEMORY * self._lateness + (1 - _MEMORY) * late
        self._ticked_at = now
        if now - self._drawn_at + _TOLERANCE_SECONDS < self.interval and self._lateness > _TOLERANCE_SECONDS:
            return False
        self._drawn_at = now
        return True
