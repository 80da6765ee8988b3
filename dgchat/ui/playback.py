"""Which recorded step to draw now: the screen never slows the engine and never hides its steps."""

from __future__ import annotations

from dgchat.engine.trace import Trace

MIN_VISIBLE_SECONDS = 0.55
"""A canvas that was denoised faster than the eye is stretched to this."""

MAX_TRAIL_SECONDS = 1.2
"""The drawing lags behind the engine by no more than this."""

MAX_BEHIND_SECONDS = 0.2
"""A terminal that has had no room for a frame for so long is slow: it gets the newest step."""

MAX_WAIT_SECONDS = 0.25
"""Frames further apart than this were held up by something that will not last."""

_TIMER_TOLERANCE_SECONDS = 0.006
"""A frame due within this is drawn now rather than one timer tick later."""


class Playback:
    """Walks through a growing list of steps, at most `frames_per_second` of them, trailing the engine.

    Times are given by the caller, in seconds of one clock. A slow engine's steps are drawn as they come; a
    fast one's one by one from the record, evenly skipping only what would trail too far behind.
    """

    def __init__(self, steps: Trace, frames_per_second: float, trailing: bool = True) -> None:
        self._steps = steps
        self._frame_seconds = 1 / frames_per_second
        self._trailing = trailing
        self._num_seen = 0
        self._newest_at = 0.0
        self._drawn_at = float("-inf")
        self._position = -1.0
        self._behind_since: float | None = None
        self._is_rationed = False
        self.drawn = -1
        """Index of the step on the screen, -1 before the first."""

    def catch_up(self) -> None:
        """End the trail: from now on only the newest step is drawn."""
        self._trailing = False

    def skip_frame(self, now: float) -> None:
        """The terminal had no room for a frame; if that lasts, the next one shows the newest step."""
        if self._behind_since is None:
            self._behind_since = now

    def ration_frames(self) -> None:
        """The line had no time yet for a frame that was due: from now on there are fewer of them."""
        self._is_rationed = self.drawn >= 0

    def next_step(self, now: float, num_finished_canvases: int) -> int | None:
        """Index of the step to draw now; None to leave the screen as it is."""
        if len(self._steps) > self._num_seen:
            self._num_seen, self._newest_at = len(self._steps), now
        backlog = self._num_seen - 1 - self.drawn
        if backlog <= 0 or not self._is_due(now, num_finished_canvases):
            return None
        self._position += self._stride(now, backlog)
        self._behind_since = None
        self.drawn = min(int(self._position), self._num_seen - 1)
        self._drawn_at = now
        return self.drawn

    def is_over(self, now: float, num_finished_canvases: int) -> bool:
        """Whether the last step has been drawn and looked at; the engine must be done."""
        if self.drawn < len(self._steps) - 1:
            return False
        return self.drawn < 0 or not self._trailing or self._is_due(now, num_finished_canvases)

    def _is_due(self, now: float, num_finished_canvases: int) -> bool:
        if self.drawn < 0 or self._is_behind(now):
            return True
        waited = now - self._drawn_at
        return waited + _TIMER_TOLERANCE_SECONDS >= self._hold_seconds(now, num_finished_canvases)

    def _hold_seconds(self, now: float, num_finished_canvases: int) -> float:
        """How long the drawn step stays."""
        if not self._trailing:
            return self._frame_seconds
        stretched = max(self._frame_seconds, self._stretched_seconds(num_finished_canvases))
        backlog = self._num_seen - self.drawn
        if stretched * backlog <= self._budget(now):
            return stretched
        return max(self._frame_seconds, self._budget(now) / backlog)

    def _stretched_seconds(self, num_finished_canvases: int) -> float:
        canvas_index = self._steps[self.drawn].canvas_index
        if canvas_index >= num_finished_canvases:
            return 0.0
        last = self.drawn
        while last + 1 < len(self._steps) and self._steps[last + 1].canvas_index == canvas_index:
            last += 1
        return (MIN_VISIBLE_SECONDS + _TIMER_TOLERANCE_SECONDS) / self._steps[last].step

    def _stride(self, now: float, backlog: int) -> float:
        if not self._trailing or self._is_behind(now):
            return backlog + 1.0
        waited = min(now - self._drawn_at, MAX_WAIT_SECONDS) if self._is_rationed else 0.0
        frame_seconds = max(self._frame_seconds, waited)
        frames_left = max(1, int(self._budget(now) / frame_seconds))
        return max(1.0, backlog / frames_left)

    def _is_behind(self, now: float) -> bool:
        return self._behind_since is not None and now - self._behind_since >= MAX_BEHIND_SECONDS

    def _budget(self, now: float) -> float:
        return max(0.0, MAX_TRAIL_SECONDS - (now - self._newest_at))
