"""Notices a download that stands still."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

STALL_SECONDS = 60.0
"""Without a byte for this long a download counts as stalled."""


class StallWatch:
    """Knows for how long nothing has come; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._bytes = 0
        self._moved_at = clock()

    def seconds_stalled(self, num_bytes: int) -> float | None:
        """Given how many bytes there are now: seconds since one came, or None while it is not stalled."""
        now = self._clock()
        if num_bytes != self._bytes:
            self._bytes, self._moved_at = num_bytes, now
        idle = now - self._moved_at
        return idle if idle >= STALL_SECONDS else None
